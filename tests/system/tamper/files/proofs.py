# SPDX-License-Identifier: Apache-2.0
"""Alterations of the proofs that lie in a bundle: of the record's entry, and of its announcement."""
import base64
import hashlib
import json
import shutil

from tamper.case import CONSISTENCY_PROOF, INTENT_PROOF, PROOF


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


def in_lines(name, change):
    """Changes the lines of a proof above the note."""
    def alter(case):
        head, gap, note = (case.bundle / name).read_text().partition('\n\n')
        (case.bundle / name).write_text('\n'.join(change(case, head.split('\n'))) + gap + note)
    return alter


def in_bytes(name, change):
    def alter(case):
        (case.bundle / name).write_bytes(change(case, (case.bundle / name).read_bytes()))
    return alter


def other_intent(index):
    """A true proof, but of another entry."""
    def change(case, _):
        entries = [line.rstrip(b'\n') for line in case.log_lines()]
        path = path_of(index, [leaf(line) for line in entries])
        return ['c2sp.org/tlog-proof@v1', 'extra ' + base64.b64encode(entries[index]).decode(),
                f'index {index}'] + [base64.b64encode(one).decode() for one in path]
    return change


def other_entry(**changes):
    def change(_, head):
        told = json.loads(base64.b64decode(head[1][6:])) | changes
        data = json.dumps(told, sort_keys=True, separators=(',', ':')).encode()
        return [head[0], 'extra ' + base64.b64encode(data).decode()] + head[2:]
    return change


def grown_from(old):
    """A true proof of consistency, but from another tree."""
    def change(case, _):
        entries = [leaf(line.rstrip(b'\n')) for line in case.log_lines()]
        path = consistency_of(old, entries)
        return [f'old {old}'] + [base64.b64encode(one).decode() for one in path]
    return change


def without_proofs():
    yield 'intent-gone', lambda case: (case.bundle / INTENT_PROOF).unlink()
    yield 'consistency-gone', lambda case: (case.bundle / CONSISTENCY_PROOF).unlink()
    yield 'both-gone', lambda case: [(case.bundle / name).unlink()
                                     for name in (INTENT_PROOF, CONSISTENCY_PROOF)]
    yield 'both-empty', lambda case: [(case.bundle / name).write_bytes(b'')
                                      for name in (INTENT_PROOF, CONSISTENCY_PROOF)]
    yield 'outcome-as-intent', lambda case: shutil.copy(case.bundle / PROOF,
                                                        case.bundle / INTENT_PROOF)


def broken_proofs(name):
    """Of one of the two: what is around its hashes, and the hashes."""
    def note_of_the_record(case, data):
        note = case.record()['predicate']['log']['checkpoint']
        return data.partition(b'\n\n')[0] + b'\n\n' + note.encode()

    zero = base64.b64encode(bytes(32)).decode()
    yield 'of-a-stranger', in_bytes(name, lambda case, _: (
        case.other / 'bundle' / name).read_bytes())
    yield 'cut', in_bytes(name, lambda _, data: data[:-1])
    yield 'and-more', in_bytes(name, lambda _, data: data + b'\n')
    yield 'CR', in_bytes(name, lambda _, data: data.replace(b'\n', b'\r\n', 1))
    yield 'note-of-the-record', in_bytes(name, note_of_the_record)
    yield 'note-forged', in_bytes(name, lambda _, data: data.replace(b'\n6\n', b'\n7\n'))
    yield 'hash-changed', in_lines(name, lambda _, head: head[:-1] + [zero])
    yield 'hash-too-many', in_lines(name, lambda _, head: head + [zero])
    yield 'hash-missing', in_lines(name, lambda _, head: head[:-1])
    yield 'no-hashes', in_lines(name, lambda _, head: [
        line for line in head if line.startswith(('c2sp', 'extra', 'index', 'old'))])
    yield 'hash-short', in_lines(name, lambda _, head: head[:-1] + [head[-1][4:]])
    yield 'hashes-reordered', in_lines(name, lambda _, head: head[:-2] + head[:-3:-1])


def false_proofs():
    """Proofs of the announcement that prove something else."""
    yield from without_proofs()
    for name in (INTENT_PROOF, CONSISTENCY_PROOF):
        for how, alter in broken_proofs(name):
            yield name.rpartition('.')[2] + '-' + how, alter
    for index in (0, 1, 2, 3, 5):
        yield f'intent-is-entry-{index}', in_lines(INTENT_PROOF, other_intent(index))
    for index in ('0', '3', '5', '6', '04', '-4', str(1 << 64), '4 '):
        yield f'intent-index-{index}', in_lines(
            INTENT_PROOF, lambda _, head, index=index: head[:2] + ['index ' + index] + head[3:])
    for field, value in {'runId': 'run-a', 'device': 64 * '0', 'deviceKeys': [], 'seq': 3,
                         'technique': 'x', 'attempt': 1, 'type': 'run-outcome',
                         'at': '2026-11-20T00:00:00Z', 'more': 1}.items():
        yield f'intent-with-{field}', in_lines(INTENT_PROOF, other_entry(**{field: value}))
    for old in (1, 2, 3, 4, 6):
        yield f'consistency-from-{old}', in_lines(CONSISTENCY_PROOF, grown_from(old))
    for old in ('0', '4', '6', '7', '05', '-5', str(1 << 64), ' 5'):
        yield f'consistency-says-{old}', in_lines(
            CONSISTENCY_PROOF, lambda _, head, old=old: ['old ' + old] + head[1:])


def consistency_of(old, leaves, whole=True):
    """RFC 9162 section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [tree(leaves)]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    if old <= split:
        return consistency_of(old, leaves[:split], whole) + [tree(leaves[split:])]
    return consistency_of(old - split, leaves[split:], False) + [tree(leaves[:split])]


def named(cases):
    for name, alter in cases:
        def run(case, alter=alter):
            alter(case)
        run.__name__ = 'proof-' + name.replace(' ', '_')
        yield run


ALTERATIONS = [  # the alteration, and the check of the library that refuses it
    (proof_of_another_entry, 'log inclusion'), (proof_index, 'log inclusion'),
    (proof_path, 'log inclusion'), (proof_entry, 'log inclusion'),
    (proof_of_a_foreign_log, 'log inclusion'), (note_key_id, 'log inclusion'),
    (note_signature, 'log inclusion'), (note_size, 'log inclusion'),
    (another_bundle_of_the_station, None)] + [(alter, 'log inclusion') for alter in note_lines()]
ALTERATIONS += [(alter, 'announced before') for alter in named(false_proofs())]
