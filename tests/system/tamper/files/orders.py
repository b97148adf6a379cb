# SPDX-License-Identifier: Apache-2.0
"""Orders and manifests that ask for something else than the record says was done: every field of
each, broken in every way, judged by the library (make_bundle --judge-orders) and by the modules of
scripts/verify-bundle. Both refuse what a record tells of, and agree about the rest."""
import json
import subprocess

from tamper.edits import at, changed, places
from tamper.claims.generated import broken
from tamper.stock import accepts, library_says, predicate_of, stock

# What the record does not repeat, in any words: of backups that are gone it tells no role.
FREE = {'path', 'key_file', 'header', 'header_backups', 'release_member', 'credential_file',
        'credential_authority', 'pattern', 'verification', 'bad_blocks', 'fallbacks', 'sweep'}
# What may be left away: then less is asked for, or what is done by itself.
MAY_BE_LEFT = {'serial', 'wwid', 'size_bytes', 'limits', 'when_hot', 'when_slow', 'when_late',
               'not_after', 'gone', 'policy', *FREE}
# The ends of what efface-order(5) calls hidden: controls, separators, and what turns text.
HIDDEN = '\0\x1f\x7f\x80\x9f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069'
KINDS = ('example', 'detached', 'media', 'drive', 'memory', 'file')


def record_of(kind):
    if kind != 'detached':
        return predicate_of(kind)
    record = record_of('example')  # a first header was left on the data device
    locations = record['volumes'][0]['locations']
    locations.insert(0, {**locations[0], 'role': 'detached-header'})
    return record


def honest(helper, kind, path):
    """An order with every field that one of its kind may have, and the record, in `path`, too."""
    predicate = record_of(kind)
    path.write_text(json.dumps(predicate))
    order = json.loads(subprocess.run([helper, '--order', path], check=True,
                                      capture_output=True).stdout)
    started = predicate['sanitization']['startedAt']
    order['not_after'] = started
    if kind in ('example', 'detached'):
        order['volumes'][0].update(
            release_member=['data'], size_bytes=predicate['volumes'][0]['locations'][0]['identity']
            ['sizeBytes'], header_backups=[{'path': '/root/gone', 'gone': True}])
        predicate['volumes'][0]['exceptions'].append(
            {'code': 'declared-gone', 'text': '/root/gone: declared as already gone'})
        path.write_text(json.dumps(predicate))
        return order, predicate
    order.setdefault('verification', 'full')
    order.update(bad_blocks='except', sweep=False)
    if kind == 'drive':
        order.update(credential_file='/root/psid', credential_authority='psid',
                     fallbacks=['overwrite-zero'])
    order['targets'].append({'target': '/dev/another', 'size_bytes': 512})
    return order, predicate


def broken_orders(order):
    """(place, how, order)"""
    for place in places(order):
        for how, value in broken(at(order, place)).items():
            yield place, how, changed(order, place, value)
        if isinstance(place[-1], str):
            yield place, 'gone', changed(order, place, gone=True)
        if isinstance(at(order, place), dict):
            yield place, 'invented', changed(order, [*place, 'invented'], 1)
    yield (), 'invented', {**order, 'invented': 1}


def odd_texts(order):
    """(how, text): orders as no other reader would take them, and dates at the end of time."""
    text = json.dumps(order)
    last = json.dumps({**order, 'not_after': '9999-12-31T23:59:59Z'})
    yield from (('at the end of time', last), ('control character', text[:-1] + ', "x\\u001b": 1}'),
                ('byte order mark', '\ufeff' + text), ('twice', text[:-1] + ', "schema": "x"}'),
                ('nested', text[:-1] + ', "x": ' + '[' * 40 + ']' * 40 + '}'))
    for number in ('-0', '1.0', '1e3', str(1 << 64), str(1 << 70), '-1', 'NaN', 'true'):
        yield 'size ' + number, text.replace('"size_bytes": 512', '"size_bytes": ' + number)
    for escape in ('\\ud800', '\\udc00\\ud83d'):
        yield 'path ' + escape, text.replace('"/root/', f'"/root/{escape}')


def hidden_texts(order):
    """(how, text): every text of the order with a character that people do not see."""
    for place in places(order):
        text = at(order, place)
        if isinstance(text, str):
            for point in HIDDEN:
                for where, made in (('before', point + text), ('behind', text + point)):
                    yield (f'hidden {ord(point):04x} {where} {".".join(map(str, place))}',
                           json.dumps(changed(order, place, made)))


