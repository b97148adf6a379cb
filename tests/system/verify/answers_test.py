#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program may rely on when it asks `efface verify` and scripts/verify-bundle: exit statuses,
documents, one line a bundle, the anchors that were used."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from bundle_case import (EFFACE, HELPER, LIMITED, MACHINE, NO, NOBODY, NOT_KNOWN, PREDICATES, USAGE,
                          YES, BundleCase, ask, efface, main, script, setUpModule)


class Statuses(BundleCase):
    def both(self, bundle, expected):
        for done in (efface(bundle), script(bundle)):
            self.assertEqual(done.returncode, expected, done)
        return done

    def test_yes_and_no(self):
        self.both(self.good, YES)
        self.both(self.forged(), NO)

    def test_what_is_not_there_is_wrong_use(self):
        for path in (self.folder / 'none', self.good / 'certificate.json'):
            self.both(path, USAGE)
        self.assertEqual(efface(self.good, self.folder / 'none').returncode, USAGE)
        self.assertEqual(efface(self.good, '--log', self.folder / 'none').returncode, USAGE)
        self.assertEqual(script(self.good, self.folder / 'none').returncode, USAGE)

    def test_what_is_missing_inside_is_no(self):
        for name in ('certificate.json', 'certificate.json.p7s', 'certificate.json.tlog-proof'):
            bundle = self.copy('without-' + name)
            (bundle / name).unlink()
            self.both(bundle, NO)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become nobody')
    def test_what_may_not_be_read_is_not_known(self):
        for name in ('.', 'certificate.json', 'certificate.json.p7s', 'evidence',
                     'evidence/events.jsonl', 'certificate.json.tlog-proof', 'root.pem'):
            bundle = self.copy('closed-' + name.replace('/', '-'))
            (bundle / name).chmod(0)
            for command in (efface, script):
                done = command(bundle, user=NOBODY, group=NOBODY, extra_groups=[])
                self.assertEqual(done.returncode, NOT_KNOWN, (name, done))

    def test_the_worst_of_several_wins(self):
        for bundles, expected in (([self.good, self.good], YES),
                                  ([self.good, self.forged(), self.good], NO)):
            self.assertEqual(efface(*bundles).returncode, expected)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become nobody')
    def test_no_is_worse_than_not_known(self):
        closed, forged = self.copy('closed'), self.forged()
        closed.chmod(0)
        nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        self.assertEqual(efface(self.good, closed, **nobody).returncode, NOT_KNOWN)
        self.assertEqual(efface(forged, closed, self.good, **nobody).returncode, NO)
        self.assertEqual(efface(closed, forged, **nobody).returncode, NO)


class Anchors(BundleCase):
    def test_both_or_none(self):
        root, key = MACHINE['anchors']
        for given in (['--root', root], ['--log-key', key]):
            done = ask(EFFACE, '--state-dir', MACHINE['folder'] / 'state', 'verify', self.good, *given)
            self.assertEqual(done.returncode, USAGE, done)
            self.assertIn('hint', done.stderr)

    def test_those_of_this_machine(self):
        done = ask(EFFACE, '--state-dir', MACHINE['folder'] / 'state', 'verify', self.good, '--json')
        self.assertEqual(done.returncode, YES, done)
        self.assertEqual(json.loads(done.stdout)['trustAnchors']['from'], 'state-folder')

    def test_what_is_no_anchor_is_wrong_use(self):
        root, key = MACHINE['anchors']
        for anchors in ((key, key), (root, root), (self.good, key), (root, self.good),
                        (self.folder / 'none', key), (root, self.folder / 'none')):
            done = ask(EFFACE, 'verify', self.good, '--root', anchors[0], '--log-key', anchors[1])
            self.assertEqual(done.returncode, USAGE, (anchors, done))

    def test_which_were_used(self):
        both = self.folder / 'both.pem'
        roots = [(MACHINE['folder'] / name / 'keys/root.pem').read_text() for name in ('other', 'one')]
        both.write_text(''.join(roots))
        done = ask(EFFACE, 'verify', self.good, '--json', '--root', both, '--log-key',
                   MACHINE['anchors'][1])
        self.assertEqual(done.returncode, YES, done)
        anchors = json.loads(done.stdout)['trustAnchors']
        self.assertEqual(anchors['from'], 'options')
        self.assertEqual([root['used'] for root in anchors['roots']], [False, True])
        name, key_id, _ = MACHINE['anchors'][1].read_text().split('+', 2)
        self.assertEqual(anchors['logKey'], {'name': name, 'id': key_id})
        told = ask('openssl', 'x509', '-in', MACHINE['anchors'][0], '-noout', '-fingerprint', '-sha256')
        digest = told.stdout.strip().split('=')[1].replace(':', '').lower()
        self.assertEqual(anchors['roots'][1]['sha256'], digest)
        self.assertIn(digest, script(self.good).stdout)


