# SPDX-License-Identifier: Apache-2.0
"""Each condition and each fact of the table broken alone, in records of every kind of claim: plain, of
no level, failed, gone on with by another process, and of record 1.0.0."""
import copy

from tamper.claims import contradictions, drive, read, target, volumes
from tamper.edits import after, at, changed, in_1_0, level, made, one_fault, work
from tamper.claims.generated import places_named
from tamper.claims.rows import TABLE
from tamper.stock import judge_here, predicate_of

FAULTS = [{'operation': 'read', 'offset': 0, 'length': 512, 'error': 'EIO'}]


def limited(p):
    """Slow for a while, at which it paused."""
    work(p)['limits'] = {'events': [{'at': work(p)['startedAt'], 'limit': 'speed', 'what': 'slow',
                                     'then': 'pause'}]}


def asked_itself(p):
    """Looked at by the drive's own read, too."""
    p['verification']['byCommand'] = {'looked': 16, 'intact': 0}


def unwritten(p):
    """As honest, with a look at blocks that were not written."""
    p['verification']['unwrittenAreas'] = {'bytesReadable': 0, 'blocksDifferent': 0,
                                           'bytesUnreadable': 0}


def nothing_hidden(p):
    p['target']['hiddenAreas']['areas'] = []


def nothing_failed(p):
    """With lists in which nothing stands."""
    for volume in p['volumes']:
        for place in volume['locations']:
            place['verification'].update(faults=[], mismatchOffsets=[])


def unchanged(p):
    samples = p['verification']['samples']
    samples.update(changed=samples['changed'] - 1, unchanged=1)
    for surface in samples.get('surfaces', [])[:1]:  # since 1.1.0
        surface['changed'] -= 1


def intact(p):
    canaries = p['verification']['canaries']
    canaries.update(changed=canaries['changed'] - 1, intact=1)
    canaries['surfaces'][0]['intact'] = canaries['surfaces'][0]['offsets'][1:2]


def structured(p):
    sample = p['volumes'][0]['payloadSample']
    sample.update(structured=1, ciphertextLike=sample['ciphertextLike'] - 1)


def not_written(p):
    for entry in work(p)['passes']:
        entry['writeFaults'] = one_fault(0, 1)


def not_read(p):
    p['verification'].update(readFaults=one_fault(0, 1),
                             bytesPlanned=p['verification']['bytesPlanned'] + 1)


def expected_unread(p):
    """Canaries that cannot be read, as the technique leaves them."""
    drive.unreadable(p)
    drive.with_exceptions(p, 'unreadable-blocks')


def expected_few(p):
    """Samples that cannot be read, as the technique leaves them."""
    read.few_samples(p)
    p['verification']['unreadableStatuses'][0]['expected'] = True
    p['verification']['expected'] = {'content': 'nothing', 'checked': 0, 'mismatches': 0}


# What does not add up with one field alone.
SPOILT = {'sanitization.passes.*.writeFaults.bytes': not_written,
          'verification.readFaults.bytes': not_read,
          'verification.samples.unchanged': unchanged, 'verification.canaries.intact': intact,
          'payloadSample.structured': structured}
BASES = {  # of each family: (kind, change) of records in which its fields stand
    'drive': [('drive', lambda p: None), ('drive', drive.whole), ('drive', drive.crypto),
              ('drive', drive.unexpected), ('drive', read.refused),
              ('drive', limited), ('drive', asked_itself), ('drive', nothing_hidden),
              ('drive', drive.whole_with_bad_blocks), ('drive', read.few_samples),
              ('drive', expected_unread), ('drive', expected_few)],
    'overwrite': [('media', lambda p: None), ('file', lambda p: None), ('media', unwritten),
                  ('media', limited), ('media', target.bad_block), ('media', read.read_fault)],
    'memory': [('memory', lambda p: None), ('memory', limited), ('memory', contradictions.swept)],
    'keys': [('example', lambda p: None), ('example', nothing_failed)]}


def no_level(p):
    level(p, 'none')
    for volume in p.get('volumes', []):
        volume['level'] = 'none'


def failed(p):
    no_level(p)
    p['result'].update(status='indeterminate', exceptions=[])
    for volume in p.get('volumes', []):
        volume['status'] = 'indeterminate'


def cleared(p):
    """Clear where it could be purge."""
    if p['result']['level'] == 'purge':
        level(p, 'clear')
        for volume in p.get('volumes', []):
            volume['level'] = 'clear'


def old(p):
    if 'volumes' in p:
        volumes.old(lambda p: None)(p)
    elif 'operation' in work(p):
        read.old(p)
    else:
        in_1_0(p)


