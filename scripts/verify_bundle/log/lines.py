# SPDX-License-Identifier: Apache-2.0
"""What the lines of a log look like, one check for those in proofs and those in the whole log."""
from common import need

REASON_BYTES_MAX, DEVICE_KEYS_MAX = 4096, 65536


def text_of(entry, field):
    value = entry.get(field)
    return value if type(value) is str else ''


def is_count(value):
    return type(value) is int and value >= 0


def check_intent_line(entry, what):
    need(text_of(entry, 'runId') and text_of(entry, 'device'),
         f'{what} announces a run without its id or its device')
    need(is_count(entry.get('attempt', 0)), what + ' has no number of attempts')
    if 'manifest' in entry:
        manifest = entry['manifest']
        need(type(manifest) is dict and len(manifest) == 1 and text_of(manifest, 'sha256'),
             what + ' has no digest of its manifest')
    if 'deviceKeys' in entry:
        keys = entry['deviceKeys']
        need(type(keys) is list and 0 < len(keys) <= DEVICE_KEYS_MAX and
             all(type(key) is str for key in keys), what + ' has an invalid list of device keys')


def check_end_line(entry, what):
    need(is_count(entry.get('intent')), what + ' does not name the run that it closes')
    if entry['type'] == 'run-refused':
        return
    need(text_of(entry, 'status'), what + ' does not say how the run ended')
    if entry['status'] == 'lost':
        need(0 < len(text_of(entry, 'reason').encode()) <= REASON_BYTES_MAX and
             not {'certificate', 'signature'} & entry.keys(),
             what + ' declares a run lost that has a certificate, or gives no reason')


KINDS = {'run-intent': check_intent_line, 'run-outcome': check_end_line,
         'run-refused': check_end_line}


def check_line(entry, index):
    """That it is the line of this index, and well-formed for its kind; other kinds tell nothing of
    runs. The types, too: to Python, True is 1."""
    what = f'log entry {index}'
    need(type(entry) is dict, what + ' is not an object')
    need(is_count(entry.get('seq')) and entry['seq'] == index,
         what + ' does not have its number in seq')
    check = KINDS.get(text_of(entry, 'type'))
    if check:
        check(entry, what)
