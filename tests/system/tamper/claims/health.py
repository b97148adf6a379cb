# SPDX-License-Identifier: Apache-2.0
"""What a drive reported of its health, in pages composed here from the specifications, and records
whose values are not those of their pages."""
import copy

from tamper.edits import after, put
from tamper.claims.rows import page

VALUES = 'target.health.after.values.'


def nvme(hours=10000, errors=0):
    """NVMe Base 2.3: SMART / Health Information, Device Self-test."""
    smart = bytearray(512)
    smart[:6] = bytes([0, 0x36, 0x01, 97, 10, 4])  # 310 K, spare, threshold, used
    for at, value in ((48, 123456), (112, 31), (128, hours), (160, errors), (176, 5)):
        smart[at:at + 16] = value.to_bytes(16, 'little')
    tests = bytearray(564)
    tests[4] = 0x20  # an extended one passed
    return 'nvme', [page('NVMe log 02h', bytes(smart)), page('NVMe log 06h', bytes(tests))], {
        'failing': False, 'celsius': 37, 'sparePercent': 97, 'wearPercent': 4,
        'hostWrittenBytes': 123456 * 512000, 'powerCycles': 31, 'powerOnHours': hours,
        'mediaErrors': errors, 'loggedErrors': 5, 'selfTest': 'passed'}


def closed(data):
    """A page of ATA with its checksum."""
    data[511] = -sum(data[:511]) % 256
    return bytes(data)


def smart_page(entries):
    data = bytearray(512)
    data[0] = 0x10
    for number, entry in enumerate(entries):
        data[2 + 12 * number:2 + 12 * number + len(entry)] = entry
    return closed(data)


def attribute(number, value, raw, flags=0x32):
    return bytes([number, flags, 0, value, value]) + raw.to_bytes(6, 'little')


def statistics(number, values):
    """ACS-4 9.5: supported and valid values of a page, by where they stand."""
    data = bytearray(512)
    data[0], data[2] = 1, number
    for at, value in values.items():
        data[at:at + 8] = (value | 0xc0 << 56).to_bytes(8, 'little')
    return page(f'ATA log 04h page {number:02x}h', bytes(data))


def identified(rotation):
    data = bytearray(512)
    data[0], data[434:436] = 0x40, rotation.to_bytes(2, 'little')
    return page('ATA IDENTIFY DEVICE', bytes(data))


def ata(hours=14992, errors=0):
    """A disk that counts by SMART and by statistics, which differ: the statistics are believed."""
    errors_log, tests = bytearray(512), bytearray(512)
    errors_log[452:454], tests[2 + 1], tests[508] = (298).to_bytes(2, 'little'), 0x70, 1
    pages = [
        identified(7200),
        page('ATA SMART READ DATA', smart_page([
            attribute(5, 193, 63, 0x33), attribute(9, 80, hours), attribute(12, 99, 56),
            attribute(187, 100, 7 << 32), attribute(194, 107, 40 | 0x110000),
            attribute(197, 195, 529, 0x12), attribute(198, 100, errors), attribute(199, 200, 3)])),
        page('ATA SMART READ THRESHOLDS', smart_page([bytes([5, 140]), bytes([9, 0])])),
        page('ATA SMART RETURN STATUS', bytes([0x50, 0, 0, 0, 0, 0x4f, 0xc2, 0, 0, 0, 0x40])),
        page('ATA SMART log 01h', closed(errors_log)), page('ATA SMART log 06h', closed(tests)),
        statistics(1, {8: 57, 16: hours + 1, 24: 1000000}), statistics(5, {8: 0xfb})]
    return 'ata', pages, {
        'failing': False, 'selfTest': 'failed', 'loggedErrors': 298, 'powerOnHours': hours + 1,
        'powerCycles': 57, 'hostWrittenBytes': 512000000, 'reallocated': 63, 'pending': 529,
        'mediaErrors': errors, 'celsius': -5,
        'attributes': [{'id': 199, 'normalized': 200, 'raw': 3}]}


def old_flash(hours=45, errors=0):
    """A drive without statistics, on a path without registers, below a threshold."""
    return 'ata', [
        identified(1),
        page('ATA SMART READ DATA', smart_page([
            attribute(5, 9, 65535, 0x33), attribute(9, 80, hours), attribute(177, 98, 44, 0x13),
            attribute(190, 60, 31), attribute(197, 100, 5 << 33), attribute(198, 100, errors)])),
        page('ATA SMART READ THRESHOLDS', smart_page([bytes([5, 10])]))], {
            'failing': True, 'powerOnHours': hours, 'reallocated': 65535, 'mediaErrors': errors,
            'wearPercent': 2, 'celsius': 31,
            'attributes': [{'id': 177, 'normalized': 98, 'raw': 44}]}


def log(number, subpage, *parameters):
    """SPC-5 7.3: a log page of parameters (code, value)."""
    data = b''.join(code.to_bytes(2, 'big') + bytes([2, len(value)]) + value
                    for code, value in parameters)
    name = f'SCSI log page {number:02X}h' + (f'/{subpage:02X}h' if subpage else '')
    return page(name, bytes([number | (0x40 if subpage else 0), subpage]) +
                len(data).to_bytes(2, 'big') + data)


