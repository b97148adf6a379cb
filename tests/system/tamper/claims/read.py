# SPDX-License-Identifier: Apache-2.0
"""What was not read proves nothing: drives and media of which too little was read, or not all
named.

Each is signed and logged by those who hold the keys: only the rules stand against it.
"""
from tamper.claims import drive
from tamper.claims.drive import (PLACES, SIZE, canaries, samples, surface, unreadable, whole_with_bad_blocks,
                          with_exceptions)
from tamper.edits import after, drop, first, in_1_0, level, named, one_fault, put, seen, work
from tamper.claims.target import SIZE as DISK, bad_block

ATTACH = {'at': '2026-11-21T09:30:04Z', 'name': 'Namespace Attachment (attach, namespace 2)',
          'bytes': '15', 'answer': 'accepted'}


def status(p, name, *codes):
    p['result'].update(status=name, exceptions=[named('it is named', code)[0] for code in codes])


def refused(p, count=1):
    """An honest record of canaries that the drive did not take."""
    surface(p)['offsets'] = PLACES[:1] + PLACES[1 + count:]
    surface(p)['refused'] = canaries(p)['refused'] = count
    canaries(p).update(dict.fromkeys(('placed', 'changed'), len(PLACES) - count))
    with_exceptions(p, 'canaries-refused')


def few_samples(p, lost=20):
    """An honest record of samples that cannot be read any more."""
    samples(p, 203 - lost, unreadable=lost)
    seen(p)['samples']['surfaces'][0]['unreadable'] = lost
    seen(p)['unreadableStatuses'] = [{'status': 'EIO', 'count': lost, 'expected': False}]
    with_exceptions(p, 'unreadable-blocks')


def area(p, kind, size=0, **changes):
    p['target']['hiddenAreas']['areas'].append(dict(
        {'kind': kind, 'detail': 'what the drive says', 'bytes': size, 'covered': False,
         'opened': False, 'why': 'nobody could look'}, **changes))


def last_area(p):
    return p['target']['hiddenAreas']['areas'][-1]


def namespace_left(p):
    """An honest record of a namespace that could not be attached."""
    area(p, 'unattached-namespace', 4096)
    with_exceptions(p, 'hidden-area')


def namespace_opened(p):
    """An honest record of a namespace that was attached, marked and looked at."""
    area(p, 'unattached-namespace', 4096, opened=True, why='')
    work(p)['operation']['commands'].insert(0, dict(ATTACH))
    drive.second_surface(p, name='nvme0n2')
    canaries(p).update(placed=38, changed=38)


def cut(p):
    """An honest record of a shelf that shows less than the drive has: no level."""
    area(p, 'not-shown', 1 << 30)
    p['target']['drive']['capacityBytes'] = SIZE + (1 << 30)
    with_exceptions(p, 'hidden-area')
    level(p, 'none')


def cut_opened(p):
    """An honest record of the same shelf, the drive asked past it."""
    area(p, 'not-shown', 1 << 30, opened=True, why='')
    p['target']['drive']['capacityBytes'] = SIZE + (1 << 30)
    drive.second_surface(p, name='nvme0n1 by command')
    canaries(p).update(placed=38, changed=38)


def read_fault(p, count=1):
    """An honest record of blocks that could not be read back."""
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('it is named', 'read-back-unreadable'))
    seen(p).update(bytesCompared=DISK - 4096 * count, readFaults=one_fault(length=4096 * count))


HONEST = {'refused': ('drive', refused), 'few-samples': ('drive', few_samples),
          'namespace-left': ('drive', namespace_left), 'cut': ('drive', cut),
          'namespace-opened': ('drive', namespace_opened), 'cut-opened': ('drive', cut_opened),
          'read-fault': ('media', read_fault)}

DRIVE = {f'unreadable-{count}-{word}-{claimed}': (
    lambda p, count=count, expected=expected, claimed=claimed: (
        unreadable(p, count, expected), with_exceptions(p, 'unreadable-blocks'),
        level(p, claimed)))
    for count in (2, 9, 19)
    for word, expected in (('expected', True), ('unexpected', False))
    for claimed in ('purge', 'clear', 'none')}
