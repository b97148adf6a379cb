# SPDX-License-Identifier: Apache-2.0
"""What was not read proves nothing: it is named and, where it is much, nothing is claimed."""
from common import need
from reasons import named, since_1_1
from claims.techniques import SUCCESS, TABLE, enough


def excepted(predicate, *codes):
    """Whether one of these codes is among the exceptions; before 1.1.0 they had none."""
    return not since_1_1(predicate) or any(named(predicate['result']['exceptions'], code)
                                           for code in codes)


def check_drive_was_read(predicate, rules):
    seen, result = predicate['verification'], predicate['result']
    canaries, whole = seen['canaries'], seen.get('whole')
    lost = {name: rules.part(name).get('lostOneIn') for name in
            ('canaries', 'samples', 'wholeRead')}
    much = all(enough(len(surface['offsets']) - len(surface['unreadable']) -
                      len(surface['intact']),
                      len(surface['offsets']) + surface.get('refused', 0), lost['canaries'])
               for surface in canaries['surfaces'])
    much = much and all(enough(surface['changed'], surface['changed'] + surface['unreadable'],
                               lost['samples'])
                        for surface in seen['samples'].get('surfaces', []))
    if whole:
        need(whole['bytesPlanned'] >= predicate['target']['sizeBytes'],
             'less was read than the size of the target')
        much = much and enough(whole['bytesCompared'], whole['bytesPlanned'], lost['wholeRead'])
        need(not since_1_1(predicate) or whole['unexpectedBytes'] == whole['unreadableBytes'],
             'promised content cannot be expected to be unreadable')
    need(much or since_1_1(predicate) and result['level'] == 'none' and
         result['status'] == 'sanitized-with-exceptions' and
         excepted(predicate, 'no-evidence-read'),
         'too little was read that differs from the old content')
    if since_1_1(predicate):
        check_sums(seen)
        check_opened(predicate)
        again = seen.get('recheck')
        need(not again or again['unreadableBefore'] >=
             canaries['unreadable'] + seen['samples']['unreadable'],
             'more cannot be read now than before')
        need(seen['expected']['content'] == 'nothing' or
             not any(status['expected'] for status in seen['unreadableStatuses']),
             'promised content must be readable or absent')


def check_sums(seen):
    canaries, samples = seen['canaries'], seen['samples']
    need(canaries['refused'] == sum(surface['refused'] for surface in canaries['surfaces']),
         'the numbers of refused canaries do not add up')
    need(all(samples[key] == sum(surface[key] for surface in samples['surfaces'])
             for key in ('changed', 'unreadable')), 'the numbers of samples do not add up')
    by_command = seen.get('byCommand')
    need(not by_command or by_command['intact'] <= by_command['looked'],
         "the numbers of the drive's own reads do not add up")


def check_opened(predicate):
    """What was opened was looked at: it has canaries of its own."""
    names = [surface['name'] for surface in predicate['verification']['canaries']['surfaces']]
    areas = predicate['target']['hiddenAreas']['areas']
    opened = [area['kind'] for area in areas if area['opened']]
    need('not-shown' not in opened or any(name.endswith(' by command') for name in names),
         'nothing was checked beyond the end that the host shows')
    attached = [command for command in predicate['sanitization']['operation']['commands']
                if command['name'].startswith('Namespace Attachment (attach')]
    count = opened.count('unattached-namespace')
    need(count == 0 or count <= len(attached) and count < len(names),
         'a namespace was not attached and examined')


def check_overwrite_was_read(predicate, size, rules):
    seen = predicate['verification']
    need(enough(seen['bytesCompared'], seen['bytesPlanned'], rules.part('unreadOneIn')),
         'too little was read back')
    unwritten = rules.part('unwrittenOneIn')
    need(not unwritten or all(entry['writeFaults']['bytes'] <= size // unwritten
                              for entry in predicate['sanitization']['passes']),
         'too much could not be written')


def check_reached(predicate):
    """What is hidden and was not reached is named as that."""
    result, areas = predicate['result'], predicate['target']['hiddenAreas'].get('areas') or []
    if not since_1_1(predicate):
        return
    capacity = (predicate['target'].get('drive') or {}).get('capacityBytes')
    beyond = (capacity or 0) - predicate['target']['sizeBytes']
    need(beyond <= 0 or any(area['kind'] == 'not-shown' and area['bytes'] == beyond
                            for area in areas), 'the drive reports a larger size')
    rule = TABLE.hidden_areas
    need(not any(area['covered'] for area in areas if area['kind'] in rule.get('neverCovered', ())),
         'the technique is not known to reach what the host does not show')
    left = [area['kind'] for area in areas if not area['covered'] and not area['opened']]
    need(result['status'] not in SUCCESS or not left or not rule.get('except') or
         excepted(predicate, *rule['except']),
         'a hidden area that was not reached must be an exception')
    need(result['level'] == 'none' or not set(left) & set(rule.get('noLevel', ())),
         'the drive is larger than what was erased')
