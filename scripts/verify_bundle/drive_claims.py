# SPDX-License-Identifier: Apache-2.0
"""Certificates for a drive that erased itself: its word is needed, and is never enough."""
import hashlib
import re

from common import need, when
from read_claims import check_drive_was_read
from reasons import since_1_1
from status_pages import check_commands, check_status
from techniques import command_set, enough

AREAS = {'not-shown', 'hpa', 'dco', 'ama', 'reduced-capacity', 'depopulated-elements', 'unallocated-capacity',
         'unaccounted-capacity', 'unattached-namespace'}
PHASES = {'idle', 'running', 'verifying', 'succeeded', 'failed', 'unknown'}
SUCCESS = ('sanitized', 'sanitized-with-exceptions')
PAGES, PAGE_BYTES = 32, 65536
BLOCK_BYTES = 1 << 20
LARGEST = 2 ** 53 - 1


def fields(value, names, optional=''):
    """An object with exactly these fields; the optional ones may be null or missing."""
    need(isinstance(value, dict), 'an object is missing: ' + names)
    there = {key for key in value if value[key] is not None}
    must = set(names.split())
    need(must <= there and set(value) <= must | set(optional.split()),
         'the fields of an object are not ' + names)
    return value


def size_of(value, text):
    need(type(value) is int and 0 <= value <= LARGEST, text + ' is no number')
    return value


def texts(value, names):
    for name in names.split():
        need(isinstance(value[name], str), name + ' is no text')


def flags(value, names):
    for name in names.split():
        need(type(value[name]) is bool, name + ' is neither true nor false')


def items(value, largest, text):
    need(isinstance(value, list) and len(value) <= largest, text + ' is no list, or too long')
    return value


def from_hex(text, text_bytes_max=2048):
    need(isinstance(text, str) and re.fullmatch('([0-9a-f]{2})*', text) and
         len(text) <= 2 * text_bytes_max, 'that is not hex')
    return bytes.fromhex(text)


def check_areas(target, sanitized):
    """For every target: what is hidden, and neither opened nor covered, is an exception."""
    hidden = target['hiddenAreas']
    flags(hidden, 'examined')
    texts(hidden, 'note')
    areas = items(hidden.get('areas') or [], 256, 'the hidden areas')
    need(hidden['examined'] or not areas, 'areas that were not examined')
    for area in areas:
        fields(area, 'kind detail bytes covered opened why')
        texts(area, 'kind detail why')
        flags(area, 'covered opened')
        size_of(area['bytes'], 'a hidden area')
        need(area['kind'] in AREAS, 'the kind of a hidden area')
        need(area['covered'] or area['opened'] or not sanitized,
             'a hidden area was not reached: it is an exception')


def opened_any(target):
    return any(area['opened'] for area in target['hiddenAreas'].get('areas') or [])


def check_no_drive(predicate):
    work = predicate['sanitization']
    need(work['engine'] != 'drive' and
         not [key for key in ('operation', 'statusBefore', 'statusAfter')
              if work.get(key) is not None], 'the work of a drive without its technique')


def check_drive(predicate, rules):
    work, seen, result = (predicate[key] for key in ('sanitization', 'verification', 'result'))
    if work.get('operation') is None:  # it ended before the drive was asked for anything
        check_no_drive(predicate)
        need(result['status'] not in SUCCESS and predicate['certificateType'] == 'media' and
             work['passes'] == [] and seen['method'] == 'none' and seen['performed'] is False and
             seen['result'] == 'not-performed', 'nothing was done, and yet something is claimed')
        return
    technique, adopted = work['technique'], work['operation']['adopted']
    check_whose(predicate, command_set(technique), rules)
    check_operation(work)
    for key in ('statusBefore', 'statusAfter'):
        check_pages(work[key])
    check_verification(seen, since_1_1(predicate))
    marks = {}
    if seen['performed'] or seen.get('canaries') is not None:
        marks = check_canaries(seen['canaries'], since_1_1(predicate))
        check_rest(seen, marks, since_1_1(predicate))
        check_whole(seen, rules)
        check_content(seen)
    if seen['result'] == 'pass':
        check_passed(seen, marks, adopted, rules)
    if work['operation']['finalState']['phase'] == 'succeeded' and (rules.row or {}).get('status'):
        check_status(work, rules.row['status'])
    if result['status'] in SUCCESS:
        check_reported(work, rules)
        check_success(predicate, marks, rules)
        check_drive_was_read(predicate, rules)


