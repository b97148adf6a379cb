# SPDX-License-Identifier: Apache-2.0
"""LUKS volumes: every place of key material was reached, and the payload is known ciphertext."""
import re

from common import need
from drive_claims import command_set
from reasons import named, since_1_1

STATUSES = ['sanitized', 'sanitized-with-exceptions', 'indeterminate', 'not-sanitized']
LEVELS = ['none', 'clear', 'purge']
HEADER_BYTES_MIN = 4096
SAMPLE = ('piecesTotal', 'piecesSampled', 'ciphertextLike', 'zero', 'structured', 'unreadable')
CIPHERS = set("""aes paes serpent twofish camellia cast6 aria sm4 anubis xchacha12 xchacha20 chacha20
              rfc7539 aegis128""".split())


def check_volumes(predicate):
    need(not {'target', 'targetIdentity'} & predicate.keys(), 'volumes and a target')
    need(not command_set(predicate['sanitization']['technique']), 'a drive does not treat volumes')
    identity = predicate['projectIdentity']
    need(identity['projectId'] == predicate['dataOwner']['projectId'] and identity['volumes'] ==
         [{'name': volume['name'], 'uuid': volume['uuid']} for volume in predicate['volumes']],
         'the project that is named is not the one that was treated')
    worst, lowest = 0, 2
    for volume in predicate['volumes']:
        rank = STATUSES.index(volume['status'])
        worst, lowest = max(worst, rank), min(lowest, LEVELS.index(volume['level']))
        try:
            check_volume(predicate, volume, rank)
        except (KeyError, TypeError) as error:
            need(False, f'{volume["name"]}: malformed: {error!r}')
    result = predicate['result']
    need(predicate['volumes'] and STATUSES.index(result['status']) == worst and
         LEVELS.index(result['level']) == lowest, 'the result is not that of the volumes')


def check_volume(predicate, volume, rank):
    name = volume['name']
    need(rank <= 1 or volume['level'] == 'none', name + ': a level without success')
    for key in SAMPLE if volume.get('payloadSample') is not None else ():
        number(volume['payloadSample'][key])
    if rank > 1:
        return
    need(bool(volume['exceptions']) == (rank == 1), name + ': the exceptions')
    need(type(volume['alreadyGone']) is bool and type(volume['locations']) is list,
         name + ': is it gone, and where was it?')
    for place in volume['locations']:
        need(STATUSES.index(place['status']) <= rank and place['verification']['performed'] is True
             and place['verification']['result'] == 'pass' and
             number(place['verification']['mismatches']) == 0 and place['negativeControls'] and
             all(control['result'] == 'pass' for control in place['negativeControls']),
             name + ': not every place was verified')
        need(place['overwrite']['bytesWritten'] == place['verification']['bytesCompared'] ==
             sum(region['length'] for region in place['regions']),
             name + ': not every byte of its regions was written and read back')
        check_reached(predicate, volume, place)
    need(volume['locations'] or (volume['alreadyGone'] is True and rank == 1 and
                                 volume['level'] == 'none'), name + ': nothing was looked at')
    need(volume['level'] == 'none' or not volume['alreadyGone'], name + ': a level of what is gone')
    if since_1_1(predicate):
        check_asked(volume)
    if volume['level'] != 'none':
        check_level(predicate, volume)


def control(place, name):
    found = [each['result'] for each in place['negativeControls'] if each['name'] == name]
    return found[0] if found else None


