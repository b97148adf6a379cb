# SPDX-License-Identifier: Apache-2.0
"""Free pages that were taken, segments and queues: no more is claimed than was there and was read."""
from common import need
from reasons import named, since_1_1

KINDS = {'sysv', 'mqueue', 'hugepages', 'free'}
SUCCESS = ('sanitized', 'sanitized-with-exceptions')
STATES = ('present', 'absent', 'unknown')
FACTS = {'init-on-alloc', 'init-on-free', 'page-poisoning', 'zswap', 'swap-areas', 'swap-history',
         'hibernation-image', 'crash-kernel', 'crash-dumps', 'pstore', 'efi-variables',
         'huge-pages', 'persistent-memory', 'nvme-memory', 'graphics-memory', 'bmc', 'tpm'}
SAMPLE = 16  # of plain pages one in so many is read back


def machine_of(predicate):
    facts = predicate['target'].get('facts')
    need(facts is None or type(facts) is dict, 'the facts are no object')
    machine = (facts or {}).get('machine')
    need(machine is None or type(machine) is dict, 'the machine is no object')
    return machine or {}


def check_states(predicate):
    states = machine_of(predicate).get('states')
    need(states is None or type(states) is dict and FACTS <= states.keys() and
         all(states[fact] in STATES for fact in FACTS), 'the facts of the machine')


def check_memory(predicate):
    kind, work = predicate['target']['kind'], predicate['sanitization']
    sweep = work.get('sweep')
    check_states(predicate)
    need(type(work['passes']) is list, 'the passes are no list')
    need(sweep is None or kind in ('free', 'hugepages'), 'only free pages are swept')
    need(sweep is None or sweep.keys() == {'freeBytes', 'takenBytes', 'passes'} and
         all(type(number) is int and number >= 0 for number in sweep.values()), 'the sweep')
    if kind not in KINDS:
        return
    need(since_1_1(predicate), 'that version knows no such memory')
    if predicate['result']['status'] not in SUCCESS:
        return
    if kind == 'mqueue':
        check_queue(predicate)
    else:
        written = sum(entry['bytesWritten'] for entry in work['passes'])
        compared = predicate['verification']['bytesCompared']
        need(written and compared >= (written // SAMPLE if kind == 'free' else written),
             'nothing was written, or too little read back')
        if kind != 'sysv':
            check_sweep(predicate, sweep, written)
    need(kind in ('free', 'hugepages') or
         predicate['target']['identityAfter'].get('removed') is True, 'it was not removed')


def check_sweep(predicate, sweep, written):
    kind, result = predicate['target']['kind'], predicate['result']
    need(sweep, 'nothing says how much was taken')
    free, taken = sweep['freeBytes'], sweep['takenBytes']
    need(0 < taken <= min(free, written) and sweep['passes'], 'the sweep does not add up')
    need(kind != 'free' or named(result['exceptions'], 'kernel-keeps'),
         'what the kernel keeps is an exception')
    need(taken == free or named(result['exceptions'], 'free-not-taken'),
         'what was not taken is an exception')
    need(result['level'] == 'none' or taken >= free - free // 10,
         'a level with less than nine tenths of what was free')


def check_queue(predicate):
    state = machine_of(predicate).get('initOnFree')
    cleared = type(state) is dict and state.get('state') == 'on'
    need(cleared or predicate['result']['level'] == 'none' and
         named(predicate['result']['exceptions'], 'content-only-freed'),
         'messages that were only freed')
