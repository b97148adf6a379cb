# SPDX-License-Identifier: Apache-2.0
"""LUKS volumes: every place of key material was reached, and the payload is known ciphertext."""
import re

from common import need
from reasons import since_1_1
from claims.techniques import (Rules, TABLE, check_failures, enough, is_named_layer,
                               level_of)

STATUSES = ['sanitized', 'sanitized-with-exceptions', 'indeterminate', 'not-sanitized']
LEVELS = ['none', 'clear', 'purge']
SAMPLE = ('piecesTotal', 'piecesSampled', 'ciphertextLike', 'zero', 'structured', 'unreadable')


def check_volumes(predicate):
    row = TABLE.row(predicate['sanitization']['technique'])
    family = TABLE.families[row['family']] if row else {}
    need(row and 'keyslot' in family.get('types', ()), 'this technique is not for volumes')
    rules = Rules(predicate)
    need(not rules.part('policy') or predicate['authorization']['policyId'] ==
         row.get('policy', row['technique']), 'this is not the policy of the technique')
    identity = predicate['projectIdentity']
    need(identity['projectId'] == predicate['dataOwner']['projectId'] and identity['volumes'] ==
         [{'name': volume['name'], 'uuid': volume['uuid']} for volume in predicate['volumes']],
         'the named project is not the one that was erased')
    worst, lowest = 0, 2
    for volume in predicate['volumes']:
        rank = STATUSES.index(volume['status'])
        worst, lowest = max(worst, rank), min(lowest, LEVELS.index(volume['level']))
        try:
            check_volume(predicate, volume, rank, rules)
        except (KeyError, TypeError) as error:
            need(False, f'{volume["name"]}: malformed: {error!r}')
    result = predicate['result']
    need(STATUSES.index(result['status']) == worst and
         LEVELS.index(result['level']) == lowest, 'the result does not match its volumes')


def check_volume(predicate, volume, rank, rules):
    name = volume['name']
    need(rank <= 1 or volume['level'] == 'none', name + ': a level is claimed without success')
    if rank > 1:
        return
    check_failures(volume['status'], volume['exceptions'], volume['reasons'])
    need(bool(volume['exceptions']) == (rank == 1),
         name + ': the exceptions do not match the status')
    for place in volume['locations']:
        need(STATUSES.index(place['status']) <= rank, name + ': not every place was erased')
        need(place['overwrite']['bytesWritten'] == place['verification']['bytesCompared'] ==
             sum(region['length'] for region in place['regions']),
             name + ': not every byte of its regions was written and read back')
        check_reached(predicate, volume, place, rules)
    need(volume['locations'] or (volume['alreadyGone'] and rank == 1 and
                                 volume['level'] == 'none'), name + ': nothing was examined')
    need(LEVELS.index(volume['level']) <= LEVELS.index(level_of(rules.row, 'flash')),
         name + ': the technique does not reach that level')
    rules.check_conditions('volumeConditions', predicate, volume, volume['status'], volume['level'],
                       volume['exceptions'])
    if since_1_1(predicate):
        check_asked(volume, rules.part('controls'))
    if volume['level'] != 'none':
        check_level(predicate, volume, rules)


def control(place, name):
    found = [each['result'] for each in place['negativeControls'] if each['name'] == name]
    return found[0] if found else None


def check_controls(volume, place, rule):
    names = [each['name'] for each in place['negativeControls']]
    known = [name for key in ('needs', 'withUuid', 'whenRefused', 'may') for name in
             rule.get(key, ())]
    need(all(name in known for name in names), volume['name'] + ': an unknown control is listed')
    for name in list(rule.get('needs', ())) + list(rule.get('withUuid', ())) * bool(volume['uuid']):
        need(name in names, f'{volume["name"]}: {name} was not carried out')


def check_reached(predicate, volume, place, rules):
    """Before a payload every byte can be key material; elsewhere a header is all that there is."""
    check_controls(volume, place, rules.part('controls'))
    rule = rules.part('regions')
    spans, size = [(0, rule.get('headerBytesMin', 0))], place['identity']['sizeBytes']
    if place['role'] != 'in-place-header':
        if since_1_1(predicate):
            spans.append((0, size))
    elif place.get('header') is not None:
        header, listed = place['header'], rule.get('keyPlaces', ())
        parts = [header] * ('header' in listed)
        parts += (header.get('copies') or []) * ('copies' in listed)
        for part in parts:
            if part.get('dataOffset') is not None:
                spans.append((0, number(part['dataOffset'])))
        for slot in header['keyslots']:
            if slot.get('area') is not None:
                start = number(slot['area']['offset'])
                end = start + number(slot['area']['length'])
                spans += [(start, end)] * ('keyslots' in listed)
    regions = [(region['offset'], region['length']) for region in place['regions']]
    need(size != 0, volume['name'] + ': a place of key material has no bytes')
    ends = sorted((offset, offset + length) for offset, length in regions)
    need(rule.get('mayLieOutside', True) or all(end <= size for _, end in ends),
         volume['name'] + ': a region extends past its device')
    need(rule.get('mayOverlap', True) or
         all(low[1] <= high[0] for low, high in zip(ends, ends[1:])),
         volume['name'] + ': regions overlap')
    for start, end in spans:
        need(is_covered(start, min(end, size), regions),
             volume['name'] + ': bytes that may hold key material were left out')


