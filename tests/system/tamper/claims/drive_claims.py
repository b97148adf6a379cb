# SPDX-License-Identifier: Apache-2.0
"""Claims about a drive that erased itself which its record does not bear out.

Each is signed and logged by those who hold the keys: only the rules stand against it.
"""
from tamper.claims.drive import (PLACES, SIZE, adopted, blocks_of_two_sizes, canaries, crypto,
                                 deallocated, fail, fell_back, hidden, large, not_begun, not_looked,
                                 not_opened, one_intact, opened, pattern, said, samples,
                                 second_surface, surface, technique, too_many_unexpected,
                                 unexpected, unread_whole, unreadable, whole, whole_with_bad_blocks,
                                 with_exceptions)
from tamper.claims.target import VIRTUAL
from tamper.edits import after, drop, level, named, put, seen, work
from tamper.claims.rows import LOG, page

OPERATION, STATE = 'sanitization.operation.', 'sanitization.operation.finalState.'
CANARIES, PLACED = 'verification.canaries.', 'verification.canaries.surfaces.0.'


def overwrite_too(p):
    work(p)['passes'] = [{
        'number': 1, 'pattern': 'repeat:00', 'bytesWritten': SIZE, 'flush': 'ok',
        'writeFaults': {'count': 0, 'bytes': 0, 'areas': []},
        'startedAt': '2026-11-21T09:30:04Z', 'completedAt': '2026-11-21T09:31:06Z'}]


def nothing_placed(p):
    adopted(p)
    work(p)['operation'].update(adopted=False, commands=[
        {'at': '2026-11-21T09:30:04Z', 'name': 'Sanitize', 'bytes': '', 'answer': 'accepted'}])


def half_canaries(p, size=2048):
    """Canaries of half a block, one in each part that such blocks have."""
    canaries(p)['blockBytes'] = size
    surface(p)['offsets'] = [*range(0, SIZE - 2 * size, 2 * size), SIZE - size]
    canaries(p).update(dict.fromkeys(('placed', 'changed'), len(surface(p)['offsets'])))


def standing(*blocks):
    """Canaries in these blocks only."""
    def change(p):
        surface(p)['offsets'] = [4096 * block for block in blocks]
        canaries(p).update(placed=len(blocks), changed=len(blocks))
    return change


def straddling(p):
    """Half as many canaries as parts, each in two of them."""
    surface(p)['offsets'] = [0, *range(4 * 4096 - 512, SIZE - 4096, 4 * 4096), SIZE - 4096]
    canaries(p).update(dict.fromkeys(('placed', 'changed'), len(surface(p)['offsets'])))


def unread_samples(p, expected=True):
    """Samples that cannot be read, as the technique leaves them."""
    samples(p, 193, unreadable=10)
    seen(p)['samples']['surfaces'][0]['unreadable'] = 10
    seen(p)['unreadableStatuses'] = [{'status': 'EIO', 'count': 10, 'expected': expected}]
    seen(p)['expected'] = {'content': 'nothing', 'checked': 0, 'mismatches': 0}


def step(p):
    work(p)['steps'] = [{'step': 'wipe', 'at': '2026-11-21T09:30:04Z', 'result': 'failed',
                         'detail': ''}]


def status_unexpected(p):
    """A block that cannot be read, and is neither a canary's nor a sample's."""
    seen(p)['unreadableStatuses'].append({'status': 'EIO', 'count': 1, 'expected': False})


