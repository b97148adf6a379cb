# SPDX-License-Identifier: Apache-2.0
"""Claims of success beside something in the same record that says the opposite, and facts of which
one place in the record says something else than the others."""
import copy

from tamper.claims.drive import SIZE, surface
from tamper.claims.target import VIRTUAL
from tamper.edits import after, at, changed, in_1_0, made, named, put, seen, steps_of, work
from tamper.claims.generated import places_named
from tamper.claims.memory import become, pool
from tamper.claims.rows import TABLE, page, use
from tamper.stock import judge_here, library_says, predicate_of

KINDS = ('media', 'drive', 'memory', 'example')
PLACE = 'volumes.0.locations.0.'


def excepted(code):
    """A failure that is called an exception."""
    def change(p):
        p['result'].update(status='sanitized-with-exceptions', exceptions=named('it failed', code))
        for volume in p.get('volumes', []):
            volume.update(status='sanitized-with-exceptions',
                          exceptions=named('it failed', code))
    return change


def reasoned(code):
    """Plain success with the reason of a failure."""
    def change(p):
        if 'volumes' in p:
            p['volumes'][0]['reasons'] = named('it failed', code)
        else:
            work(p)['reasons'] = named('it failed', code)
    return change


def stopped(p):
    work(p)['limits']['events'] = [{'at': work(p)['startedAt'], 'limit': 'deadline',
                                    'what': 'too late', 'then': 'stop'}]


def answered(answer):
    def change(p):
        for command in work(p)['operation']['commands']:
            command['answer'] = answer
    return change


def before_elsewhere(p):
    region = p['volumes'][0]['locations'][0]['regions'][-1]
    p['volumes'][0]['locations'][0]['preState'].append(
        {'name': 'keyslot 7', 'offset': region['offset'] + region['length'], 'length': 4096,
         'sha256': '0' * 64})


def nothing(p):
    """A device of no bytes, of which nothing was written."""
    place = p['volumes'][0]['locations'][0]
    place['identity']['sizeBytes'] = 0
    place['regions'] = []
    place['overwrite']['bytesWritten'] = place['verification']['bytesCompared'] = 0


def layer(flag):
    return lambda p: p['volumes'][0]['locations'][0]['layersBelow'].append(
        {'name': 'below', 'type': 'x', flag: True})


CLAIMS = [(kind, f'{kind}-{how.__name__}-{code}', how(code)) for kind in KINDS
          for how in (excepted, reasoned) for code in TABLE['failures']]
CLAIMS += [('media', 'media-stopped', stopped)]
CLAIMS += [(kind, kind + '-looked-by-another', put('verification.independentOfEraser', True))
           for kind in KINDS[:3]]
CLAIMS += [('drive', 'drive-answered-' + (answer or 'nothing'), answered(answer))
           for answer in ('refused', 'refused: Invalid Command Opcode', 'NOT_AUTHORIZED', '')]
CLAIMS += [('example', 'volume-before-elsewhere', before_elsewhere),
           ('example', 'volume-of-nothing', nothing)]
CLAIMS += [('example', 'volume-on-' + flag, layer(flag))
           for flag in ('flash', 'copyOnWrite', 'thin', 'remote')]
CLAIMS += [('example', 'volume-on-virtual-disk', lambda p: p['volumes'][0]['locations'][0][
    'layersBelow'].append({'name': 'sda', 'type': 'disk', 'note': VIRTUAL}))]

# Records in which every fact stands that can stand there, each where it is said more than once.
MODEL, SERIAL, FIRMWARE = 'SAMPLE MZQL21T9HCJR-00A07', 'S64GNE0T400123', 'GDC5902Q'
NAMESPACE = {'nsid': 1, 'sizeBytes': SIZE, 'attached': True}


def told(p, **facts):
    p['target']['drive']['facts'].update(facts)


def names(start, size, *texts, exchanged=False):
    """A page in which the drive says who it is: (first byte, bytes, text)."""
    data = bytearray(size)
    for place, length, text in texts:
        data[place:place + length] = text.encode().ljust(length)
    if exchanged:
        for place in range(20, 94, 2):
            data[place:place + 2] = data[place:place + 2][::-1]
    return page(start, bytes(data))


def attempted(p):
    """The third attempt."""
    p['attempts'] = {'number': 3, 'previous': [
        {'runId': run, 'logIndex': index, 'leafHash': digit * 64, 'status': 'not-sanitized'}
        for run, index, digit in (('0199f3c2-7d5e-7c41-9b0a-00000000000a', 0, 'a'),
                                  ('0199f3c2-7d5e-7c41-9b0a-00000000000b', 1, 'b'))]}