def is_covered(start, end, regions):
    for offset, length in sorted(regions):
        if offset <= start < offset + length:
            start = offset + length
    return start >= end


def number(value):
    """Of a header, which may also hold digits of a number beyond what records count to."""
    need(type(value) is int, 'no medium is this large')
    return value


def check_asked(volume, rule):
    """A control that could not be asked is not an answer."""
    tried, name = volume['credential'], volume['name']
    before, after = tried.get('openedBefore'), tried.get('refusedAfter')
    need(tried['declared'] or before is after is None, name + ': there was no credential to try')
    need(after is None or not rule.get('whenRefused') or volume['locations'] and
         all(control(place, each) for place in volume['locations'] for each in rule['whenRefused']),
         name + ': whether the credential is refused was not tried everywhere')
    need(not volume['alreadyGone'] or
         all(place['role'] == 'header-backup' for place in volume['locations']),
         name + ': it is declared gone, yet it was there')


def check_level(predicate, volume, rules):
    name, eligible = volume['name'], volume['eligibility']
    borne = rules.part('objections').get(volume['level'])
    coded = since_1_1(predicate)  # before, objections had no codes
    need(borne is None or all(each['code'] in borne if coded else borne
                              for each in eligible['objections']), name + ': objections')
    need(volume['level'] != 'purge' or volume.get('cryptographicErase') is not None,
         name + ': the ten items of cryptographic erase are incomplete')
    sample = volume['payloadSample']
    total, taken, like, zero, structured, unreadable = (sample[key] for key in SAMPLE)
    need(taken <= total and taken == like + zero + structured + unreadable and like > 0 and
         enough(like, taken - zero, rules.part('sample').get('notLikeOneIn')),
         name + ': the payload is not known to be ciphertext')
    need(all(predicate['authorization']['attestation'][key] for key in rules.part('attestation')),
         name + ': the owner does not state what a level needs')
    need(volume['locations'], name + ': nothing was examined')
    for place in volume['locations'] if coded else ():
        check_level_at(place, volume['level'], rules, name)
    header = volume['locations'][0]['header']
    need(not volume['uuid'] or header['uuid'] in ('', volume['uuid']), name + ': another volume')
    need(header['segments'] and all(hides(segment['encryption'], header['keyBytes'], rules)
                                    for segment in header['segments']),
         name + ': its payload is not known to be encrypted with a sufficient cipher')


def check_level_at(place, level, rules, name):
    """What stood there before was overwritten, and nothing below keeps another copy."""
    regions = [(region['offset'], region['length']) for region in place['regions']]
    size = place['identity'].get('sizeBytes')
    for state in place.get('preState') or []:
        start, length = state.get('offset'), state.get('length')
        if start is not None and length is not None:
            end = start + length if size is None else min(start + length, size)
            need(start >= end or is_covered(start, end, regions),
                 name + ': old content was outside its regions')
    for layer in place['layersBelow']:
        need(not is_named_layer(layer, rules.part('noLevel')),
             name + ': a layer below keeps blocks that are not reached')
        need(level != 'purge' or not is_named_layer(layer, rules.part('notPurge')),
             name + ': a layer below keeps retired blocks or copies')


def hides(encryption, key_bytes, rules):
    """A known cipher of 128 bits and more, under which equal blocks do not stay equal."""
    text = encryption.lower()
    if text.startswith('capi:') or text.count('-') > 1:
        text = text.rpartition('-')[0] or text  # what makes initial values may be called null
    words = set(re.findall('[a-z0-9_]+', text))
    keys = 2 if words & set(rules.part('modesOfTwoKeys')) else 1
    return bool(words & set(rules.part('ciphers')) and
                not words & set(rules.part('modesThatHideNothing')) and
                number(key_bytes) >= keys * (rules.part('keyBytesMin') or 0))