class Documents(BundleCase):
    def test_of_one_bundle(self):
        for bundle, verified, code in ((self.good, True, YES), (self.forged(), False, NO)):
            done = efface(bundle, '--json')
            document = json.loads(done.stdout)
            self.assertLessEqual({'schema', 'bundle', 'verified', 'exitCode', 'checks',
                                  'trustAnchors'}, document.keys())  # others may be added
            self.assertEqual((document['schema'], document['bundle'], document['verified'],
                              document['exitCode'], done.returncode),
                             ('efface.verification/1', str(bundle), verified, code, code))
            self.assertEqual(all(check['passed'] for check in document['checks']), verified)

    def test_of_several(self):
        bundles = [self.good, self.forged(), self.copy('third')]
        done = efface(*bundles, '--json')
        summary = json.loads(done.stdout)
        documents = summary['verifications']
        self.assertEqual([document['bundle'] for document in documents], list(map(str, bundles)))
        self.assertEqual([document['exitCode'] for document in documents], [YES, NO, YES])
        self.assertEqual(summary['schema'], 'efface.verification-summary/1')
        self.assertEqual((summary['bundles'], summary['proved'], summary['failed'],
                          summary['unknown'], summary['limited'], summary['exitCode']),
                         (3, 2, 1, 0, 0, NO))
        self.assertEqual(done.returncode, NO)

    def test_an_error_is_a_document_too(self):
        for arguments in ([self.folder / 'none'], [self.good, self.folder / 'none']):
            done = efface(*arguments, '--json')
            document = json.loads(done.stdout)
            self.assertEqual((document['verified'], document['exitCode'], done.returncode),
                             (False, USAGE, USAGE))
            self.assertEqual(document['error'].keys(), {'code', 'reason', 'message', 'hint'})

    def test_a_line_a_bundle(self):
        forged = self.forged()
        lines = efface(self.good, forged).stdout.splitlines()
        self.assertTrue(lines[3].startswith('Trusted: root '), lines)
        self.assertRegex(lines[0], f'^proved   {self.good}: sanitized, level clear, .*, issued 2026')
        self.assertTrue(lines[1].startswith(f'FAILED   {forged}: signature: '), lines)

    def test_the_log_is_held_against_each(self):
        log = MACHINE['folder'] / 'one/log'
        done = efface(self.good, self.copy('again'), '--log', log, '--json')
        self.assertEqual(done.returncode, YES, done)
        for document in json.loads(done.stdout)['verifications']:
            self.assertEqual(document['checks'][-1]['name'], 'whole log')
            self.assertEqual(document['laterRuns'], [])
        broken = self.folder / 'log'
        shutil.copytree(log, broken)
        entries = (broken / 'entries.jsonl').read_bytes()
        (broken / 'entries.jsonl').write_bytes(entries.replace(b'run-x', b'run-y'))
        self.assertEqual(efface(self.good, self.good, '--log', broken).returncode, NO)


