# SPDX-License-Identifier: Apache-2.0
"""Certificates for a drive that erased itself: its word is needed, and is never enough."""
import bisect
import hashlib

from common import need, when
from claims.read import check_drive_was_read
from claims.status_pages import check_commands, check_status, deallocated
from claims.techniques import SUCCESS, command_set, enough

SAMPLES = ('changed', 'uninformative', 'unchanged', 'unreadable')  # what became of one


def check_drive(predicate, rules):
    work, seen, result = (predicate[key] for key in ('sanitization', 'verification', 'result'))
    if work.get('operation') is None:  # it ended before the drive was asked for anything
        need(result['status'] not in SUCCESS and predicate['certificateType'] == 'media',
             'nothing was done, yet something is claimed')
        return
    technique, adopted = work['technique'], work['operation']['adopted']
    check_whose(predicate, command_set(technique), rules)
    check_operation(work)
    check_sector_format(predicate)
    for key in ('statusBefore', 'statusAfter'):
        check_pages(work[key])
    need(not seen['independentOfEraser'], 'the eraser checked its own work')
    marks = check_canaries(seen['canaries'])
    check_rest(seen, marks)
    check_whole(seen, rules)
    check_content(seen)
    check_deallocated(work, seen)
    if seen['result'] == 'pass':
        check_passed(seen, marks, adopted, rules)
    if work['operation']['finalState']['phase'] == 'succeeded' and (rules.row or {}).get('status'):
        check_status(work, rules.row['status'])
    if result['status'] in SUCCESS:
        check_reported(work, rules)
        check_success(predicate, marks, rules)
        check_drive_was_read(predicate, rules)


def check_whose(predicate, commands, rules):
    target = predicate['target']
    drive, serial = target['drive'], predicate['targetIdentity']['serial']
    need(not rules.part('kinds') or target['kind'] in rules.part('kinds'),
         'only a disk erases itself')
    need(drive['commandSet'] == predicate['sanitization']['operation']['commandSet'] == commands,
         'the technique does not belong to these commands')
    need(not drive['serial'] or not serial or drive['serial'] == serial,
         'another drive has answered')


def check_operation(work):
    done = work['operation']
    times = [done[key] for key in ('startedAt', 'completedAt') if done[key]]
    times += [one['at'] for one in done['powerCycles'] + done['commands']]
    need(all(when(work['startedAt']) <= when(time) <= when(work['completedAt']) for time in times),
         'something was done outside the run')
    need(not done['completedAt'] or (done['startedAt'] and
         when(done['startedAt']) <= when(done['completedAt'])), 'it ended before it began')


def check_sector_format(predicate):
    """Odd sectors were formatted first; of a success: completely, and before the erase."""
    work = predicate['sanitization']
    done = work['operation'].get('sectorFormat')
    if done is None:
        return
    success = predicate['result']['status'].startswith('sanitized')
    need(done['before'] < 512 or done['before'] & (done['before'] - 1),
         'sectors were formatted that can be addressed')
    need(done['after'] in (512, 4096), 'sectors were formatted to a size that is not allowed')
    times = [work['startedAt'], done['startedAt'], done['endedAt'],
             done['endedAt'] and work['operation']['startedAt']]
    times = [when(time) for time in times if time]
    need(times == sorted(times), 'the format of sectors is out of order')
    need(done['endedAt'] or not (success or work['operation']['startedAt']),
         'the drive was told to erase before its sectors were formatted')
    if success:
        sent = [one['bytes'][:2] for one in done['commands']]
        first = next((at for at, code in enumerate(sent) if code in ('15', '55')), len(sent))
        need('04' in sent[first:], 'no command formatted the sectors')
        need(predicate['target']['drive']['facts'].get('blockBytes') == done['after'],
             'the sectors of the drive have another size')


def check_pages(pages):
    need(all(hashlib.sha256(bytes.fromhex(page['hex'])).hexdigest() == page['sha256']
             for page in pages), 'a page does not match its digest')


