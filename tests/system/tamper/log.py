# SPDX-License-Identifier: Apache-2.0
"""Alterations of the proof and of the log."""
import base64
import hashlib
import json
import shutil

from tamper.case import PROOF


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


def note_lines():
    """Each odd signature line beside, before or in the good one."""
    for name, make in {
            'junk': lambda line: line + 'junk\n', 'empty line': lambda line: line + '\n',
            'NUL': lambda line: line + '\0\n', 'no base64': lambda line: line + '\u2014 other !!!!\n',
            'short': lambda line: line + '\u2014 other AAAA\n',
            'no name': lambda line: line + '\u2014  AAAAAAAA\n',
            'forged twin': lambda line: line + line[:-9] + 'AAAAAAA=\n',
            'carriage return': lambda line: line[:-1] + '\r\n',
            'vertical tab': lambda line: line[:-1] + '\v' + line,
            'next line': lambda line: line[:-1] + '\u0085' + line,
            'line separator': lambda line: line[:-1] + '\u2028' + line,
            'cut': lambda line: line[:-1]}.items():
        def alter(case, make=make):
            head, note = proof_parts(case)
            text, gap, signatures = note.rpartition('\n\n')
            assert signatures.startswith('\u2014 ') and signatures.endswith('\n')
            with open(case.bundle / PROOF, 'w', newline='', encoding='utf-8') as file:
                file.write('\n'.join(head) + '\n\n' + text + gap + make(signatures))
        alter.__name__ = 'note_signature_line_' + name.replace(' ', '_')
        yield alter


ALTERATIONS = [  # the alteration, and the check of the library that refuses it
    (proof_of_another_entry, 'log inclusion'), (proof_index, 'log inclusion'),
    (proof_path, 'log inclusion'), (proof_entry, 'log inclusion'),
    (proof_of_a_foreign_log, 'log inclusion'), (note_key_id, 'log inclusion'),
    (note_signature, 'log inclusion'), (note_size, 'log inclusion'),
    (another_bundle_of_the_station, None)] + [(alter, 'log inclusion') for alter in note_lines()]

LOG_ALTERATIONS = [log_line_edited, log_line_removed, log_lines_swapped, log_truncated, log_torn,
                   log_rewritten, log_of_a_stranger, log_checkpoint_replaced]
