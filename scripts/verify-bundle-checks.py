#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/verify-bundle that need more than a command line.

Python's standard library and the openssl command only. Written from the formats' texts (RFC 5652,
RFC 5035, RFC 9162, C2SP signed-note and tlog-proof), not from efface's own code.
"""
import base64
import datetime
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

NAME = re.compile(r'evidence(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,9}\Z')
ALLOWED = {'certificate.json', 'certificate.json.p7s', 'certificate.json.tlog-proof', 'root.pem',
           'log.vkey'}
NEEDED = {'certificate.json', 'certificate.json.p7s', 'certificate.json.tlog-proof'}


class Wrong(Exception):
    """Something that is not proved."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


def good(text):
    print('ok    ' + text)


def read(path, limit=64 << 20):
    with open(path, 'rb') as file:
        data = file.read(limit + 1)
    need(len(data) <= limit, path + ' is too large')
    return data


def strict_json(data, what):
    def pairs(items):
        result = dict(items)
        need(len(result) == len(items), what + ' repeats a key')
        return result

    def refuse(text):
        raise Wrong(what + ' holds the number ' + text)
    try:
        return json.loads(data.decode('utf-8'), object_pairs_hook=pairs, parse_float=refuse,
                          parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f'{what} is not JSON: {error}') from error


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def sha256(data):
    return hashlib.sha256(data).digest()


# --- files ---------------------------------------------------------------------------------------

def check_files(bundle):
    found = set()
    for entry in os.scandir(bundle):
        mode = entry.stat(follow_symlinks=False).st_mode
        if entry.name == 'evidence' and stat.S_ISDIR(mode):
            continue
        need(entry.name in ALLOWED and stat.S_ISREG(mode), entry.name + ' does not belong here')
        found.add(entry.name)
    need(NEEDED <= found, 'missing: ' + ', '.join(sorted(NEEDED - found)))
    data = read(os.path.join(bundle, 'certificate.json'))
    record = strict_json(data, 'certificate.json')
    need(canonical(record) == data, 'certificate.json is not canonical')
    listed = [subject['name'] for subject in record['subject'][1:]]
    need(len(set(listed)) == len(listed), 'an evidence file is listed twice')
    need(record['subject'][0]['name'] == 'project-identity', 'subject 0 is not the project')
    there = set()
    for folder, folders, files in os.walk(os.path.join(bundle, 'evidence')):
        for name in folders + files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, bundle)
            mode = os.lstat(path).st_mode
            need(NAME.match(relative), relative + ' is no name for an evidence file')
            need(stat.S_ISREG(mode) or stat.S_ISDIR(mode), relative + ' is no file')
            if stat.S_ISREG(mode):
                there.add(relative)
    need(there == set(listed), 'evidence and its list differ: ' +
         ', '.join(sorted(there ^ set(listed))))
    good(f'nothing is missing, and nothing is there that is not listed ({len(there)} evidence files)')


# --- claims --------------------------------------------------------------------------------------

STATUSES = ['sanitized', 'sanitized-with-exceptions', 'indeterminate', 'not-sanitized']
LEVELS = ['none', 'clear', 'purge']


def check_claims(path):
    record = strict_json(read(path), path)
    need(record['_type'] == 'https://in-toto.io/Statement/v1' and record['predicateType'] ==
         'https://efface.example/attestation/sanitization/v1', 'it is no such statement')
    predicate = record['predicate']
    worst, lowest = 0, 2
    for volume in predicate['volumes']:
        rank = STATUSES.index(volume['status'])
        worst, lowest = max(worst, rank), min(lowest, LEVELS.index(volume['level']))
        need(rank <= 1 or volume['level'] == 'none', volume['name'] + ': a level without success')
        for place in volume['locations'] if rank <= 1 else []:
            need(STATUSES.index(place['status']) <= rank and
                 place['verification']['result'] == 'pass' and
                 place['verification']['mismatches'] == 0 and place['negativeControls'] and
                 all(control['result'] == 'pass' for control in place['negativeControls']),
                 volume['name'] + ': not every place was verified')
        need(rank > 1 or volume['locations'] or (volume['alreadyGone'] and rank == 1 and
             volume['level'] == 'none'), volume['name'] + ': nothing was looked at')
        if volume['level'] == 'purge':
            need(volume['eligibility']['eligible'] is True and
                 volume['payloadSample']['structured'] == 0, volume['name'] + ': not purge')
    result = predicate['result']
    need(predicate['volumes'] and STATUSES.index(result['status']) == worst and
         LEVELS.index(result['level']) == lowest, 'the result is not that of the volumes')
    keys = {approval['subjectPublicKeySha256']
            for approval in predicate['authorization']['approvals']}
    need(predicate['authorization']['confirmation'] != 'signed-approvals' or len(keys) >= 2,
         'two distinct approvals are needed')
    need(predicate['attempts']['number'] == len(predicate['attempts']['previous']) + 1,
         'the number of attempts')
    good('the result claims no more than the volumes show')