def check_apart(places, apart):
    need(all(low + apart <= high for low, high in zip(places, places[1:])),
         'places are not sorted, or less than a block apart')


def block_of(canaries, surface):
    """Its own, where namespaces have blocks of several sizes."""
    own = surface.get('blockBytes')  # since 1.2.0
    return canaries['blockBytes'] if own is None else own


def check_canaries(canaries):
    """The counts, each borne out by the places that are listed."""
    surfaces = canaries['surfaces']
    counts = {key: canaries[key] for key in ('placed', 'changed', 'unreadable', 'intact')}
    listed = {'placed': 0, 'unreadable': 0, 'intact': 0, 'unexpected': 0}
    need(len({surface['name'] for surface in surfaces}) == len(surfaces),
         'a surface is listed twice')
    for surface in surfaces:
        size, block = surface['sizeBytes'], block_of(canaries, surface)
        placed, intact, unreadable, unexpected = (
            surface[key] for key in ('offsets', 'intact', 'unreadable', 'unexpected'))
        for places in (placed, intact, unreadable, unexpected):
            check_apart(places, block)
        need(not placed or placed[-1] + block <= size, 'a canary is outside its surface')
        need(set(intact) | set(unreadable) <= set(placed) and
             not set(intact) & set(unreadable),
             'a canary was not placed, or is listed as both intact and unreadable')
        need(set(unexpected) <= set(unreadable),
             'places that could be read are listed as expected to be unreadable')
        for key, found in (('placed', placed), ('unreadable', unreadable), ('intact', intact),
                           ('unexpected', unexpected)):
            listed[key] += len(found)
    counts['unexpected'] = listed['unexpected']
    need(all(counts[key] == listed[key] for key in listed),
         'the counts of canaries do not match the lists')
    need(counts['changed'] + counts['unreadable'] + counts['intact'] <= counts['placed'],
         'more canaries were observed than placed')
    return counts


def check_rest(seen, marks):
    samples, expected, statuses = seen['samples'], seen['expected'], seen['unreadableStatuses']
    told_of = sum(samples[key] for key in SAMPLES)
    need(told_of <= samples['taken'], 'more samples were observed than taken')
    need(expected['mismatches'] <= expected['checked'] and
         (expected['content'] != 'nothing' or not expected['checked']),
         'the numbers of the promised content do not add up')
    need(sum(status['count'] for status in statuses) >=
         marks['unreadable'] + samples['unreadable'], 'unreadable places have no status')
    told = {flag: sum(status['count'] for status in statuses if status['expected'] is flag)
            for flag in (True, False)}
    need(told[False] >= marks['unexpected'] and
         told[True] >= marks['unreadable'] - marks['unexpected'],
         'the statuses are not those of the canaries')
    need(seen['performed'] or not statuses and not expected['checked'] and not told_of and
         marks['changed'] + marks['unreadable'] + marks['intact'] == 0,
         'results are reported, but nothing was checked')


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
             'what was read completely is not what was expected')
    need(all(content in ('nothing', 'zeros') or
             seen.get('seed') and content == pattern_of(seen['seed']) for content in contents),
         'the pattern does not belong to the seed')


def check_deallocated(work, seen):
    """Blocks that show what deallocated ones read as stand for a pattern only where the drive
    reports that it deallocated some."""
    expected, whole = seen['expected'], seen.get('whole') or {}
    places = expected.get('deallocated')
    if places is None and whole.get('deallocatedBlocks') is None:
        return
    content = (expected if places is not None else whole)['content']
    need(content not in ('nothing', 'zeros'), 'deallocated blocks stand for no pattern')
    need(deallocated(work['statusAfter']), 'the drive does not report that it deallocated blocks')
    if places is not None:
        names = [place['surface'] for place in places]
        known = {surface['name'] for surface in seen['canaries']['surfaces']}
        need(len(set(names)) == len(names) and set(names) <= known,
             'deallocated blocks are on a surface twice, or on none that was checked')
        need(0 < sum(place['blocks'] for place in places) <= expected['checked'],
             'the numbers of deallocated blocks do not add up')


