#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a hostile bundle may cost."""
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from bundle_case import EFFACE, MACHINE, NO, SCRIPT, BundleCase, ask, main, setUpModule

HOSTILE_BYTES = 63 << 20
HOSTILE_MEMORY_MAX = 160 << 20  # of a process; today's figures stand in tests/bench/README.md


class Cost(BundleCase):
    """A stranger's bundle is refused before it costs anything."""

    def peak(self, command):
        """Peak memory of the command and of what it starts, each for itself."""
        code = ('import resource, subprocess, sys; '
                'done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); '
                'print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)')
        done = ask(sys.executable, '-c', code, *command)
        status, kibibytes = map(int, done.stdout.split())
        self.assertEqual(status, NO, done)
        return kibibytes << 10

    def hostile(self, name, unit, begin=b'', end=b''):
        bundle = self.copy('hostile')
        with open(bundle / name, 'wb') as file:
            file.write(begin + unit * ((HOSTILE_BYTES - len(begin)) // len(unit)) + end)
        return bundle

    def check_cost(self, bundle):
        root, key = MACHINE['anchors']
        for command in ([EFFACE, 'verify', bundle, '--root', root, '--log-key', key],
                        [SCRIPT, bundle, root, key]):
            peak = self.peak(command)
            print(f'{self.id().rsplit(".", maxsplit=1)[-1]}: {pathlib.Path(command[0]).name} '
                  f'{peak >> 20} MiB')
            self.assertLess(peak, HOSTILE_MEMORY_MAX, command)

    def test_a_certificate_of_many_small_things(self):
        self.check_cost(self.hostile('certificate.json', b'{},', b'[', b'{}]'))

    def test_a_signature_of_many_small_things(self):
        bundle = self.copy('hostile')
        (bundle / 'certificate.json.p7s').write_bytes(
            b'\x30\x83\x0f\xff\xf0' + b'\x30\x00' * (0x0ffff0 // 2))
        self.check_cost(bundle)

    def test_a_proof_of_many_small_things(self):
        bundle = self.copy('hostile')
        (bundle / 'certificate.json.tlog-proof').write_bytes(
            b'c2sp.org/tlog-proof@v1\n' + b'extra AA==\n' * 20000)
        self.check_cost(bundle)

    def test_many_bundles_cost_no_more_than_one(self):
        bundles = [self.copy(f'number-{number}') for number in range(60)]
        root, key = MACHINE['anchors']
        self.forged('bad')
        peaks = []
        for these in (bundles[:2], bundles):
            peaks.append(self.peak([EFFACE, 'verify', *these, self.folder / 'bad', '--root', root,
                                    '--log-key', key, '--log', MACHINE['folder'] / 'one/log']))
        self.assertLess(peaks[1], peaks[0] + (4 << 20), peaks)


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