# --- CMS -----------------------------------------------------------------------------------------

def oid(text):
    numbers = [int(part) for part in text.split('.')]
    out = b''
    for number in [40 * numbers[0] + numbers[1]] + numbers[2:]:
        piece = [number & 0x7f]
        while number > 0x7f:
            number >>= 7
            piece.append(0x80 | (number & 0x7f))
        out += bytes(reversed(piece))
    return bytes([6, len(out)]) + out


SIGNED_DATA, DATA = oid('1.2.840.113549.1.7.2'), oid('1.2.840.113549.1.7.1')
CONTENT_TYPE, MESSAGE_DIGEST = oid('1.2.840.113549.1.9.3'), oid('1.2.840.113549.1.9.4')
SIGNING_TIME, SIGNING_CERT = oid('1.2.840.113549.1.9.5'), oid('1.2.840.113549.1.9.16.2.47')
DIGESTS = {oid('2.16.840.1.101.3.4.2.1'): hashlib.sha256, oid('2.16.840.1.101.3.4.2.2'): hashlib.sha384}
SIGNATURES = {
    oid('1.2.840.10045.4.3.2'): hashlib.sha256, oid('1.2.840.10045.4.3.3'): hashlib.sha384,
    oid('1.2.840.113549.1.1.11'): hashlib.sha256, oid('1.2.840.113549.1.1.12'): hashlib.sha384,
    oid('1.2.840.113549.1.1.1'): None, oid('1.2.840.113549.1.1.10'): None}


class Der:
    """One DER element: tag, its whole bytes, its content."""

    def __init__(self, data, at=0):
        need(at + 2 <= len(data), 'the signature is truncated')
        self.tag, length, start = data[at], data[at + 1], at + 2
        need(self.tag & 0x1f != 0x1f and length != 0x80, 'the signature is not DER')
        if length > 0x80:
            count = length & 0x7f
            need(count <= 3 and start + count <= len(data), 'the signature is not DER')
            length = int.from_bytes(data[start:start + count], 'big')
            need(length >= 0x80 and length >> (8 * (count - 1)), 'the signature is not DER')
            start += count
        self.end = start + length
        need(self.end <= len(data), 'the signature is truncated')
        self.whole, self.content = data[at:self.end], data[start:self.end]

    def children(self):
        need(self.tag & 0x20, 'the signature has an odd form')
        found, at = [], 0
        while at < len(self.content):
            found.append(Der(self.content, at))
            at = found[-1].end
        return found


def signers_of(path):
    """The certificates and SignerInfos of a detached CMS signature."""
    data = read(path, 1 << 20)
    outer = Der(data)
    need(outer.end == len(data), 'bytes stand behind the signature')
    kind, explicit = outer.children()
    need(kind.whole == SIGNED_DATA and explicit.tag == 0xa0, 'it is no CMS signature')
    (signed,) = explicit.children()
    parts = signed.children()
    need([part.tag for part in parts] == [0x02, 0x31, 0x30, 0xa0, 0x31],
         'it must hold certificates and signers, no revocation lists')
    need([child.whole for child in parts[2].children()] == [DATA], 'content stands inside')
    certificates = parts[3].children()
    infos = parts[4].children()
    # What no signature covers must follow from the rest: RFC 5652 sections 5.1 and 5.3.
    used = {info.children()[2].children()[0].whole for info in infos}
    need({algorithm.children()[0].whole for algorithm in parts[1].children()} == used and
         all(field.content == b'\1' for field in [parts[0]] + [i.children()[0] for i in infos]),
         'version numbers or digest algorithms are not those of the signers')
    need(1 <= len(infos) <= 16 and all(c.tag == 0x30 for c in certificates), 'signers or certificates')
    return certificates, infos


