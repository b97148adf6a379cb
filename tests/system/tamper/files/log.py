# SPDX-License-Identifier: Apache-2.0
"""Alterations of the log."""
import hashlib
import json
import shutil
import socket


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


def entries_a_link(case):
    (case.log / 'entries.jsonl').rename(case.log / 'other')
    (case.log / 'entries.jsonl').symlink_to('other')


def entries_a_socket(case):
    """Cannot be opened at all."""
    (case.log / 'entries.jsonl').unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(case.log / 'entries.jsonl'))


def checkpoint_a_link(case):
    (case.log / 'checkpoint').rename(case.log / 'other')
    (case.log / 'checkpoint').symlink_to('other')


def entries_missing(case):
    (case.log / 'entries.jsonl').unlink()


def checkpoint_missing(case):
    (case.log / 'checkpoint').unlink()


def checkpoint_of_the_record(case):
    """Signed by the log, and older than the proof's."""
    (case.log / 'checkpoint').write_text(case.record()['predicate']['log']['checkpoint'])


# What a folder of the log may hold instead of its files, and how every judge ends.
UNREAD, NOT_PROVED = 21, 20
FOLDERS = [(entries_a_link, UNREAD), (entries_a_socket, UNREAD), (checkpoint_a_link, NOT_PROVED),
           (entries_missing, NOT_PROVED), (checkpoint_missing, NOT_PROVED),
           (checkpoint_of_the_record, NOT_PROVED)]


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