def check_reached(predicate, volume, place):
    """Before a payload every byte can be key material; elsewhere a header is all that there is."""
    for name in ('no-magic', 'crypt-load', 'libblkid') + ('no-mapping',) * bool(volume['uuid']):
        need(control(place, name) == 'pass', f'{volume["name"]}: {name} was not looked at')
    spans, size = [(0, HEADER_BYTES_MIN)], place['identity'].get('sizeBytes')
    if place['role'] != 'in-place-header':
        if since_1_1(predicate):
            spans.append((0, number(size)))
    elif place.get('header') is not None:
        header = place['header']
        for part in [header] + (header.get('copies') or []):
            if part.get('dataOffset') is not None:
                spans.append((0, number(part['dataOffset'])))
        for slot in header['keyslots']:
            if slot.get('area') is not None:
                start = number(slot['area']['offset'])
                spans.append((start, start + number(slot['area']['length'])))
                need(spans[-1][1] < 1 << 64, volume['name'] + ': an area beyond any medium')
    regions = [(number(region['offset']), number(region['length'])) for region in place['regions']]
    need(all(offset + length < 1 << 64 for offset, length in regions),
         volume['name'] + ': a region beyond any medium')
    for start, end in spans:
        end = end if size is None else min(end, number(size))
        need(is_covered(start, end, regions),
             volume['name'] + ': bytes where key material may stand were left out')


def is_covered(start, end, regions):
    for offset, length in sorted(regions):
        if offset <= start < offset + length:
            start = offset + length
    return start >= end


def number(value):
    need(type(value) is int and 0 <= value < 1 << 64, 'a size, offset or count is no number')
    return value


def check_asked(volume):
    """A control that could not be asked is no answer."""
    tried, name = volume['credential'], volume['name']
    need(type(tried['declared']) is bool, name + ': the credential')
    before, after = tried.get('openedBefore'), tried.get('refusedAfter')
    need(before in (None, True) and after in (None, True) and
         all(type(answer) is bool for answer in (before, after) if answer is not None),
         name + ': the credential did not open it before, or does now')
    need(tried['declared'] or before is after is None, name + ': there was no credential to try')
    need(after is None or volume['locations'] and
         all(control(place, 'credential-refused') == 'pass' for place in volume['locations']),
         name + ': whether the credential is refused was not asked everywhere')
    if volume['alreadyGone']:
        need(all(place['role'] == 'header-backup' for place in volume['locations']),
             name + ': it is gone, and yet it was there')
        need(named(volume['exceptions'], 'declared-gone'), name + ': that it is gone is the word '
             'of its owner')


def check_level(predicate, volume):
    name, eligible = volume['name'], volume['eligibility']
    need(eligible['eligible'] is True, name + ': it was not eligible')
    need(volume['level'] != 'purge' or not eligible['objections'], name + ': objections to purge')
    need(not since_1_1(predicate) or
         all(each['code'] == 'flash' for each in eligible['objections']), name + ': objections')
    need(volume['level'] != 'purge' or isinstance(volume['cryptographicErase'], dict),
         name + ': the ten items of cryptographic erase')
    sample = volume['payloadSample']
    total, taken, like, zero, structured, unreadable = (number(sample[key]) for key in SAMPLE)
    need(taken <= total and taken == like + zero + structured + unreadable and structured == 0 and
         like > 0 and 10 * like >= 9 * (taken - zero),
         name + ': the payload is not known to be ciphertext')
    stated = predicate['authorization']['attestation']
    need(stated['encryptedSinceFirstUse'] is True and stated['allKeyCopiesDeclared'] is True,
         name + ': its owner does not state what a level needs')
    need(volume['locations'] and all(place['regionReasons'] == [] for place in volume['locations']),
         name + ': there are doubts of where its key material stands')
    header = volume['locations'][0]['header']
    need(header['intact'] is True and header['segments'] and
         all(segment['type'] == 'crypt' and hides(segment['encryption'], header['keyBytes'])
             for segment in header['segments']),
         name + ': its payload is not known to be encrypted well')


def hides(encryption, key_bytes):
    """A known cipher of 128 bits and more, under which equal blocks do not stay equal."""
    text = encryption.lower()
    if text.startswith('capi:') or text.count('-') > 1:
        text = text.rpartition('-')[0] or text  # what makes initial values may be called null
    words = set(re.findall('[a-z0-9_]+', text))
    return bool(words & CIPHERS and not words & {'ecb', 'null', 'cipher_null'} and
                number(key_bytes) >= (32 if 'xts' in words else 16))