def issuer_and_serial(certificate):
    fields = certificate.children()[0].children()
    need(fields[0].tag == 0xa0, 'a certificate that is not of version 3')
    return fields[3].whole + fields[1].whole


def attributes_of(info):
    fields = info.children()
    need([field.tag for field in fields] == [0x02, 0x30, 0x30, 0xa0, 0x30, 0x04],
         'a signer must have signed attributes and no unsigned ones')
    found = {}
    for attribute in fields[3].children():
        name, values = attribute.children()
        need(name.whole not in found, 'a signed attribute is there twice')
        found[name.whole] = values.children()
    for name in (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERT):
        need(len(found.get(name, [])) == 1, 'a signed attribute is missing: no CAdES signature')
    return fields, {name: values[0] for name, values in found.items() if len(values) == 1}


def time_of(value):
    form = {0x17: '%y%m%d%H%M%SZ', 0x18: '%Y%m%d%H%M%SZ'}.get(value.tag)
    need(form, 'the signing time has an odd form')
    return datetime.datetime.strptime(value.content.decode('ascii'), form).replace(
        tzinfo=datetime.timezone.utc)


def check_signer(info, certificates, content):
    """The DER certificate of the signer, and when it signed."""
    fields, attributes = attributes_of(info)
    digest = DIGESTS.get(fields[2].children()[0].whole)
    algorithm = fields[4].children()[0].whole
    need(digest and algorithm in SIGNATURES and SIGNATURES[algorithm] in (None, digest),
         'an algorithm that is not allowed')
    need(attributes[CONTENT_TYPE].whole == DATA and
         attributes[MESSAGE_DIGEST].content == digest(content).digest(), 'signed other content')
    sid = b''.join(part.whole for part in fields[1].children())
    own = [c for c in certificates if issuer_and_serial(c) == sid]
    need(len(own) == 1, "the signer's certificate is missing or ambiguous")
    named = attributes[SIGNING_CERT].children()[0].children()[0].children()
    by = hashlib.sha256  # RFC 5035 section 4: the default, then left out
    if named[0].tag == 0x30:
        by = DIGESTS[named.pop(0).children()[0].whole]
    need(named[0].tag == 0x04 and named[0].content == by(own[0].whole).digest(),
         'signing-certificate-v2 names another certificate')
    return own[0].whole, time_of(attributes[SIGNING_TIME])


def check_cms(signature, content, folder):
    certificates, infos = signers_of(signature)
    data = read(content)
    for number, info in enumerate(infos):
        certificate, at = check_signer(info, certificates, data)
        with open(os.path.join(folder, f'{number}.der'), 'wb') as file:
            file.write(certificate)
    good(f'{signature}: {len(infos)} signer(s), each with signed attributes and '
         'signing-certificate-v2')


def signing_times(signature):
    return [time_of(attributes_of(info)[1][SIGNING_TIME]) for info in signers_of(signature)[1]]


def when(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(
        tzinfo=datetime.timezone.utc)


def check_time(signature, certificate):
    issued = when(strict_json(read(certificate), certificate)['predicate']['issuedAt'])
    gap = datetime.timedelta(minutes=10)
    need(any(abs(at - issued) <= gap for at in signing_times(signature)), 'signed at another time')
    good('signed within 10 minutes of issuedAt (the time is the signers\' own)')


def check_approvals(certificate, signature):
    predicate = strict_json(read(certificate), certificate)['predicate']
    times = signing_times(signature)
    start = when(predicate['sanitization']['startedAt'])
    for approval in predicate['authorization']['approvals']:
        at = when(approval['signedAt'])
        need(at in times and at <= start, approval['subject'] + ' did not approve before the run')
    good('every approval was signed before the run')


# --- log -----------------------------------------------------------------------------------------

def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, 'base64 in an odd form')
    return data


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
    for line in signatures.splitlines():
        parts = line.split(' ')
        if len(parts) != 3 or parts[0] != '\u2014' or parts[1] != name:
            continue
        signature = unbase64(parts[2])
        if signature[:4].hex() != identity or len(signature) != 68:
            continue
        need(ed25519_verify(key[1:], text.encode(), signature[4:]), 'a checkpoint is forged')
        lines = text.split('\n')
        need(len(lines) == 4 and re.fullmatch('0|[1-9][0-9]{0,18}', lines[1]), 'no checkpoint')
        need(lines[0] == origin == name, 'a checkpoint of another log')
        return int(lines[1]), unbase64(lines[2])
    raise Wrong('a checkpoint is not signed by the trusted log key')


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


