# SPDX-License-Identifier: Apache-2.0
"""Sectors that were formatted before an erase, and records that say so wrongly."""
from tamper.edits import after, drop, put, work
from tamper.claims.rows import drive

FORMAT = 'sanitization.operation.sectorFormat.'
SELECT = {'name': 'MODE SELECT (10) (LOGICAL BLOCK LENGTH 512)', 'answer': 'good',
          'bytes': '55100000000000001800'}
UNIT = {'name': 'FORMAT UNIT (FMTDATA 1, CMPLST 0, IMMED 1, protection type 0)', 'answer': 'good',
        'bytes': '041000000000'}


def formatted(before=520, size=512, technique='scsi-sanitize-block'):
    """An honest record of a disk that was formatted first."""
    def change(p):
        drive(technique)(p)
        at = work(p)['startedAt']
        p['target']['drive']['facts'].update(blockBytes=size)
        p['target']['identityAfter']['logicalBlockBytes'] = size
        work(p)['operation']['sectorFormat'] = {
            'before': before, 'after': size, 'startedAt': at, 'endedAt': at, 'watched': True,
            'commands': [{'at': at, **SELECT}, {'at': at, **UNIT}]}
    return change


def only(*commands):
    return lambda p: work(p)['operation']['sectorFormat'].update(
        commands=[{'at': work(p)['startedAt'], **command} for command in commands])


def failed(p):
    """The disk did not do it: nothing was erased, and nothing is claimed."""
    work(p)['operation']['sectorFormat'].update(endedAt='')


HONEST = {f'sectors-{before}-{size}': ('drive', formatted(before, size))
          for before in (520, 524, 528, 4160) for size in (512, 4096)}
HONEST['sectors-by-format'] = ('drive', formatted(technique='scsi-format-unit'))
HONEST['sectors-by-six'] = ('drive', after(formatted(), only(
    {**SELECT, 'bytes': '151000000c00'}, UNIT)))
HONEST['sectors-unwatched'] = ('drive', after(formatted(), put(FORMAT + 'watched', False)))
CLAIMS = {
    'of-usual-ones': put(FORMAT + 'before', 512), 'of-large-ones': put(FORMAT + 'before', 4096),
    'to-odd-ones': put(FORMAT + 'after', 520), 'to-none': put(FORMAT + 'after', 0),
    'not-ended': failed, 'no-commands': only(), 'not-selected': only(UNIT),
    'not-formatted': only(SELECT), 'selected-too-late': only(UNIT, SELECT),
    'other-commands': only({**SELECT, 'bytes': '5a100000000000001800'}, UNIT),
    'other-size-now': put('target.drive.facts.blockBytes', 4096),
    'other-size-for-the-host': put('target.identityAfter.logicalBlockBytes', 4096),
    'no-size-now': drop('target.drive.facts.blockBytes'),
    'ended-before-it-began': put(FORMAT + 'endedAt', '2001-01-01T00:00:00Z'),
    'ended-after-the-erase': put(FORMAT + 'endedAt', '2031-01-01T00:00:00Z'),
    'begun-before-the-run': put(FORMAT + 'startedAt', '2001-01-01T00:00:00Z'),
}
INSIDERS = [('drive', 'sectors-' + name, after(formatted(), change))
            for name, change in CLAIMS.items()]
