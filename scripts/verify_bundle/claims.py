# SPDX-License-Identifier: Apache-2.0
"""No verdict and no level better than what it rests on."""
from common import good, need, when
from reasons import check_limit_events, check_reasons, check_version
from target_claims import check_target
from volume_claims import check_volumes


def check_claims(record):
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
    need(authorization['operator'] not in [one['subject'] for one in authorization['approvals']],
         'the operator can not approve the own run')
    if authorization['confirmation'] == 'signed-approvals':
        need(len(keys) >= 2, 'two distinct approvals are needed')
    else:
        need(not keys, 'approvals that nobody signed')
