#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bundle or its log, altered in every way that we could think of, is refused by the library, by
`efface verify` and by scripts/verify-bundle. The bundle is made by tests/unit/evidence/make_bundle.

$EFFACE      the program under test; when it is missing, the library alone is asked
$MAKE_BUNDLE the helper; otherwise looked for in the build folder of $EFFACE
"""
import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PREDICATE = SOURCE / 'tests/data/evidence/predicate-example.json'
SCRIPT = SOURCE / 'scripts/verify-bundle'
RECORD, SIGNATURE = 'certificate.json', 'certificate.json.p7s'
PROOF = 'certificate.json.tlog-proof'
DATE = '2026-11-21T09:41:07Z'
WORKERS = 2


def find_helper():
    if 'MAKE_BUNDLE' in os.environ:
        return pathlib.Path(os.environ['MAKE_BUNDLE'])
    if 'EFFACE' not in os.environ:
        return None
    for folder in pathlib.Path(os.environ['EFFACE']).resolve().parents:
        candidate = folder / 'tests/unit/evidence/make_bundle'
        if candidate.exists():
            return candidate
    return None


HELPER = find_helper()
EFFACE = os.environ.get('EFFACE')
EFFACE = EFFACE if EFFACE and os.path.exists(EFFACE) else None


class Case:
    """One copy of the good record: keys/, log/, bundle/ of ours, and `other` of a stranger."""

    def __init__(self, folder, other):
        self.folder, self.other = folder, other
        self.bundle, self.log, self.keys = folder / 'bundle', folder / 'log', folder / 'keys'

    def record(self):
        return json.loads((self.bundle / RECORD).read_text())

    def write_record(self, record):
        (self.bundle / RECORD).write_text(json.dumps(
            record, sort_keys=True, separators=(',', ':'), ensure_ascii=False))

    def replace(self, name, old, new):
        data = (self.bundle / name).read_bytes()
        assert old in data, f'{old} is not in {name}'
        (self.bundle / name).write_bytes(data.replace(old, new))

    def sign(self, keys, *options, signer='station', md='sha256', cades=('-cades',)):
        subprocess.run(
            ['openssl', 'cms', '-sign', '-binary', '-in', self.bundle / RECORD, '-signer',
             keys / (signer + '.pem'), '-inkey', keys / (signer + '.key'), '-md', md, *cades,
             '-outform', 'DER', '-out', self.bundle / SIGNATURE, *options],
            check=True, capture_output=True)

    def log_lines(self):
        return (self.log / 'entries.jsonl').read_bytes().splitlines(keepends=True)

    def write_log(self, lines):
        (self.log / 'entries.jsonl').write_bytes(b''.join(lines))


# --- the record and its signature ------------------------------------------------------------------

def uuid_digit(case):
    case.replace(RECORD, b'2f4c2e52-6a8f', b'2f4c2e52-6a8e')


def serial_number(case):
    case.replace(RECORD, b'"serialNumber":""', b'"serialNumber":"S1"')


def status_changed(case):
    case.replace(RECORD, b'"status":"sanitized"', b'"status":"not-sanitized"')


def foreign_root(case):
    case.sign(case.other / 'keys')


def foreign_root_brought_along(case):
    case.sign(case.other / 'keys')
    shutil.copy(case.other / 'keys/root.pem', case.bundle / 'root.pem')
    shutil.copy(case.other / 'keys/log.vkey', case.bundle / 'log.vkey')


def der(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    count = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | count]) + size.to_bytes(count, 'big') + content


def elements(data):
    """(tag, whole, content) of every element in a row."""
    at = 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size > 0x80:
            count = size & 0x7f
            size = int.from_bytes(data[start:start + count], 'big')
            start += count
        yield data[at], data[at:start + size], data[start:start + size]
        at = start + size


def swap_certificates(signature, certificates):
    """The same CMS with other certificates in it."""
    ((_, _, outer),) = elements(signature)
    (_, kind, _), (_, _, explicit) = elements(outer)
    ((_, _, signed),) = elements(explicit)
    parts = [der(0xa0, certificates) if tag == 0xa0 else whole
             for tag, whole, _ in elements(signed)]
    return der(0x30, kind + der(0xa0, der(0x30, b''.join(parts))))


def certificate_der(path):
    return subprocess.run(['openssl', 'x509', '-in', path, '-outform', 'DER'], check=True,
                          capture_output=True).stdout


def signers_certificate_swapped(case):
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(),
                                       certificate_der(case.other / 'keys/station.pem')))


def certificate_reissued(case):
    """The same key, issuer and serial number, but the role of an approver: only
    signing-certificate-v2 tells the two apart."""
    keys, work = case.keys, case.folder
    serial = subprocess.run(['openssl', 'x509', '-in', keys / 'station.pem', '-noout', '-serial'],
                            check=True, capture_output=True, text=True).stdout.split('=')[1].strip()
    (work / 'x.cnf').write_text(
        'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n'
        'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n'
        'certificatePolicies=2.25.65021332812177502488472365777237670439.4\n')
    subprocess.run(['openssl', 'req', '-new', '-key', keys / 'station.key', '-subj',
                    '/O=Example Cloud GmbH/CN=station-0042', '-out', work / 'x.csr'], check=True,
                   capture_output=True)
    # Its validity starts today, so it is not good at the signing time either; both are refused.
    subprocess.run(['openssl', 'x509', '-req', '-in', work / 'x.csr', '-CA', keys / 'root.pem',
                    '-CAkey', keys / 'root.key', '-set_serial', '0x' + serial, '-extfile',
                    work / 'x.cnf', '-out', work / 'x.pem', '-days', '30'], check=True,
                   capture_output=True)
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(), certificate_der(work / 'x.pem')))


def no_certificates(case):
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(), b''))


def no_signed_attributes(case):
    case.sign(case.keys, '-noattr', cades=())


def no_signing_certificate(case):
    case.sign(case.keys, cades=())


def sha1_signature(case):
    case.sign(case.keys, md='sha1')


def content_inside(case):
    case.sign(case.keys, '-nodetach')


def signed_again_by_the_station(case):
    case.sign(case.keys)


def signed_by_the_root(case):
    case.sign(case.keys, signer='root')


def signature_truncated(case):
    data = (case.bundle / SIGNATURE).read_bytes()
    (case.bundle / SIGNATURE).write_bytes(data[:-1])


def signature_with_a_byte_behind(case):
    with open(case.bundle / SIGNATURE, 'ab') as file:
        file.write(b'\0')


def signature_empty(case):
    (case.bundle / SIGNATURE).write_bytes(b'')


def signature_bit(case):
    data = bytearray((case.bundle / SIGNATURE).read_bytes())
    data[-5] ^= 1
    (case.bundle / SIGNATURE).write_bytes(data)


def unsigned_digest_algorithm(case):
    """Names SHA-224 in the list of digests, which no signature covers."""
    data = (case.bundle / SIGNATURE).read_bytes()
    sha256 = bytes.fromhex('0609608648016503040201')
    assert sha256 in data
    (case.bundle / SIGNATURE).write_bytes(data.replace(sha256, sha256[:-1] + b'\4', 1))


def line_feed_behind(case):
    with open(case.bundle / RECORD, 'ab') as file:
        file.write(b'\n')


def pretty_printed(case):
    (case.bundle / RECORD).write_text(json.dumps(case.record(), indent=2, sort_keys=True))


def repeated_key(case):
    case.replace(RECORD, b'"level":"purge"', b'"level":"purge","level":"purge"')


def signers_emptied_by_a_rogue(case):
    record = case.record()
    record['predicate']['signaturePolicy']['required'] = []
    case.write_record(record)
    foreign_root_brought_along(case)


# --- evidence files --------------------------------------------------------------------------------

def evidence_edited(case):
    case.replace('evidence/events.jsonl', b'started', b'stopped')


def evidence_removed(case):
    (case.bundle / 'evidence/events.jsonl').unlink()


def evidence_added(case):
    (case.bundle / 'evidence/more.json').write_text('{}')


def evidence_linked(case):
    path = case.bundle / 'evidence/events.jsonl'
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def evidence_folder_linked(case):
    path = case.bundle / 'evidence'
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def evidence_pipe(case):
    path = case.bundle / 'evidence/events.jsonl'
    path.unlink()
    os.mkfifo(path)


def evidence_hidden_file(case):
    (case.bundle / 'evidence/.note').write_text('')


def file_beside(case):
    (case.bundle / 'README').write_text('believe me')


def record_linked(case):
    path = case.bundle / RECORD
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def approval_of_another_manifest(case):
    (case.bundle / 'evidence/manifest.json').write_text('{"schema":"efface.project/2"}\n')


def proof_missing(case):
    (case.bundle / PROOF).unlink()


# --- the proof -------------------------------------------------------------------------------------

def leaf(line):
    return hashlib.sha256(b'\0' + line).digest()


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return hashlib.sha256(b'\1' + tree(leaves[:split]) + tree(leaves[split:])).digest()


def path_of(index, leaves):
    if len(leaves) == 1:
        return []
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    if index < split:
        return path_of(index, leaves[:split]) + [tree(leaves[split:])]
    return path_of(index - split, leaves[split:]) + [tree(leaves[:split])]


def proof_parts(case):
    head, note = (case.bundle / PROOF).read_text().split('\n\n', 1)
    return head.split('\n'), note


def write_proof(case, head, note):
    (case.bundle / PROOF).write_text('\n'.join(head) + '\n\n' + note)


def proof_of_another_entry(case):
    lines = [line.rstrip(b'\n') for line in case.log_lines()]
    _, note = proof_parts(case)
    path = [base64.b64encode(h).decode() for h in path_of(3, [leaf(line) for line in lines])]
    write_proof(case, ['c2sp.org/tlog-proof@v1', 'extra ' + base64.b64encode(lines[3]).decode(),
                       'index 3'] + path, note)


def proof_index(case):
    head, note = proof_parts(case)
    write_proof(case, [head[0], head[1], 'index 4'] + head[3:], note)


def proof_path(case):
    head, note = proof_parts(case)
    write_proof(case, head[:-1] + [base64.b64encode(bytes(32)).decode()], note)


def proof_entry(case):
    head, note = proof_parts(case)
    entry = base64.b64decode(head[1][6:]).replace(b'"status":"sanitized"', b'"status":"sanitize"')
    write_proof(case, [head[0], 'extra ' + base64.b64encode(entry).decode()] + head[2:], note)


def proof_of_a_foreign_log(case):
    shutil.copy(case.other / 'bundle' / PROOF, case.bundle / PROOF)


def change_note_signature(case, change):
    head, note = proof_parts(case)
    text, _, line = note.rpartition(' ')
    blob = bytearray(base64.b64decode(line))
    change(blob)
    write_proof(case, head, text + ' ' + base64.b64encode(blob).decode() + '\n')


def note_key_id(case):
    change_note_signature(case, lambda blob: blob.__setitem__(0, blob[0] ^ 1))


def note_signature(case):
    change_note_signature(case, lambda blob: blob.__setitem__(20, blob[20] ^ 1))


def note_size(case):
    head, note = proof_parts(case)
    lines = note.split('\n')
    lines[1] = str(int(lines[1]) + 1)
    write_proof(case, head, '\n'.join(lines))


def another_bundle_of_the_station(case):
    """A record that the same station signed, which was never logged."""
    record = case.record()
    record['predicate']['certificateId'] = '0199f3c2-7d5e-7c41-9b0a-3f6c2f1d8e56'
    case.write_record(record)
    case.sign(case.keys)


# --- the log ---------------------------------------------------------------------------------------

def log_line_edited(case):
    lines = case.log_lines()
    lines[3] = lines[3].replace(b'"status":"lost"', b'"status":"gone"')
    case.write_log(lines)


def log_line_removed(case):
    lines = case.log_lines()
    case.write_log(lines[:3] + lines[4:])


def log_lines_swapped(case):
    lines = case.log_lines()
    case.write_log(lines[:2] + [lines[3], lines[2]] + lines[4:])


def log_truncated(case):
    case.write_log(case.log_lines()[:-1])


def log_torn(case):
    lines = case.log_lines()
    case.write_log(lines[:-1] + [lines[-1][:-1]])


def log_rewritten(case):
    """A failed attempt is taken out and the chain is made whole again, but not the signatures."""
    kept, previous = [], '0' * 64
    for line in case.log_lines():
        entry = json.loads(line)
        if entry['runId'] == 'run-a':
            continue
        entry['seq'], entry['prev'] = len(kept), previous
        data = json.dumps(entry, sort_keys=True, separators=(',', ':')).encode()
        previous = hashlib.sha256(data).hexdigest()
        kept.append(data + b'\n')
    case.write_log(kept)


def log_of_a_stranger(case):
    shutil.rmtree(case.log)
    shutil.copytree(case.other / 'log', case.log)


def log_checkpoint_replaced(case):
    shutil.copy(case.other / 'log/checkpoint', case.log / 'checkpoint')


# --- what insiders sign ------------------------------------------------------------------------------

VARIANTS = {  # make_bundle's variants, and the check of the library that refuses them
    'approver-signs': 'required signers', 'nobody-required': 'claims', 'one-approval': 'claims',
    'invented-approval': 'authorization', 'failed-volume': 'claims', 'failed-control': 'claims',
    'plain-data': 'claims', 'other-project': 'digests', 'other-time': 'issuing time',
    'other-outcome': 'log inclusion', 'old-checkpoint': 'log inclusion',
    'hidden-attempt': 'whole log'}

WITHOUT_LOG = [  # the alteration, and the check of the library that refuses it
    (uuid_digit, 'signature'), (serial_number, 'signature'), (status_changed, 'claims'),
    (foreign_root, 'signature'), (foreign_root_brought_along, 'signature'),
    (signers_certificate_swapped, 'signature'), (certificate_reissued, 'signature'),
    (no_certificates, 'signature'), (no_signed_attributes, 'signature'),
    (no_signing_certificate, 'signature'), (sha1_signature, 'signature'),
    (content_inside, 'signature'), (signed_again_by_the_station, None),
    (signed_by_the_root, 'signature'), (signature_truncated, 'signature'),
    (signature_with_a_byte_behind, 'signature'), (signature_empty, 'signature'),
    (signature_bit, 'signature'), (unsigned_digest_algorithm, 'signature'),
    (line_feed_behind, 'canonical form'),
    (pretty_printed, 'canonical form'), (repeated_key, 'canonical form'),
    (signers_emptied_by_a_rogue, 'claims'), (evidence_edited, 'digests'),
    (evidence_removed, 'digests'), (evidence_added, 'digests'), (evidence_linked, 'files'),
    (evidence_folder_linked, 'files'), (evidence_pipe, 'files'), (evidence_hidden_file, 'files'),
    (file_beside, 'files'), (record_linked, 'files'), (approval_of_another_manifest, 'digests'),
    (proof_missing, 'files'), (proof_of_another_entry, 'log inclusion'),
    (proof_index, 'log inclusion'), (proof_path, 'log inclusion'), (proof_entry, 'log inclusion'),
    (proof_of_a_foreign_log, 'log inclusion'), (note_key_id, 'log inclusion'),
    (note_signature, 'log inclusion'), (note_size, 'log inclusion'),
    (another_bundle_of_the_station, None)]

WITH_LOG = [log_line_edited, log_line_removed, log_lines_swapped, log_truncated, log_torn,
            log_rewritten, log_of_a_stranger, log_checkpoint_replaced]


# --- running ---------------------------------------------------------------------------------------

def ask(command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)


def verifiers(folder, with_log, keys):
    log = [folder / 'log'] if with_log else []
    anchors = [keys / 'root.pem', keys / 'log.vkey']
    found = {'library': [HELPER, '--verify', folder / 'bundle', *anchors, *log],
             'script': [SCRIPT, folder / 'bundle', *anchors, *log]}
    if EFFACE:
        found['efface'] = [EFFACE, 'verify', folder / 'bundle', '--root', anchors[0], '--log-key',
                           anchors[1], *(['--log', folder / 'log'] if with_log else [])]
    return found


def problems_of(folder, with_log, keys, expected_check):
    """Who did not refuse it, or refused it for another reason."""
    found = []
    for name, command in verifiers(folder, with_log, keys).items():
        answer = ask(command)
        # 3 is "not proved" of efface and the helper, 1 that of the script; anything else is a crash.
        if answer.returncode != (1 if name == 'script' else 3):
            found.append(f'{name} ended with {answer.returncode}: {answer.stdout[-300:]}'
                         f'{answer.stderr[-300:]}')
        if name == 'library' and expected_check and f'FAIL {expected_check}:' not in answer.stdout:
            found.append(f'library: not the check "{expected_check}": {answer.stdout[-300:]}')
    return found


def accepted(folder, with_log):
    return [f'{name} refuses the good record: {answer.stdout}{answer.stderr}'
            for name, command in verifiers(folder, with_log, folder / 'keys').items()
            if (answer := ask(command)).returncode != 0]


def run_alteration(good, other, work, alter, with_log, check):
    folder = work / alter.__name__
    shutil.copytree(good, folder, symlinks=True)
    alter(Case(folder, other))
    return alter.__name__, problems_of(folder, with_log, good / 'keys', check)


def run_variant(work, name, check):
    folder = work / name
    folder.mkdir()
    made = ask([HELPER, PREDICATE, folder, name])
    if made.returncode != 0:
        return name, ['make_bundle: ' + made.stderr]
    return name, problems_of(folder, name == 'hidden-attempt', folder / 'keys', check)


def run_all(work):
    good, other = work / 'good', work / 'other'
    for folder in (good, other):
        folder.mkdir()
        subprocess.run([HELPER, PREDICATE, folder], check=True)
    problems = accepted(good, False) + accepted(good, True)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        waiting = [pool.submit(run_alteration, good, other, work, alter, False, check)
                   for alter, check in WITHOUT_LOG]
        waiting += [pool.submit(run_alteration, good, other, work, alter, True, 'whole log')
                    for alter in WITH_LOG]
        waiting += [pool.submit(run_variant, work, name, check)
                    for name, check in VARIANTS.items()]
        for done in waiting:
            name, found = done.result()
            print(('FAIL ' if found else 'ok   ') + name)
            problems += [f'{name}: {problem}' for problem in found]
    print(f'{len(waiting)} alterations; efface itself was {"asked" if EFFACE else "not there"}')
    return problems


def main():
    missing = [tool for tool in ('openssl', 'jq', 'bash') if not shutil.which(tool)]
    if missing or HELPER is None:
        print('skipped: needs ' + ', '.join(missing or ['make_bundle']))
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='efface-tamper-') as folder:
        problems = run_all(pathlib.Path(folder))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
