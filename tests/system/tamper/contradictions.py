# SPDX-License-Identifier: Apache-2.0
"""Claims of success beside something in the same record that says the opposite."""
from tamper.edits import named, put, work
from tamper.rows import TABLE

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
INSIDERS = CLAIMS
