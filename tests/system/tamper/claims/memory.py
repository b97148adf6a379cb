# SPDX-License-Identifier: Apache-2.0
"""Claims about memory that the figures do not bear out.

Each is signed and logged by those who hold the keys: only the rules stand against it.
"""
from tamper.edits import after, drop, first, in_1_0, level, named, not_done, put, seen, work

WRITTEN = 536870912  # of tests/data/evidence/predicate-memory.json
CONTROLS = {'tmpfs': ('empty', 'no-pages'), 'ramfs': ('empty',), 'hugetlbfs': ('empty',),
            'swap': ('no-signature',), 'dimm': ('security-disabled',),
            'cxl': ('security-disabled',)}


def become(p, kind, place):
    """The record of memory as one of another kind."""
    target = p['target']
    work(p)['negativeControls'] = []
    asked(p, *CONTROLS.get(kind, ()))
    for identity in (p['targetIdentity'], target['identity'], target['identityAfter']):
        identity.update(kind=kind, place=place)
    target['kind'] = target['facts']['kind'] = kind


def asked(p, *names):
    """Negative controls that passed."""
    work(p)['negativeControls'] += [{'name': name, 'result': 'pass', 'detail': 'asked'}
                                    for name in names]


def swept(p, free, taken):
    work(p)['sweep'] = {'freeBytes': free, 'takenBytes': taken, 'passes': 2}


def sweep(p):
    """An honest record of free memory that was swept."""
    become(p, 'free', '')
    swept(p, WRITTEN + WRITTEN // 20, WRITTEN)
    seen(p).update(method='sampled-read-back', bytesPlanned=WRITTEN // 16,
                   bytesCompared=WRITTEN // 16)
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('lists of each CPU', 'kernel-keeps') +
                       named('a rest', 'free-not-taken'))


def pool(p):
    become(p, 'hugepages', '2048kB')
    swept(p, WRITTEN, WRITTEN)


def segment(p):
    become(p, 'sysv', '32769')
    p['target']['identityAfter']['removed'] = True
    p['target']['facts']['residentBytes'] = WRITTEN
    work(p)['negativeControls'] = []
    asked(p, 'attached-by-nobody-else', 'segment-gone')


def queue(p):
    """An honest record of a queue: its messages were only freed."""
    become(p, 'mqueue', 'jobs')
    p['target']['identityAfter']['removed'] = True
    work(p).update(passes=[], negativeControls=[])
    asked(p, 'queue-empty', 'queue-gone')
    seen(p).update(method='device-state', bytesPlanned=0, bytesCompared=0)
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('freed only', 'content-only-freed'))
    level(p, 'none')


def cleared(p):
    """On a machine that clears what is freed."""
    p['target']['facts']['machine']['initOnFree'] = {'state': 'on', 'source': 'kernel log'}
    p['result'].update(status='sanitized', exceptions=[])
    level(p, 'clear')


def cleared_queue(p):
    queue(p)
    p['target']['facts']['swappable'] = False
    cleared(p)


def zram(p):
    """An honest record of a zram device that was reset."""
    cleared_queue(p)
    become(p, 'zram', 'zram1')
    del p['target']['identityAfter']['removed']
    work(p)['negativeControls'] = []
    asked(p, 'no-size', 'not-initialised', 'nothing-stored')


def area(p):
    """An honest record of a swap area."""
    become(p, 'swap', '/dev/loop7')
    p['target']['facts'].update(contentFreed=False, swappable=False)


def area_on_zram(p):
    zram(p)
    become(p, 'swap', '/dev/zram1')
    asked(p, 'no-size', 'not-initialised', 'nothing-stored')
    p['target']['facts']['contentFreed'] = True


def noswap(p):
    """An honest record of a mount that the kernel never swaps."""
    p['target']['facts'].update(swappable=False, mountOptions='rw,noswap')


def ramfs_file(p):
    become(p, 'file', '/mnt/data')
    p['target']['facts'].update(swappable=False, filesystem='ramfs')


def holes(p):
    """An honest record of a mount without a page that holds anything."""
    first(p)['bytesWritten'] = 0
    seen(p).update(bytesPlanned=0, bytesCompared=0)


def nothing_written(p):
    work(p)['passes'] = []
    seen(p).update(method='device-state', bytesPlanned=0, bytesCompared=0)


