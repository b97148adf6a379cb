# SPDX-License-Identifier: Apache-2.0
"""One honest record of every technique of src/rules/tables/techniques.json, and the claims that come close
to each: one level more, another command, another page, another pass, a control less.

Bytes are those of the specifications, not read from the table.
"""
import copy
import hashlib
import json

from tamper.edits import after, first, in_1_0, level, named, one_fault, put, seen, work
from tamper.claims.memory import asked, become, cleared_queue, pool, queue, segment, sweep, zram
from tamper.stock import SOURCE

TABLE = json.loads((SOURCE / 'src/rules/tables/techniques.json').read_text())
LEVELS = ('none', 'clear', 'purge')


def level_of(row, medium='flash'):
    return row['level'][medium] if isinstance(row['level'], dict) else row['level']


def page(name, data):
    return {'page': name, 'hex': data.hex(), 'sha256': hashlib.sha256(data).hexdigest()}


def sanitize_log(action, status):
    """NVMe Base 2.3: SPROG, SSTAT, SCDW10, six times."""
    return (bytes.fromhex('ffff') + status.to_bytes(2, 'little') + action.to_bytes(4, 'little') +
            bytes.fromhex('ffffffff3c00000002000000') + b'\xff' * 12)


def registers(count, error=False):
    """ACS-4: status, error, COUNT, LBA, device."""
    return (bytes([0x51 if error else 0x50, 4 if error else 0]) + count.to_bytes(2, 'little') +
            bytes(6) + b'\x40')


def identify(security):
    """ATA IDENTIFY DEVICE with word 128."""
    data = bytearray(512)
    data[0], data[256:258] = 0x40, security.to_bytes(2, 'little')
    return bytes(data)


def namespace(indicator):
    data = bytearray(128)
    data[0], data[32] = 0x10, indicator
    return bytes(data)


def sense(key, code):
    """SPC-5: fixed format."""
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0]) + code.to_bytes(2, 'big') + bytes(4)


SID, PSID = '0000020500000001' '0000000900000006', '0000020500000001' '000000090001ff01'
REVERT = ('Revert (Admin SP)', '0000020500000001' '0000000600000202')
LOG, REGISTERS, IDENTIFY = 'NVMe log 81h', 'ATA SANITIZE STATUS EXT', 'ATA IDENTIFY DEVICE'
NAMESPACE, SENSE = 'NVMe Identify Namespace 1', 'SCSI REQUEST SENSE'
# technique: commands, page, its bytes before, when done, and in the ways that are not done
SANITIZED = {action: (LOG, sanitize_log(action, 0), sanitize_log(action, 0x101), {
    'running': sanitize_log(action, 2), 'failed': sanitize_log(action, 3),
    'never': sanitize_log(action, 0), 'other': sanitize_log(6 - action if action != 3 else 2, 0x101),
    'state': sanitize_log(action, 0x101) + bytes(4) + b'\x01', 'short': b'\xff\xff\x01'})
    for action in (2, 3, 4)}
ATA = (REGISTERS, registers(0), registers(0x8000), {
    'running': registers(0xc000), 'idle': registers(0), 'error': registers(0x8000, True),
    'short': registers(0x8000)[:10]})
SECURITY = (IDENTIFY, identify(1), identify(1), {
    'enabled': identify(3), 'short': identify(1)[:258]})
IDLE = (SENSE, sense(0, 0), sense(0, 0), {
    'sanitizing': sense(2, 0x041b), 'in progress': sense(0, 0x041b), 'formatting': sense(0, 0x0404),
    'failed': sense(3, 0x3103), 'short': sense(0, 0)[:12], 'no sense': b'\x00' + sense(0, 0)[1:]})
FORMATTED = (NAMESPACE, namespace(0x80), namespace(0x80), {
    'remains': namespace(0x81), 'short': namespace(0x80)[:32]})
