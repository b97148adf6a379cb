# SPDX-License-Identifier: Apache-2.0
"""Honest records of a drive that erased itself."""
import copy
import hashlib

from tamper.claims.rows import use
from tamper.edits import level, named, not_done, put, seen, work

SIZE = 38 * 4096  # of tests/data/evidence/predicate-drive.json: 19 parts of two blocks
PLACES = [4096 * (2 * part + part % 2) for part in range(18)] + [SIZE - 4096]
LARGE = 1920383410176  # of which there are 1024 parts


def technique(name, claimed):
    return lambda p: (use(p, name), level(p, claimed))


def fail(p):
    level(p, 'none')
    p['result']['status'] = 'not-sanitized'


def with_exceptions(p, code='io-failed'):
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('something that is named', code))


def hidden(p, opened):
    p['target']['hiddenAreas']['areas'] = [
        {'kind': 'hpa', 'detail': 'max address 937703088', 'bytes': 0, 'covered': False,
         'opened': opened, 'why': '' if opened else 'frozen until a power cycle'}]


def opened(p):
    """An honest record of a drive that was larger once its hidden area was opened."""
    hidden(p, True)
    p['targetIdentity']['sizeBytes'] = p['target']['identity']['sizeBytes'] = SIZE // 2


def not_opened(p):
    """An honest record of an area that stayed hidden."""
    hidden(p, False)
    with_exceptions(p, 'hidden-area')


def adopted(p):
    """An honest record of an erasure that ran already when we came: without canaries."""
    with_exceptions(p, 'adopted-erasure')
    level(p, 'none')
    work(p)['operation'].update(adopted=True, commands=[])
    seen(p)['canaries'] = {'blockBytes': 4096, 'placed': 0, 'changed': 0, 'unreadable': 0,
                           'intact': 0, 'refused': 0, 'surfaces': []}
    seen(p)['samples'] = dict(dict.fromkeys(seen(p)['samples'], 0), surfaces=[])
    seen(p).update(seed='', unreadableStatuses=[])


def unreadable(p, count=1, expected=True):
    """Of the canaries the first ones cannot be read any more."""
    marks = surface(p)
    marks['unreadable'] = marks['offsets'][:count]
    marks['unexpected'] = [] if expected else marks['unreadable']
    canaries(p).update(changed=len(PLACES) - count, unreadable=count)
    seen(p)['unreadableStatuses'] = [{'status': 'sct 2 sc 87h', 'count': count,
                                      'expected': expected}] * bool(count)
    if expected:
        seen(p)['expected'] = {'content': 'nothing', 'checked': 0, 'mismatches': 0}


def crypto(p):
    """An honest record after which nothing can be read: nothing is claimed of it."""
    use(p, 'nvme-sanitize-crypto')
    unreadable(p, len(PLACES))
    with_exceptions(p, 'no-evidence-read')
    level(p, 'none')


def unexpected(p):
    """An honest record of one canary in eleven that the technique does not explain."""
    unreadable(p, expected=False)
    with_exceptions(p, 'unreadable-blocks')


def too_many_unexpected(p):
    """An honest record of a namespace that cannot be reached any more."""
    unreadable(p, 2, expected=False)
    fail(p)
    p['result']['status'] = 'indeterminate'
    seen(p)['result'] = 'fail'


def fell_back(p):
    """An honest record of a drive that refused what it was asked for first."""
    work(p).update(requestedTechnique='nvme-sanitize-crypto', passedOver=[
        {'technique': 'nvme-sanitize-crypto', 'at': '2026-11-21T09:29:00Z',
         'why': 'sct 0 sc 2h: invalid field', 'commands': [
             {'at': '2026-11-21T09:29:00Z', 'name': 'Sanitize', 'bytes': '04000000',
              'answer': 'sct 0 sc 2h: invalid field'}]},
        {'technique': 'nvme-sanitize-overwrite', 'at': '2026-11-21T09:29:00Z',
         'why': 'the drive does not have it', 'commands': []}])


