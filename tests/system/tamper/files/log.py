# SPDX-License-Identifier: Apache-2.0
"""Alterations of the proof and of the log."""
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

LOG_ALTERATIONS = [log_line_edited, log_line_removed, log_lines_swapped, log_truncated, log_torn,
                   log_rewritten, log_of_a_stranger, log_checkpoint_replaced]


def unsigned(*lines):
    def alter(case):
        case.write_log(case.log_lines() + list(lines))
    return alter


def entry_line(**fields):
    return json.dumps(fields, sort_keys=True, separators=(',', ':')).encode() + b'\n'


def forged_outcome(case):
    """Chained as it should be, closing as lost what is open, but never signed."""
    lines = case.log_lines()
    case.write_log(lines + [entry_line(
        type='run-outcome', runId='run-o', intent=4, status='lost', reason='x', seq=len(lines),
        at='2026-11-21T10:00:00Z', prev=hashlib.sha256(lines[-1][:-1]).hexdigest())])


UNSIGNED = {  # what stands behind the signed entries: nobody looks at it, both say how many
    'rubbish': (unsigned(b'x\n'), 1), 'torn': (unsigned(b'{"type":"run-int'), 1),
    'empty-line': (unsigned(b'\n'), 1), 'NUL': (unsigned(b'\0' * 4096), 1),
    'later-runs': (unsigned(entry_line(type='run-intent', seq=6), b'a\n', b'b'), 3),
    'long': (unsigned(b'a' * 200000 + b'\n'), None), 'forged': (forged_outcome, 1)}


def two_files(case):
    """What an auditor may have been given of the log."""
    for name in case.log.iterdir():
        if name.name not in ('entries.jsonl', 'checkpoint'):
            name.unlink()


def identity(**fields):
    return lambda p: p['targetIdentity'].update(fields)


def backing(**fields):
    """Of what is named, not of what was treated."""
    return lambda p: p['targetIdentity']['backing'].update(fields)


INSIDERS = [('file', 'file-' + name, change) for name, change in {
    'of-other-inode': identity(inode='7'), 'of-other-device': identity(deviceNumber='8:1'),
    'no-inode': lambda p: p['targetIdentity'].pop('inode'),
    'no-device': lambda p: p['targetIdentity'].pop('deviceNumber'),
    'odd-inode': identity(inode=7), 'born-never': identity(birthTime=''),
    'of-1.1.0': lambda p: p.update(schemaVersion='1.1.0')}.items()]
INSIDERS += [('loop', 'loop-' + name, change) for name, change in {
    'other-file': backing(inode='7'), 'other-file-system': backing(deviceNumber='8:1'),
    'other-birth': backing(birthTime='1.000000001'), 'unborn': backing(birthTime=None),
    'other-part': backing(offsetBytes=4096), 'nameless': identity(backing=None),
    'more': backing(path='/srv/a.img'), 'odd-inode': backing(inode=7),
    'odd-offset': backing(offsetBytes='0'), 'no-offset': lambda p: p['targetIdentity'][
        'backing'].pop('offsetBytes'),
    'replaced': lambda p: p['target']['identityAfter']['backing'].update(inode='7'),
    'lost': lambda p: p['target']['identityAfter'].pop('backing'),
    'of-1.1.0': lambda p: p.update(schemaVersion='1.1.0')}.items()]
INSIDERS.append(('media', 'disk-over-a-file', lambda p: [
    one.update(backing={'deviceNumber': '8:1', 'inode': '7', 'offsetBytes': 0})
    for one in (p['targetIdentity'], p['target']['identity'], p['target']['identityAfter'])]))
INSIDERS.append(('drive', 'map-of-1.1.0', lambda p: (
    p.update(schemaVersion='1.1.0'), p['targetIdentity'].update(deviceMapperUuid='LVM-x'))))

# What the log tells of the device. (record, what make_bundle is told, outcome): "ok", "later" with
# the statuses, or the check that refuses it.
ROWS = {}


def rows(name, kind, told, hidden='whole log'):
    """An earlier run on what is the same device must be declared: with and without."""
    ROWS[name + '-declared'] = (kind, told, 'ok')
    ROWS[name + '-hidden'] = (kind, told | {'declare': False}, hidden)


def others(name, kind, told):
    """An earlier run on what is another device must not be."""
    ROWS[name + '-not-mixed'] = (kind, told | {'declare': False}, 'ok')
    ROWS[name + '-claimed'] = (kind, told, 'whole log')


rows('same', 'example', {})
rows('grown-drive', 'drive', {'earlierIdentity': {'sizeBytes': 4096}})
rows('other-model', 'drive', {'earlierIdentity': {'model': 'USB bridge', 'wwid': 't10.USB x'}})
rows('without-serial', 'drive', {'earlierIdentity': {'serial': ''}})
rows('without-wwid', 'media', {'earlierIdentity': {'wwid': ''}})
rows('renamed-file', 'file', {'earlierIdentity': {'place': '/srv/other'}})
rows('grown-file', 'file', {'earlierIdentity': {'sizeBytes': 1, 'deviceNumber': '8:1'}})
rows('loop-over-renamed-file', 'loop', {'earlierIdentity': {
    'place': 'loop device over /srv/other.img'}})
