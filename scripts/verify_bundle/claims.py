# SPDX-License-Identifier: Apache-2.0
"""No verdict and no level better than what it rests on."""
from common import good, need, read, strict_json, when
from drive_claims import command_set
from reasons import check_limit_events, check_reasons, check_version
from target_claims import check_target

STATUSES = ['sanitized', 'sanitized-with-exceptions', 'indeterminate', 'not-sanitized']
LEVELS = ['none', 'clear', 'purge']


def check_claims(path):
    record = strict_json(read(path), path)
    need(record['_type'] == 'https://in-toto.io/Statement/v1' and record['predicateType'] ==
         'https://efface.example/attestation/sanitization/v1', 'it is no such statement')
    predicate = record['predicate']
    check_version(predicate)
    check_all_reasons(predicate)
    if predicate['certificateType'] == 'keyslot':
        check_volumes(predicate)
    else:
        check_target(predicate)
    result, sanitization = predicate['result'], predicate['sanitization']
    need(sanitization['method'] == result['level'] and
         sanitization['requestedMethod'] == result['requestedLevel'], 'the levels differ')
    need(when(sanitization['startedAt']) <= when(sanitization['completedAt']) <=
         when(predicate['issuedAt']), 'the times are out of order')
    check_approvers(predicate['authorization'])
    need(predicate['attempts']['number'] == len(predicate['attempts']['previous']) + 1,
         'the number of attempts')
    good('the result claims no more than the record shows')


def check_all_reasons(predicate):
    version, work = predicate['schemaVersion'], predicate['sanitization']
    lists = [predicate['result'][key] for key in ('exceptions', 'residualRisks')]
    lists.append(work.get('reasons') or [])
    for volume in predicate.get('volumes') or []:
        lists += [volume[key] for key in ('reasons', 'exceptions', 'residualRisks')]
        lists.append(volume['eligibility']['objections'])
    for found in lists:
        check_reasons(found, version)
    check_limit_events(work.get('limits'), version)


def check_approvers(authorization):
    keys = {approval['subjectPublicKeySha256'] for approval in authorization['approvals']}
    need(len(keys) == len(authorization['approvals']), 'one key approved twice')
    if authorization['confirmation'] == 'signed-approvals':
        need(len(keys) >= 2, 'two distinct approvals are needed')
    else:
        need(not keys, 'approvals that nobody signed')


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
        need(rank <= 1 or volume['level'] == 'none', volume['name'] + ': a level without success')
        for place in volume['locations'] if rank <= 1 else []:
            need(STATUSES.index(place['status']) <= rank and
                 place['verification']['result'] == 'pass' and
                 place['verification']['mismatches'] == 0 and place['negativeControls'] and
                 all(control['result'] == 'pass' for control in place['negativeControls']),
                 volume['name'] + ': not every place was verified')
            need(place['overwrite']['bytesWritten'] == place['verification']['bytesCompared'] ==
                 sum(region['length'] for region in place['regions']),
                 volume['name'] + ': not every byte of its regions was written and read back')
        need(rank > 1 or volume['locations'] or (volume['alreadyGone'] and rank == 1 and
             volume['level'] == 'none'), volume['name'] + ': nothing was looked at')
        if volume['level'] == 'purge':
            need(volume['eligibility']['eligible'] is True and
                 volume['payloadSample']['structured'] == 0, volume['name'] + ': not purge')
    result = predicate['result']
    need(predicate['volumes'] and STATUSES.index(result['status']) == worst and
         LEVELS.index(result['level']) == lowest, 'the result is not that of the volumes')
