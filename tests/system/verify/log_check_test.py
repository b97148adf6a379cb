#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program may rely on when it asks `efface log check`."""
import json
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from bundle_case import (EFFACE, MACHINE, NO, NOBODY, NOT_KNOWN, USAGE, YES, BundleCase, ask, main,
                          setUpModule)


class LogCheck(BundleCase):
    """`efface log check` of a log from elsewhere."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / 'log'
        shutil.copytree(MACHINE['folder'] / 'one/log', self.log)

    def check(self, *arguments, key=None, **options):
        return ask(EFFACE, '--state-dir', self.folder / 'none', 'log', 'check', '--log', self.log,
                   '--log-key', key or MACHINE['anchors'][1], *arguments, **options)

    def check_answer(self, expected, last, **told):
        text = self.check()
        self.assertEqual((text.returncode, text.stdout.splitlines()[-1]), (expected, last), text)
        done = self.check('--json')
        self.assertEqual(done.returncode, expected, done)
        document = json.loads(done.stdout)
        self.assertEqual(document.keys(), {'schema', 'exitCode', 'entries', 'unsignedLines',
                                           'setAside', 'problems', 'openIntents', 'lostRuns'})
        self.assertEqual(
            (document['schema'], document['exitCode'], bool(document['problems'])),
            ('efface.log-check/1', expected, expected == NO))
        self.assertEqual(document, document | told)
        return text.stdout

    def test_whole_and_a_copy_of_two_files(self):
        for _ in range(2):
            self.check_answer(YES, 'The log is intact.', entries=6, unsignedLines=0, setAside=[])
            for name in ('hashes', 'offsets', 'origin', 'lock'):
                (self.log / name).unlink(missing_ok=True)

    def test_unsigned_lines_and_what_was_set_aside(self):
        name = f'unsigned-6-{"0" * 64}.jsonl'
        (self.log / name).write_bytes(b'x\n')
        (self.log / 'unsigned-6.jsonl').write_bytes(b'x\n')
        with open(self.log / 'entries.jsonl', 'ab') as file:
            file.write(b'x\nhalf')
        text = self.check_answer(YES, 'The log is intact.', unsignedLines=2, setAside=[name])
        self.assertIn('unsigned 2 lines after them: ', text)
        self.assertIn(f'aside    lines that were never signed are in {name}; not checked\n', text)

    def test_damaged(self):
        """Each file changed, cut, emptied and taken away."""
        good = self.folder / 'undamaged'
        shutil.copytree(self.log, good)
        for name in ('entries.jsonl', 'checkpoint', 'origin'):
            data = (good / name).read_bytes()
            for what in (data[:9] + b'#' + data[10:], data[:-1], b'', None):
                with self.subTest(name=name, length=None if what is None else len(what)):
                    (self.log / name).unlink(missing_ok=True)
                    if what is not None:
                        (self.log / name).write_bytes(what)
                    self.assertIn('PROBLEM  ', self.check_answer(NO, 'The log is NOT intact.'))
            shutil.copy(good / name, self.log / name)

    def test_of_another_key(self):
        done = self.check(key=MACHINE['folder'] / 'other/keys/log.vkey')
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]),
                         (NO, 'The log is NOT intact.'), done)

    def test_wrong_use(self):
        for arguments, options in (([], {'key': self.folder / 'none'}),
                                   ([], {'key': MACHINE['anchors'][0]})):
            done = self.check('--json', *arguments, **options)
            self.assertEqual(done.returncode, USAGE, done)
            document = json.loads(done.stdout)
            self.assertEqual((document['schema'], document['exitCode'], document['error'].keys()),
                             ('efface.log-check/1', USAGE, {'code', 'reason', 'message', 'hint'}))
        done = ask(EFFACE, 'log', 'check', '--log', self.log)  # whose key is it?
        self.assertEqual(done.returncode, USAGE, done)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become nobody')
    def test_what_may_not_be_read_is_not_known(self):
        self.log.chmod(0)
        done = self.check(user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]),
                         (NOT_KNOWN, 'The log could not be read: nothing is known about it.'), done)


if __name__ == '__main__':
    main()
