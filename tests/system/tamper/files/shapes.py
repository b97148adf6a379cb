# SPDX-License-Identifier: Apache-2.0
"""Thousands of changes of every example record and of the records of earlier releases, at every
depth: judged by the library (make_bundle --judge) and by the modules of scripts/verify-bundle,
which must agree about each. What a shape alone says, no rule, is refused by both."""
import copy
import itertools
import json

from sample import DAY
from tamper.edits import at, changed
from tamper.stock import DATA, SOURCE, judge_here, library_says

GOLDEN = SOURCE / 'tests/data/golden'
STRIDE, SEVERAL = 23, 5  # one change of so many, of them one of so many a day
BATCH = 1000  # make_bundle reads 64 MiB at most
LARGEST = 2 ** 53 - 1
LONG = 'x' * 5000
LONG_HEX = '0' * 140_000
LIST_BYTES = 600_000
OTHER_TYPES = (None, True, 7, 'x', [], {}, [7], {'x': 7}, 0.5)
WORDS = ('sanitized', 'pass', 'fail', 'purge', 'none', 'media', 'signed-approvals', 'nvme', 'drive',
         'nvme-sanitize-block', '1.0.0', '1.1.0', '2026-11-21T09:40:02Z', '0' * 64, '00')
INVENTED = 'weather'  # a field that no record has


def records():
    """(name, predicate); the golden ones last."""
    for path in sorted(DATA.glob('predicate-*.json')):
        yield path.stem, json.loads(path.read_text())
    for path in sorted(GOLDEN.glob('*/*/certificate.json')):
        yield path.parent.name, json.loads(path.read_text())['predicate']


def places(value, above=()):
    """The way to every value but the record itself. Of long lists the first and the last item."""
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = sorted({0, len(value) - 1}) if value else ()
    else:
        return
    for step in steps:
        yield above + (step,)
        yield from places(value[step], above + (step,))


def texts(value):
    yield from (('', 'emptied'), (LONG, 'overlong'), (LONG_HEX, 'overlong in hex'),
                (value + ' ', 'with a space'),
                (value.upper(), 'in capitals'), (value[:-1], 'shortened'), (value + '\n', 'with LF'),
                ('\u00e9' * 2049, 'of 4098 bytes'))
    yield from ((word, 'as ' + word) for word in WORDS)


def numbers(value):
    yield from ((number, f'as {number}') for number in (
        -1, 0, 1, value - 1, value + 1, LARGEST, LARGEST + 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64))
    yield str(value), 'as text'
    yield float(value), 'as a fraction'


def lists(value):
    yield value + copy.deepcopy(value), 'doubled'
    item = value[0] if value else 'x'
    yield value + [item] * min(70_000, LIST_BYTES // len(json.dumps(item))), 'overlong'
    yield value[:-1], 'shortened'
    yield value + [None], 'with null'
    yield value + [[]], 'with a list'


def others(value):
    """(another value, how it is called)"""
    yield from ((other, f'another type, {json.dumps(other)}') for other in OTHER_TYPES)
    if isinstance(value, str):
        yield from texts(value)
    elif isinstance(value, bool):
        yield not value, 'turned'
    elif isinstance(value, int):
        yield from numbers(value)
    elif isinstance(value, list):
        yield from lists(value)
    elif isinstance(value, dict):
        yield {**value, INVENTED: 7}, 'a field invented'
        yield {**value, INVENTED: None}, 'a field invented that is null'
        yield {**value, '': 7}, 'a field without name'


def changes():
    """(what is changed, whether a shape alone must refuse it, the function that makes the record)"""
    for name, record in records():
        yield f'{name}: a field invented', True, lambda record=record: {**record, INVENTED: 7}
        for place in places(record):
            words = f'{name}: ' + '.'.join(str(step) for step in place)
            if isinstance(place[-1], str):
                yield words + ': gone', False, lambda record=record, place=place: \
                    changed(record, place, gone=True)
            # the one object of free names: which libraries
            free = place[:2] == ('tool', 'libraries')
            for other, how in others(at(record, place)):
                yield (f'{words}: {how}', 'invented' in how and not free,
                       lambda record=record, place=place, other=other:
                       changed(record, place, other))


def run(helper, folder, whole):
    """How many were judged, refused and accepted, and what is wrong."""
    counts, problems = {'refused': 0, 'accepted': 0}, []
    waiting = changes() if whole else itertools.islice(
        changes(), DAY % SEVERAL * STRIDE, None, SEVERAL * STRIDE)
    while batch := list(itertools.islice(waiting, BATCH)):
        made = [make() for *_, make in batch]
        library = library_says(helper, folder, made, '--judge')
        for (what, alone, _), record, said in zip(batch, made, library):
            here = judge_here(record)
            counts['accepted' if here else 'refused'] += 1
            if here != (said == 'ok'):
                problems.append(f'the judges differ: {what}: library: {said[:200]}')
            elif here and alone:
                problems.append(f'nobody minds: {what}')
    return counts, problems
