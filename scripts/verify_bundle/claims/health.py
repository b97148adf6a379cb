# SPDX-License-Identifier: Apache-2.0
"""What a drive reported of its health, read from its own bytes: NVMe Base 2.3 (SMART / Health
Information, Device Self-test), ACS-4 9.5 and ATA8-ACS 7.52 (Device Statistics, SMART), SPC-5 7.3 and
SBC-4 (log pages, defect lists)."""
import hashlib

from common import NUMBER_MAX, need, when

ATA_PAGE = 512
PLAIN = (1 << 32) - 1  # an attribute above it holds several numbers
HOURS_MAX = 175320  # twenty years; above it, minutes or seconds are counted
SHOWN_RAW = (177, 199, 231, 233, 241, 242)  # attributes whose unit the vendor chose
GROWING = ('reallocated', 'pending', 'mediaErrors', 'loggedErrors')


def little(data):
    return int.from_bytes(data, 'little')


def first(*values):
    return next((value for value in values if value is not None), None)


def signed(byte):
    return byte if byte < 128 else byte - 256


def decode_nvme(pages):
    values = {}
    smart, tests = pages.get('NVMe log 02h', b''), pages.get('NVMe log 06h', b'')
    if len(smart) == 512 and any(smart):
        kelvin = little(smart[1:3])
        values = {'failing': bool(smart[0] & 0x0d), 'celsius': kelvin - 273 if kelvin else None,
                  'sparePercent': smart[3], 'wearPercent': smart[5],
                  'hostWrittenBytes': little(smart[48:64]) * 512000,
                  'powerCycles': little(smart[112:128]), 'powerOnHours': little(smart[128:144]),
                  'mediaErrors': little(smart[160:176]), 'loggedErrors': little(smart[176:192])}
    if len(tests) > 4:
        result = tests[4] % 16
        values['selfTest'] = 'running' if tests[0] % 16 else \
            'never' if tests[4] == 0 or result == 15 else \
            'passed' if result == 0 else 'failed' if result in (5, 6, 7) else 'aborted'
    return values


def checked(page):
    """A SMART page; nothing where its sum is wrong."""
    fine = page is not None and len(page) == ATA_PAGE and any(page) and sum(page) % 256 == 0
    return page if fine else None


def entries(page):
    """Thirty of twelve bytes, by identifier, the first of each."""
    found = {}
    for at in range(2, 362, 12) if checked(page) else ():
        if page[at]:
            found.setdefault(page[at], page[at:at + 12])
    return found


class Ata:
    def __init__(self, pages):
        self.pages = pages
        self.attributes = entries(pages.get('ATA SMART READ DATA'))

    def raw(self, number, size, least=0, most=PLAIN):
        """What lies outside of these bounds counts something else."""
        entry = self.attributes.get(number)
        value = None if entry is None else little(entry[5:5 + size])
        return value if value is not None and least <= value <= most else None

    def statistic(self, number, at, size):
        page = self.pages.get(f'ATA log 04h page {number:02x}h', b'')
        if len(page) != ATA_PAGE or page[2] != number or not any(page[:2]) or \
                page[at + 7] & 0xc0 != 0xc0:
            return None
        return little(page[at:at + size])

    def failing(self):
        status = self.pages.get('ATA SMART RETURN STATUS', b'')
        told = {b'\x4f\xc2': False, b'\xf4\x2c': True}.get(status[5:7])
        if len(status) == 11 and not status[0] & 0x21 and told is not None:
            return told
        limits = entries(self.pages.get('ATA SMART READ THRESHOLDS'))
        if not limits or not self.attributes:
            return None
        return any(limit[1] and entry[1] & 1 and entry[3] <= limit[1]
                   for number, limit in limits.items()
                   for entry in [self.attributes.get(number, bytes(12))])

    def self_test(self):
        page = checked(self.pages.get('ATA SMART log 06h'))
        if not page or page[508] > 21:
            return None
        if not page[508]:
            return 'never'
        status = page[3 + (page[508] - 1) * 24] >> 4
        return 'passed' if status == 0 else 'aborted' if status < 3 else \
            'failed' if status < 9 else 'running' if status == 15 else None

    def wear(self, flash):
        told = self.statistic(7, 8, 1)
        for number in (231, 177):
            if told is None and flash and number in self.attributes:
                told = 100 - min(100, self.attributes[number][3])
        return told

    def values(self):
        identify = self.pages.get('ATA IDENTIFY DEVICE', b'')
        if len(identify) != ATA_PAGE:
            return {}
        sector, words = 512, little(identify[234:238])
        if identify[213] & 0xd0 == 0x50 and 256 <= words <= 32768:  # word 106, bits 15, 14 and 12
            sector = 2 * words
        errors, written = checked(self.pages.get('ATA SMART log 01h')), self.statistic(1, 24, 6)
        heat = first(self.statistic(5, 8, 1), self.raw(194, 1, 1), self.raw(190, 1, 1))
        return {'failing': self.failing(), 'selfTest': self.self_test(),
                'loggedErrors': little(errors[452:454]) if errors else None,
                'powerOnHours': first(self.statistic(1, 16, 4), self.raw(9, 3, most=HOURS_MAX)),
                'powerCycles': first(self.statistic(1, 8, 4), self.raw(12, 6)),
                'hostWrittenBytes': None if written is None else written * sector,
                'reallocated': first(self.statistic(3, 32, 4), self.raw(5, 2)),
                'pending': first(self.statistic(1, 64, 4), self.statistic(3, 56, 4),
                                 self.raw(197, 6)),
                'mediaErrors': first(self.statistic(4, 8, 4), self.raw(187, 6), self.raw(198, 6)),
                'wearPercent': self.wear(little(identify[434:436]) == 1),
                'celsius': None if heat is None else signed(heat),
                'attributes': [{'id': number, 'normalized': self.attributes[number][3],
                                'raw': little(self.attributes[number][5:11])}
                               for number in SHOWN_RAW if number in self.attributes] or None}