NO_PAGE = (None, None, None, {})
DRIVES = {
    'nvme-sanitize-block': ([('Sanitize (block erase)', '02' + '00' * 23)], SANITIZED[2]),
    'nvme-sanitize-crypto': ([('Sanitize (crypto erase)', '04' + '00' * 23)], SANITIZED[4]),
    'nvme-sanitize-overwrite': ([('Sanitize (overwrite)', '1302' + '00' * 22)], SANITIZED[3]),
    'nvme-format-crypto': ([('Format NVM (namespace 1h, SES 2)', '0004' + '00' * 22)], FORMATTED),
    'nvme-format-user-data': ([('Format NVM (namespace 1h, SES 1)', '0002' + '00' * 22)],
                              FORMATTED),
    'ata-sanitize-block': ([('SANITIZE DEVICE (BLOCK ERASE EXT)', '1200000072454b42000000b4')],
                           ATA),
    'ata-sanitize-crypto': ([('SANITIZE DEVICE (CRYPTO SCRAMBLE EXT)',
                              '1100000070797243000000b4')], ATA),
    'ata-sanitize-overwrite': ([('SANITIZE DEVICE (OVERWRITE EXT, 1 pass)',
                                 '14000100a5a5a5a5574f00b4')], ATA),
    'ata-security-enhanced': ([('SECURITY ERASE PREPARE', '00' * 11 + 'f3'),
                               ('SECURITY ERASE UNIT (enhanced)', '00' * 11 + 'f4')], SECURITY),
    'ata-security-normal': ([('SECURITY ERASE PREPARE', '00' * 11 + 'f3'),
                             ('SECURITY ERASE UNIT (normal)', '00' * 11 + 'f4')], SECURITY),
    'scsi-sanitize-block': ([('SANITIZE (block erase, IMMED 1)', '4882' + '00' * 8)], IDLE),
    'scsi-sanitize-crypto': ([('SANITIZE (cryptographic erase, IMMED 1)', '4883' + '00' * 8)],
                             IDLE),
    'scsi-sanitize-overwrite': ([('SANITIZE (overwrite, IMMED 1)', '4881' + '00' * 8)], IDLE),
    'scsi-format-unit': ([('FORMAT UNIT (FMTDATA 1)', '041000000000')], IDLE),
    'scsi-write-same': ([('WRITE SAME (16) (pattern a5)', '93' + '00' * 15)], IDLE),
    'tcg-psid-revert': ([('StartSession (Admin SP, PSID)', PSID), REVERT], NO_PAGE),
    'tcg-revert': ([('StartSession (Admin SP, SID)', SID), REVERT], NO_PAGE),
    'tcg-activate-revert': ([('StartSession (Admin SP, SID)', SID),
                             ('Activate (Locking SP)', '0000020500000002' '0000000600000203'),
                             REVERT], NO_PAGE),
    'tcg-genkey': ([('GenKey (global range)', '0000080600000001' '0000000600000010')], NO_PAGE),
    'block-secure-erase': ([('BLKSECDISCARD', '')], NO_PAGE),
}
ENTERPRISE = ('RevertSP (Admin SP)', '0000000000000001' '0000000600000011')


def send(p, commands):
    at = work(p)['operation']['commands'][0]['at'] if work(p)['operation']['commands'] else \
        '2026-11-21T09:30:04Z'
    work(p)['operation']['commands'] = [{'at': at, 'name': name, 'bytes': data, 'answer': 'accepted'}
                                        for name, data in commands]


def use(p, technique):
    """The record of a drive as one of another technique: what was sent, and what the drive said."""
    commands = technique.split('-')[0]
    work(p)['technique'] = p['authorization']['policyId'] = technique
    work(p)['operation']['commandSet'] = commands
    p['target']['drive'].update(commandSet=commands, facts={})
    sent, (name, before, done, _) = DRIVES.get(technique, ([('Unknown', '')], NO_PAGE))
    if not work(p)['operation']['adopted']:
        send(p, sent)
    work(p)['statusBefore'] = [page(name, before)] if name else []
    work(p)['statusAfter'] = [page(name, done)] if name else []


def on(p, medium):
    p['target']['drive']['facts']['flash'] = medium == 'flash'
    p['target']['layersBelow'][0]['flash'] = medium == 'flash'


def drive(technique, claimed=None, medium='flash'):
    """An honest record of this technique, or one that claims another level."""
    row = next(row for row in TABLE['rows'] if row['technique'] == technique)
    return lambda p: (use(p, technique), on(p, medium), level(p, claimed or level_of(row, medium)))


def drive_claims(technique):
    """(name, change) of claims that come close to this technique."""
    sent, (name, _, done, undone) = DRIVES[technique]
    honest = drive(technique)
    for number, (words, data) in enumerate(sent):
        others = [each for place, each in enumerate(sent) if place != number]
        if words == 'SECURITY ERASE PREPARE' or words.startswith('StartSession') and \
                technique == 'tcg-activate-revert':
            continue
        yield f'unsent-{number}', after(honest, lambda p, rest=others: send(
            p, rest or [('Identify', '00')]))
        yield f'other-name-{number}', after(honest, lambda p, rest=others, data=data: send(
            p, [('Read ' + words, data)] + rest))
        for at in range(0, len(data), 2):
            wrong = data[:at] + f'{int(data[at:at + 2], 16) ^ 0xff:02x}' + data[at + 2:]
            if is_other(technique, words, data, wrong):
                yield f'other-bytes-{number}-{at}', after(
                    honest, lambda p, rest=others, words=words, wrong=wrong: send(
                        p, [(words, wrong)] + rest))
    yield 'other-policy', after(honest, put('authorization.policyId', 'purge-by-drive'))
    if name:
        for how, data in undone.items():
            yield f'page-{how}', after(honest, lambda p, data=data: work(p).update(
                statusAfter=work(p)['statusAfter'] + [page(name, data)]))
        yield 'page-not-there', after(honest, put('sanitization.statusAfter', []))
        yield 'page-not-before', after(honest, put('sanitization.statusBefore', []))
        yield 'page-of-another', after(honest, put('sanitization.statusAfter', [
            page('a page of ' + name, done)]))


