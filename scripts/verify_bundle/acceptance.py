# SPDX-License-Identifier: Apache-2.0
"""What the organisation decided on a certificate later: acceptance/N, each signed and bound to the
certificate's digest."""
import hashlib

from signature.cms import Signature
from common import CLOCK_SLACK, canonical_json, good, may_be_operator, need, read, said, when
from files import ACCEPTANCE_BYTES_MAX, SIGNATURE_BYTES_MAX
from shape import check_newest


def check_acceptance(statement, certificate, record, number=1, previous=None):
    """That it is one, at its place behind the one before it, and speaks of this certificate."""
    check_newest(statement, 'acceptance-statement')
    told = statement['predicate']
    need(statement['subject'][0]['digest']['sha256'] == hashlib.sha256(certificate).hexdigest() and
         told['certificateId'] == record['certificateId'], 'it is of another certificate')
    need(told['number'] == number and told.get('previous') == previous,
         'it does not follow the acceptance that it names')
    need(all(told['result'][key] == record['result'][key] for key in ('status', 'level')),
         'it names another verdict')
    need(when(told['decidedAt']) >= when(record['issuedAt']),
         'it was decided before the certificate was issued')
    need(not may_be_operator(told['decidedBy']['subject'], record['authorization']['operator']),
         'the operator cannot accept their own run')


def check_acceptances(count, root, revocations, certificate, record):
    """Whether the last one rejects the certificate."""
    rejected, previous = False, None
    for number in range(1, count + 1):
        name = f'acceptance/{number}/acceptance.json'
        data = read(name, ACCEPTANCE_BYTES_MAX)
        signature = Signature(name, data, read(name + '.p7s', SIGNATURE_BYTES_MAX))
        signature.check_chains(f'{name} is signed below the trusted root', root, revocations)
        statement = canonical_json(data, name)
        check_acceptance(statement, certificate, record, number, previous)
        previous = hashlib.sha256(data).hexdigest()
        told = statement['predicate']
        by = told['decidedBy']
        need(len(signature.signers) == 1 and signature.signers[0].name == by['subject'] and
             signature.signers_with(by['subjectPublicKeySha256'], by['role']),
             name + ' was signed by someone else, or in another role')
        gap = signature.signers[0].time - when(told['decidedAt'])
        need(abs(gap) <= CLOCK_SLACK, name + ' was signed at another time')
        rejected = told['decision'] == 'rejected'
        good(said(f'{told["decision"]} by {by["subject"]} ({by["role"]}) at {told["decidedAt"]}: '
                  f'{told["reason"]}'))
    return rejected