def gone_on(p):
    work(p)['interruptions'] = 1


STEP = {'step': 'wipe', 'at': '2026-11-21T09:40:05Z', 'result': 'failed', 'detail': ''}
ITEMS = {'faults': FAULTS[0], 'mismatchOffsets': 0, 'regionReasons': 'a doubt',
         'structuredPlaces': {'offset': 0, 'reason': 'text'}}  # what may stand in these lists
VARIANTS = (lambda p: None, no_level, failed, cleared, old, after(no_level, old), gone_on)


def honest(bases):
    """Every record of them, as every kind of claim that can be made of it."""
    for kind, change in bases:
        for variant in VARIANTS:
            try:
                record = made(predicate_of(kind), after(change, variant))
            except KeyError:  # it has no such form
                continue
            if judge_here(record):
                yield kind, record


def applies(condition, record, claiming):
    """Whether it is asked of this claim."""
    success = claiming['status'].startswith('sanitized')
    asked = {'success': success, 'pass': record['verification'].get('result') == 'pass',
             'level': success and claiming['level'] != 'none',
             'purge': success and claiming['level'] == 'purge'}
    return asked[condition.get('for', 'success')] and not (
        'since' in condition and record['schemaVersion'] == '1.0.0')


def broken(condition, root, values):
    """(place below the root, other value; None for none)"""
    steps = condition['path'].split('.')
    if steps[-1] == '*' or condition['path'].endswith('steps.*.result'):  # nothing may be there
        for place in places_named(root, steps[:-1] if steps[-1] == '*' else steps[:-2]):
            yield place, [ITEMS[steps[-2]] if steps[-1] == '*' else STEP]
    if steps[-3:] == ['steps', '*', 'result'] and 'steps' not in root.get('sanitization', {}):
        yield ['sanitization', 'steps'], [STEP]
    for place in places_named(root, steps):
        for other in values:
            yield place, other
        if not condition.get('optional') and type(place[-1]) is str:
            yield place, None


def unnamed(record):
    """Exceptions that name something else, or nothing, of a claim that needs one."""
    for status, exceptions in (('sanitized-with-exceptions', contradictions.named('it', 'io-failed')),
                               ('sanitized', [])):
        if record['result']['exceptions'] and (
                not exceptions or record['schemaVersion'] != '1.0.0'):
            yield {**record, 'result': {**record['result'], 'status': status,
                                        'exceptions': exceptions}}


def spoilt(condition, records):
    for kind, record in records:
        if condition['path'] in SPOILT and applies(condition, record, record['result']):
            other = copy.deepcopy(record)
            SPOILT[condition['path']](other)
            yield kind, condition['path'], other
        if 'except' in condition:
            yield from ((kind, condition['path'], other) for other in unnamed(record))


def of_conditions(seen):
    for family, content in TABLE['families'].items():
        records = list(honest(BASES[family]))
        for key in ('conditions', 'volumeConditions'):
            for condition in content.get(key, ()):
                values = [value for value in seen(family, condition['path']) if not any(
                    type(value) is type(good) and value == good for good in condition['allowed'])]
                values += [not good for good in condition['allowed'] if type(good) is bool]
                yield from spoilt(condition, records)
                for kind, record in records:
                    above = ['volumes', 0] if key == 'volumeConditions' else []
                    claiming = record['volumes'][0] if above else record['result']
                    if not applies(condition, record, claiming):
                        continue
                    for place, other in broken(condition, at(record, above), values):
                        yield kind, condition['path'], changed(
                            record, above + place, other, gone=other is None)


def of_facts():
    for kind, builds in contradictions.FULL.items():
        for kind, record in honest([(kind, build) for build in builds]):
            success = record['result']['status'].startswith('sanitized')
            for row in TABLE['facts']:
                if record['certificateType'] in row.get('types', [record['certificateType']]) and not (
                        row.get('success') and not success) and not (
                        row.get('uninterrupted') and work(record).get('interruptions')):
                    said = [place for place in places_named(record, row['fact'].split('.'))
                            if at(record, place) not in (None, '')]
                    for place in said[-1:]:
                        yield kind, row['fact'], changed(
                            record, place, contradictions.other_than(row, record, place))
                    for place in places_named(record, row['same'].split('.')) if said and \
                            'same' in row else ():
                        for other in list(contradictions.others(at(record, place), record))[:1]:
                            yield kind, row['fact'], changed(record, place, other)


def claims(seen):
    """As those of tamper_test.claims_made, which must all be refused."""
    for kind, path, record in list(of_conditions(seen)) + list(of_facts()):
        if not judge_here(record):  # a value may be borne by what this record excepts
            yield 'a false claim', path, kind, 'broken alone', record
