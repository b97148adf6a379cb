# SPDX-License-Identifier: Apache-2.0
"""What the tests of the verifiers share: a good bundle, a forged one, and who is asked about them.

$EFFACE is the program under test, in a build folder that has tests/unit/answers/make_bundle.
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'lib'))

# pylint: disable=wrong-import-position
import cases
from cases import MACHINE

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PREDICATES = SOURCE / 'tests/data/evidence'
SCRIPT = SOURCE / 'scripts/verify-bundle'
EFFACE = pathlib.Path(os.environ.get('EFFACE', '/none')).resolve()
HELPER = EFFACE.parents[2] / 'tests/unit/answers/make_bundle' if EFFACE.exists() else None
YES, USAGE, AUTHORISATION, NO, NOT_KNOWN, LIMITED = 0, 2, 6, 20, 21, 22
NOBODY = 65534


def setUpModule():
    folder = cases.enter_scratch()
    folder.chmod(0o755)  # a user without rights must get to the bundles
    for name in ('one', 'other'):
        subprocess.run([HELPER, PREDICATES / 'predicate-media.json', folder / name], check=True)
    MACHINE['anchors'] = [folder / 'one/keys/root.pem', folder / 'one/keys/log.vkey']
    shutil.copytree(folder / 'one/keys', folder / 'state/keys')
    for path in (folder / 'one', folder / 'one/keys', folder / 'state/keys', folder / 'one/log'):
        path.chmod(0o755)


def ask(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, **options)


def efface(*arguments, **options):
    root, key = MACHINE['anchors']
    return ask(EFFACE, 'verify', *arguments, '--root', root, '--log-key', key, **options)


def script(bundle, *arguments, **options):
    return ask(SCRIPT, bundle, *MACHINE['anchors'], *arguments, **options)


class BundleCase(cases.Case):
    """Each test has a copy of a good bundle."""

    def setUp(self):
        super().setUp()
        self.good = self.copy('good')

    def copy(self, name):
        shutil.copytree(MACHINE['folder'] / 'one/bundle', self.folder / name)
        return self.folder / name

    def forged(self, name='forged'):
        bundle = self.copy(name)
        record = bundle / 'certificate.json'
        record.write_bytes(record.read_bytes().replace(b'DC1-FRA', b'DC2-FRA'))
        return bundle


def main():
    cases.main('openssl', str(HELPER or 'make_bundle'))
