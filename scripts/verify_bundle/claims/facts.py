# SPDX-License-Identifier: Apache-2.0
"""What stands in a record more than once, or can be computed from the rest of it, agrees."""
from collections import Counter

from common import CLOCK_SLACK, canonical, need, sha256, when
from claims.health import check_health
from claims.status_pages import is_sent
from claims.techniques import SUCCESS, TABLE

TOKEN_DIGITS = 6  # of the digest of the identity
NAMESPACES_TOLD = 256
# page: (field of target.drive, first byte, bytes), and whether each two characters are exchanged
NAMES = {'NVMe Identify Controller': ([('serial', 4, 20), ('model', 24, 40), ('firmware', 64, 8)],
                                      False),
         'ATA IDENTIFY DEVICE': ([('serial', 20, 20), ('firmware', 46, 8), ('model', 54, 40)], True),
         'SCSI INQUIRY': ([('model', 16, 16), ('firmware', 32, 4)], False)}


def values(record, path):
    """All that say something at this path, in which a star is every item of a list."""
    found = [record]
    for step in path.split('.'):
        found = [inner for value in found for inner in (
            value if step == '*' and type(value) is list else
            [value[step]] if type(value) is dict and step in value else [])]
    return [value for value in found if value is not None and value != '']


def either_begins(one, other):
    return one.startswith(other) or other.startswith(one)


HOW = {'same': lambda fact, other: type(fact) is type(other) and fact == other,
       'begins': either_begins,
       'differs': lambda fact, other: fact != other,
       'within': lambda fact, start, end: when(start) <= when(fact) <= when(end),
       'until': lambda fact, end: when(fact) <= when(end) + CLOCK_SLACK,
       'below': lambda fact, other: fact < other,
       'atMost': lambda fact, end: when(fact) <= when(end)}


def check_facts(predicate):
    """Those that the table lists."""
    success = predicate['result']['status'] in SUCCESS
    interrupted = predicate['sanitization'].get('interruptions') or 0
    for row in TABLE.facts:
        if row.get('success') and not success or row.get('uninterrupted') and interrupted or \
                'unless' in row and values(predicate, row['unless']) or \
                predicate['certificateType'] not in row.get('types', [predicate['certificateType']]):
            continue
        how = next(key for key in HOW if key in row)
        paths = row[how] if type(row[how]) is list else [row[how]]
        others = [values(predicate, path)[:1] for path in paths]
        if all(others):
            for fact in values(predicate, row['fact']):
                need(HOW[how](fact, *(other[0] for other in others)),
                     f'{row["fact"]} contradicts {paths[0]}')


def check_target_facts(predicate, row):
    """Of one target, whose rules hold already."""
    check_token(predicate)
    check_health(predicate['target'])
    work, drive = predicate['sanitization'], predicate['target'].get('drive')
    if predicate['result']['status'] not in SUCCESS or work.get('operation') is None:
        return
    told = {key: value for key, value in drive['facts'].items() if value is not None}
    check_model(predicate['target']['identity'], drive['model'])
    check_medium(predicate['target'], told)
    check_sizes(predicate, told)
    check_names(work['statusBefore'], drive)
    if not work['operation']['adopted']:
        check_namespaces(predicate, told)
        seen = predicate['verification']
        need('surfaces' not in seen['samples'] or  # since 1.1.0
             [surface['name'] for surface in seen['canaries']['surfaces']] ==
             [surface['name'] for surface in seen['samples']['surfaces']],
             'the samples are of other surfaces than the canaries')
        done = work['operation']
        for rule in (row or {}).get('commands', ()):
            need(any(is_sent(command, rule) and when(done['startedAt']) <= when(command['at']) <=
                     when(done['completedAt']) for command in done['commands']),
                 'the command was sent before the start or after the end')


def check_token(predicate):
    """What a person knows it by: its serial number, or an end that comes from its identity."""
    identity = predicate['targetIdentity']
    token = predicate['authorization'].get('targetToken')
    need(not token or token in (identity.get('serial'), identity.get('serialNumber')) or
         token.endswith('-' + sha256(canonical(identity)).hex()[:TOKEN_DIGITS]),
         'the token belongs to another target')


def check_model(identity, model):
    """In front of it a dock may tell its own name."""
    docked = identity.get('bridgeSerialNumber') is not None or identity['transport'] == 'usb'
    need(docked or not model or not identity['model'] or either_begins(model, identity['model']),
         'the model of the drive is not that of the target')


def check_medium(target, told):
    """A rotating disk is not flash."""
    flash, turns = told.get('flash'), told.get('rotationRpm')
    need(flash is not True or (turns or 0) <= 1, 'flash is said to have rotating media')
    need(flash is not False or turns != 1 and not any(
        layer.get('flash') and layer['type'] == 'disk' for layer in target['layersBelow']),
         'a rotating disk is said to be flash')


def areas_of(predicate):
    return predicate['target']['hiddenAreas'].get('areas') or []


def check_sizes(predicate, told):
    """What is there beyond the end of the target is listed."""
    target, areas = predicate['target'], areas_of(predicate)
    need(told.get('unallocatedBytes') in (None, sum(
        area['bytes'] for area in areas if area['kind'] == 'unallocated-capacity')),
         'the unallocated capacity is not the one listed')
    shown = max(target['sizeBytes'], target['identityAfter']['sizeBytes'])
    end = (told.get('nativeMaxLba', -1) + 1) * max(target['logicalBlockBytes'], 1)
    need(end <= shown or any(area['kind'] in ('hpa', 'dco', 'ama') for area in areas),
         'the drive is larger than what was erased, and nothing is listed as hidden')


def check_namespaces(predicate, told):
    """Each was looked at, or is listed as one that could not be."""
    sizes = Counter(surface['sizeBytes']
                    for surface in predicate['verification']['canaries']['surfaces'])
    sizes.update(area['bytes'] for area in areas_of(predicate)
                 if area['kind'] == 'unattached-namespace' and not area['opened'])
    listed = told.get('namespaces', [])
    need(not Counter(one['sizeBytes'] for one in listed) - sizes, 'a namespace was left out')
    need('namespaces' not in told or 'namespacesInAll' not in told or
         len(listed) == min(told['namespacesInAll'], NAMESPACES_TOLD),
         'the number of namespaces is wrong')


def check_names(pages, drive):
    """The drive is the one that its own pages name."""
    for page in pages:
        for start, (fields, exchanged) in NAMES.items():
            data = bytes.fromhex(page['hex']) if page['page'].startswith(start) else b''
            for field, at, size in fields:
                text = data[at:at + size]
                if exchanged:
                    text = b''.join(text[place:place + 2][::-1] for place in range(0, len(text), 2))
                told = all(0x20 <= byte < 0x7f for byte in text) and text.decode().strip(' ')
                need(len(text) < size or not told or drive[field] in ('', told),
                     f'the {field} of the drive does not match its page')
