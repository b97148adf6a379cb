# SPDX-License-Identifier: Apache-2.0
"""The log: signed heads, proofs (RFC 9162, C2SP), and what the lines say."""
import hashlib
import os
import re
import subprocess
import tempfile

from common import (CLOCK_SLACK, canonical_json, good, need, open_regular, read, said, sha256,
                    unbase64, when)
from log.device import Device
from files import BYTES_MAX, LOG_KEY, log_key_in
from log.lines import check_line, text_of

ENTRIES = 'entries.jsonl'
PROOF = 'certificate.json.tlog-proof'
INTENT_PROOF = 'certificate.json.intent-proof'
CONSISTENCY_PROOF = 'certificate.json.consistency-proof'
UNPROVED = ('1.0.0', '1.1.0')  # records of bundles that may lack the last two
INTENT_FIELDS = {'type', 'seq', 'prev', 'at', 'runId', 'jobId', 'device', 'deviceKeys', 'technique',
                 'attempt', 'manifest'}
OUTCOME_FIELDS = {'type', 'seq', 'prev', 'at', 'runId', 'intent', 'status', 'certificate',
                  'signature'}
UNSIGNED_BYTES_MAX = 16 << 20
OPEN_MAX = 65536


# "EM DASH, the signer's name, its key id and signature"; those of other keys are passed over. A name
# has neither a plus nor white space of Unicode.
SIGNATURE_LINE = re.compile(
    '\u2014 ([^\\x00-\\x20+\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+)'
    ' ([A-Za-z0-9+/]+={0,2})')
SIGNATURES_MAX, NOTE_BYTES_MAX = 100, 128 << 10
ENTRY_BYTES_MAX = 65535


def leaf(entry):
    return sha256(b'\0' + entry)


def node(left, right):
    return sha256(b'\1' + left + right)


def ed25519_verify(key, text, signature):
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        der = bytes.fromhex('302a300506032b6570032100') + key
        for name, data in (('key', der), ('text', text), ('signature', signature)):
            names[name] = os.path.join(folder, name)
            with open(names[name], 'wb') as file:
                file.write(data)
        return subprocess.run(
            ['openssl', 'pkeyutl', '-verify', '-rawin', '-pubin', '-keyform', 'DER', '-inkey',
             names['key'], '-in', names['text'], '-sigfile', names['signature']],
            capture_output=True, check=False).returncode == 0


def open_checkpoint(note, verifier, origin):
    """Size and root of a checkpoint, if the trusted key signed it (C2SP signed-note)."""
    name, identity, key = verifier
    need(len(note.encode()) <= NOTE_BYTES_MAX, 'a checkpoint is too large')
    text, gap, signatures = note.rpartition('\n\n')
    need(gap and signatures.endswith('\n'), 'a checkpoint is malformed')
    text += '\n'
    signed, lines = False, signatures[:-1].split('\n')
    need(len(lines) <= SIGNATURES_MAX, 'a checkpoint has too many signatures')
    for line in lines:
        parts = SIGNATURE_LINE.fullmatch(line)
        need(parts, 'a signature of a checkpoint is malformed')
        signature = unbase64(parts[2])
        need(len(signature) > 4, 'a signature of a checkpoint is malformed')
        if parts[1] == name and signature[:4].hex() == identity:
            need(len(signature) == 68 and
                 ed25519_verify(key, text.encode(), signature[4:]), 'a checkpoint is forged')
            signed = True
    need(signed, 'a checkpoint is not signed by the trusted log key')
    lines = text.split('\n')
    need(len(lines) == 4 and re.fullmatch('0|[1-9][0-9]{0,18}', lines[1]), 'it is not a checkpoint')
    need(lines[0] == origin == name, 'a checkpoint is of another log')
    return int(lines[1]), unbase64(lines[2])