class Lines(BundleCase):
    """What a person reads of what is unknown or limited."""

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become nobody')
    def test_unknown(self):
        closed = self.copy('closed')
        closed.chmod(0)
        nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        done = efface(closed, **nobody)
        self.assertEqual(done.returncode, NOT_KNOWN, done)
        self.assertTrue(done.stdout.startswith('FAILED  files: '), done)
        self.assertEqual(done.stdout.splitlines()[-1],
                         'The bundle could not be read: nothing is known about it.')
        done = efface(self.good, closed, **nobody)
        self.assertEqual(done.returncode, NOT_KNOWN, done)
        lines = done.stdout.splitlines()
        self.assertTrue(lines[1].startswith(f'unknown  {closed}: files: '), lines)
        self.assertEqual(lines[2], '2 bundles: 1 proved, 0 FAILED, 1 unknown, 0 limited')

    def test_limited(self):
        """By a later run, which only the log tells."""
        folder = self.folder / 'later'
        subprocess.run([HELPER, PREDICATES / 'predicate-media.json', folder,
                        json.dumps({'later': ['not-sanitized']})], check=True)
        anchors = ['--root', folder / 'keys/root.pem', '--log-key', folder / 'keys/log.vkey']
        command = [EFFACE, 'verify', folder / 'bundle', *anchors]
        self.assertEqual(ask(*command).returncode, YES)
        command += ['--log', folder / 'log']
        done = ask(*command)
        self.assertEqual(done.returncode, LIMITED, done)
        self.assertIn('LATER: run ', ' '.join(done.stdout.split()))
        self.assertEqual(done.stdout.splitlines()[-1],
                         'The bundle is proved, but superseded by a later run on the same '
                         'storage.')
        lines = ask(*command, folder / 'bundle').stdout.splitlines()
        self.assertTrue(lines[0].startswith(f'limited  {folder}/bundle: sanitized, level clear, '),
                        lines)
        self.assertEqual(lines[2], '2 bundles: 0 proved, 0 FAILED, 0 unknown, 2 limited')
        document = json.loads(ask(*command, '--json').stdout)
        self.assertEqual((document['verified'], document['rejected'], document['exitCode']),
                         (True, False, LIMITED))
        self.assertEqual([run['status'] for run in document['laterRuns']], ['not-sanitized'])

    def replayed(self, *bundles):
        done = efface(*bundles, '--replay')
        return done, [line for line in done.stdout.splitlines()
                      if line.startswith(('Replay: ', '        The observed ', '        Limited by: '))]

    def test_replay(self):
        done, lines = self.replayed(self.good)
        self.assertEqual(done.returncode, YES, done)
        self.assertEqual(lines[:2], ['Replay: the record claims sanitized, level clear.',
                                     '        The observed facts support sanitized, level clear.'])
        self.assertRegex(lines[2], '^        Limited by: predicate.result.level: .* purge')
        self.assertEqual(len(lines), 3)
        self.assertEqual(done.stdout.splitlines()[-1], 'The bundle is proved.')
        self.assertEqual(self.replayed(self.good, self.good)[1], lines * 2)
        self.assertEqual(self.replayed(self.forged())[1],
                         ['Replay: there is no signed record to compute from.'])

    def test_replay_of_a_false_claim(self):
        folder = self.folder / 'false'
        subprocess.run([HELPER, PREDICATES / 'predicate-example.json', folder, 'unread-region'],
                       check=True)
        done = ask(EFFACE, 'verify', folder / 'bundle', '--root', folder / 'keys/root.pem',
                   '--log-key', folder / 'keys/log.vkey', '--replay')
        self.assertEqual(done.returncode, NO, done)
        text = ' '.join(done.stdout.split())
        self.assertRegex(text, 'Replay: the record claims sanitized, level purge. The observed facts '
                               'support [a-z-]+, level none. Limited by: ')


if __name__ == '__main__':
    main()
