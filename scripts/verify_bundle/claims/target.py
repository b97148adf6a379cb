# SPDX-License-Identifier: Apache-2.0
"""Certificates for a medium, a file or memory: every figure must add up to the verdict."""
import hashlib

from common import need, when
from claims.facts import check_target_facts
from claims.memory import check_free, check_memory
from claims.read import check_overwrite_was_read, check_reached
from claims.swap import check_swap
from claims.drive import check_drive
from claims.techniques import SUCCESS, Rules, command_set


def check_target(predicate):
    kind = predicate['certificateType']
    target, result = predicate['target'], predicate['result']
    status, size = result['status'], target['sizeBytes']
    drive = bool(command_set(predicate['sanitization']['technique']))
    rules = Rules(predicate)
    rules.check(predicate)
    check_areas(target, status == 'sanitized')
    check_reached(predicate)
    same_target(predicate, kind, size, drive and opened_any(target))
    check_passes(predicate['sanitization'], kind, size)
    rules.check_level(predicate)
    check_passed_over(predicate['sanitization'])
    check_performed(predicate['verification'])
    check_free(predicate)
    if status in SUCCESS:
        need(target.get('identityAfter'), 'the target was not checked afterwards')
        need(bool(result['exceptions']) == (status != 'sanitized'),
             'the exceptions do not match the status')
        check_patterns(predicate['sanitization']['passes'], rules.row)
        rules.check_control_names(predicate['sanitization'])
    if drive:
        check_drive(predicate, rules)
        check_target_facts(predicate, rules.row)
        return
    check_target_facts(predicate, rules.row)
    check_figures(predicate['verification'], kind, size)
    if kind == 'memory':
        check_memory(predicate, rules)
    if status in SUCCESS:
        if kind == 'memory':
            check_swap(predicate, rules)
        check_done(predicate, kind, size)
        check_seen(predicate, kind, size, rules)
        check_overwrite_was_read(predicate, size, rules)


def check_areas(target, sanitized):
    """For every target: what is hidden, and neither opened nor covered, is an exception."""
    hidden = target['hiddenAreas']
    areas = hidden.get('areas') or []
    need(hidden['examined'] or not areas, 'areas are listed that were not examined')
    need(not sanitized or all(area['covered'] or area['opened'] for area in areas),
         'a hidden area that was not reached must be an exception')


def opened_any(target):
    return any(area['opened'] for area in target['hiddenAreas'].get('areas') or [])


def check_passed_over(work):
    """Nothing is done in the place of what was asked for without saying why."""
    asked, done = work.get('requestedTechnique'), work['technique']
    entries = work.get('passedOver')
    if asked is None:
        need(entries is None, 'techniques were passed over, but none was requested')
        return
    entries, end = entries or [], when(work['completedAt'])
    for entry in entries:
        need(entry['technique'] != done, 'the technique that was used is listed as passed over')
        need(not entry['commands'] or command_set(entry['technique']),
             'only a drive can refuse this technique')
        need(when(entry['at']) <= end, 'it was passed over after the run')
        need(all(when(command['at']) <= end for command in entry['commands']),
             'a command was refused after the run')
    need(asked != done or not entries, 'a technique was used and also passed over')
    need(asked in (done, 'auto') or entries and entries[0]['technique'] == asked,
         'another technique than the requested one was used, and no reason is given')


def serial_of(identity):
    return identity.get('serial') or identity.get('serialNumber') or ''


def same_target(predicate, kind, size, grows):
    """`grows`: a hidden area was opened, so there may be more of it than before."""
    named, target = predicate['targetIdentity'], predicate['target']
    seen = [named, target['identity']]
    need(kind != 'file' or 'inode' not in named or all(  # since 1.2.0
        named[key] == target['identity'].get(key) for key in ('inode', 'deviceNumber')),
         'another file is named than the one that was erased')
    if predicate['result']['status'] in SUCCESS:
        seen.append(target['identityAfter'])
        need(kind != 'file' or all(
            target['identity'].get(key) is not None and
            target['identity'][key] == target['identityAfter'].get(key)
            for key in ('inode', 'deviceNumber')), 'another file had its name afterwards')
    need(not named.get('backing') or named['kind'] in ('loop', 'swap'),
         'a file below is named, but the target is not a loop device')
    for identity in seen:
        need(identity.get('backing') == named.get('backing'), 'another file below the loop device')
        need(serial_of(identity) == serial_of(named) and
             (identity.get('wwid') or '') == (named.get('wwid') or '') and
             identity.get('place') in (None, '', named.get('place') or identity.get('place')),
             'it was another target, before or after')
        need(kind == 'memory' or identity['sizeBytes'] == size or
             (grows and identity['sizeBytes'] >= named['sizeBytes']),
             'the sizes of the target differ')
    need(not grows or size >= named['sizeBytes'], 'the target has shrunk')
    need(named['kind'] == target['kind'] or
         (kind, named['kind'], target['kind']) == ('memory', 'brd',
                                                   'ram'), 'the kind of the target is wrong')


def check_faults(faults, kind, size):
    """As many bytes as the areas that are listed have, unless there are more than are listed."""
    total, end = faults['bytes'], 0
    areas = sorted((area['offset'], area['length']) for area in faults['areas'])
    listed = sum(length for _, length in areas)
    need(all(length for _, length in areas) and listed <= total and
         len(areas) <= faults['count'] and (faults['count'] == 0) == (total == 0) and
         (len(areas) < faults['count'] or listed == total), 'the numbers of faults do not add up')
    for offset, length in areas if kind != 'memory' else []:
        need(end <= offset and offset + length <= size, 'faults overlap or are outside the target')
        end = offset + length