DRIVE['unreadable-plain'] = unreadable
DRIVE.update({
    'nothing-read-and-named': after(drive.crypto, lambda p: level(p, 'purge')),
    'nothing-read-clear': after(drive.crypto, lambda p: level(p, 'clear')),
    'nothing-read-plain': after(drive.crypto, lambda p: status(p, 'sanitized')),
    'nothing-read-unnamed': after(drive.crypto, lambda p: with_exceptions(p, 'unreadable-blocks')),
    'nothing-read-wholly': lambda p: (
        drive.whole(p), unreadable(p, 19), put('verification.expected.content', 'nothing')(p),
        seen(p)['whole'].update(bytesCompared=0, unreadableBytes=SIZE)),
    'nothing-read-wholly-1.0.0': lambda p: (
        old(p), drive.whole(p), unreadable(p, 19),
        seen(p)['whole'].update(bytesCompared=0, unreadableBytes=SIZE)),
    'nothing-read-wholly-passed': lambda p: (
        drive.whole(p), unreadable(p, 19), drive.fail(p),
        put('verification.expected.content', 'nothing')(p), seen(p)['whole'].update(
            bytesCompared=0, unreadableBytes=SIZE)),
    'nothing-read-1.0.0': lambda p: (old(p), unreadable(p, 19)),
    'expected-of-zeros': after(drive.unexpected, lambda p: (
        put('verification.unreadableStatuses.0.expected', True)(p),
        surface(p).update(unexpected=[]))),
    'adopted-wholly-read-nothing': after(drive.adopted, lambda p: seen(p).update(
        method='full-read-back', whole={
            'content': 'zeros', 'bytesPlanned': 0, 'bytesCompared': 0, 'mismatches': 0,
            'different': [], 'unreadableBytes': 0, 'unexpectedBytes': 0})),
    'adopted-unnamed': after(drive.adopted, lambda p: with_exceptions(p, 'drive-word')),
    'refused-unnamed': after(refused, with_exceptions),
    'refused-plain': after(refused, lambda p: status(p, 'sanitized')),
    'refused-two': lambda p: refused(p, 2),
    'refused-not-summed': after(refused, lambda p: canaries(p).update(refused=0)),
    'few-samples-plain': after(few_samples, lambda p: status(p, 'sanitized')),
    'few-samples-unnamed': after(few_samples, with_exceptions),
    'fewer-samples': lambda p: few_samples(p, 21), 'no-samples': lambda p: few_samples(p, 203),
    'samples-not-summed': after(few_samples, lambda p: seen(p)['samples']['surfaces'][0].update(
        unreadable=0)),
    'bad-blocks-unnamed': after(whole_with_bad_blocks, with_exceptions),
    'bad-blocks-many': after(whole_with_bad_blocks, lambda p: seen(p)['whole'].update(
        bytesCompared=SIZE - SIZE // 10 - 4096, unreadableBytes=SIZE // 10 + 4096,
        unexpectedBytes=SIZE // 10 + 4096)),
    'by-command-intact': put('verification.byCommand', {'looked': 16, 'intact': 1}),
    'by-command-of-nothing': put('verification.byCommand', {'looked': 0, 'intact': 1}),
    'reset-invented': put('verification.recheck', {'unreadableBefore': 1, 'reset': 'yes',
                                                   'written': 1}),
    'namespace-covered': lambda p: area(p, 'unattached-namespace', 4096, covered=True, why=''),
    'namespace-left-plain': after(namespace_left, lambda p: status(p, 'sanitized')),
    'namespace-left-unnamed': after(namespace_left, with_exceptions),
    'namespace-not-attached': after(namespace_opened, drop('sanitization.operation.commands.0')),
    'namespace-not-looked-at': after(namespace_opened, lambda p: (
        canaries(p)['surfaces'].pop(), canaries(p).update(placed=19, changed=19))),
    'second-namespace-not-attached': after(namespace_opened, lambda p: area(
        p, 'unattached-namespace', 4096, opened=True, why='')),
    'cut-covered': after(cut, lambda p: last_area(p).update(covered=True)),
    'cut-opened-unseen': after(cut, lambda p: last_area(p).update(opened=True)),
    'cut-clear': after(cut, lambda p: level(p, 'clear')),
    'cut-purge': after(cut, lambda p: level(p, 'purge')),
    'cut-unnamed': after(cut, with_exceptions),
    'cut-plain': after(cut, lambda p: status(p, 'sanitized')),
    'cut-not-listed': after(cut, lambda p: p['target']['hiddenAreas']['areas'].pop()),
    'cut-listed-less': after(cut, lambda p: last_area(p).update(bytes=1)),
    'cut-in-1.0.0': lambda p: (old(p), area(p, 'not-shown', 4096), with_exceptions(p)),
})


def old(p):
    """The same in the shape of record 1.0.0."""
    in_1_0(p)
    canaries(p).pop('refused')
    surface(p).pop('refused')
    seen(p)['samples'].pop('surfaces')
    seen(p).pop('recheck')
    seen(p).pop('byCommand')


MEDIA = {
    'write-fault-unnamed': after(bad_block, lambda p: p['result'].update(
        exceptions=named('a', 'io-failed'))),
    'write-faults-many': lambda p: (
        status(p, 'sanitized-with-exceptions', 'write-failed'),
        first(p).update(bytesWritten=DISK - DISK // 8, writeFaults=one_fault(0, DISK // 8)),
        seen(p).update(bytesPlanned=DISK - DISK // 8, bytesCompared=DISK - DISK // 8)),
    'read-fault-unnamed': after(read_fault, lambda p: p['result'].update(
        exceptions=named('a', 'write-failed'))),
    'read-fault-plain': after(read_fault, lambda p: status(p, 'sanitized')),
    'read-faults-many': lambda p: read_fault(p, DISK // 40960 + 1),
    'nothing-read-back': lambda p: read_fault(p, DISK // 4096),
    'nothing-read-back-passed': lambda p: (
        read_fault(p, DISK // 4096), level(p, 'none'), p['result'].update(
            status='indeterminate', exceptions=[])),
}

def old_whole(share):
    """A read of everything in record 1.0.0, of which so much is expected to be unreadable."""
    return lambda p: (old(p), drive.unread_whole(p, share, True), p['result'].update(
        status='sanitized-with-exceptions', exceptions=['it could not be read']))


DRIVE.update({'whole-ninth-1.0.0': old_whole(9.5), 'whole-half-1.0.0': old_whole(2)})
MEDIA.update({
    'write-faults-ninth': lambda p: (
        status(p, 'sanitized-with-exceptions', 'write-failed'),
        first(p).update(bytesWritten=DISK - DISK * 2 // 19,
                        writeFaults=one_fault(0, DISK * 2 // 19)),
        seen(p).update(bytesPlanned=DISK - DISK * 2 // 19, bytesCompared=DISK - DISK * 2 // 19)),
})

INSIDERS = [('drive', 'read-' + name, change) for name, change in DRIVE.items()]
INSIDERS += [('media', 'read-' + name, change) for name, change in MEDIA.items()]
