# SPDX-License-Identifier: Apache-2.0
"""Memory: no more than was there, was written and read back, or than the kernel clears."""
from common import need
from reasons import named, since_1_1

KINDS = {'sysv', 'mqueue', 'hugepages', 'free'}
SUCCESS = ('sanitized', 'sanitized-with-exceptions')
STATES = ('present', 'absent', 'unknown')
FACTS = {'init-on-alloc', 'init-on-free', 'page-poisoning', 'zswap', 'swap-areas', 'swap-history',
         'hibernation-image', 'crash-kernel', 'crash-dumps', 'pstore', 'efi-variables',
         'huge-pages', 'persistent-memory', 'nvme-memory', 'graphics-memory', 'bmc', 'tpm'}
SAMPLE = 16  # of plain pages one in so many is read back
WHOLE = ('ram', 'pmem', 'devdax', 'swap')  # overwritten from end to end, however often begun
CONTROLS = {'sysv': ('attached-by-nobody-else', 'segment-gone'),
            'mqueue': ('queue-empty', 'queue-gone')}


def machine_of(predicate):
    facts = predicate['target'].get('facts')
    need(facts is None or type(facts) is dict, 'the facts are no object')
    machine = (facts or {}).get('machine')
    need(machine is None or type(machine) is dict, 'the machine is no object')
    return machine or {}


def check_facts(predicate):
    """In records of every type, whatever the verdict."""
    machine, sweep = machine_of(predicate), predicate['sanitization'].get('sweep')
    states, setting = machine.get('states'), machine.get('initOnFree')
    need(states is None or type(states) is dict and FACTS <= states.keys() and
         all(states[fact] in STATES for fact in FACTS), 'the facts of the machine')
    need(setting is None or type(setting) is dict and
         setting.get('state') in ('on', 'off', 'unknown'), 'the setting of the kernel')
    if sweep is not None:
        need(predicate['certificateType'] == 'memory' and
             predicate['target']['kind'] in ('free', 'hugepages'), 'only free pages are swept')
        need(sweep.keys() == {'freeBytes', 'takenBytes', 'passes'} and
             all(type(number) is int and number >= 0 for number in sweep.values()), 'the sweep')


def is_cleared(predicate):
    """Whether the kernel clears what is freed."""
    return (machine_of(predicate).get('initOnFree') or {}).get('state') == 'on'


def check_memory(predicate):
    kind, work = predicate['target']['kind'], predicate['sanitization']
    need(type(work['passes']) is list, 'the passes are no list')
    method = predicate['verification']['method']
    need(type(method) is str and method, 'the method of verification')
    success = predicate['result']['status'] in SUCCESS
    if success and predicate['result']['level'] != 'none':
        check_level(predicate, kind)
    if kind not in KINDS:
        return
    need(since_1_1(predicate), 'that version knows no such memory')
    if not success:
        return
    passed = [control['name'] for control in work.get('negativeControls') or []
              if control['result'] == 'pass']
    need(all(name in passed for name in CONTROLS.get(kind, ())), 'a control was not asked')
    if kind == 'mqueue':
        check_queue(predicate)
    else:
        written = sum(entry['bytesWritten'] for entry in work['passes'])
        compared = predicate['verification']['bytesCompared']
        need(written and compared >= (written // SAMPLE if kind == 'free' else written),
             'nothing was written, or too little read back')
        if kind == 'sysv':
            resident = predicate['target']['facts']['residentBytes']
            need(type(resident) is int and 0 <= resident <= written,
                 'less was written than there was')
        else:
            check_sweep(predicate, work.get('sweep'), written)
    need(kind in ('free', 'hugepages') or
         predicate['target']['identityAfter'].get('removed') is True, 'it was not removed')


def check_level(predicate, kind):
    """What a level rests on: an overwrite that was read back, or a kernel that clears."""
    need(kind not in ('dimm', 'cxl'), 'a level for what firmware said')
    freed = (predicate['target'].get('facts') or {}).get('contentFreed')
    need(kind != 'swap' or freed is None or type(freed) is bool,
         'nothing says whether the area was only freed')
    if kind in ('zram', 'mqueue') or kind == 'swap' and freed:
        need(is_cleared(predicate), 'a level for what was only freed')
        return
    passes, seen = predicate['sanitization']['passes'], predicate['verification']
    need(passes, 'a level without an overwrite')
    # of files and mounts there may be nothing to write: holes, or what an earlier process left
    written = passes[-1]['bytesWritten']
    need(kind not in WHOLE or 0 < written >= predicate['target']['sizeBytes'],
         'a level for a part of the device')
    need(kind == 'free' or seen['method'] == 'full-read-back' and seen['bytesPlanned'] == written,
         'a level, and something else was read back than was written')


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
    need(is_cleared(predicate) or predicate['result']['level'] == 'none' and
         named(predicate['result']['exceptions'], 'content-only-freed'),
         'messages that were only freed')
