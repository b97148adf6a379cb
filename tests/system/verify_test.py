#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program may rely on when it asks `efface verify`, scripts/verify-bundle and `efface log check`, or
decides with `efface accept`: exit statuses, documents, one line a bundle, the anchors that were used, and
what a hostile bundle may cost.

$EFFACE is the program under test, in a build folder that has tests/unit/answers/make_bundle.
"""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PREDICATES = SOURCE / 'tests/data/evidence'
SCRIPT = SOURCE / 'scripts/verify-bundle'
EFFACE = pathlib.Path(os.environ.get('EFFACE', '/none')).resolve()
HELPER = EFFACE.parents[2] / 'tests/unit/answers/make_bundle' if EFFACE.exists() else None
YES, USAGE, AUTHORISATION, NO, NOT_KNOWN, LIMITED = 0, 2, 6, 20, 21, 22
NOBODY = 65534
HOSTILE_BYTES = 63 << 20
HOSTILE_MEMORY_MAX = 160 << 20  # of a process; today's figures stand in tests/bench/README.md
HERE = {}


def setUpModule():
    folder = pathlib.Path(tempfile.mkdtemp(prefix='efface-verify-'))
    folder.chmod(0o755)  # a user without rights must get to the bundles
    HERE['folder'] = folder
    for name in ('one', 'other'):
        subprocess.run([HELPER, PREDICATES / 'predicate-media.json', folder / name], check=True)
    HERE['anchors'] = [folder / 'one/keys/root.pem', folder / 'one/keys/log.vkey']
    shutil.copytree(folder / 'one/keys', folder / 'state/keys')
    for path in (folder / 'one', folder / 'one/keys', folder / 'state/keys', folder / 'one/log'):
        path.chmod(0o755)


def tearDownModule():
    shutil.rmtree(HERE['folder'])


def ask(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, **options)


def efface(*arguments, **options):
    root, key = HERE['anchors']
    return ask(EFFACE, 'verify', *arguments, '--root', root, '--log-key', key, **options)


def script(bundle, *arguments, **options):
    return ask(SCRIPT, bundle, *HERE['anchors'], *arguments, **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = HERE['folder'] / self.id().rsplit('.', maxsplit=1)[-1]
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.good = self.copy('good')

    def copy(self, name):
        shutil.copytree(HERE['folder'] / 'one/bundle', self.folder / name)
        return self.folder / name

    def forged(self, name='forged'):
        bundle = self.copy(name)
        record = bundle / 'certificate.json'
        record.write_bytes(record.read_bytes().replace(b'DC1-FRA', b'DC2-FRA'))
        return bundle


class Statuses(Case):
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


class Anchors(Case):
    def test_both_or_none(self):
        root, key = HERE['anchors']
        for given in (['--root', root], ['--log-key', key]):
            done = ask(EFFACE, '--state-dir', HERE['folder'] / 'state', 'verify', self.good, *given)
            self.assertEqual(done.returncode, USAGE, done)
            self.assertIn('hint', done.stderr)

    def test_those_of_this_machine(self):
        done = ask(EFFACE, '--state-dir', HERE['folder'] / 'state', 'verify', self.good, '--json')
        self.assertEqual(done.returncode, YES, done)
        self.assertEqual(json.loads(done.stdout)['trustAnchors']['from'], 'state-folder')

    def test_what_is_no_anchor_is_wrong_use(self):
        root, key = HERE['anchors']
        for anchors in ((key, key), (root, root), (self.good, key), (root, self.good),
                        (self.folder / 'none', key), (root, self.folder / 'none')):
            done = ask(EFFACE, 'verify', self.good, '--root', anchors[0], '--log-key', anchors[1])
            self.assertEqual(done.returncode, USAGE, (anchors, done))

    def test_which_were_used(self):
        both = self.folder / 'both.pem'
        roots = [(HERE['folder'] / name / 'keys/root.pem').read_text() for name in ('other', 'one')]
        both.write_text(''.join(roots))
        done = ask(EFFACE, 'verify', self.good, '--json', '--root', both, '--log-key',
                   HERE['anchors'][1])
        self.assertEqual(done.returncode, YES, done)
        anchors = json.loads(done.stdout)['trustAnchors']
        self.assertEqual(anchors['from'], 'options')
        self.assertEqual([root['used'] for root in anchors['roots']], [False, True])
        name, key_id, _ = HERE['anchors'][1].read_text().split('+', 2)
        self.assertEqual(anchors['logKey'], {'name': name, 'id': key_id})
        told = ask('openssl', 'x509', '-in', HERE['anchors'][0], '-noout', '-fingerprint', '-sha256')
        digest = told.stdout.strip().split('=')[1].replace(':', '').lower()
        self.assertEqual(anchors['roots'][1]['sha256'], digest)
        self.assertIn(digest, script(self.good).stdout)


class Documents(Case):
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
        log = HERE['folder'] / 'one/log'
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


class Lines(Case):
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


class Accepted(Case):
    """`efface accept` by the keys of this machine."""

    def setUp(self):
        super().setUp()
        self.state = self.folder / 'state'
        shutil.copytree(HERE['folder'] / 'one/keys', self.state / 'keys')
        done = self.efface('keys', 'issue', 'wendy', '--role', 'witness')
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
        self.assertEqual(self.efface('keys', 'issue', 'otto', '--role', 'operator').returncode, YES)
        done = self.accept('--json', key='otto')
        self.assertEqual(done.returncode, AUTHORISATION, done)
        self.assertEqual(json.loads(done.stdout)['error']['reason'], 'not-an-approver')
        self.assertIn('nobody has accepted or rejected it', efface(self.good).stdout)
        self.assertFalse((self.good / 'acceptance').exists())


class LogCheck(Case):
    """`efface log check` of a log from elsewhere."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / 'log'
        shutil.copytree(HERE['folder'] / 'one/log', self.log)

    def check(self, *arguments, key=None, **options):
        return ask(EFFACE, '--state-dir', self.folder / 'none', 'log', 'check', '--log', self.log,
                   '--log-key', key or HERE['anchors'][1], *arguments, **options)

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
        done = self.check(key=HERE['folder'] / 'other/keys/log.vkey')
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]),
                         (NO, 'The log is NOT intact.'), done)

    def test_wrong_use(self):
        for arguments, options in (([], {'key': self.folder / 'none'}),
                                   ([], {'key': HERE['anchors'][0]})):
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


class Cost(Case):
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
        root, key = HERE['anchors']
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
        root, key = HERE['anchors']
        self.forged('bad')
        peaks = []
        for these in (bundles[:2], bundles):
            peaks.append(self.peak([EFFACE, 'verify', *these, self.folder / 'bad', '--root', root,
                                    '--log-key', key, '--log', HERE['folder'] / 'one/log']))
        self.assertLess(peaks[1], peaks[0] + (4 << 20), peaks)


if __name__ == '__main__':
    if HELPER is None or not HELPER.exists() or not shutil.which('openssl'):
        print('skipped: needs $EFFACE, make_bundle and openssl')
        sys.exit(SKIPPED)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(verbosity=1)