def half_written(p):
    first(p)['bytesWritten'] = WRITTEN // 2
    seen(p).update(bytesPlanned=WRITTEN // 2, bytesCompared=WRITTEN // 2)


def claimed_never_swapped(kind, **facts):
    return lambda p: (become(p, kind, 'there'),
                      p['target']['facts'].update(swappable=False, **facts))


def states(state):
    facts = ('init-on-alloc', 'init-on-free', 'page-poisoning', 'zswap', 'swap-areas',
             'swap-history', 'hibernation-image', 'crash-kernel', 'crash-dumps', 'pstore',
             'efi-variables', 'huge-pages', 'persistent-memory', 'nvme-memory', 'graphics-memory',
             'bmc', 'tpm')
    return put('target.facts.machine.states', {**dict.fromkeys(facts, 'absent'), 'tpm': state})


def less_taken(p):
    """Between eight ninths and nine tenths of what was free."""
    sweep(p)
    swept(p, WRITTEN * 19 // 17, WRITTEN)


def uncleared(p, status, level_claimed):
    """A zram device on a kernel that does not clear what is freed."""
    zram(p)
    p['target']['facts']['machine']['initOnFree'] = {'state': 'off', 'source': 'kernel log'}
    p['result']['status'] = status
    level(p, level_claimed)


NO_FREE_SLOT = named('pages were in swap before', 'swapped-before')


def looks(p):
    facts = p['target']['facts']
    return facts['machine']['swap'], facts['swapAfter']


def swapped_before(p):
    """An honest record of a machine that swapped before: an exception, and still a level."""
    p['result'].update(status='sanitized-with-exceptions', exceptions=NO_FREE_SLOT)
    for look in looks(p):
        look.update(state='empty', pagesWrittenOut=7, zswapPagesWrittenOut=9)


def beside(code):
    return after(swapped_before,
                 lambda p: p['result'].update(exceptions=NO_FREE_SLOT + named('there', code)))


HONEST = {name: ('memory', change) for name, change in {
    'sweep': sweep, 'pool': pool, 'segment': segment, 'queue': queue,
    'cleared-queue': cleared_queue, 'zram': zram, 'area': area, 'area-on-zram': area_on_zram,
    'noswap': noswap, 'ramfs-file': ramfs_file, 'holes': holes, 'states': states('present'),
    'swapped-before': swapped_before}.items()}

MEMORY = {
    'memory-purge': lambda p: level(p, 'purge'),
    'memory-control-failed': put('sanitization.negativeControls.0.result', 'fail'),
    'memory-control-unknown': put('sanitization.negativeControls.1.result', 'unknown'),
    'memory-step-failed': put('sanitization.steps.0.result', 'fail'),
    'memory-step-refused': put('sanitization.steps.1.result', 'refused'),
    'memory-step-later': put('sanitization.steps.0.at', '2026-11-21T09:41:00Z'),
    'memory-nothing-done': lambda p: work(p).update(passes=[], steps=[]),
    'memory-other-place': put('target.identityAfter.place', '/mnt/other'),
    'memory-read-less': lambda p: seen(p).update(bytesPlanned=4096, bytesCompared=4096),
    'memory-not-read': not_done,
    'memory-swept': lambda p: swept(p, WRITTEN, WRITTEN),
    'sweep-half-taken': after(sweep, lambda p: swept(p, 2 * WRITTEN, WRITTEN)),
    'sweep-more-than-free': after(sweep, lambda p: swept(p, WRITTEN, WRITTEN + 4096)),
    'sweep-more-than-written': after(sweep, lambda p: swept(p, 3 * WRITTEN, 3 * WRITTEN)),
    'sweep-of-nothing': after(sweep, lambda p: swept(p, WRITTEN, 0)),
    'sweep-untold': after(sweep, drop('sanitization.sweep')),
    'sweep-without-pass': after(sweep, put('sanitization.passes', [])),
    'sweep-whole': after(sweep, lambda p: p['result'].update(status='sanitized', exceptions=[])),
    'sweep-kernel-untold': after(sweep, drop('result.exceptions.0')),
    'sweep-rest-untold': after(sweep, drop('result.exceptions.1')),
    'sweep-purge': after(sweep, lambda p: level(p, 'purge')),
    'pool-half-taken': after(pool, lambda p: (
        swept(p, 2 * WRITTEN, WRITTEN), p['result'].update(
            status='sanitized-with-exceptions', exceptions=named('a rest', 'free-not-taken')))),
    'pool-read-less': after(pool, lambda p: seen(p).update(
        method='sampled-read-back', bytesPlanned=WRITTEN // 16, bytesCompared=WRITTEN // 16)),
    'segment-not-compared': after(segment, lambda p: seen(p).update(
        method='device-state', bytesPlanned=0, bytesCompared=0)),
    'segment-not-written': after(segment, put('sanitization.passes', [])),
    'segment-still-there': after(segment, drop('target.identityAfter.removed')),
    'queue-level': after(queue, lambda p: level(p, 'clear')),
    'queue-whole': after(queue, lambda p: p['result'].update(status='sanitized', exceptions=[])),
    'queue-still-there': after(queue, put('target.identityAfter.removed', False)),
    'facts-invented': states('cleared'),
    'no-states': put('target.facts.machine.states', {}),
    'init-on-free-unsaid': put('target.facts.machine.initOnFree', {}),
    'init-on-free-invented': put('target.facts.machine.initOnFree', {'state': 'mostly'}),
    'init-on-free-no-object': put('target.facts.machine.initOnFree', 'on'),
    'segment-written-in-part': after(segment, half_written),
    'segment-pages-unsaid': after(segment, drop('target.facts.residentBytes')),
    'cleared-queue-not-cleared': after(cleared_queue, put(
        'target.facts.machine.initOnFree.state', 'off')),
    'zram-not-cleared': after(zram, put('target.facts.machine.initOnFree.state', 'unknown')),
    'zram-clearing-unsaid': after(zram, drop('target.facts.machine.initOnFree')),
    'area-on-zram-not-cleared': after(area_on_zram, put(
        'target.facts.machine.initOnFree.state', 'off')),
    'area-on-zram-as-another': after(area_on_zram, put('target.facts.contentFreed', False)),
    'holes-not-read': after(holes, put('verification.method', 'device-state')),
    'module-level': lambda p: become(p, 'dimm', 'nmem0'),
    'module-of-cxl-level': lambda p: become(p, 'cxl', 'mem0'),
}
for removed, names in {segment: ('attached-by-nobody-else', 'segment-gone'),
                       queue: ('queue-empty', 'queue-gone')}.items():
    for number, name in enumerate(names):
        MEMORY[name + '-not-asked'] = after(removed, drop(
            f'sanitization.negativeControls.{number}'))
for kind in ('tmpfs', 'ramfs', 'hugetlbfs', 'file', 'ram', 'pmem', 'devdax', 'swap'):
    for name, spoil in {'no-pass': nothing_written,
                        'not-written': put('sanitization.passes.0.bytesWritten', 0),
                        'not-read-wholly': put('verification.method', 'device-state')}.items():
        MEMORY[f'{kind}-{name}'] = after(lambda p, kind=kind: become(p, kind, 'there'), spoil)
for kind in ('ram', 'pmem', 'devdax', 'swap'):
    MEMORY[f'{kind}-half-written'] = after(lambda p, kind=kind: become(p, kind, 'there'),
                                           half_written)

MEMORY.update({
    'sweep-taken-less': less_taken,
    'sweep-read-less': after(sweep, lambda p: seen(p).update(
        bytesPlanned=WRITTEN * 2 // 33, bytesCompared=WRITTEN * 2 // 33)),
    'uncleared-unnamed': lambda p: uncleared(p, 'sanitized', 'none'),
    'uncleared-1.0.0': lambda p: (uncleared(p, 'sanitized', 'clear'), in_1_0(p)),
    'queue-freed-and-named': after(queue, lambda p: level(p, 'clear')),
    'segment-of-a-mount': after(segment, lambda p: p['target']['facts'].update(
        swappable=False, mountOptions='rw,noswap')),
    'memory-by-overwrite': lambda p: (
        work(p).update(technique='overwrite-random', negativeControls=[], steps=[]),
        put('authorization.policyId', 'overwrite-random')(p),
        put('target.facts.swappable', False)(p)),
    'memory-by-keys': lambda p: (
        work(p).update(technique='cryptographic-erase', negativeControls=[], steps=[]),
        put('authorization.policyId', 'luks-key-destruction')(p),
        put('target.facts.swappable', False)(p)),
})

SWAP = {
    'swap-exception-left-out': lambda p: looks(p)[1].update(pagesWrittenOut=7),
    'zswap-exception-left-out': lambda p: looks(p)[1].update(zswapPagesWrittenOut=7),
    'zswap-unknown': lambda p: [look.pop('zswapPagesWrittenOut') for look in looks(p)],
    'swap-not-looked-at-again': drop('target.facts.swapAfter'),
    'swappable-unsaid': drop('target.facts.swappable'),
    'area-in-zswap': lambda p: (put('target.kind', 'swap')(p),
                                put('target.facts.swappable', False)(p),
                                looks(p)[0].update(zswapBytes=4096)),
    'segment-never-swapped': after(segment, put('target.facts.swappable', False)),
    'tmpfs-never-swapped': claimed_never_swapped('tmpfs'),
    'tmpfs-never-swapped-either': claimed_never_swapped('tmpfs', mountOptions='rw,noswaps'),
    'file-never-swapped': claimed_never_swapped('file', filesystem='tmpfs', mountOptions='rw'),
    'file-of-no-memory': claimed_never_swapped('file', filesystem='ext4', mountOptions='rw'),
    'file-of-nothing': claimed_never_swapped('file'),
}
for position, when_seen in enumerate(('before', 'after')):
    for name, change in {'used': {'state': 'used'}, 'unknown': {'state': 'unknown'},
                         'in-zswap': {'zswapBytes': 4096}, 'zswap-untold': {'zswapBytes': None},
                         }.items():
        SWAP[f'level-{name}-{when_seen}'] = after(
            swapped_before, lambda p, at=position, what=change: looks(p)[at].update(what))
for counter in ('pagesWrittenOut', 'zswapPagesWrittenOut'):
    SWAP[f'level-though-grew-{counter}'] = after(
        swapped_before, lambda p, key=counter: looks(p)[1].update({key: 10}))
for code in ('swap-in-use', 'zswap-pages', 'swap-grew'):
    SWAP[f'level-beside-{code}'] = beside(code)

INSIDERS = [('memory', name, change) for name, change in {**MEMORY, **SWAP}.items()]
BYTES = {'memory': [(b'/mnt/scratch', b'/mnt/scratcj'), (b'"files":37', b'"files":36')]}
