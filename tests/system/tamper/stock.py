# SPDX-License-Identifier: Apache-2.0
"""The two judges that must agree, make_bundle of the library and the modules of
scripts/verify-bundle, which a test asks in its own process; and the examples."""
import contextlib
import importlib
import io
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[3]
DATA = SOURCE / 'tests/data/evidence'


def predicate_of(kind):
    if kind == 'loop':
        return loop_of(predicate_of('media'))
    return json.loads((DATA / f'predicate-{kind}.json').read_text())


def loop_of(media):
    """The record of a medium as that of a loop device, which has no name but the file below it."""
    backing = {'deviceNumber': '259:2', 'inode': '1315842', 'offsetBytes': 0,
               'birthTime': '1763111222.123456789'}
    target, none = media['target'], {'model': '', 'wwid': ''}
    media['targetIdentity'].update(none, kind='loop', serial='', backing=backing,
                                   place='loop device over /srv/a.img')
    target.update(kind='loop', name='/dev/loop3', layersBelow=[
        {'name': 'loop3', 'type': 'loop'}, {'name': 'ext4 file system on vda',
                                            'type': 'filesystem'}])
    for identity in (target['identity'], target['identityAfter']):
        identity.update(none, kind='loop', serialNumber='', canonicalPath='/dev/loop3',
                        deviceNumber='7:3', transport='loop', backingFile='/srv/a.img',
                        backing=dict(backing))
    return media


def stock(name):
    """A module of scripts/verify-bundle."""
    folder = str(SOURCE / 'scripts/verify_bundle')
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    return importlib.import_module(name)


def library_says(helper, folder, values, option, *arguments, as_text=False):
    """The answers of make_bundle, one to each of these values, which are JSON already `as_text`."""
    lines = folder / 'values'
    with open(lines, 'w', encoding='utf-8') as file:
        file.writelines((value if as_text else json.dumps(value)) + '\n' for value in values)
    answers = subprocess.run([helper, option, *arguments, lines], capture_output=True, text=True,
                             check=True).stdout.splitlines()
    assert len(answers) == len(values)
    return answers


def accepts(check, *arguments):
    """Whether it raises nothing; as in __main__.py, what is malformed is refused."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check(*arguments)
    except Exception:  # pylint: disable=broad-except
        return False
    return True


def judge_here(predicate):
    """Whether scripts/verify-bundle accepts the claims."""
    return accepts(stock('claims.record').check_claims, {
        '_type': 'https://in-toto.io/Statement/v1', 'predicate': predicate,
        'subject': [{'name': 'first', 'digest': {'sha256': '0' * 64}}],
        'predicateType': 'https://efface.example/attestation/sanitization/v1'})