def may_pass(kind, place, how):
    """Whether a record says nothing of what was changed."""
    names = [step for step in place if isinstance(step, str)]
    if FREE & set(names) or (how == 'gone' and names[-1] in MAY_BE_LEFT):
        return True
    # Of another target nothing is told; the order for memory may be one for other storage, too,
    # and some memory has no size that stays.
    return (place[:2] == ('targets', 1) or (names == ['targets'] and how in ('first', 'shorter'))
            or (kind == 'memory' and names[-1:] in (['policy'], ['size_bytes'])))


HEALTH = {'reallocated_max': 'reallocated', 'pending_max': 'pending',
          'media_errors_max': 'mediaErrors', 'power_on_hours_max': 'powerOnHours',
          'wear_percent_max': 'wearPercent', 'spare_percent_min': 'sparePercent'}
LIMIT = 20


def limited(helper, work):
    """(name, order, record, whether it is what was ordered): each limit of a drive's health, with a
    drive below, at and above it, and one that does not report the value; sizes of sectors."""
    order, predicate = honest(helper, 'drive', work / 'record-limited')
    started = predicate['sanitization']['startedAt']

    def record(values):
        target = {**predicate['target'], 'health': {
            'before': {'at': started, 'commandSet': 'scsi', 'values': values, 'pages': []},
            'after': None, 'grown': []}}
        return {**predicate, 'target': target}
    unasked = {**predicate, 'target': {key: value for key, value in predicate['target'].items()
                                       if key != 'health'}}
    for key, value in HEALTH.items():
        asked = {**order, 'health': {key: LIMIT}}
        for told in (LIMIT - 1, LIMIT, LIMIT + 1):
            kept = told >= LIMIT if key.endswith('_min') else told <= LIMIT
            yield f'{key} of {told}', asked, record({value: told}), kept
        yield f'{key} not reported', asked, record({'celsius': 30}), False
        yield f'{key} of no health', asked, unasked, False
    asked = {**order, 'health': {'refuse_failing': True}}
    for values, kept in (({'failing': False}, True), ({'failing': True}, False), ({}, False)):
        yield f'refuse_failing of {values}', asked, record(values), kept
    for size in (None, 512, 4096):
        asked = {**order, **({'sector_size': size} if size else {})}
        yield f'sectors, {size} ordered', asked, predicate, True
        for done in (512, 4096):
            operation = {**predicate['sanitization']['operation'], 'sectorFormat': {
                'before': 520, 'after': done, 'startedAt': started, 'endedAt': started,
                'watched': True, 'commands': []}}
            yield (f'sectors, {size} ordered, {done} made', asked, {
                **predicate, 'sanitization': {**predicate['sanitization'],
                                              'operation': operation}}, size == done)


def check_limited(helper, work, counts, problems):
    judge_order = stock('order.judge').judge_order
    for name, order, predicate, kept in limited(helper, work):
        path = work / 'record-limited'
        path.write_text(json.dumps(predicate))
        text = json.dumps(order)
        library = library_says(helper, work, [text], '--judge-orders', path, as_text=True)[0]
        script = accepts(judge_order, text.encode(), predicate)
        counts['free' if kept else 'refused'] += 1
        if (library == 'ok') != kept or script != kept:
            problems.append(f'{name}: the library says {library}, the script {script}')


def run(helper, work):
    """(how many were refused and accepted by both, problems)"""
    judge_order = stock('order.judge').judge_order
    counts, problems = {'refused': 0, 'free': 0}, []
    for kind in KINDS:
        record = work / f'record-{kind}'
        order, predicate = honest(helper, kind, record)
        rows = [((), 'honest', json.dumps(order))]
        rows += [(place, how, json.dumps(made)) for place, how, made in broken_orders(order)]
        # A text that is the order as it is has such a field.
        rows += [((), how, text) for how, text in odd_texts(order) if text != rows[0][2]]
        rows += [((), how, text) for how, text in hidden_texts(order)]
        answers = library_says(helper, work, [row[2] for row in rows], '--judge-orders', record,
                               as_text=True)
        for (place, how, text), answer in zip(rows, answers):
            name = f'{kind}: {".".join(map(str, place))} {how}'
            library = answer == 'ok'
            script = accepts(judge_order, text.encode(), predicate)
            counts['free' if library else 'refused'] += 1
            if library != script:
                problems.append(f'{name}: the library {"accepts" if library else "refuses"} it '
                                f'and the script does not: {answer}')
            elif not place and library != (how in ('honest', 'at the end of time')):
                problems.append(f'{name}: {answer}')
            elif library and place and not may_pass(kind, place, how):
                problems.append(f'{name}: accepted by both')
    check_limited(helper, work, counts, problems)
    return counts, problems
