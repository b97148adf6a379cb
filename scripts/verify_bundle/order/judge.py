# SPDX-License-Identifier: Apache-2.0
"""The order or manifest in a bundle, held against the record: what people approved was done.
Written from efface-order(5) and efface-project(5)."""

from common import CLOCK_SLACK, good, need, printable, read, when
from order.form import (CHOSEN_BY_LEVEL, HEALTH_LIMITS, MANIFEST_BYTES_MAX, read_manifest,
                        read_order)


def same(what, is_same):
    need(is_same, f'{what} differs from the certificate')


def check_owner(order, owner):
    same('id', order['id'] == owner['projectId'])
    same('owner', order['owner'] == owner['organization'])
    same('confidentiality', order['confidentiality'] == (owner.get('confidentiality') or ''))


def check_terms(order, predicate):
    authorization = predicate['authorization']
    same('ticket', order['ticket'] == (authorization.get('reference') or ''))
    for key, told in (('not_before', authorization.get('notBefore')),
                      ('retention_until', (predicate.get('retention') or {}).get('until'))):
        same(key, order[key] == (None if told is None else when(told)))
    started = when(predicate['sanitization']['startedAt'])
    need(order['not_before'] is None or order['not_before'] <= started,
         'the run began before not_before')
    # A run looks at the dates a moment before it notes when it began.
    need(order['not_after'] is None or started - CLOCK_SLACK <= order['not_after'],
         'the run began after not_after')
    same('minimum_level', order['minimum_level'] == predicate['result']['requestedLevel'])


def check_volume(volume, told):
    name = 'volume ' + volume['name']
    for key, field in (('name', 'name'), ('uuid', 'uuid'), ('gone', 'alreadyGone')):
        same(f'{name}: {key}', volume[key] == told[field])
    same(name + ': engine', volume['engine'] == (told.get('engine') or ''))
    same(name + ': asset_tag', volume['asset_tag'] == (told.get('assetTag') or ''))
    same(name + ': credential', volume['credential'] == told['credential']['declared'])
    roles = []
    if not volume['gone']:
        roles.append('in-place-header' if volume['header'] is None else 'detached-header')
    roles += ['header-backup' for _, gone in volume['backups'] if not gone]
    for location in told['locations']:
        if location['role'] == 'in-place-header':
            identity = location['identity']
            same(name + ': serial', volume['serial'] in (None, identity['serialNumber']))
            same(name + ': size_bytes', volume['size_bytes'] in (None, identity['sizeBytes']))
    done = [location['role'] for location in told['locations']]
    if done[:2] == ['detached-header', 'in-place-header']:
        del done[1]  # a first header that was left on the data device goes, too
    same(name + ': header_backups', roles == done)
    called_gone = [volume['gone'], *(gone for _, gone in volume['backups'])].count(True)
    said_so = [exception for exception in told['exceptions']  # those of 1.0.0 had no codes
               if isinstance(exception, str) or exception['code'] == 'declared-gone']
    same(name + ': gone', len(said_so) >= called_gone)


def check_manifest(manifest, predicate):
    check_owner(manifest, predicate['dataOwner'])
    check_terms(manifest, predicate)
    told = predicate['authorization']['attestation']
    same('attestation', manifest['attestation'] == [
        told['encryptedSinceFirstUse'], told['allKeyCopiesDeclared'], told['by']])
    same('volumes', len(manifest['volumes']) == len(predicate['volumes']))
    for volume, one in zip(manifest['volumes'], predicate['volumes']):
        check_volume(volume, one)


def check_target(order, predicate):
    target, identity = predicate['target'], predicate['targetIdentity']
    it = [one for one in order['targets'] if printable(one['target'].encode()) == target['name']]
    need(len(it) == 1, 'order: targets: the target of the certificate is not listed exactly once')
    for key in ('serial', 'wwid'):
        same(key, it[0][key] in (None, identity.get(key) or ''))
    size = identity.get('sizeBytes')
    same('size_bytes', None in (size, it[0]['size_bytes']) or it[0]['size_bytes'] == size)
    same('asset_tag', it[0]['asset_tag'] == (target.get('assetTag') or ''))


def check_technique(order, predicate):
    sanitization, wanted = predicate['sanitization'], order['policy']
    same('policy', sanitization.get('requestedTechnique') in (None, wanted))
    need(wanted == CHOSEN_BY_LEVEL or sanitization['technique'] in [wanted, *order['fallbacks']],
         'neither the policy nor a fallback is the technique of the certificate')


def check_limits(order, predicate):
    told = predicate['sanitization'].get('limits')
    if told is None:  # it failed before it came to them
        none = {'bytesPerSecondMin': 0, 'deadlineSeconds': 0, 'celsiusMax': 0,
                'whenSlow': 'stop', 'whenLate': 'stop', 'whenHot': 'pause'}
        same('limits', order['limits'] == none or
             not predicate['result']['status'].startswith('sanitized'))
        return
    for key, value in order['limits'].items():
        same('limits: ' + key, told[key] == value)


def check_sector_size(order, predicate):
    """Sectors are formatted only where the order says so, and to the size that it says."""
    done = predicate['sanitization'].get('operation', {}).get('sectorFormat')
    same('sector_size', done is None or order['sector_size'] == done['after'])


def check_triage(order, predicate):
    """A drive beyond a limit of its health, or that does not report it, was not to be erased."""
    limits = order['health']
    if not limits or not predicate['result']['status'].startswith('sanitized'):
        return
    look = (predicate['target'].get('health') or {}).get('before')
    same('health', look is not None)
    for key, limit in limits.items():
        if key == 'refuse_failing':
            same('health: ' + key, look['values'].get('failing') is False)
            continue
        value = look['values'].get(HEALTH_LIMITS[key])
        same('health: ' + key, value is not None and
             (value >= limit if key.endswith('_min') else value <= limit))


def check_overwriting(order, predicate):
    """How a target was to be overwritten: of a success, it was."""
    work, passes = predicate['sanitization'], predicate['sanitization']['passes']
    if not predicate['result']['status'].startswith('sanitized') or not passes:
        return
    method = predicate['verification']['method']
    same('verification', method in ('full-read-back', order['verification']))
    same('bad_blocks', order['bad_blocks'] == 'except' or
         not any(each['writeFaults']['bytes'] for each in passes))
    same('pattern', not order['pattern'] or work['technique'] != order['policy'] or
         passes[0]['pattern'] == 'repeat:' + order['pattern'])


def judge_order(text, predicate):
    """Bytes of an order or manifest: does it ask for what the record says was done?"""
    if predicate.get('volumes') is not None:
        check_manifest(read_manifest(text), predicate)
        return
    order = read_order(text)
    check_owner(order, predicate['dataOwner'])
    check_terms(order, predicate)
    check_target(order, predicate)
    if predicate['certificateType'] != 'memory':  # has methods of its own, which the rules know
        check_technique(order, predicate)
        check_limits(order, predicate)
        check_triage(order, predicate)
        check_sector_size(order, predicate)
        check_overwriting(order, predicate)


def check_order(path, predicate):
    """`path`: of the order or manifest that was authorized; its digest is known to be right."""
    if predicate['authorization']['manifestDigest'] is not None:
        judge_order(read(path, MANIFEST_BYTES_MAX), predicate)
        good('the order matches the record')