def check_whose(predicate, commands, rules):
    target, work = predicate['target'], predicate['sanitization']
    drive = fields(target['drive'], 'commandSet model serial wwn firmware facts',
                   'capacityBytes' * since_1_1(predicate))
    texts(drive, 'commandSet model serial wwn firmware')
    need(isinstance(drive['facts'], dict), 'the facts of the drive')
    need(not rules.part('kinds') or target['kind'] in rules.part('kinds'),
         'only a disk erases itself')
    need(isinstance(target['hiddenAreas']['areas'], list), 'hidden areas are missing')
    need(work['engine'] == 'drive' and work['passes'] == [], 'the work is not that of a drive')
    need(drive['commandSet'] == work['operation']['commandSet'] == commands,
         'the technique is not one of these commands')
    named = predicate['targetIdentity']
    serial = named.get('serial') or named.get('serialNumber') or ''
    need(not drive['serial'] or not serial or drive['serial'] == serial,
         'another drive has answered')


def check_operation(work):
    done = fields(work['operation'], 'commandSet adopted startedAt completedAt polls powerCycles '
                  'commands finalState cleanUp', 'estimateSeconds')
    flags(done, 'adopted')
    texts(done, 'startedAt completedAt cleanUp')
    size_of(done['polls'], 'the polls')
    need(done.get('estimateSeconds') is None or
         size_of(done['estimateSeconds'], 'the estimate') >= 0, 'the estimate')
    need(done['cleanUp'], 'nothing is said of cleaning up')
    state = fields(done['finalState'], 'phase detail')
    texts(state, 'phase detail')
    need(state['phase'] in PHASES, 'the final state')
    times = [done[key] for key in ('startedAt', 'completedAt') if done[key]]
    for cycle in items(done['powerCycles'], 64, 'the power cycles'):
        fields(cycle, 'at why')
        texts(cycle, 'why')
        need(cycle['why'], 'a power cycle without a reason')
        times.append(cycle['at'])
    for command in items(done['commands'], 1024, 'the commands'):
        fields(command, 'at name bytes answer')
        texts(command, 'name answer')
        need(command['name'], 'a command without name')
        from_hex(command['bytes'])
        times.append(command['at'])
    need(all(when(work['startedAt']) <= when(time) <= when(work['completedAt']) for time in times),
         'something was done outside the run')
    need(not done['completedAt'] or (done['startedAt'] and
         when(done['startedAt']) <= when(done['completedAt'])), 'it ended before it began')


def check_pages(pages):
    for page in items(pages, PAGES, 'the status pages'):
        fields(page, 'page sha256 hex')
        texts(page, 'page')
        need(page['page'], 'a page without name')
        need(hashlib.sha256(from_hex(page['hex'], PAGE_BYTES)).hexdigest() == page['sha256'],
             'a page is not the one of its digest')


def check_verification(seen, codes):
    fields(seen, 'method performed result independentOfEraser',
           'seed canaries samples expected unreadableStatuses identity whole' +
           ' recheck byCommand' * codes)
    flags(seen, 'performed independentOfEraser')
    need(seen['method'] in ('canaries', 'full-read-back', 'none') and
         seen['result'] in ('pass', 'fail', 'not-performed'), 'the verification')
    need(seen['performed'] == (seen['result'] != 'not-performed') and
         not (seen['performed'] and seen['method'] == 'none'), 'the verification contradicts itself')
    need(not seen['independentOfEraser'], 'the eraser looked itself')
    need(not seen.get('seed') or re.fullmatch('[0-9a-f]{64}', seen['seed']), 'the seed')


def places(value, apart):
    found = [size_of(place, 'a place') for place in items(value, 65536, 'the places')]
    need(all(low + max(apart, 1) <= high for low, high in zip(found, found[1:])),
         'places are not sorted, or not blocks apart')
    return found


