# SPDX-License-Identifier: Apache-2.0
"""What the program does to its own record before it signs it, for every false claim: the verdict
and level are lowered to what both judges accept, never raised, and the rule is named. And what a
replay computes from the same records."""
import json

from tamper.stock import judge_here, library_says

STATUSES = ('sanitized', 'sanitized-with-exceptions', 'indeterminate', 'not-sanitized')
LEVELS = ('purge', 'clear', 'none')


def is_raised(before, after):
    """A status or level that is better than before; what is none at all has no rank."""
    for key, ranks in (('status', STATUSES), ('level', LEVELS)):
        if before.get(key) in ranks and ranks.index(after[key]) < ranks.index(before[key]):
            return True
    return False


def is_equal(claimed, judgement):
    return all(claimed[key] == judgement[key] for key in ('status', 'level'))


def names_rule(predicate, lowered):
    told = json.dumps(predicate)
    coded = before_codes(predicate) or '"claim-lowered"' in told
    return coded and any(json.dumps(objection) in told for objection in lowered['objections'])


def before_codes(predicate):
    return predicate['schemaVersion'] == '1.0.0'


def problems_of(how, before, answer, accepted):
    claimed = before.get('result') or {}
    lowered, replayed = answer['lowered'], answer['replayed']
    if how == 'honest':
        if answer['predicate'] != before or lowered['objections']:
            yield f'an honest record is changed: {lowered}'
        if is_raised(replayed, claimed):
            yield f'a replay gives less than an honest record claims: {replayed}'
        return
    if is_raised(claimed, lowered):
        yield f'raised from {claimed} to {lowered}'
    if not lowered['objections']:
        yield 'nothing is objected to'
    if not accepted and lowered['status'].startswith('sanitized'):
        yield f'the judges refuse what was lowered: {lowered}'
    if accepted and not is_equal(claimed, lowered) and not names_rule(answer['predicate'], lowered):
        yield 'the record does not name the rule'
    # That the read-back passed or failed is computed from its figures, too.
    failed = '"result": "fail"' in json.dumps(before)
    if claimed.get('status', '').startswith('sanitized') and not failed and \
            not is_raised(replayed, claimed) and not replayed['objections']:
        yield f'a replay finds nothing: {replayed}'


def run(helper, folder, claims_made):
    """How many were lowered and stay acceptable, and what is wrong. `claims_made`: (what, name,
    kind, how, record), "honest" for those that must stay as they are."""
    cases = list(claims_made)
    answers = [json.loads(answer) for answer in library_says(
        helper, folder, [record for *_, record in cases], '--lower')]
    library = library_says(helper, folder, [answer['predicate'] for answer in answers], '--judge')
    counts, problems = {'honest': 0, 'lowered': 0, 'indeterminate': 0}, []
    for (_, name, kind, how, before), answer, said in zip(cases, answers, library):
        here = judge_here(answer['predicate'])
        if here != (said == 'ok'):
            problems.append(f'{kind} {name}: the judges differ on what was lowered: {said}')
        problems += [f'{kind} {name}: {problem}'
                     for problem in problems_of(how, before, answer, said == 'ok')]
        counts['honest' if how == 'honest' else
               'lowered' if said == 'ok' else 'indeterminate'] += 1
    return counts, problems