def nvme(p):
    p['target']['drive']['wwn'] = 'nqn.2026-01.example:nvme'
    told(p, flash=True, subsystemNqn='nqn.2026-01.example:nvme', namespaces=[dict(NAMESPACE)],
         namespacesInAll=1, unallocatedBytes=137438953472)
    work(p)['statusBefore'].append(names(
        'NVMe Identify Controller', 4096, (4, 20, SERIAL), (24, 40, MODEL), (64, 8, FIRMWARE)))


def two_namespaces(p):
    nvme(p)
    told(p, namespaces=[dict(NAMESPACE), dict(NAMESPACE, nsid=2, sizeBytes=SIZE // 2)],
         namespacesInAll=2)
    p['target']['hiddenAreas']['areas'].append({
        'kind': 'unattached-namespace', 'detail': 'namespace 2', 'bytes': SIZE // 2,
        'covered': False, 'opened': False, 'why': 'it cannot be attached'})
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('a namespace', 'hidden-area'))


def ata(p):
    use(p, 'ata-sanitize-block')
    told(p, flash=True, rotationRpm=1, accessibleMaxLba=SIZE // 4096 - 1,
         nativeMaxLba=SIZE // 4096 - 1)
    work(p)['statusBefore'].append(names(
        'ATA IDENTIFY DEVICE', 512, (20, 20, SERIAL), (46, 8, FIRMWARE), (54, 40, MODEL),
        exchanged=True))


def scsi(p):
    use(p, 'scsi-sanitize-block')
    p['target']['drive'].update(model=MODEL[:16], firmware='1.0A')
    told(p, flash=True, rotationRpm=0, revision='1.0A')
    work(p)['statusBefore'].append(names(
        'SCSI INQUIRY', 36, (16, 16, MODEL[:16]), (32, 4, '1.0A')))


def passed_over(p):
    work(p).update(requestedTechnique='nvme-sanitize-crypto', passedOver=[{
        'technique': 'nvme-sanitize-crypto', 'at': '2026-11-21T09:29:00Z', 'why': 'refused',
        'commands': [{'at': '2026-11-21T09:29:00Z', 'name': 'Sanitize', 'bytes': '04',
                      'answer': 'refused'}]}])


def partition(p):
    for identity in (p['targetIdentity'], p['target']['identity'], p['target']['identityAfter']):
        identity.update(kind='partition', partitionUuid='4c4c4544-01', deviceMapperUuid='LVM-x')
    p['target']['kind'] = 'partition'


def typed(p):
    """Typed at a terminal: the serial number."""
    p['authorization'].update(confirmation='typed-token', approvals=[], manifestDigest=None,
                              targetToken=p['targetIdentity']['serial'])


def machine(p):
    p['target']['facts']['machine'].update(
        bootId=p['environment']['bootId'], kernel=p['environment']['kernel'])


def swept(p):
    pool(p)
    p['target']['facts']['sweep'] = dict(work(p)['sweep'])


FULL = {'media': [attempted, partition, typed], 'file': [attempted],
        'drive': [after(attempted, nvme), two_namespaces, after(nvme, passed_over), ata, scsi],
        'memory': [after(attempted, machine), after(machine, lambda p: become(p, 'ramfs', '/r')),
                   swept],
        'example': [attempted]}
# Facts that no row of the table can hold: each by the judges' own code. "file:" in front: of files.
COMPUTED = """targetIdentity.kind media:target.sizeBytes file:target.sizeBytes
    target.identity.sizeBytes
    target.identityAfter.sizeBytes target.drive.model target.drive.serial target.drive.firmware
    target.drive.facts.namespaces.*.sizeBytes target.drive.facts.namespacesInAll
    target.drive.facts.unallocatedBytes target.drive.facts.nativeMaxLba
    target.drive.facts.rotationRpm target.drive.facts.flash authorization.targetToken
    sanitization.operation.commands.*.at sanitization.operation.startedAt
    sanitization.operation.completedAt sanitization.startedAt sanitization.completedAt issuedAt
    sanitization.steps.*.at sanitization.passes.*.startedAt sanitization.passes.*.completedAt
    verification.samples.surfaces.*.name verification.canaries.placed attempts.number
    attempts.previous.*.runId result.level sanitization.method sanitization.requestedMethod
    target.identity.serialNumber target.identityAfter.serialNumber target.identity.wwid
    target.identityAfter.wwid targetIdentity.inode target.identity.inode
    file:target.identity.deviceNumber volumes.*.locations.0.header.uuid
    projectIdentity.volumes.*.uuid projectIdentity.projectId tool.version schemaVersion"""
TIMES = ('2026-11-21T00:00:00Z', '2026-11-21T23:59:59Z')
WORDS = {'file': ('loop',), 'purge': ('clear', 'none'), 'clear': ('purge', 'none'), 'disk': ('loop',),
         'partition': ('disk',), '1.2.0': ('1.0.0', '1.1.0'), '0.2.0': ('0.1.0',)}
NEVER = lambda record, value, other: False  # noqa: E731
# Where another value is no contradiction: an earlier begin, fewer turns, a part of a name.
HARMLESS = {
    'target.drive.facts.nativeMaxLba': lambda record, value, other: other < value,
    'target.drive.facts.rotationRpm': lambda record, value, other: other <= 1 - value,
    'authorization.targetToken': lambda record, value, other: other[-7:] == value[-7:],
    'authorization.approvals.*.signedAt':
        lambda record, value, other: other < work(record)['startedAt'],
    'attempts.previous.*.logIndex': lambda record, value, other: other < value,
    'sanitization.startedAt': lambda record, value, other: other < value,
    'volumes.*.locations.*.completedAt': lambda record, value, other: other < value,
    'issuedAt': lambda record, value, other: other > value,
    'target.identityAfter.model': lambda record, value, other: other.startswith(value),
    'target.drive.model': lambda record, value, other: other.startswith(value) and not any(
        each['page'].startswith('NVMe Identify Controller') or 'INQUIRY' in each['page'] or
        'IDENTIFY DEVICE' in each['page'] for each in work(record)['statusBefore'])}


def others(value, record):
    """Other values of the same type."""
    if type(value) is bool:
        yield not value
    elif type(value) is int:
        yield from (value + 4096, value // 2 if value else 1)
    elif type(value) is dict:
        for key, inner in value.items():
            yield from ({**value, key: other} for other in others(inner, record))
    elif type(value) is str and len(value) == 20 and value.endswith('Z'):
        yield from TIMES
    elif type(value) is str and value:
        yield from WORDS.get(value) or ('x' + value[1:], value + 'x')


def other_than(row, record, place):
    """A value of this fact that contradicts the others."""
    value = at(record, place)
    if 'differs' in row:
        return at(record, steps_of(row['differs']))
    if 'below' in row:
        return at(record, steps_of(row['below'])) + 1
    if 'atMost' in row:  # issued later than that
        return record['issuedAt']
    return list(others(value, record))[
        -1 if {'until', 'within'} & set(row) else 0]


def paths(kind, record):
    """Of all facts that stand in this record more than once, at each of the places."""
    for row in TABLE['facts']:
        there = list(places_named(record, row['fact'].split('.')))
        if there and kind in row.get('types', (kind, 'drive')) and 'differs' not in row:
            yield row['fact']
            if 'same' in row:
                yield row['same']
    for path in COMPUTED.split():
        only, _, rest = path.rpartition(':')
        if only in ('', kind):
            yield rest


def facts():
    """(name, the honest record, place, value) of each."""
    for kind, builds in FULL.items():
        for number, build in enumerate(builds):
            record = made(predicate_of(kind), build)
            for path in dict.fromkeys(paths(record['certificateType'], record)):
                harmless = HARMLESS.get(path, NEVER)
                for place in places_named(record, path.split('.')):
                    value = at(record, place)
                    values = others(value, record)
                    if path == 'attempts.previous.*.runId':
                        values = [record['log']['runId'], record['attempts']['previous'][
                            1 - place[2]]['runId']]
                    for other in values:
                        if not harmless(record, value, other):
                            yield (f'{kind}-{number} {".".join(map(str, place))} = {other!r:.60}',
                                   record, place, other)


def run(helper, folder):
    """Facts that were changed, and which judge accepts what."""
    cases = list(facts())
    said = library_says(helper, folder, [changed(record, place, other)
                                         for _, record, place, other in cases], '--judge')
    problems = []
    for (name, record, place, other), answer in zip(cases, said):
        here = judge_here(changed(record, place, other))
        if here or answer == 'ok':
            problems.append(f'a contradiction is accepted: {name}: library: {answer[:120]}, '
                            f'verify-bundle: {"ok" if here else "refused"}')
    return len(cases), problems


HONEST = {f'full-{kind}-{number}': (kind, build) for kind, builds in FULL.items()
          for number, build in enumerate(builds)}


def downgraded(p):
    """A record of this program that calls itself an old one, of which less is asked."""
    version = p['tool']['version']
    in_1_0(p)
    p['tool']['version'] = version


CLAIMS += [(kind, kind + '-downgraded', downgraded) for kind in ('media', 'file', 'memory')]
INSIDERS = CLAIMS