class Scsi:
    def __init__(self, pages):
        self.pages = pages

    def parameter(self, name, code, least):
        """The first of this code that is long enough."""
        page = self.pages.get('SCSI log page ' + name, b'')
        number, subpage = int(name[:2], 16), 1 if '/' in name else 0
        if len(page) < 4 or page[0] & 0x3f != number or \
                (page[1] if page[0] & 0x40 else 0) != subpage:
            return None
        at, end = 4, min(len(page), 4 + int.from_bytes(page[2:4], 'big'))
        while at + 4 <= end:
            after = at + 4 + page[at + 3]
            if after <= end and int.from_bytes(page[at:at + 2], 'big') == code and \
                    page[at + 3] >= least:
                return page[at + 4:after]
            at = after
        return None

    def count(self, name, code, least, size=None):
        data = self.parameter(name, code, least)
        return None if data is None or len(data) > 8 and size is None else \
            int.from_bytes(data[:size], 'big')

    def defects(self):
        for name, at, end in (('SCSI READ DEFECT DATA (12)', 4, 8),
                              ('SCSI READ DEFECT DATA (10)', 2, 4)):
            data = self.pages.get(name, b'')
            if len(data) >= end and data[1] & 0x18 == 8 and data[1] & 7 <= 5:
                return int.from_bytes(data[at:end], 'big') // (8 if data[1] & 7 else 4)
        return None

    def self_test(self):
        data = self.parameter('10h', 1, 16)
        if data is None or not any(data):
            return None if data is None else 'never'
        result = data[0] % 16
        return 'passed' if result == 0 else 'aborted' if result < 3 else \
            'failed' if result < 8 else 'running' if result == 15 else None

    def values(self):
        errors = [count for page in ('02h', '03h', '05h')
                  for count in [self.count(page, 6, 1)] if count is not None]
        heat, exceptions = self.parameter('0Dh', 0, 2), self.parameter('2Fh', 0, 2)
        wear, minutes = self.parameter('11h', 1, 4), self.count('15h', 0, 4, 4)
        other = exceptions[2] if exceptions and len(exceptions) > 2 else 0
        return {'mediaErrors': sum(errors) if errors else None,
                'hostWrittenBytes': self.count('02h', 5, 1), 'reallocated': self.defects(),
                'selfTest': self.self_test(), 'wearPercent': wear[3] if wear else None,
                'powerOnHours': None if minutes is None else minutes // 60,
                'pending': self.count('15h/01h', 0, 4, 4),
                'failing': exceptions[0] == 0x5d if exceptions else None,
                'celsius': heat[1] if heat and heat[1] != 255 else
                other if other not in (0, 255) else None}


def decode(command_set, pages):
    """What the pages say; what they do not say is missing."""
    values = decode_nvme(pages) if command_set == 'nvme' else \
        (Ata if command_set == 'ata' else Scsi)(pages).values()
    return {name: min(value, NUMBER_MAX) if type(value) is int else value
            for name, value in values.items() if value is not None}


def check_look(look):
    pages = {}
    for page in look['pages']:
        data = bytes.fromhex(page['hex'])
        need(hashlib.sha256(data).hexdigest() == page['sha256'],
             'a page of health does not match its digest')
        need(page['page'] not in pages, 'a page of health is there twice')
        pages[page['page']] = data
    told = {name: value for name, value in look['values'].items() if value is not None}
    need(told == decode(look['commandSet'], pages),
         'the health of the drive is not what its pages say')


def check_health(target):
    health = target.get('health')
    if health is None:
        return
    before, after = health.get('before'), health.get('after')
    for look in (before, after):
        if look is not None:
            check_look(look)
    need(not before or not after or when(before['at']) <= when(after['at']),
         'the health after the erase was read before it')
    grown = [{'value': name, 'before': before['values'][name], 'after': after['values'][name]}
             for name in GROWING if before and after
             and None not in (before['values'].get(name), after['values'].get(name))
             and after['values'][name] > before['values'][name]]
    need(health['grown'] == grown, 'what has grown is not named')