def is_other(technique, words, data, wrong):
    """Whether these bytes are another command: not only another flag or pattern of the same one."""
    where = [at for at in range(0, len(data), 2) if data[at:at + 2] != wrong[at:at + 2]]
    first_bytes = {'nvme-sanitize': (0,), 'nvme-format': (2,), 'ata-sanitize': (0, 2, 22),
                   'ata-security': (22,), 'scsi-sanitize': (0, 2), 'scsi-format': (0,),
                   'scsi-write': (0, 2)}
    for start, places in first_bytes.items():
        if technique.startswith(start):
            return all(at in places for at in where)
    if words.startswith(('Revert', 'GenKey')):
        return all(16 <= at < 28 for at in where)
    return technique.startswith('tcg')


def overwrite(p, technique):
    """An honest record of an overwrite by this policy: its passes share the time of one."""
    row = next(row for row in TABLE['rows'] if row['technique'] == technique)
    one = dict(first(p), resumedAt=[])
    work(p)['technique'] = p['authorization']['policyId'] = technique
    work(p)['passes'] = []
    times = [f'2026-11-21T0{2 + number // 2}:{30 * (number % 2):02}:00Z'
             for number in range(len(row['passes']) + 1)]
    for number, word in enumerate(row['passes']):
        entry = dict(copy.deepcopy(one), number=number + 1, startedAt=times[number],
                     completedAt=times[number + 1])
        entry['pattern'] = ('aes-256-ctr' if word == 'random' else 'repeat:a5' if word == 'given'
                            else 'repeat:' + word)
        if word != 'random':
            entry.pop('streamKeyDigest', None)
        work(p)['passes'].append(entry)


def pattern(number, text):
    def change(p):
        entry = work(p)['passes'][number]
        entry['pattern'] = text
        entry.pop('streamKeyDigest', None)
    return change


def overwrite_claims(technique):
    row = next(row for row in TABLE['rows'] if row['technique'] == technique)
    honest = lambda p: overwrite(p, technique)  # noqa: E731
    yield 'a-pass-more', after(honest, lambda p: work(p)['passes'].append(dict(
        copy.deepcopy(work(p)['passes'][-1]), number=len(work(p)['passes']) + 1,
        startedAt=work(p)['passes'][-1]['completedAt'])))
    yield 'a-pass-less', after(honest, lambda p: work(p)['passes'].pop())
    for number, word in enumerate(row['passes']):
        yield f'pattern-{number}', after(honest, pattern(
            number, 'aes-256-ctr' if word == 'given' else 'repeat:5a'))
    yield 'purge', after(honest, lambda p: level(p, 'purge'))
    yield 'other-policy', after(honest, put('authorization.policyId', 'dod'))


def memory(kind):
    """An honest record of this kind of memory."""
    made = {'zram': zram, 'sysv': segment, 'mqueue': queue, 'hugepages': pool, 'free': sweep}
    if kind in made:
        return made[kind]
    if kind in ('dimm', 'cxl'):
        return lambda p: (become(p, kind, 'nmem0'), work(p).update(passes=[]),
                          seen(p).update(method='device-state', bytesPlanned=0, bytesCompared=0),
                          p['result'].update(status='sanitized-with-exceptions', exceptions=named(
                              'its word', 'firmware-unverified')), level(p, 'none'))
    return lambda p: (become(p, kind, 'there'), put('target.facts.swappable', kind in (
        'tmpfs', 'file'))(p), p['target']['facts'].update(
            {'filesystem': 'tmpfs'} if kind == 'file' else {}))


def lost(p, code, path, size):
    """Bytes that failed, beside an exception of this code."""
    folders = path.split('.')
    inside = p
    for step in folders[:-1]:
        inside = inside[int(step) if step.isdigit() else step] if inside else None
    if inside:
        inside[folders[-1]] = one_fault(0, size)
    else:
        seen(p)['result'] = 'fail'
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=p['result']['exceptions'] + named('it is named', code))


