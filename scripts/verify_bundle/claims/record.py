# SPDX-License-Identifier: Apache-2.0
"""No verdict and no level better than what it rests on."""
from common import good, may_be_operator, need, when
from claims.facts import check_facts
from shape import check_shape
from claims.target import check_target
from claims.techniques import SUCCESS, check_failures
from claims.volume import check_volumes


def check_claims(record):
    check_shape(record)
    need(all(subject.get('mediaType') is not None for subject in record['subject'][1:]),
         'an evidence file has no media type')
    predicate = record['predicate']
    if predicate['certificateType'] == 'keyslot':
        check_volumes(predicate)
        check_places(predicate)
    else:
        check_target(predicate)
    check_facts(predicate)
    result, sanitization = predicate['result'], predicate['sanitization']
    check_failures(result['status'], result['exceptions'], sanitization.get('reasons'))
    need(sanitization['method'] == result['level'] and
         sanitization['requestedMethod'] == result['requestedLevel'], 'the levels differ')
    need(when(sanitization['startedAt']) <= when(sanitization['completedAt']) <=
         when(predicate['issuedAt']), 'the times are out of order')
    check_not_before(predicate['authorization'].get('notBefore'), sanitization['startedAt'])
    check_approvers(predicate['authorization'], sanitization['startedAt'])
    check_required(predicate['signaturePolicy']['required'])
    need(predicate['attempts']['number'] == len(predicate['attempts']['previous']) + 1,
         'the number of attempts is wrong')
    previous = predicate['attempts']['previous']
    need(len({one['runId'] for one in previous}) == len(previous) and
         all(one['logIndex'] < other['logIndex'] for one, other in zip(previous, previous[1:])),
         'the earlier attempts are not those of a log, in its order')
    good('the result claims no more than the record shows')


def check_places(predicate):
    """Every place was begun and ended before the record was issued, and the run is as verified as
    its places are."""
    for volume, place in [(volume, place) for volume in predicate['volumes']
                          for place in volume['locations']]:
        times = [place[key] for key in ('startedAt', 'completedAt') if place.get(key) is not None]
        need(not times or len(times) == 2 and
             when(times[0]) <= when(times[1]) <= when(predicate['issuedAt']),
             'the times of a place are out of order')
        need(times or volume['status'] not in SUCCESS, 'a place was never started')
    seen, unseen = predicate['verification'], any(not volume['locations']
                                                  for volume in predicate['volumes'])
    need(predicate['result']['status'] not in SUCCESS or unseen or
         seen['performed'] and seen['result'] == 'pass', 'the run was not verified')


def check_not_before(date, started):
    need(date is None or when(date) <= when(started), 'it began before not_before')


def check_required(signers):
    need(len({one['subjectPublicKeySha256'] for one in signers}) == len(signers),
         'one key cannot sign in two roles')
    need('station' in [one['role'] for one in signers], 'the station must sign')


NAME_BYTES_MAX = 256


def check_approvers(authorization, started):
    approvals = authorization['approvals']
    keys = {approval['subjectPublicKeySha256'] for approval in approvals}
    people = {approval['subject'] for approval in approvals}
    need(len(keys) == len(approvals), 'one key approved twice')
    if authorization['confirmation'] != 'signed-approvals':
        need(not keys, 'there are approvals that nobody signed')
        return
    need(all(person.strip(' ') and len(person.encode()) <= NAME_BYTES_MAX for person in people),
         'an approver has no name, or one that is too long')
    need(not any(may_be_operator(person, authorization['operator']) for person in people),
         'the operator cannot approve their own run')
    need(all(when(approval['signedAt']) <= when(started) for approval in approvals),
         'an approval is dated after the run began')
    need(len(people) >= 2, 'two different people must approve')