def check_canaries(canaries, codes):
    """The counts, each borne out by the places that are listed."""
    refused = ' refused' * codes
    fields(canaries, 'blockBytes placed changed unreadable intact surfaces' + refused)
    surfaces = items(canaries['surfaces'], 1024, 'the surfaces')
    block = size_of(canaries['blockBytes'], 'the block')
    need(block <= BLOCK_BYTES and (block or not surfaces), 'the size of a canary')
    size_of(canaries.get('refused', 0), 'canaries that were refused')
    counts = {key: size_of(canaries[key], 'a count')
              for key in ('placed', 'changed', 'unreadable', 'intact')}
    listed, names = {'placed': 0, 'unreadable': 0, 'intact': 0, 'unexpected': 0}, set()
    for surface in surfaces:
        fields(surface, 'name sizeBytes offsets intact unreadable unexpected' + refused)
        size_of(surface.get('refused', 0), 'canaries that were refused')
        texts(surface, 'name')
        need(surface['name'] and surface['name'] not in names, 'a surface is listed twice')
        names.add(surface['name'])
        size = size_of(surface['sizeBytes'], 'a surface')
        placed, intact, unreadable, unexpected = (
            places(surface[key], block)
            for key in ('offsets', 'intact', 'unreadable', 'unexpected'))
        need(not placed or placed[-1] + block <= size, 'a canary outside its surface')
        need(set(intact) | set(unreadable) <= set(placed) and
             not set(intact) & set(unreadable), 'a canary that was not placed, or both')
        need(set(unexpected) <= set(unreadable), 'what could be read was not expected to be')
        for key, found in (('placed', placed), ('unreadable', unreadable), ('intact', intact),
                           ('unexpected', unexpected)):
            listed[key] += len(found)
    counts['unexpected'] = listed['unexpected']
    need(all(counts[key] == listed[key] for key in listed), 'canaries are not counted as listed')
    need(counts['changed'] + counts['unreadable'] + counts['intact'] <= counts['placed'],
         'more canaries were seen than placed')
    return counts


def check_rest(seen, marks, codes):
    samples = dict(fields(seen['samples'], 'taken changed uninformative unchanged unreadable' +
                          ' surfaces' * codes))
    for surface in items(samples.pop('surfaces', []), 1024, 'the samples'):
        fields(surface, 'name changed unreadable')
        texts(surface, 'name')
        for key in ('changed', 'unreadable'):
            size_of(surface[key], 'the samples')
    check_looked_again(seen)
    for key in samples:
        size_of(samples[key], 'the samples')
    need(sum(samples.values()) <= 2 * samples['taken'], 'more samples were seen than taken')
    expected = fields(seen['expected'], 'content checked mismatches')
    need(expected['content'] in ('nothing', 'zeros') or from_hex(expected['content']),
         'the content that was promised')
    need(size_of(expected['mismatches'], 'a count') <= size_of(expected['checked'], 'a count') and
         (expected['content'] != 'nothing' or not expected['checked']),
         'what was promised does not add up')
    statuses = items(seen['unreadableStatuses'], 256, 'the statuses')
    for status in statuses:
        fields(status, 'status count expected')
        texts(status, 'status')
        flags(status, 'expected')
        need(status['status'] and size_of(status['count'], 'a status'), 'a status of nothing')
    need(sum(status['count'] for status in statuses) >=
         marks['unreadable'] + samples['unreadable'], 'unreadable places without status')
    told = {flag: sum(status['count'] for status in statuses if status['expected'] is flag)
            for flag in (True, False)}
    need(told[False] >= marks['unexpected'] and
         told[True] >= marks['unreadable'] - marks['unexpected'],
         'the statuses are not those of the canaries')
    need(seen['performed'] or not statuses and not expected['checked'] and
         sum(samples.values()) == samples['taken'] and
         marks['changed'] + marks['unreadable'] + marks['intact'] == 0,
         'something was seen, but nobody looked')
    need(seen['identity'] in ('same', 'different', 'not read'), 'the identity')


def check_looked_again(seen):
    """What was done about canaries that could not be read, and a look by the drive's commands."""
    again, by_command = seen.get('recheck'), seen.get('byCommand')
    if again is not None:
        fields(again, 'unreadableBefore reset written')
        need(again['reset'] in ('done', 'not possible'), 'how the path was reset')
        size_of(again['unreadableBefore'], 'a count')
        size_of(again['written'], 'a count')
    if by_command is not None:
        fields(by_command, 'looked intact')
        size_of(by_command['looked'], 'a count')
        size_of(by_command['intact'], 'a count')


def pattern_of(seed):
    """What an overwrite of this job is told to leave."""
    drawn = hashlib.sha256(bytes.fromhex(seed) + b'overwrite pattern').digest()
    first, second = drawn[0], drawn[1] if drawn[1] != drawn[0] else drawn[0] ^ 0xff
    return bytes([first, second, second, first]).hex()