def check_log(bundle, key_file, log=None):
    certificate = read(os.path.join(bundle, 'certificate.json'))
    record = strict_json(certificate, 'certificate.json')
    predicate = record['predicate']
    verifier = read(key_file, 4096).decode().strip()
    origin = predicate['log']['origin']
    line, index, path, note = read_proof(os.path.join(bundle, 'certificate.json.tlog-proof'))
    size, root = open_checkpoint(note, verifier, origin)
    need(root_by_path(index, size, leaf(line), path) == root, 'the entry is not in the signed tree')
    entry = strict_json(line, 'the log entry')
    signature = read(os.path.join(bundle, 'certificate.json.p7s'))
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


def whole_log(log, verifier, record, own_line, own_index, heads):
    predicate, device = record['predicate'], record['subject'][0]['digest']['sha256']
    if os.path.isdir(log):
        heads = heads + [open_checkpoint(read(os.path.join(log, 'checkpoint')).decode(), verifier,
                                         predicate['log']['origin'])]
        log = os.path.join(log, 'entries.jsonl')
    data = read(log, 1 << 32)
    need(data.endswith(b'\n'), 'the log ends within a line')
    lines = data[:-1].split(b'\n')
    leaves = [leaf(line) for line in lines]
    for size, root in heads:
        need(size <= len(leaves) and tree_root(leaves[:size]) == root,
             f'the log does not continue the signed tree of {size} entries')
    previous, open_runs, outcomes = '0' * 64, {}, []
    for index, line in enumerate(lines):
        entry = strict_json(line, f'log entry {index}')
        need(canonical(entry) == line and entry['seq'] == index and entry['prev'] == previous,
             f'the chain breaks at entry {index}')
        previous = hashlib.sha256(line).hexdigest()
        if entry['type'] == 'run-intent':
            open_runs[index] = entry
        elif entry['type'] == 'run-outcome':
            intent = open_runs.pop(entry['intent'], None)
            need(intent and intent['runId'] == entry['runId'], f'entry {index} closes no run')
            if intent['device'] == device and index < own_index:
                outcomes.append((index, entry['runId'], entry['status'], leaves[index].hex()))
    need(lines[own_index] == own_line, 'another entry stands at the index of the proof')
    intent_index = predicate['log']['intentIndex']
    intent = strict_json(lines[intent_index], 'the intent')
    need(leaves[intent_index].hex() == predicate['log']['intentLeafHash'] and
         intent['type'] == 'run-intent' and intent['runId'] == predicate['log']['runId'] and
         intent['device'] == device and
         intent['manifest'] == predicate['authorization']['manifestDigest'],
         'the announcement is not that of this run')
    need(not [i for i, e in open_runs.items() if e['device'] == device and i < own_index],
         'an earlier run on this project has no outcome')
    declared = [(a['logIndex'], a['runId'], a['status'], a['leafHash'])
                for a in predicate['attempts']['previous']]
    need(sorted(declared) == outcomes, 'the earlier attempts are not those that are declared')
    good(f'the log is whole ({len(lines)} entries) and every earlier attempt ({len(outcomes)}) is '
         'declared')


COMMANDS = {'files': check_files, 'claims': check_claims, 'cms': check_cms, 'time': check_time,
            'approvals': check_approvals, 'log': check_log}

if __name__ == '__main__':
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Wrong as wrong:
        print('      ' + str(wrong).encode('ascii', 'backslashreplace').decode())
        sys.exit(1)
    except (KeyError, IndexError, TypeError, ValueError, OSError, AttributeError) as error:
        print(f'      malformed: {type(error).__name__} {error!r}'[:200])
        sys.exit(1)