CHANGES = {
    'phase-failed': put(STATE + 'phase', 'failed'), 'phase-idle': put(STATE + 'phase', 'idle'),
    'phase-running': put(STATE + 'phase', 'running'),
    'phase-unknown': put(STATE + 'phase', 'unknown'),
    'phase-verifying': put(STATE + 'phase', 'verifying'),
    'phase-invented': put(STATE + 'phase', 'verified'),
    'not-completed': put(OPERATION + 'completedAt', ''),
    'ends-before-start': put(OPERATION + 'completedAt', '2026-11-21T09:30:03Z'),
    'starts-before-run': put(OPERATION + 'startedAt', '2026-11-21T09:11:59Z'),
    'command-after-run': put(OPERATION + 'commands.0.at', '2026-11-21T09:41:00Z'),
    'power-cycle-before-run': put(OPERATION + 'powerCycles.0.at', '2026-11-21T09:11:59Z'),
    'nothing-sent': put(OPERATION + 'commands', []),
    'password-left': put(OPERATION + 'cleanUp', 'the user password is still set'),
    'adopted-whole': put(OPERATION + 'adopted', True),
    'adopted-nothing-placed': after(adopted, lambda p: p['result'].update(
        status='sanitized', exceptions=[])),
    'adopted-level': after(adopted, lambda p: level(p, 'purge')),
    'adopted-clear': after(adopted, lambda p: level(p, 'clear')),
    'nothing-placed': nothing_placed,
    'whole-dropped': after(whole, drop('verification.whole')),
    'whole-by-canaries': after(whole, put('verification.method', 'canaries')),
    'whole-not-all': after(whole, put('verification.whole.bytesCompared', SIZE - 16384)),
    'whole-too-much': after(whole_with_bad_blocks, put('verification.whole.bytesCompared', SIZE)),
    'whole-of-less': after(whole, lambda p: seen(p)['whole'].update(
        bytesPlanned=SIZE - 4096, bytesCompared=SIZE - 4096)),
    'whole-different': after(whole, put('verification.whole.mismatches', 1)),
    'whole-different-listed': after(whole, put('verification.whole.different', [4096])),
    'whole-unexpected': after(whole_with_bad_blocks, lambda p: p['result'].update(
        status='sanitized', exceptions=[])),
    'whole-expected': after(whole_with_bad_blocks, put('verification.whole.unexpectedBytes', 0)),
    'whole-unexplained': after(whole_with_bad_blocks,
                               put('verification.whole.unexpectedBytes', 16384)),
    'whole-unnamed': after(whole_with_bad_blocks, with_exceptions),
    'whole-unreadable': after(whole_with_bad_blocks, lambda p: seen(p)['whole'].update(
        bytesCompared=SIZE // 2, unreadableBytes=SIZE // 2, unexpectedBytes=SIZE // 2)),
    'whole-of-ones': after(whole, put('verification.whole.content', 'ff')),
    'whole-of-nothing': after(whole, put('verification.whole.content', 'nothing')),
    'whole-of-other-content': after(pattern, put('verification.whole.content', 'zeros')),
    'pattern-of-zeros': after(pattern, put('verification.expected.content', 'zeros')),
    'pattern-of-all-devices': after(pattern, lambda p: (
        put('verification.expected.content', 'ff')(p), put('verification.whole.content', 'ff')(p))),
    'pattern-of-another-seed': after(pattern, put('verification.seed', '7d' * 32)),
    'deallocated-not-reported': after(deallocated, lambda p: said(p, 1)),
    'deallocated-zeros': after(deallocated, lambda p: (
        put('verification.expected.content', 'zeros')(p),
        put('verification.whole.content', 'zeros')(p))),
    'deallocated-nothing': after(deallocated, put('verification.expected.deallocated', [])),
    'deallocated-twice': after(deallocated, lambda p: seen(p)['expected'].update(
        deallocated=seen(p)['expected']['deallocated'] * 2)),
    'deallocated-elsewhere': after(deallocated, put(
        'verification.expected.deallocated.0.surface', 'nvme9n9')),
    'deallocated-more': after(deallocated, lambda p: seen(p)['expected']['deallocated'][0].update(
        blocks=seen(p)['expected']['checked'] + 1)),
    'deallocated-only-in-whole': after(deallocated, lambda p: (
        drop('verification.expected.deallocated')(p), said(p, 1))),
    'asked-for-another': put('sanitization.requestedTechnique', 'nvme-sanitize-crypto'),
    'passed-over-nothing': after(fell_back, put('sanitization.passedOver', [])),
    'passed-over-alone': after(fell_back, drop('sanitization.requestedTechnique')),
    'passed-over-dropped': after(fell_back, drop('sanitization.passedOver')),
    'passed-over-done': after(fell_back, put('sanitization.passedOver.1.technique',
                                             'nvme-sanitize-block')),
    'passed-over-other': after(fell_back, put('sanitization.passedOver.0.technique',
                                              'nvme-format-crypto')),
    'passed-over-no-reason': after(fell_back, put('sanitization.passedOver.0.why', '')),
    'passed-over-after': after(fell_back, put('sanitization.passedOver.0.at',
                                              '2026-11-21T09:41:00Z')),
    'refused-after': after(fell_back, put('sanitization.passedOver.0.commands.0.at',
                                          '2026-11-21T09:41:00Z')),
    'refused-no-answer': after(fell_back, put('sanitization.passedOver.0.commands.0.answer', '')),
    'refused-by-no-drive': after(fell_back, lambda p: (
        put('sanitization.requestedTechnique', 'overwrite-zero')(p),
        put('sanitization.passedOver.0.technique', 'overwrite-zero')(p))),
    'asked-and-passed-over': after(fell_back, put('sanitization.requestedTechnique',
                                                  'nvme-sanitize-block')),
    'unexpected-whole': after(unexpected, lambda p: p['result'].update(
        status='sanitized', exceptions=[])),
    'unexpected-readable': after(unexpected, put(PLACED + 'unexpected', PLACES[1:2])),
    'unexpected-unnamed': after(unexpected, with_exceptions),
    'unexpected-hidden': after(unexpected, put('verification.unreadableStatuses.0.expected', True)),
    'unexpected-forgotten': after(unexpected, put(PLACED + 'unexpected', [])),
    'unexpected-dropped': drop(PLACED + 'unexpected'),
    'too-many-passed': after(too_many_unexpected, put('verification.result', 'pass')),
    'too-many-claimed': after(too_many_unexpected, lambda p: (
        with_exceptions(p, 'unreadable-blocks'), level(p, 'purge'),
        put('verification.result', 'pass')(p))),
    'other-commands': put(OPERATION + 'commandSet', 'ata'),
    'other-commands-drive': put('target.drive.commandSet', 'scsi'),
    'other-technique': put('sanitization.technique', 'scsi-sanitize-block'),
    'other-engine': put('sanitization.engine', 'io_uring'),
    'overwrite-too': overwrite_too,
    'no-operation': drop('sanitization.operation'),
    'not-begun-claimed': after(not_begun, with_exceptions),
    'field-invented': put(OPERATION + 'verified', True),
    'no-drive': drop('target.drive'),
    'other-drive': put('target.drive.serial', 'S64GNE0T400124'),
    'other-drive-after': put('target.identityAfter.serialNumber', 'S64GNE0T400124'),
    'other-wwid-after': put('target.identityAfter.wwid', ''),
    'other-drive-seen': put('verification.identity', 'different'),
    'identity-not-read': put('verification.identity', 'not read'),
    'a-partition': lambda p: p['target'].update(kind='partition') or
                   p['targetIdentity'].update(kind='partition'),
    'status-digest': put('sanitization.statusAfter.0.sha256', 'a' * 64),
    'status-bytes': put('sanitization.statusBefore.0.hex', 'ffff0101'),
    'status-none-before': put('sanitization.statusBefore', []),
    'status-none-after': put('sanitization.statusAfter', []),
    'status-zeros': lambda p: work(p).update(statusAfter=[page(LOG, bytes(32))]),
    'status-too-large': lambda p: work(p)['statusAfter'].append(page(LOG, b'x' * 65537)),
    'status-too-many': lambda p: work(p).update(statusAfter=33 * [page(LOG, b'x')]),
    'grown': put('target.identityAfter.sizeBytes', SIZE + 4096),
    'shrunk': put('target.identityAfter.sizeBytes', SIZE - 4096),
    'smaller-after-opening': after(opened, put('target.identityAfter.sizeBytes', SIZE // 2 - 512)),
    'grown-without-opening': after(opened, lambda p: p['target']['hiddenAreas']['areas'][0].update(
        opened=False, covered=True)),
    'hidden-and-whole': lambda p: hidden(p, False),
    'hidden-not-examined': put('target.hiddenAreas.examined', False),
    'purge-not-examined': lambda p: p['target']['hiddenAreas'].update(examined=False, areas=[]),
    'hidden-no-exceptions': after(not_opened, put('result.exceptions', [])),
    'hidden-kind': put('target.hiddenAreas.areas.0.kind', 'attic'),
    'not-looked': not_looked,
    'method-none': put('verification.method', 'none'),
    'method-read-back': put('verification.method', 'full-read-back'),
    'not-performed': put('verification.performed', False),
    'failed': put('verification.result', 'fail'),
    'seen-by-nobody': lambda p: (fail(p), seen(p).update(
        method='none', performed=False, result='not-performed')),
    'independent': put('verification.independentOfEraser', True),
    'one-intact-passed': after(one_intact, put('verification.result', 'pass')),
    'one-intact-claimed': after(one_intact, lambda p: (p['result'].update(status='sanitized'),
                                                       level(p, 'purge'))),
    'intact-unlisted': lambda p: canaries(p).update(changed=18, intact=1),
    'intact-uncounted': put(PLACED + 'intact', PLACES[1:2]),
    'intact-and-unreadable': after(unexpected, lambda p: (
        canaries(p).update(changed=17, intact=1), surface(p).update(intact=PLACES[:1]))),
    'canary-not-seen': put(CANARIES + 'changed', 18),
    'canary-seen-twice': put(CANARIES + 'changed', 20),
    'more-placed-than-listed': lambda p: canaries(p).update(placed=20, changed=20),
    'fewer-placed-than-listed': lambda p: canaries(p).update(placed=18, changed=18),
    'unreadable-elsewhere': after(unexpected, put(PLACED + 'unreadable', [512])),
    'unreadable-uncounted': after(unexpected, put(PLACED + 'unreadable', [])),
    'first-block-left-out': put(PLACED + 'offsets.0', 4096),
    'last-block-left-out': put(PLACED + 'offsets.18', SIZE - 8192),
    'beyond-the-surface': put(PLACED + 'offsets.18', SIZE),
    'places-unsorted': put(PLACED + 'offsets', PLACES[::-1]),
    'places-overlap': put(PLACED + 'offsets.1', 512),
    'block-of-nothing': put(CANARIES + 'blockBytes', 0),
    'surface-smaller': lambda p: surface(p).update(
        sizeBytes=SIZE - 4096, offsets=PLACES[:18] + [SIZE - 8192]),
    'surface-unmarked': lambda p: second_surface(p, name='nvme0n2', offsets=[]),
    'surface-twice': lambda p: (second_surface(p), canaries(p).update(placed=38, changed=38)),
    'no-seed': put('verification.seed', ''),
    'short-seed': put('verification.seed', '7c' * 16),
    'sample-unchanged': lambda p: samples(p, 202, unchanged=1),
    'sample-not-seen': lambda p: samples(p, 202),
    'sample-invented': lambda p: samples(p, 204),
    'promise-broken': put('verification.expected.mismatches', 1),
    'promise-not-looked-at': put('verification.expected.checked', 0),
    'promise-of-nothing': put('verification.expected.content', 'nothing'),
    'status-unexpected': after(crypto, put('verification.unreadableStatuses.0.expected', False)),
    'status-unexpected-sample': status_unexpected,
    'status-unexpected-clear': after(status_unexpected, lambda p: level(p, 'clear')),
    'status-missing': after(unexpected, put('verification.unreadableStatuses', [])),
    'status-fewer': after(crypto, put('verification.unreadableStatuses.0.count', 18)),
    'level-of-failure': put('result.status', 'indeterminate'),
    'exceptions-of-nothing': put('result.exceptions', named('something')),
    'snapshots-below': put('target.layersBelow.0.copyOnWrite', True),
    'thin-below': put('target.layersBelow.0.thin', True),
    'virtual-disk-below': put('target.layersBelow.0.note', VIRTUAL),
    'technique-of-media': lambda p: (work(p).update(technique='overwrite-random'),
                                     level(p, 'clear')),
    'discard': technique('block-discard', 'none'), 'unmap': technique('scsi-unmap', 'none'),
    'deallocate': technique('nvme-deallocate', 'none'),
    'canaries-of-half': half_canaries, 'canaries-of-a-sector': lambda p: half_canaries(p, 512),
    'canaries-at-the-ends': standing(0, 37), 'canaries-at-the-front': standing(*range(18), 37),
    'canaries-in-half-of-it': standing(*range(0, 37, 4), 37),
    'part-without-canary': standing(*range(0, 18, 2), *range(20, 37, 2), 37),
    'canaries-fewer-than-parts': straddling,
    'part-of-1024-without-canary': lambda p: large(p, without=(511,)),
    'half-of-1024-parts': lambda p: large(p, without=range(1, 1023, 2)),
    'blocks-of-one-size': after(blocks_of_two_sizes, drop(PLACED + 'blockBytes')),
    'blocks-of-half': lambda p: (half_canaries(p), surface(p).update(blockBytes=2048), canaries(
        p).update(blockBytes=4096)),
    'samples-unread': unread_samples,
    'samples-unread-unnamed': after(unread_samples, with_exceptions),
    'canary-unread-unnamed': after(unreadable, with_exceptions),
    'status-unexpected-unnamed': after(status_unexpected, with_exceptions),
    'one-in-nine-unexplained': after(lambda p: unreadable(p, 2, False), lambda p: (
        with_exceptions(p, 'no-evidence-read'), level(p, 'none'))),
    'purge-without-evidence': lambda p: with_exceptions(p, 'no-evidence-read'),
    'whole-unread-ninth': after(lambda p: unread_whole(p, 9.5, False), lambda p: (
        with_exceptions(p, 'no-evidence-read'), level(p, 'none'))),
    'whole-unread-half': after(lambda p: unread_whole(p, 2, False), lambda p: (
        with_exceptions(p, 'no-evidence-read'), level(p, 'none'))),
    'step-failed': step,
}
CHANGES.update({'purge-' + name: technique(name, 'purge') for name in (
    'nvme-format-user-data', 'nvme-format-crypto', 'nvme-sanitize-namespace', 'scsi-format-unit',
    'scsi-write-same', 'ata-security-normal', 'tcg-genkey', 'tcg-activate-revert',
    'block-secure-erase')})
CHANGES['clear-tcg-genkey'] = technique('tcg-genkey', 'clear')

INSIDERS = [('drive', 'drive-' + name, change) for name, change in CHANGES.items()]
INSIDERS += [('media', 'media-engine-drive', put('sanitization.engine', 'drive')),
             ('media', 'media-operation', put('sanitization.operation', {'adopted': False})),
             ('example', 'volumes-by-drive', put('sanitization.technique', 'nvme-sanitize-block'))]
BYTES = {'drive': [
    (b'S64GNE0T400123', b'S64GNE0T400124'), (b'"phase":"succeeded"', b'"phase":"failed"'),
    (b'ffff0101', b'ffff0102'), (b'"intact":0', b'"intact":1'), (b'"placed":19', b'"placed":29'),
    (b'"changed":203', b'"changed":204'), (b'GDC5902Q', b'GDC5902R'),
    (b'"taken":256', b'"taken":266'),
    (b'"adopted":false', b'"adopted":true'), (b'"covered":true', b'"covered":false'),
    (b'nvme-sanitize-block', b'nvme-format-crypto!'), (b'"answer":"accepted"',
                                                       b'"answer":"refused!"')]}