rows('loop-over-grown-file', 'loop', {'earlierIdentity': {
    'sizeBytes': 1, 'backing': {'deviceNumber': '8:1'}}})
rows('loop-over-nameless-file', 'loop', {'earlierIdentity': {'backing': {'birthTime': None}}})
rows('file-below-loop', 'loop', {'earlierIdentity': {
    'kind': 'file', 'place': '/srv/a.img', 'backing': None, 'inode': '1315842',
    'deviceNumber': '259:2', 'birthTime': '1763111222.123456789'}})
rows('volume-of-other-project', 'example', {'earlierIdentity': {'projectId': 'other'}})
rows('volume-renamed', 'example', {'earlierIdentity': {'projectId': 'other', 'volumes': [
    {'name': 'x', 'uuid': '00000000-0000-4000-8000-000000000001'},
    {'name': 'y', 'uuid': '2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10'}]}})
rows('old-entry', 'drive', {'earlierIntent': {'deviceKeys': None}})
others('other-namespace', 'drive', {'earlierIdentity': {
    'wwid': 'eui.36344730545001230025384500000002'}})
others('other-serial', 'drive', {'earlierIdentity': {'serial': 'S2', 'wwid': ''}})
others('file-of-that-name', 'file', {'earlierIdentity': {'birthTime': '1763111222.000000000'}})
others('loop-over-other-file', 'loop', {'earlierIdentity': {
    'backing': {'birthTime': '1763111222.000000000'}}})
others('loop-over-other-part', 'loop', {'earlierIdentity': {'backing': {'offsetBytes': 1048576}}})
others('part', 'drive', {'earlierIdentity': {'kind': 'partition', 'partitionUuid': 'aa-01'}})
others('other-volume', 'example', {'earlierIdentity': {'volumes': [
    {'name': 'pg-data', 'uuid': '00000000-0000-4000-8000-000000000001'}]}})
others('other-boot', 'memory', {'earlierIdentity': {'bootId': 'x'}})
others('old-entry-of-other-size', 'drive', {'earlierIdentity': {'sizeBytes': 4096},
                                            'earlierIntent': {'deviceKeys': None}})
ROWS |= {
    'open-then': ('drive', {'openBefore': True}, 'whole log'),
    'open-later': ('drive', {'later': ['open']}, ['open']),
    'later': ('drive', {'later': ['not-sanitized', 'sanitized']}, ['not-sanitized', 'sanitized']),
    'later-lost-file': ('file', {'later': ['sanitized', 'open']}, ['sanitized', 'open']),
    'later-volumes': ('example', {'later': ['indeterminate']}, ['indeterminate']),
    'later-refused': ('drive', {'later': ['refused']}, 'ok'),
    'outcome-early': ('drive', {'outcome': {'at': '2026-11-21T09:20:00Z'}}, 'log inclusion'),
    'outcome-timeless': ('drive', {'outcome': {'at': ''}}, 'log inclusion'),
    'outcome-of-other-run': ('drive', {'outcome': {'runId': 'run-a'}}, 'log inclusion'),
    'outcome-better': ('drive', {'outcome': {'status': 'sanitized-with-exceptions'}},
                       'log inclusion'),
    'outcome-of-other-intent': ('drive', {'outcome': {'intent': 0}}, 'log inclusion')}
ROWS |= {'intent-' + name: (kind, {'intent': patch}, 'announced before')
         for name, kind, patch in (
             ('late', 'drive', {'at': '2026-11-21T09:30:00Z'}), ('timeless', 'drive', {'at': None}),
             ('technique', 'drive', {'technique': 'nvme-sanitize-crypto'}),
             ('technique-volumes', 'example', {'technique': 'luks-key-destruction'}),
             ('no-technique', 'drive', {'technique': None}),
             ('attempt', 'drive', {'attempt': 1}), ('no-attempt', 'drive', {'attempt': None}),
             ('run', 'drive', {'runId': 'run-a'}), ('device', 'drive', {'device': 64 * '0'}),
             ('no-keys', 'drive', {'deviceKeys': None}), ('empty-keys', 'drive', {'deviceKeys': []}),
             ('other-keys', 'drive', {'deviceKeys': ['serial:' + 64 * '0']}),
             ('manifest', 'example', {'manifest': {'sha256': 64 * '0'}}),
             ('no-manifest', 'example', {'manifest': None}),
             ('a-manifest', 'memory', {'manifest': {'sha256': 64 * '0'}}),
             ('more', 'drive', {'person': 'alice'}), ('type', 'drive', {'type': 'run-intents'}))}
ROWS['intent-earlier-by-minutes'] = ('drive', {'intent': {'at': '2026-11-21T09:11:00Z'}}, 'ok')
