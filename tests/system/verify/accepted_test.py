#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `efface accept` decides, and what the verifiers say of it."""
import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from bundle_case import (AUTHORISATION, EFFACE, LIMITED, MACHINE, USAGE, YES, BundleCase, ask, efface,
                          main, script, setUpModule)


class Accepted(BundleCase):
    """`efface accept` by the keys of this machine."""

    def setUp(self):
        super().setUp()
        self.state = self.folder / 'state'
        shutil.copytree(MACHINE['folder'] / 'one/keys', self.state / 'keys')
        done = self.efface('keys', 'issue', 'wendy', '--role', 'witness', '--no-passphrase')
        self.assertEqual(done.returncode, YES, done)

    def efface(self, *arguments):
        return ask(EFFACE, '--state-dir', self.state, *arguments)

    def accept(self, *arguments, key='wendy', reason='it was looked at', bundle=None):
        return self.efface('accept', bundle or self.good, '--key', key, '--reason', reason,
                           *arguments)

    def check_answers(self, expected, words):
        text = efface(self.good)
        self.assertEqual(text.returncode, expected, text)
        self.assertIn(words, ' '.join(text.stdout.split()))
        document = json.loads(efface(self.good, '--json').stdout)
        self.assertEqual((document['verified'], document['rejected'], document['exitCode']),
                         (True, expected == LIMITED, expected))
        stock = script(self.good)
        self.assertEqual(stock.returncode, expected, stock)
        self.assertIn(words, ' '.join(stock.stdout.split()))

    def test_accepted_and_rejected(self):
        """As lines and as documents; the last decision counts."""
        steps = [((), 'accepted', YES), (('--reject',), 'rejected', LIMITED),
                 ((), 'accepted', YES), (('--reject',), 'rejected', LIMITED)]
        for number, (options, decision, expected) in enumerate(steps, 1):
            as_json = number > 2
            done = self.accept(*options, *['--json'] * as_json, reason=f'reason {number}')
            self.assertEqual((done.returncode, done.stderr), (YES, ''), done)
            if as_json:
                self.assertEqual(json.loads(done.stdout), {
                    'schema': 'efface.accept/1', 'bundle': str(self.good), 'key': 'wendy',
                    'decision': decision, 'number': number, 'exitCode': YES})
            else:
                self.assertEqual(done.stdout,
                                 f'wendy {decision} {self.good} (acceptance {number})\n')
            self.check_answers(expected, f'{decision} by wendy (witness)')
        lines = efface(self.good, self.good).stdout.splitlines()
        self.assertTrue(lines[0].startswith(f'limited  {self.good}: '), lines)

    def test_what_can_not_be_decided_on(self):
        for told, expected in (({'bundle': self.forged()}, USAGE),
                               ({'bundle': self.folder / 'none'}, USAGE),
                               ({'key': 'nobody'}, USAGE), ({'reason': 'two\nlines'}, USAGE),
                               ({'reason': ''}, USAGE)):
            text, document = self.accept(**told), self.accept('--json', **told)
            self.assertEqual((text.returncode, document.returncode), (expected, expected), document)
            self.assertTrue(text.stderr.startswith('efface: '), text)
            told = json.loads(document.stdout)
            self.assertEqual((told['schema'], told['exitCode']), ('efface.accept/1', expected))
            self.assertEqual(told['error'].keys(), {'code', 'reason', 'message', 'hint'})
        self.assertFalse((self.good / 'acceptance').exists())

    def test_who_may_not_decide(self):
        self.assertEqual(self.efface('keys', 'issue', 'otto', '--role', 'operator',
                                     '--no-passphrase').returncode, YES)
        done = self.accept('--json', key='otto')
        self.assertEqual(done.returncode, AUTHORISATION, done)
        self.assertEqual(json.loads(done.stdout)['error']['reason'], 'not-an-approver')
        self.assertIn('nobody has accepted or rejected it', efface(self.good).stdout)
        self.assertFalse((self.good / 'acceptance').exists())


if __name__ == '__main__':
    main()
