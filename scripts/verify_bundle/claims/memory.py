# SPDX-License-Identifier: Apache-2.0
"""Memory: no more than was there, was written and read back, or than the kernel clears."""
from common import need
from reasons import named, since_1_1
from claims.techniques import SUCCESS, TABLE, enough


def machine_of(predicate):
    return (predicate['target'].get('facts') or {}).get('machine') or {}


def check_free(predicate):
    """In records of every verdict."""
    if predicate['sanitization'].get('sweep') is not None:
        row = TABLE.row(predicate['sanitization']['technique'], predicate['target']['kind']) or {}
        need('swept' in row.get('needs', ()), 'only free pages are swept')


def is_cleared(predicate):
    """Whether the kernel clears what is freed."""
    return (machine_of(predicate).get('initOnFree') or {}).get('state') == 'on'


def check_memory(predicate, rules):
    result, row = predicate['result'], rules.row or {}
    if result['status'] not in SUCCESS:
        return
    need(all(named(result['exceptions'], code) for code in row.get('named', ())),
         'what is never reached must be an exception')
    for word in row.get('needs', ()):
        NEEDS[word](predicate, row)
    if result['level'] == 'none':
        return
    freed = (predicate['target'].get('facts') or {}).get('contentFreed')
    for word in row['whenFreed'] if freed and row.get('whenFreed') else row.get('levelNeeds', ()):
        LEVEL_NEEDS[word](predicate, rules)


def written_in(predicate):
    return sum(entry['bytesWritten'] for entry in predicate['sanitization']['passes'])


def check_written(predicate, row):
    written, one_in = written_in(predicate), row.get('readBackOneIn')
    need(written, 'nothing was written')
    need(not one_in or predicate['verification']['bytesCompared'] >= written // one_in,
         'too little was read back')


def check_resident(predicate, _):
    resident = (predicate['target'].get('facts') or {}).get('residentBytes')
    need(resident is not None and resident <= written_in(predicate),
         'less was written than exists')


def check_removed(predicate, _):
    need(predicate['target']['identityAfter'].get('removed'), 'it was not removed')


def check_sweep(predicate, _):
    sweep = predicate['sanitization'].get('sweep')
    need(sweep, 'the record does not state how much was taken')
    free, taken = sweep['freeBytes'], sweep['takenBytes']
    need(0 < taken <= min(free, written_in(predicate)) and sweep['passes'],
         'the numbers of the sweep do not add up')
    need(taken == free or named(predicate['result']['exceptions'], 'free-not-taken'),
         'what was not taken must be an exception')


def check_freed(predicate, _):
    need(is_cleared(predicate) or not since_1_1(predicate) or
         named(predicate['result']['exceptions'], 'content-only-freed'),
         'what was only freed must be an exception')


NEEDS = {'written': check_written, 'resident-written': check_resident, 'removed': check_removed,
         'swept': check_sweep, 'freed-is-named': check_freed}


def last_written(predicate):
    """Of files and mounts there may be nothing to write: holes, or what an earlier process left."""
    passes = predicate['sanitization']['passes']
    return passes[-1]['bytesWritten'] if passes else 0


def level_pass(predicate, _):
    need(predicate['sanitization']['passes'], 'a level is claimed without an overwrite')


def level_whole(predicate, _):
    need(0 < last_written(predicate) >= predicate['target']['sizeBytes'],
         'a level is claimed for a part of the device')


def level_read_back(predicate, _):
    seen = predicate['verification']
    need(seen['method'] == 'full-read-back' and seen['bytesPlanned'] == last_written(predicate),
         'a level is claimed, but not everything that was written was read back')


def level_taken(predicate, rules):
    sweep = predicate['sanitization']['sweep']
    need(enough(sweep['takenBytes'], sweep['freeBytes'], rules.part('untakenOneIn')),
         'a level is claimed, but too little of the free memory was taken')


def level_cleared(predicate, _):
    need(is_cleared(predicate), 'a level is claimed for memory that was only freed')


LEVEL_NEEDS = {'pass': level_pass, 'whole-target': level_whole, 'all-read-back': level_read_back,
               'most-taken': level_taken, 'cleared-when-freed': level_cleared}
