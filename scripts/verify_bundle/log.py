# SPDX-License-Identifier: Apache-2.0
"""The log: signed heads, proofs (RFC 9162, C2SP), and what the lines say."""
import base64
import hashlib
import os
import re
import subprocess
import tempfile

from common import canonical, good, need, open_regular, read, said, sha256, strict_json


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, 'base64 in an odd form')
    return data


# "EM DASH, the signer's name, its key id and signature"; those of other keys are passed over.
SIGNATURE_LINE = re.compile('\u2014 ([!-*,-~]{1,255}) ([A-Za-z0-9+/]+={0,2})')
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
    name, identity, key = verifier.split('+', 2)
    key = unbase64(key)
    need(len(key) == 33 and key[0] == 1 and
         sha256(name.encode() + b'\n' + key)[:4].hex() == identity, 'LOG.vkey is malformed')
    text, gap, signatures = note.rpartition('\n\n')
    need(gap and signatures.endswith('\n'), 'a checkpoint has an odd form')
    text += '\n'
    signed = False
    for line in signatures[:-1].split('\n'):
        parts = SIGNATURE_LINE.fullmatch(line)
        need(parts, 'a signature of a checkpoint has an odd form')
        signature = unbase64(parts[2])
        need(len(signature) > 4, 'a signature of a checkpoint has an odd form')
        if parts[1] == name and signature[:4].hex() == identity:
            need(len(signature) == 68 and
                 ed25519_verify(key[1:], text.encode(), signature[4:]), 'a checkpoint is forged')
            signed = True
    need(signed, 'a checkpoint is not signed by the trusted log key')
    lines = text.split('\n')
    need(len(lines) == 4 and re.fullmatch('0|[1-9][0-9]{0,18}', lines[1]), 'no checkpoint')
    need(lines[0] == origin == name, 'a checkpoint of another log')
    return int(lines[1]), unbase64(lines[2])


def root_by_path(index, size, hash_, path):
    need(index < size, 'the index lies outside the tree')
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


def read_proof(path):
    head, gap, checkpoint = read(path, 1 << 18).decode().partition('\n\n')
    lines = head.split('\n')
    need(gap and len(lines) >= 3 and lines[0] == 'c2sp.org/tlog-proof@v1' and
         lines[1].startswith('extra ') and re.fullmatch('index (0|[1-9][0-9]{0,18})', lines[2]),
         'the proof has an odd form')
    path_hashes = [unbase64(line) for line in lines[3:]]
    need(len(path_hashes) <= 63 and all(len(h) == 32 for h in path_hashes), 'the proof')
    return unbase64(lines[1][6:]), int(lines[2][6:]), path_hashes, checkpoint


def check_log(certificate, record, key_file, log=None):
    """Of the bundle that is the working folder."""
    predicate = record['predicate']
    verifier = read(key_file, 4096).decode().strip()
    origin = predicate['log']['origin']
    line, index, path, note = read_proof('certificate.json.tlog-proof')
    size, root = open_checkpoint(note, verifier, origin)
    need(root_by_path(index, size, leaf(line), path) == root, 'the entry is not in the signed tree')
    entry = strict_json(line, 'the log entry')
    signature = read('certificate.json.p7s')
    need(canonical(entry) == line and entry['type'] == 'run-outcome' and entry['seq'] == index,
         'the entry is no outcome at that index')
    need(entry['certificate'] == {'sha256': hashlib.sha256(certificate).hexdigest()},
         'the entry names another certificate')
    need(entry['signature'] == {'sha256': hashlib.sha256(signature).hexdigest()},
         'the entry names another signature')
    need(entry['intent'] == predicate['log']['intentIndex'] and
         entry['runId'] == predicate['log']['runId'] and
         entry['status'] == predicate['result']['status'], 'the entry closes another run')
    good(f'entry {index} of {size} in the log {origin} records this certificate and signature')
    before, before_root = open_checkpoint(predicate['log']['checkpoint'], verifier, origin)
    need(predicate['log']['intentIndex'] < before <= index, 'not announced before it began')
    need(before != size or before_root == root, 'the checkpoints contradict each other')
    good(f'the run was announced as entry {predicate["log"]["intentIndex"]} before it began '
         f'(signed tree of {before} entries)')
    if log:
        whole_log(log, verifier, record, line, index, [(before, before_root), (size, root)])


def entries_of(path):
    with open_regular(path) as file:
        while line := file.readline(ENTRY_BYTES_MAX + 2):
            need(line.endswith(b'\n'), 'the log ends within a line, or a line is too long')
            yield line[:-1]


def whole_log(log, verifier, record, own_line, own_index, heads):
    predicate, device = record['predicate'], record['subject'][0]['digest']['sha256']
    if os.path.isdir(log):
        heads = heads + [open_checkpoint(read(os.path.join(log, 'checkpoint')).decode(), verifier,
                                         predicate['log']['origin'])]
        log = os.path.join(log, 'entries.jsonl')
    intent_index = predicate['log']['intentIndex']
    previous, leaves, kept, open_runs, outcomes, lost = '0' * 64, [], {}, {}, [], []
    for index, line in enumerate(entries_of(log)):
        leaves.append(leaf(line))
        if index in (own_index, intent_index):
            kept[index] = line
        entry = strict_json(line, f'log entry {index}')
        need(canonical(entry) == line and entry['seq'] == index and entry['prev'] == previous,
             f'the chain breaks at entry {index}')
        previous = hashlib.sha256(line).hexdigest()
        if entry['type'] == 'run-intent':
            open_runs[index] = entry
        elif entry['type'] == 'run-refused':
            intent = open_runs.pop(entry['intent'], None)
            need(intent and intent['runId'] == entry['runId'] and
                 entry['intent'] != predicate['log']['intentIndex'],
                 f'entry {index} refuses no run, or this one')
        elif entry['type'] == 'run-outcome':
            intent = open_runs.pop(entry['intent'], None)
            need(intent and intent['runId'] == entry['runId'], f'entry {index} closes no run')
            if entry['status'] == 'lost':
                need(isinstance(entry['reason'], str) and entry['reason'] and
                     not {'certificate', 'signature'} & entry.keys(),
                     f'entry {index} calls a run lost that has a certificate, or does not say why')
            if intent['device'] == device and index < own_index:
                if entry['status'] == 'lost':
                    lost.append(f'entry {index}: {entry["reason"]}')
                outcomes.append((index, entry['runId'], entry['status'], leaves[index].hex()))
    for size, root in heads:
        need(size <= len(leaves) and tree_root(leaves[:size]) == root,
             f'the log does not continue the signed tree of {size} entries')
    need(kept[own_index] == own_line, 'another entry stands at the index of the proof')
    intent = strict_json(kept[intent_index], 'the intent')
    need(leaves[intent_index].hex() == predicate['log']['intentLeafHash'] and
         intent['type'] == 'run-intent' and intent['runId'] == predicate['log']['runId'] and
         intent['device'] == device and
         intent.get('manifest') == predicate['authorization'].get('manifestDigest'),
         'the announcement is not that of this run')
    need(not [i for i, e in open_runs.items() if e['device'] == device and i < own_index],
         'an earlier run on this project or target has no outcome')
    declared = [(a['logIndex'], a['runId'], a['status'], a['leafHash'])
                for a in predicate['attempts']['previous']]
    need(sorted(declared) == outcomes, 'the earlier attempts are not those that are declared')
    good(f'the log is whole ({len(leaves)} entries) and every earlier attempt ({len(outcomes)}) is '
         'declared')
    for text in lost:
        print('      lost: ' + said(text))
