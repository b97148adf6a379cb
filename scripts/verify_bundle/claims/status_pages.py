# SPDX-License-Identifier: Apache-2.0
"""What a drive said of its erase, read from its own bytes (NVMe Base 2.3; ACS-4; SPC-5), and the
bytes of the commands that it was sent."""
from common import need

CAPITALS = set('ABCDEFGHIJKLMNOPQRSTUVWXYZ_')


def sanitize_log(page, action):
    """NVMe log page 81h: SPROG, SSTAT, SCDW10 and, since 2.1, the state."""
    if len(page) < 8:
        return False
    outcome = int.from_bytes(page[2:4], 'little') % 8
    told = int.from_bytes(page[4:8], 'little') % 8
    state = page[36] % 16 if len(page) > 36 else 0
    return outcome in (1, 4) and state == 0 and (told == action or told not in (2, 3, 4))


def sanitize_registers(page, _):
    """Status, error, COUNT (two bytes), LBA (six), device."""
    if len(page) < 11:
        return False
    count = int.from_bytes(page[2:4], 'little')
    return not page[0] & 0xa1 and count & 0x8000 != 0 and count & 0x4000 == 0


def security_off(page, _):
    """IDENTIFY DEVICE, word 128, bit 1: security enabled."""
    return len(page) == 512 and int.from_bytes(page[256:258], 'little') & 2 == 0


def format_ended(page, _):
    """Identify Namespace, FPI: bit 7 that it is supported, then the percentage that remains."""
    return len(page) > 32 and (page[32] < 128 or page[32] == 128)


def sense_idle(page, _):
    """Current errors, fixed or descriptor format: no key of a failure, nothing that is not ready, has
    failed or is in progress."""
    if not page or page[0] & 0x7f not in (0x70, 0x72):
        return False
    fixed = page[0] & 0x7f == 0x70
    if len(page) < (14 if fixed else 8):
        return False
    key, code = (page[2], page[12:14]) if fixed else (page[1], page[2:4])
    progress = fixed and key % 16 == 0 and len(page) > 15 and page[15] & 0x80
    return key % 16 in (0, 1) and code[0] not in (0x04, 0x31) and code.hex() != '0016' and \
        not progress


DECODERS = {'nvme-sanitize-log': sanitize_log, 'ata-sanitize-registers': sanitize_registers,
            'ata-security-off': security_off, 'nvme-format-ended': format_ended,
            'scsi-sense-idle': sense_idle}
OF_EACH = ('nvme-format-ended',)  # every page of that name, not only the last


def deallocated(pages):
    """Whether the last log page 81h has SOS 4: deallocated although that was not asked for."""
    logs = [bytes.fromhex(page['hex']) for page in pages if page['page'].startswith('NVMe log 81h')]
    return bool(logs) and len(logs[-1]) > 2 and logs[-1][2] % 8 == 4


def check_status(work, rule):
    """The page stands there before and after, and says in the end that it is done."""
    before, after = ([bytes.fromhex(page['hex']) for page in work[key]
                      if page['page'].startswith(rule['page'])]
                     for key in ('statusBefore', 'statusAfter'))
    need(any(any(page) for page in before), 'no page shows the state of the drive before')
    need(after, 'no page shows the final state of the drive')
    decode = DECODERS[rule['decoder']]
    need(all(decode(page, rule.get('action')) for page in
             (after if rule['decoder'] in OF_EACH else after[-1:])),
         'the drive does not report completion')


def check_commands(commands, rules):
    need(all(any(is_sent(command, rule) for command in commands) for rule in rules),
         'the command of the technique was not sent')


def is_sent(command, rule):
    """Whether it is the command of this rule, and was not refused."""
    wanted, mask = (bytes.fromhex(rule.get(key, '')) for key in ('bytes', 'mask'))
    return (command['name'].startswith(tuple(rule['names'])) and
            not is_refusal(command['answer']) and
            is_masked(bytes.fromhex(command['bytes']), wanted, mask)) or any(
                is_sent(command, other) for other in rule.get('or', ()))


def is_refusal(answer):
    """The drive said that it does not do it; what it did not answer is for its status to tell."""
    return answer.startswith('refused') or (
        set(answer) <= CAPITALS and answer != 'SUCCESS')  # a status of TCG, or nothing at all


def is_masked(data, wanted, mask):
    return len(data) >= len(wanted) and all(
        byte & bits == value for byte, bits, value in zip(data, mask, wanted))