def large(p, without=()):
    """An honest record of a drive of 2 TB, which has a canary in each of 1024 parts and at both
    ends, or has none in those parts."""
    for identity in (p['targetIdentity'], p['target'], p['target']['identity'],
                     p['target']['identityAfter'], surface(p)):
        identity['sizeBytes'] = LARGE
    surface(p)['offsets'] = sorted({0, LARGE - 4096} | {
        4096 * (LARGE // 4096 * part // 1024 + part % 97) for part in range(1024)
        if part not in without})
    count = len(surface(p)['offsets'])
    canaries(p).update(placed=count, changed=count)


def blocks_of_two_sizes(p):
    """An honest record of a namespace of 4 KiB blocks, and one of 16 KiB blocks."""
    canaries(p)['blockBytes'] = 16384
    surface(p)['blockBytes'] = 4096
    second_surface(p, name='nvme0n2', blockBytes=16384, offsets=[0, 49152, 65536, 114688],
                   sizeBytes=131072)
    canaries(p).update(placed=len(PLACES) + 4, changed=len(PLACES) + 4)


def whole(p):
    """An honest record of a drive that was read wholly."""
    seen(p).update(method='full-read-back', whole={
        'content': 'zeros', 'bytesPlanned': SIZE, 'bytesCompared': SIZE, 'mismatches': 0,
        'different': [], 'unreadableBytes': 0, 'unexpectedBytes': 0})


def whole_with_bad_blocks(p):
    """An honest record of a drive that was read wholly but for three blocks."""
    whole(p)
    seen(p)['whole'].update(bytesCompared=SIZE - 12288, unreadableBytes=12288,
                            unexpectedBytes=12288)
    with_exceptions(p, 'unreadable-blocks')


def pattern(p):
    """An honest record of a drive that left the pattern of this job, wherever it was read."""
    whole(p)
    drawn = hashlib.sha256(bytes.fromhex(seen(p)['seed']) + b'overwrite pattern').hexdigest()
    first, second = drawn[:2], drawn[2:4]
    seen(p)['expected']['content'] = first + second + second + first
    seen(p)['whole']['content'] = seen(p)['expected']['content']


def said(p, outcome):
    """SOS of the last Sanitize Status log."""
    last = [each for each in work(p)['statusAfter'] if each['page'] == 'NVMe log 81h'][-1]
    data = bytearray.fromhex(last['hex'])
    data[2] = data[2] & 0xf8 | outcome
    last.update(hex=data.hex(), sha256=hashlib.sha256(data).hexdigest())


def deallocated(p):
    """An honest record of a drive that deallocated three blocks although it was told not to."""
    pattern(p)
    said(p, 4)
    seen(p)['expected']['deallocated'] = [
        {'surface': surface(p)['name'], 'blocks': 3, 'first': 4096}]
    seen(p)['whole']['deallocatedBlocks'] = 3


def one_intact(p):
    """An honest record of a drive that lied: one canary still stands."""
    fail(p)
    seen(p)['result'] = 'fail'
    canaries(p).update(changed=len(PLACES) - 1, intact=1)
    surface(p)['intact'] = PLACES[1:2]


def not_begun(p):
    """An honest record of a run that ended before the drive was asked for anything."""
    for key in ('operation', 'statusBefore', 'statusAfter'):
        work(p).pop(key)
    work(p)['engine'] = ''
    p['target'].pop('drive')
    not_done(p)
    fail(p)


def not_looked(p):
    """Canaries were placed, and nobody looked for them."""
    seen(p).update(method='none', performed=False, result='not-performed', identity='not read')
    seen(p)['samples'].update(changed=0, uninformative=0, unchanged=0, unreadable=0, surfaces=[])
    seen(p)['expected'].update(content='nothing', checked=0)
    canaries(p)['changed'] = 0


def canaries(p):
    return seen(p)['canaries']


def surface(p):
    return canaries(p)['surfaces'][0]


def samples(p, changed, **more):
    seen(p)['samples'].update(changed=changed, **more)
    seen(p)['samples']['surfaces'][0]['changed'] = changed


def second_surface(p, **changes):
    """As the first one, but for these changes; with samples of none."""
    made = dict(copy.deepcopy(surface(p)), **changes)
    canaries(p)['surfaces'].append(made)
    seen(p)['samples']['surfaces'].append({'name': made['name'], 'changed': 0, 'unreadable': 0})


def unread_whole(p, share, expected):
    """So much of everything cannot be read."""
    whole(p)
    lost = SIZE * 2 // int(2 * share) + 1
    seen(p)['whole'].update(bytesCompared=SIZE - lost, unreadableBytes=lost,
                            unexpectedBytes=0 if expected else lost)


HONEST = {'drive-' + name: ('drive', change) for name, change in {
    'large': large, 'blocks-of-two-sizes': blocks_of_two_sizes,
    'opened': opened, 'not-opened': not_opened, 'adopted': adopted, 'crypto': crypto,
    'one-intact': one_intact, 'not-begun': not_begun, 'unexpected': unexpected,
    'too-many-unexpected': too_many_unexpected, 'fell-back': fell_back,
    'whole': whole, 'whole-with-bad-blocks': whole_with_bad_blocks, 'pattern': pattern,
    'deallocated': deallocated,
    'by-level': lambda p: work(p).update(requestedTechnique='auto', passedOver=[]),
    'format': technique('nvme-format-crypto', 'clear'),
    'finished': lambda p: (not_looked(p), level(p, 'none'),
                           put('result.status', 'indeterminate')(p))}.items()}