def memory_claims(row, kind):
    honest = memory(kind)
    yield 'purge', after(cleared_queue if kind == 'mqueue' else honest,
                         lambda p: level(p, 'purge'))
    if level_of(row) == 'none':
        yield 'clear', after(honest, lambda p: (level(p, 'clear'), p['result'].update(
            status='sanitized', exceptions=[])))
    for name in row['controls']['needs']:
        yield 'no-' + name, after(honest, lambda p, name=name: work(p).update(negativeControls=[
            each for each in work(p)['negativeControls'] if each['name'] != name]))
    yield 'control-invented', after(honest, lambda p: asked(p, 'weather'))
    yield 'flush-failed', after(honest, lambda p: [
        entry.update(flush='EIO') for entry in work(p)['passes']] or put(
            'verification.result', 'fail')(p))
    for name, path, value in (('result', 'verification.result', 'fail'),
                              ('result-unknown', 'verification.result', 'unknown'),
                              ('mismatches', 'verification.mismatches', 1)):
        yield name, after(honest, put(path, value))
    for code in ('io-failed', 'write-failed', 'read-back-unreadable'):
        yield 'write-fault-' + code, after(honest, lambda p, code=code: lost(
            p, code, 'sanitization.passes.0.writeFaults', 1))
        yield 'read-fault-' + code, after(honest, lambda p, code=code: (
            lost(p, code, 'verification.readFaults', 1),
            seen(p).update(bytesPlanned=seen(p)['bytesPlanned'] + 1)))
    for flag in ('copyOnWrite', 'thin', 'remote'):
        yield 'above-' + flag, after(honest, lambda p, flag=flag: (
            p['target'].update(layersBelow=[{'name': 'sda', 'type': 'disk', flag: True}]),
            p['result']['level'] == 'none' and level(p, 'clear')))
    if kind not in ('zram', 'mqueue', 'dimm', 'cxl'):
        yield 'pass-not-made', after(honest, lambda p: (
            work(p).update(passes=[]), seen(p).update(method='full-read-back', bytesPlanned=0,
                                                      bytesCompared=0)))
    yield 'read-back-less', after(honest, lambda p: seen(p).update(
        method='sampled-read-back',
        bytesPlanned=max(seen(p)['bytesPlanned'] - 4096, 0),
        bytesCompared=max(seen(p)['bytesCompared'] - 4096, 0)) if seen(p)['bytesPlanned'] else
        put('verification.result', 'fail')(p))
    yield 'other-policy', after(honest, put('authorization.policyId', 'overwrite-random'))
    if kind in ('sysv', 'mqueue', 'hugepages', 'free'):
        yield 'in-1.0.0', after(honest, in_1_0)
    for code in row.get('named', ()):
        yield 'no-' + code, after(honest, lambda p, code=code: p['result'].update(exceptions=[
            each for each in p['result']['exceptions'] if each['code'] != code]))


def all_rows():
    """(kind of example, name, honest, claims) of every row, kind by kind."""
    for row in TABLE['rows']:
        technique = row['technique']
        if row['family'] == 'drive':
            claims = list(drive_claims(technique))
            for medium in ('flash', 'disk'):
                best = LEVELS.index(level_of(row, medium))
                claims += [(f'{claimed}-on-{medium}', drive(technique, claimed, medium))
                           for claimed in LEVELS[best + 1:]]
                yield 'drive', f'{technique}-on-{medium}', drive(technique, None, medium), claims
                claims = []
        elif row['family'] == 'overwrite':
            yield ('media', technique, lambda p, name=technique: overwrite(p, name),
                   list(overwrite_claims(technique)))
        elif row['family'] == 'memory':
            for kind in row['kinds']:
                yield 'memory', 'memory-' + kind, memory(kind), list(memory_claims(row, kind))


HONEST, INSIDERS = {}, []
for KIND, NAME, CHANGE, CLAIMS in all_rows():
    HONEST['row-' + NAME] = (KIND, CHANGE)
    INSIDERS += [(KIND, f'row-{NAME}-{claim}', change) for claim, change in CLAIMS]
TEN = ('WRITE SAME (10) (pattern a5)', '41' + '00' * 9)
HONEST['row-write-same-10'] = ('drive', after(drive('scsi-write-same'), lambda p: send(p, [TEN])))
for NAME, COMMAND in (('other-name', ('Read ' + TEN[0], TEN[1])),
                      ('of-sixteen', (TEN[0], '93' + '00' * 15)),
                      ('as-sixteen', ('WRITE SAME (16) (pattern a5)', TEN[1])),
                      *((f'flags-{flags}', (TEN[0], '41' + flags + '00' * 8))
                        for flags in ('01', '02', '04', '08', '10')),
                      *((f'flags-{flags}-16', ('WRITE SAME (16)', '93' + flags + '00' * 14))
                        for flags in ('01', '02', '04', '08', '10'))):
    INSIDERS.append(('drive', 'row-write-same-' + NAME, after(
        drive('scsi-write-same'), lambda p, command=COMMAND: send(p, [command]))))
HONEST['row-enterprise'] = ('drive', after(drive('tcg-revert'), lambda p: send(
    p, [('StartSession (Admin SP, SID)', SID), ENTERPRISE])))
