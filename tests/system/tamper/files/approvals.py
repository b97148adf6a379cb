# SPDX-License-Identifier: Apache-2.0
"""Who approved: every small set of approvals, by one or several people with one or several keys,
before, when and after the run began. Both judges give the answer of the rule in efface-order(5)."""
import copy
import datetime
import itertools

from tamper.stock import judge_here, library_says, predicate_of

KINDS = ('example', 'media')
PEOPLE, KEYS = ('alice', 'bob'), ('a' * 64, 'b' * 64)
SECONDS = (-60, 0, 1)  # from the start of the run
FORM = '%Y-%m-%dT%H:%M:%SZ'


# What a record may call the operator: whom that may be.
OPERATORS = {'olga': (), 'alice': ('alice',), 'carol': ('carol',),
             'root (no login uid)': (), 'bob (no login uid)': ('bob',),
             'root (no login uid; SUDO_USER is carol)': ('carol',),
             'alice (no login uid; SUDO_USER is olga)': ('alice',)}


def suffice(approvals, operator, start):
    """Two different people at least, no key twice, nobody who may be the operator, none after the
    start."""
    people = {one['subject'] for one in approvals}
    return (len(people) >= 2 and not people.intersection(OPERATORS[operator]) and
            len({one['subjectPublicKeySha256'] for one in approvals}) == len(approvals) and
            all(one['signedAt'] <= start for one in approvals))


def sets_of_approvals(start):
    begun = datetime.datetime.strptime(start, FORM)
    times = [(begun + datetime.timedelta(seconds=each)).strftime(FORM) for each in SECONDS]
    one = [{'subject': person, 'subjectPublicKeySha256': key, 'signedAt': at}
           for person, key, at in itertools.product(PEOPLE, KEYS, times)]
    third = {'subject': 'carol', 'subjectPublicKeySha256': 'c' * 64, 'signedAt': times[0]}
    yield []
    yield from ([each] for each in one)
    for pair in itertools.product(one, one):
        yield list(pair)
        yield [*pair, third]


def run(helper, work):
    """(how many were accepted, how many refused, problems)"""
    counts, problems = {'accepted': 0, 'refused': 0}, []
    for kind in KINDS:
        honest = predicate_of(kind)
        start = honest['sanitization']['startedAt']
        rows = []
        for approvals, operator in itertools.product(sets_of_approvals(start), OPERATORS):
            predicate = copy.deepcopy(honest)
            predicate['authorization'].update(approvals=approvals, operator=operator)
            predicate['personnel'] = [{'id': operator, 'role': 'operator'}]
            rows.append((approvals, operator, predicate))
        answers = library_says(helper, work, [row[2] for row in rows], '--judge')
        for (approvals, operator, predicate), answer in zip(rows, answers):
            expected = suffice(approvals, operator, start)
            counts['accepted' if expected else 'refused'] += 1
            for judge, accepted in (('library', answer == 'ok'), ('script', judge_here(predicate))):
                if accepted != expected:
                    problems.append(f'{kind}: the {judge} {"accepts" if accepted else "refuses"} '
                                    f'{approvals} by {operator}: {answer}')
    return counts, problems