def check_whole(seen, rules):
    """Everything that the host addresses was read, where the record says so."""
    whole = seen.get('whole')
    need((whole is not None) == (seen['method'] == 'full-read-back'), 'was everything read?')
    if whole is None:
        return
    planned, compared, differ, unreadable, unexpected = (whole[key] for key in (
        'bytesPlanned', 'bytesCompared', 'mismatches', 'unreadableBytes', 'unexpectedBytes'))
    need(compared + unreadable <= planned and
         unexpected <= unreadable and len(whole['different']) <= differ,
         'the numbers of the full read-back do not add up')
    if seen['result'] == 'pass':
        need(planned == compared + unreadable ==
             sum(surface['sizeBytes'] for surface in seen['canaries']['surfaces']),
             'not everything that the host addresses was read')
        need(compared or not planned, 'nothing was read, which cannot pass')
        need(enough(planned - unexpected, planned, rules.part('wholeRead').get('unexplainedOneIn')),
             'too much cannot be read')


def check_passed(seen, marks, adopted, rules):
    samples, expected = seen['samples'], seen['expected']
    need(marks['placed'] or adopted, 'no canary was checked')
    need(not marks['placed'] or seen.get('seed'), 'the seed of the canaries is missing')
    need(marks['changed'] + marks['unreadable'] + marks['intact'] == marks['placed'],
         'not every canary was checked')
    unexplained = rules.part('canaries').get('unexplainedOneIn', 0)
    need(all(unexplained * len(surface['unexpected']) <= len(surface['offsets'])
             for surface in seen['canaries']['surfaces']),
         'too many canaries could not be read although the technique leaves them readable')
    need(sum(samples[key] for key in SAMPLES) == samples['taken'],
         'not every sample was checked')
    need(expected['content'] == 'nothing' or expected['checked'] or not marks['changed'],
         'the promised content was not checked')


def check_reported(work, rules):
    done = work['operation']
    need(done['startedAt'] and done['completedAt'], 'the erase was not completed')
    if not done['adopted']:
        need(done['commands'], 'nothing was sent')
        check_commands(done['commands'], rules.row.get('commands', ()))


def check_parts(surface, block, parts_max):
    """In each of so many equal parts, two blocks long at least, one stands or was refused."""
    blocks, refused = surface['sizeBytes'] // block, surface.get('refused', 0)
    parts = max(1, min(parts_max, blocks // 2))
    edges = [blocks * part // parts * block for part in range(parts + 1)]
    filled = set()
    for offset in surface['offsets']:
        part = bisect.bisect_right(edges, offset) - 1
        filled |= {part, part + 1 if part + 1 < parts and offset + block > edges[part + 1] else part}
    need(len(surface['offsets']) + refused >= parts, 'fewer canaries than parts')
    need(parts - len(filled & set(range(parts))) <= refused, 'a part has no canary')


def check_success(predicate, marks, rules):
    seen, target, rule = (predicate['verification'], predicate['target'], rules.part('canaries'))
    if not marks['placed']:
        return
    for surface in seen['canaries']['surfaces']:
        block = block_of(seen['canaries'], surface)
        need(block >= rule.get('blockBytesMin', 0), 'the canaries are too small')
        offsets, size = surface['offsets'], surface['sizeBytes']
        need(not rule.get('bothEnds') or
             offsets and offsets[0] == 0 and offsets[-1] + block == size,
             'the first or the last block had no canary')
        if rule.get('parts'):
            check_parts(surface, block, rule['parts'])
    largest = max(surface['sizeBytes'] for surface in seen['canaries']['surfaces'])
    need(not rule.get('wholeTarget') or largest >= target['sizeBytes'],
         'canaries do not cover the whole target')