def check_content(seen):
    """Bytes that are looked for are those of this job, which no drive has by chance."""
    contents = [seen['expected']['content']]
    if seen.get('whole'):
        contents.append(seen['whole']['content'])
        need(contents[1] != 'nothing' and contents[0] in ('nothing', contents[1]),
             'what was read wholly is not what was expected')
    need(all(content in ('nothing', 'zeros') or
             seen.get('seed') and content == pattern_of(seen['seed']) for content in contents),
         'the pattern is not that of the seed')


def check_whole(seen, rules):
    """Everything that the host addresses was read, where the record says so."""
    whole = seen.get('whole')
    need((whole is not None) == (seen['method'] == 'full-read-back'), 'was everything read?')
    if whole is None:
        return
    fields(whole, 'content bytesPlanned bytesCompared mismatches different unreadableBytes '
           'unexpectedBytes')
    planned, compared, differ, unreadable, unexpected = (
        size_of(whole[key], 'a count') for key in (
            'bytesPlanned', 'bytesCompared', 'mismatches', 'unreadableBytes', 'unexpectedBytes'))
    different = [size_of(place, 'a place') for place in
                 items(whole['different'], 65536, 'what differs')]
    need(compared + unreadable <= planned and
         unexpected <= unreadable and len(different) <= differ, 'what was read does not add up')
    if seen['result'] == 'pass':
        need(planned == compared + unreadable ==
             sum(surface['sizeBytes'] for surface in seen['canaries']['surfaces']),
             'not everything that the host addresses was read')
        need(compared or not planned, 'nothing was read, and that can not pass')
        need(enough(planned - unexpected, planned, rules.part('wholeRead').get('unexplainedOneIn')),
             'too much can not be read')


def check_passed(seen, marks, adopted, rules):
    samples, expected = seen['samples'], seen['expected']
    need(marks['placed'] or adopted, 'nothing was looked for')
    need(not marks['placed'] or seen['seed'], 'the seed of the canaries is missing')
    need(marks['changed'] + marks['unreadable'] + marks['intact'] == marks['placed'],
         'not every canary was looked for')
    unexplained = rules.part('canaries').get('unexplainedOneIn', 0)
    need(all(unexplained * len(surface['unexpected']) <= len(surface['offsets'])
             for surface in seen['canaries']['surfaces']),
         'too many canaries could not be read, and not as expected')
    need(sum(samples[key] for key in ('changed', 'uninformative', 'unchanged', 'unreadable')) ==
         samples['taken'], 'not every sample was looked at')
    need(expected['content'] == 'nothing' or expected['checked'] or not marks['changed'],
         'what was promised was not looked for')


def check_reported(work, rules):
    done = work['operation']
    need(done['startedAt'] and done['completedAt'], 'the erasure was not completed')
    if not done['adopted']:
        need(done['commands'], 'nothing was sent')
        check_commands(done['commands'], rules.row.get('commands', ()))


def gap_max(surface, block, rule):
    """How far canaries may lie apart: one stands in each part, but for those that were refused."""
    blocks = surface['sizeBytes'] // max(block, 1)
    parts = max(min(rule['parts'], blocks // 2), 1)
    apart = rule['partsApart'] + min(surface.get('refused', 0), parts)
    return (apart * -(-blocks // parts) + 1) * block


def check_success(predicate, marks, rules):
    seen, target, rule = (predicate['verification'], predicate['target'], rules.part('canaries'))
    if not marks['placed']:
        return
    block = seen['canaries']['blockBytes']
    need(block >= rule.get('blockBytesMin', 0), 'canaries are smaller than that')
    for surface in seen['canaries']['surfaces']:
        offsets, size = surface['offsets'], surface['sizeBytes']
        need(not rule.get('bothEnds') or
             offsets and offsets[0] == 0 and offsets[-1] + block == size,
             'the first or the last block had no canary')
        apart = gap_max(surface, block, rule) if rule.get('parts') else size
        need(all(high - low <= apart for low, high in zip(offsets, offsets[1:])),
             'canaries lie too far apart')
    largest = max(surface['sizeBytes'] for surface in seen['canaries']['surfaces'])
    need(not rule.get('wholeTarget') or largest >= target['sizeBytes'],
         'not the whole target was marked')