def check_passes(work, kind, size):
    start, end = when(work['startedAt']), when(work['completedAt'])
    earliest, resumed = start, 0
    for number, entry in enumerate(work['passes'], 1):
        need(entry['number'] == number, 'the numbers of the passes are wrong')
        check_faults(entry['writeFaults'], kind, size)
        written = entry['bytesWritten'] + entry['writeFaults']['bytes']
        need(kind == 'memory' or written <= size, 'more was written than the size of the target')
        for key in ('startedAt', 'completedAt'):
            if entry.get(key):
                need(earliest <= when(entry[key]) <= end, 'a pass is outside the run')
                earliest = when(entry[key])
        places = entry.get('resumedAt') or []
        need(places == sorted(places) and all(place <= size for place in places),
             'a pass cannot have resumed there')
        resumed += len(places)
    for step in work.get('steps') or []:
        need(start <= when(step['at']) <= end, 'a step is outside the run')
    need((work.get('interruptions') or 0) >= resumed, 'not all interruptions are counted')


def check_performed(seen):
    need(seen['performed'] == (seen['result'] != 'not-performed') and
         not (seen['performed'] and seen['method'] == 'none'),
         'the verification contradicts itself')


def check_figures(seen, kind, size):
    if not seen['performed']:
        return
    planned, done = seen['bytesPlanned'], seen['bytesCompared'] + seen['readFaults']['bytes']
    check_faults(seen['readFaults'], kind, size)
    need(done <= planned and (kind == 'memory' or planned <= size),
         'more was read than the size of the target')
    need(len(seen.get('differences') or []) <= seen['mismatches'],
         'not all differences are counted')
    need(seen['result'] != 'pass' or (done == planned and (seen['bytesCompared'] or not planned)),
         'the read-back did not pass')


def check_patterns(passes, row):
    """The passes of the technique, one after the other."""
    wanted = row.get('passes')
    if not wanted:
        return
    need(len(passes) == len(wanted), 'not as many passes as the technique has')
    for entry, word in zip(passes, wanted):
        need(entry['pattern'] == 'aes-256-ctr' if word == 'random' else
             entry['pattern'].startswith('repeat:') if word == 'given' else
             entry['pattern'] == 'repeat:' + word, 'a pass has another pattern')


def check_done(predicate, kind, size):
    """Everything was written, or stands among the exceptions."""
    work = predicate['sanitization']
    need(work['passes'] or (kind == 'memory' and work.get('steps')), 'nothing was done')
    for entry in work['passes']:
        failed = entry['writeFaults']['bytes']
        need(kind == 'memory' or entry['bytesWritten'] + failed == size,
             'a pass does not cover the whole target')
        need(entry.get('startedAt') and entry.get('completedAt'), 'a pass is not complete')


def check_seen(predicate, kind, size, rules):
    """Everything that was written was looked at, or a tenth of it, and nothing differed."""
    seen, passes = predicate['verification'], predicate['sanitization']['passes']
    planned = seen['bytesPlanned']
    if kind == 'memory':
        need(seen['method'] != 'full-read-back' or not passes or
             planned >= passes[-1]['bytesWritten'], 'not everything was read back')
        return
    areas = passes[-1]['writeFaults']['areas']
    unwritten = sum(area['length'] for area in areas)
    one_in = rules.part('readBack').get(seen['method'])
    need(one_in, 'it was not verified in a way that the technique has')
    need(planned + unwritten <= size <= one_in * (planned + unwritten),
         'less was read back than the method requires')
    if seen['method'] == 'representative':
        need(seen.get('seed'), 'the seed of the sample is missing')
        if seen.get('sampleBlockBytes'):
            left_out = [(area['offset'], area['offset'] + area['length']) for area in areas]
            drawn = sample(size, seen['sampleBlockBytes'], bytes.fromhex(seen['seed']))
            need(planned == count_bytes(drawn, left_out), 'the sample does not belong to the seed')


def sample(size, block, seed):
    """The ranges (start, end) of efface-certificate(5), drawn again from the seed."""
    blocks = -(-size // block)
    if blocks < 20000:
        return [(0, size)]

    def draw(section, read, bound):
        data = seed + section.to_bytes(8, 'big') + read.to_bytes(8, 'big')
        return int.from_bytes(hashlib.sha256(data).digest()[:8], 'big') % bound
    found = [(0, 1), (blocks - 1, blocks)]
    for section in range(1000):
        start = section * blocks // 1000
        length = (section + 1) * blocks // 1000 - start
        read = -(-length // 20)
        places = sorted(draw(section, number, length - 2 * read + 1) for number in (0, 1))
        found += [(start + places[0], start + places[0] + read),
                  (start + places[1] + read, start + places[1] + 2 * read)]
    return [(start * block, min(end * block, size)) for start, end in found]


def count_bytes(ranges, left_out):
    """Bytes that lie in a range and in nothing that was left out."""
    edges = [(at, 0, step) for start, end in ranges for at, step in ((start, 1), (end, -1))]
    edges += [(at, 1, step) for start, end in left_out for at, step in ((start, 1), (end, -1))]
    depth, total, last = [0, 0], 0, 0
    for at, which, step in sorted(edges):
        if depth[0] and not depth[1]:
            total += at - last
        depth[which], last = depth[which] + step, at
    return total
