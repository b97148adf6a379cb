# SPDX-License-Identifier: Apache-2.0
"""What was not read proves nothing: it is named and, where it is much, nothing is claimed."""
from common import need
from reasons import named, since_1_1

SUCCESS = ('sanitized', 'sanitized-with-exceptions')
NOT_SHOWN = ('not-shown', 'unattached-namespace')  # kinds of areas that no host can address


def is_enough(read, of):
    """A tenth may be missing."""
    return of - read <= of // 10


def excepted(predicate, *codes):
    """Whether one of these codes is among the exceptions; before 1.1.0 they had none."""
    return not since_1_1(predicate) or any(named(predicate['result']['exceptions'], code)
                                           for code in codes)


def check_drive_was_read(predicate):
    seen, result = predicate['verification'], predicate['result']
    canaries, whole = seen['canaries'], seen.get('whole')
    enough = all(is_enough(len(surface['offsets']) - len(surface['unreadable']) -
                           len(surface['intact']),
                           len(surface['offsets']) + surface.get('refused', 0))
                 for surface in canaries['surfaces'])
    enough = enough and all(is_enough(surface['changed'],
                                      surface['changed'] + surface['unreadable'])
                            for surface in seen['samples'].get('surfaces', []))
    lost = canaries['unreadable'] + seen['samples']['unreadable']
    if whole:
        need(whole['bytesPlanned'] >= predicate['target']['sizeBytes'],
             'less was read than the target holds')
        enough = enough and is_enough(whole['bytesCompared'], whole['bytesPlanned'])
        lost += whole['unreadableBytes']
        need(not since_1_1(predicate) or whole['unexpectedBytes'] == whole['unreadableBytes'],
             'no byte of what was promised is expected to be unreadable')
    need(enough or since_1_1(predicate) and result['level'] == 'none' and
         result['status'] == 'sanitized-with-exceptions' and
         excepted(predicate, 'no-evidence-read'),
         'too little was read that differs from what stood there')
    need(not lost or excepted(predicate, 'unreadable-blocks', 'no-evidence-read'),
         'what could not be read is an exception')
    need(not canaries.get('refused') or excepted(predicate, 'canaries-refused'),
         'canaries that could not be placed are an exception')
    need(not predicate['sanitization']['operation']['adopted'] or
         excepted(predicate, 'adopted-erasure'), 'that it was adopted is an exception')
    if since_1_1(predicate):
        check_sums(seen)
        check_opened(predicate)
        need(not (seen.get('byCommand') or {}).get('intact'), "the drive's own read found old data")
        need(seen['expected']['content'] == 'nothing' or
             not any(status['expected'] for status in seen['unreadableStatuses']),
             'what was promised can be read, or it is not there')


def check_sums(seen):
    canaries, samples = seen['canaries'], seen['samples']
    need(canaries['refused'] == sum(surface['refused'] for surface in canaries['surfaces']),
         'canaries that were refused do not add up')
    need(all(samples[key] == sum(surface[key] for surface in samples['surfaces'])
             for key in ('changed', 'unreadable')), 'samples do not add up')
    by_command = seen.get('byCommand')
    need(not by_command or by_command['intact'] <= by_command['looked'],
         "the drive's own reads do not add up")


def check_opened(predicate):
    """What was opened was looked at: it has canaries of its own."""
    names = [surface['name'] for surface in predicate['verification']['canaries']['surfaces']]
    opened = [area['kind'] for area in predicate['target']['hiddenAreas']['areas'] if area['opened']]
    need('not-shown' not in opened or any(name.endswith(' by command') for name in names),
         'nothing was looked for behind the end that the host shows')
    attached = [command for command in predicate['sanitization']['operation']['commands']
                if command['name'].startswith('Namespace Attachment (attach')]
    count = opened.count('unattached-namespace')
    need(count == 0 or count <= len(attached) and count < len(names),
         'a namespace was not attached and looked at')


def check_overwrite_was_read(predicate, kind, size):
    seen = predicate['verification']
    need(is_enough(seen['bytesCompared'], seen['bytesPlanned']), 'too little was read back')
    need(not seen['readFaults']['bytes'] or excepted(predicate, 'read-back-unreadable'),
         'what could not be read back is an exception')
    for entry in predicate['sanitization']['passes']:
        failed = entry['writeFaults']['bytes']
        need(kind == 'memory' or failed <= size // 10, 'too much could not be written')
        need(not failed or excepted(predicate, 'write-failed'),
             'what could not be written is an exception')


def check_reached(predicate):
    """What is hidden and was not reached is named as that."""
    result, areas = predicate['result'], predicate['target']['hiddenAreas'].get('areas') or []
    if not since_1_1(predicate):
        return
    capacity = (predicate['target'].get('drive') or {}).get('capacityBytes')
    beyond = (capacity or 0) - predicate['target']['sizeBytes']
    need(capacity is None or type(capacity) is int and capacity >= 0, 'the capacity of the drive')
    need(beyond <= 0 or any(area['kind'] == 'not-shown' and area['bytes'] == beyond
                            for area in areas), 'the drive says that it is larger')
    need(not any(area['covered'] for area in areas if area['kind'] in NOT_SHOWN),
         'what the host does not show is not known to be covered')
    left = [area['kind'] for area in areas if not area['covered'] and not area['opened']]
    need(result['status'] not in SUCCESS or not left or excepted(predicate, 'hidden-area'),
         'a hidden area that was not reached is an exception')
    need(result['level'] == 'none' or 'not-shown' not in left,
         'the drive is larger than what was erased')