def scsi(hours=10000, errors=0):
    return 'scsi', [
        log(2, 0, (0, b'\5'), (5, (63209472000).to_bytes(8, 'big')), (6, bytes(4))),
        log(3, 0, (6, errors.to_bytes(8, 'big'))), log(0x0d, 0, (0, b'\0\x25'), (1, b'\0\x44')),
        log(0x10, 0, (1, b'\x41\0\x12' + bytes(13)), (2, bytes(16))),
        log(0x11, 0, (1, b'\0\0\0\x03')),
        log(0x15, 0, (0, (hours * 60 + 59).to_bytes(4, 'big') + bytes(8))),
        log(0x15, 1, (0, b'\0\0\0\7')), log(0x2f, 0, (0, b'\0\0\x25')),
        page('SCSI READ DEFECT DATA (12)', b'\0\x0c\0\0' + (8 * 12).to_bytes(4, 'big'))], {
            'failing': False, 'celsius': 37, 'selfTest': 'aborted', 'wearPercent': 3,
            'powerOnHours': hours, 'pending': 7, 'reallocated': 12, 'mediaErrors': errors,
            'hostWrittenBytes': 63209472000}


def look(told, at):
    command_set, pages, values = told
    return {'at': at, 'commandSet': command_set, 'values': values, 'pages': pages}


def healthy(report, errors=0):
    """An honest record with `report` before and after; so many errors more afterwards."""
    def change(p):
        work = p['sanitization']
        p['target']['health'] = {
            'before': look(report(), work['startedAt']),
            'after': look(report(errors=errors), work['completedAt']),
            'grown': [{'value': 'mediaErrors', 'before': 0, 'after': errors}] if errors else []}
    return change


def alone(report, when):
    """Only one of the two looks was answered."""
    return after(healthy(report), lambda p: p['target']['health'].update({when: None}))


# Pages of which another one says the same: thresholds and status, errors of reading, temperature.
SAID_TWICE = {('ata', 2), ('ata', 3), ('scsi', 1), ('scsi', 2)}
REPORTS = {'nvme': nvme, 'ata': ata, 'old-flash': old_flash, 'scsi': scsi}
HONEST = {f'health-{name}-{kind}': (kind, healthy(report, errors=2))
          for name, report in REPORTS.items() for kind in ('drive', 'media')}
HONEST |= {f'health-{name}-no-{when}': ('drive', alone(report, when))
           for name, report in REPORTS.items() for when in ('before', 'after')}


def other_value(name, value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return {'selfTest': 'never', 'attributes': []}[name]


def flipped(report, number, at):
    """One bit of a page, with the digest of what stands there then."""
    def change(p):
        pages = p['target']['health']['after']['pages']
        data = bytearray.fromhex(pages[number]['hex'])
        data[at % len(data)] ^= 1
        pages[number] = page(pages[number]['page'], bytes(data))
    return after(healthy(report), change)


def insiders():
    """(kind, name, change): signed by those who hold the keys."""
    for name, report in REPORTS.items():
        values = report()[2]
        for key, value in values.items():
            yield 'drive', f'{name}-{key}', after(
                healthy(report), put(VALUES + key, other_value(key, value)))
            yield 'drive', f'{name}-{key}-gone', after(
                healthy(report), lambda p, key=key: p['target']['health']['after'][
                    'values'].pop(key))
        for number in range(len(report()[1])):
            if (name, number) in SAID_TWICE:
                continue
            yield 'drive', f'{name}-page-{number}-gone', after(
                healthy(report), lambda p, number=number: p['target']['health']['after'][
                    'pages'].pop(number))
    for name, change in {
            'invented': put(VALUES + 'reallocated', 0),
            'digest': lambda p: p['target']['health']['after']['pages'][0].update(sha256='0' * 64),
            'backwards': lambda p: p['target']['health'].update(
                before=dict(p['target']['health']['before'],
                            at=p['sanitization']['completedAt']),
                after=dict(p['target']['health']['after'], at=p['sanitization']['startedAt'])),
            'grown-invented': lambda p: p['target']['health']['grown'].append(
                {'value': 'reallocated', 'before': 0, 'after': 1}),
            'twice': lambda p: p['target']['health']['after']['pages'].append(
                copy.deepcopy(p['target']['health']['after']['pages'][0]))}.items():
        yield 'drive', name, after(healthy(nvme), change)
    yield 'drive', 'grown-unnamed', after(
        healthy(nvme, errors=2), lambda p: p['target']['health'].update(grown=[]))
    yield 'drive', 'grown-less', after(
        healthy(scsi, errors=2), lambda p: p['target']['health']['grown'][0].update(after=1))
    yield 'drive', 'spare-of-nvme', flipped(nvme, 0, 3)
    yield 'drive', 'sum-of-ata', flipped(ata, 1, 400)
    yield 'drive', 'length-of-scsi', flipped(scsi, 5, 7)


INSIDERS = [(kind, 'health-' + name, change) for kind, name, change in insiders()]