def root_by_path(index, size, hash_, path):
    need(index < size, 'the index is outside the tree')
    number, last = index, size - 1
    for sibling in path:
        need(last, 'the proof is too long')
        if number & 1 or number == last:
            hash_ = node(sibling, hash_)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            hash_ = node(hash_, sibling)
        number, last = number >> 1, last >> 1
    need(last == 0, 'the proof is too short')
    return hash_


def tree_root(leaves):
    """RFC 9162 section 2.1.1, with a stack of complete subtrees."""
    stack = []
    for position, hash_ in enumerate(leaves):
        while position & 1:
            hash_, position = node(stack.pop(), hash_), position >> 1
        stack.append(hash_)
    need(stack, 'the log is empty')
    root = stack.pop()
    while stack:
        root = node(stack.pop(), root)
    return root


def need_growth(old, old_root, new, new_root, path):
    """That the tree of `new` leaves continues that of `old`: RFC 9162 section 2.1.4.2."""
    need(0 < old < new, 'the tree sizes of the consistency proof are invalid')
    if not old & (old - 1):  # the old root is a node of the new tree
        path = [old_root] + path
    need(path, 'the consistency proof is empty')
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        need(last, 'the consistency proof is too long')
        if number & 1 or number == last:
            before, after = node(sibling, before), node(sibling, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node(after, sibling)
        number, last = number >> 1, last >> 1
    need(last == 0 and before == old_root and after == new_root,
         'the log was changed between the two signed checkpoints, not only appended to')


def read_lines_and_note(path):
    """The lines above the empty one, and the signed note below."""
    head, gap, checkpoint = read(path, 1 << 18).decode().partition('\n\n')
    need(gap, path + ' is malformed')
    return head.split('\n'), checkpoint


def hashes(lines):
    found = [unbase64(line) for line in lines]
    need(len(found) <= 63 and all(len(one) == 32 for one in found),
         'the hashes of a proof are malformed')
    return found


def read_proof(path):
    lines, checkpoint = read_lines_and_note(path)
    need(len(lines) >= 3 and lines[0] == 'c2sp.org/tlog-proof@v1' and
         lines[1].startswith('extra ') and re.fullmatch('index (0|[1-9][0-9]{0,18})', lines[2]),
         path + ' is malformed')
    return unbase64(lines[1][6:]), int(lines[2][6:]), hashes(lines[3:]), checkpoint


def not_before(what, text, earlier):
    """But for clocks that were set between."""
    need(when(earlier) - when(text) <= CLOCK_SLACK, what)


def check_log(certificate, record, key_file, log=None):
    """Of the bundle that is the working folder. Returns the later runs on its device, which only
    the whole log tells."""
    predicate = record['predicate']
    verifier = log_key_in(read(key_file, BYTES_MAX[LOG_KEY]))
    origin = predicate['log']['origin']
    line, index, path, note = read_proof(PROOF)
    size, root = open_checkpoint(note, verifier, origin)
    need(root_by_path(index, size, leaf(line), path) == root, 'the entry is not in the signed tree')
    entry = canonical_json(line, 'the log entry')
    check_line(entry, index)
    signature = read('certificate.json.p7s')
    need(entry['type'] == 'run-outcome' and entry.keys() <= OUTCOME_FIELDS,
         'the entry is not an outcome')
    need(entry['certificate'] == {'sha256': hashlib.sha256(certificate).hexdigest()},
         'the entry names another certificate')
    need(entry['signature'] == {'sha256': hashlib.sha256(signature).hexdigest()},
         'the entry names another signature')
    need(entry['intent'] == predicate['log']['intentIndex'] and
         entry['runId'] == predicate['log']['runId'] and
         entry['status'] == predicate['result']['status'], 'the entry closes another run')
    not_before('the entry is older than the end of the run', entry['at'],
               predicate['sanitization']['completedAt'])
    good(f'entry {index} of {size} in the log {origin} records this certificate and signature')
    before, before_root = open_checkpoint(predicate['log']['checkpoint'], verifier, origin)
    need(predicate['log']['intentIndex'] < before <= index,
         'the run was not announced before it began')
    check_announced(record, note, (before, before_root), (size, root))
    if log:
        return WholeLog(log, verifier, record).check(line, index, [(before, before_root),
                                                                  (size, root)])
    return []


def check_announced(record, note, before, head):
    """That the announcement stands in the tree of the record's checkpoint."""
    predicate = record['predicate']
    there = [os.path.lexists(name) for name in (INTENT_PROOF, CONSISTENCY_PROOF)]
    if not any(there) and predicate['schemaVersion'] in UNPROVED:
        print('      announced before: not checked: the bundle has no proof of it')
        return
    line, index, path, intent_note = read_proof(INTENT_PROOF)
    lines, grown_note = read_lines_and_note(CONSISTENCY_PROOF)
    need(intent_note == grown_note == note, 'the proofs are not all under one checkpoint')
    need(root_by_path(index, head[0], leaf(line), path) == head[1],
         'the announcement is not in the signed tree')
    need(index == predicate['log']['intentIndex'] and
         leaf(line).hex() == predicate['log']['intentLeafHash'],
         'the announcement is not the one named in the record')
    need(lines[0] == f'old {before[0]}', 'the consistency proof starts from another tree')
    need_growth(*before, *head, hashes(lines[1:]))
    intent = canonical_json(line, 'the announcement')
    check_line(intent, index)
    need(intent.keys() <= INTENT_FIELDS, 'the announcement has an unknown field')
    check_intent(intent, record)
    good(f'the run was announced as entry {index} before it began (signed tree of {before[0]} '
         'entries; the log was only appended to since)')


def check_intent(intent, record):
    """What was announced is what the record tells of."""
    predicate = record['predicate']
    work, device = predicate['sanitization'], Device(identity_of(predicate))
    need(intent['type'] == 'run-intent' and intent['runId'] == predicate['log']['runId'],
         'the announcement is not that of this run')
    need(intent['device'] == device.digest, 'another project or target was announced')
    need(intent.get('manifest') == predicate['authorization'].get('manifestDigest'),
         'another manifest was announced')
    not_before('the run began before it was announced', work['startedAt'], intent['at'])
    if predicate['schemaVersion'] in UNPROVED:
        return  # had no keys, other words and another count
    need(intent['deviceKeys'] == device.keys, 'the announcement names another device')
    need(intent['technique'] in [work['technique']] +
         [one['technique'] for one in work.get('passedOver') or []],
         'another technique was announced')
    need(intent['attempt'] == predicate['attempts']['number'], 'another attempt was announced')


def identity_of(predicate):
    return predicate.get('projectIdentity') or predicate['targetIdentity']


class Lines:
    """The signed entries of a log, in order, and how many lines stand behind them."""

    def __init__(self, path, signed):
        self.path, self.signed, self.unsigned = path, signed, 0

    def __iter__(self):
        with open_regular(self.path) as file:
            for index in range(self.signed):
                line = file.readline(ENTRY_BYTES_MAX)
                need(line.endswith(b'\n'),
                     f'entry {index} is missing, truncated or too long: '
                     f'{self.signed} entries are signed')
                yield line[:-1]
            seen = 0
            while line := file.readline(ENTRY_BYTES_MAX + 2):
                seen += len(line)
                need(seen <= UNSIGNED_BYTES_MAX, 'too much follows the signed entries')
                self.unsigned += 1


class WholeLog:
    """The log as far as it is signed."""

    def __init__(self, log, verifier, record):
        self.record, self.predicate = record, record['predicate']
        self.device = Device(identity_of(self.predicate))
        self.head = None
        self.path = log
        if os.path.isdir(log):
            self.head = open_checkpoint(read(os.path.join(log, 'checkpoint')).decode(), verifier,
                                        self.predicate['log']['origin'])
            self.path = os.path.join(log, ENTRIES)
        self.leaves = []
        self.open = {}     # index of the intent -> intent, of all devices
        self.open_then = []  # of this device, when its outcome was logged
        self.ended = []    # (index, intent, outcome) of this device
        self.kept = {}

    def check(self, own_line, own_index, heads):
        need(not self.head or self.head[0] >= max(size for size, _ in heads),
             "the log's checkpoint is older than those of the bundle")
        heads = heads + ([self.head] if self.head else [])
        named = self.predicate['log']
        lines = Lines(self.path, max(size for size, _ in heads))
        previous = '0' * 64
        for index, line in enumerate(lines):
            self.leaves.append(leaf(line))
            entry = canonical_json(line, f'log entry {index}')
            check_line(entry, index)
            need(entry.get('prev') == previous, f'the chain breaks at entry {index}')
            previous = hashlib.sha256(line).hexdigest()
            self.take(index, entry, own_index)
        for size, root in heads:
            need(tree_root(self.leaves[:size]) == root,
                 f'the log does not continue the signed tree of {size} entries')
        need(self.leaves[own_index] == leaf(own_line),
             'another entry is at the index of the proof')
        need(named['intentIndex'] in self.kept and
             self.leaves[named['intentIndex']].hex() == named['intentLeafHash'],
             'the announcement is not in the log')
        check_intent(self.kept[named['intentIndex']], self.record)
        need(not self.open_then,
             'an earlier run on this project or target had no outcome when this one ended')
        self.check_declared(own_index)
        if lines.unsigned:
            print(f'      {lines.unsigned} line{"s" if lines.unsigned > 1 else ""} after them not '
                  'signed yet, not checked')
        return self.later(own_index)

    def take(self, index, entry, own_index):
        kind = entry.get('type')
        if kind == 'run-intent':
            need(len(self.open) < OPEN_MAX, f'too many runs are open at entry {index}')
            self.open[index] = entry
            if index == self.predicate['log']['intentIndex']:
                self.kept[index] = entry
        elif kind in ('run-outcome', 'run-refused'):
            intent = self.open.pop(entry['intent'], None)
            need(intent and intent['runId'] == text_of(entry, 'runId'),
                 f'entry {index} closes no run')
            if kind == 'run-refused':
                need(entry['intent'] != self.predicate['log']['intentIndex'],
                     'the log says that this run was refused')
                return
            if self.device.is_of(intent):
                self.ended.append((index, intent, entry))
        if index == own_index:
            self.open_then = [one for one in self.open.values() if self.device.is_of(one)]

    def check_declared(self, own_index):
        earlier = [one for one in self.ended if one[0] < own_index]
        found = [(index, entry['runId'], entry['status'], self.leaves[index].hex())
                 for index, _, entry in earlier]
        declared = [(a['logIndex'], a['runId'], a['status'], a['leafHash'])
                    for a in self.predicate['attempts']['previous']]
        need(sorted(declared) == found, 'the earlier attempts are not those that are declared')
        good(f'the log is whole ({len(self.leaves)} signed entries) and every earlier attempt '
             f'({len(found)}) is declared')
        for index, _, entry in earlier:
            if entry['status'] == 'lost':
                print(said(f'      lost: entry {index}: {entry["reason"]}'))

    def later(self, own_index):
        """(entry, run, status, date) of what was announced on this device since."""
        if not self.head:
            print('      without its checkpoint the log does not show later runs')
        runs = [(index, entry['runId'], entry['status'], text_of(entry, 'at'))
                for index, intent, entry in self.ended if intent['seq'] > own_index]
        runs += [(index, intent['runId'], 'open', text_of(intent, 'at'))
                 for index, intent in self.open.items()
                 if index > own_index and self.device.is_of(intent)]
        for index, run, status, date in sorted(runs):
            print(said(f'LATER entry {index}: run {run} on the same project or target: {status}, '
                       f'{date}'))
        return sorted(runs)
