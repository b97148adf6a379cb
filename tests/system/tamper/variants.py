# SPDX-License-Identifier: Apache-2.0
"""Each condition and each fact of the table broken alone, in records of every kind of claim: plain, of
no level, failed, gone on with by another process, and of record 1.0.0."""
from tamper import contradictions, drive, memory, read, volumes
from tamper.edits import after, at, changed, in_1_0, level, made, work
from tamper.generated import places_named
from tamper.rows import TABLE
from tamper.stock import judge_here, predicate_of

BASES = {  # of each family: (kind, change) of records in which its fields stand
    'drive': [('drive', lambda p: None), ('drive', drive.whole), ('drive', drive.crypto),
              ('drive', drive.unexpected), ('drive', read.refused)],
    'overwrite': [('media', lambda p: None), ('file', lambda p: None)],
    'memory': [('memory', lambda p: None), ('memory', memory.pool)],
    'keys': [('example', lambda p: None)]}


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
    for place in places_named(root, condition['path'].split('.')):
        for other in values:
            yield place, other
        if not condition.get('optional') and type(place[-1]) is str:
            yield place, None


def of_conditions(seen):
    for family, content in TABLE['families'].items():
        records = list(honest(BASES[family]))
        for key in ('conditions', 'volumeConditions'):
            for condition in content.get(key, ()):
                values = [value for value in seen(family, condition['path']) if not any(
                    type(value) is type(good) and value == good for good in condition['allowed'])]
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
                    for place in said[:1]:
                        yield kind, row['fact'], changed(
                            record, place, contradictions.other_than(row, record, place))


def claims(seen):
    """As those of tamper_test.claims_made, which must all be refused."""
    for kind, path, record in list(of_conditions(seen)) + list(of_facts()):
        if not judge_here(record):  # a value may be borne by what this record excepts
            yield 'a false claim', path, kind, 'broken alone', record
