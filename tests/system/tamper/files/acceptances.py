# SPDX-License-Identifier: Apache-2.0
"""The organisation's decision on a certificate: every field of it broken in every way, judged by
the library (make_bundle --judge-acceptances) and by scripts/verify-bundle, which agree;
and a bundle whose acceptance was altered, moved or mixed, refused by all verifiers."""
import json
import shutil
import subprocess

from tamper.edits import at, changed, places
from tamper.claims.generated import broken
from tamper.stock import accepts, library_says, stock

FIRST = 'acceptance/1'
# What only the signature over it binds: the decision, why, and the name.
FREE = [('predicate', 'reason'), ('predicate', 'decidedBy', 'subject'), ('predicate', 'decision')]


def decided(helper, bundle, keys, name, decision='accepted'):
    subprocess.run([helper, '--accept', bundle, keys, name, decision], check=True)
    return bundle


def rows(statement):
    """(words, whether it may pass, statement)"""
    yield 'honest', True, statement
    for place in places(statement):
        words = '.'.join(map(str, place))
        if isinstance(place[-1], str):
            yield words + ' gone', place[-1] == 'previous', changed(statement, place, gone=True)
        value = at(statement, place)
        if isinstance(value, dict):
            yield words + ' invented', False, changed(statement, [*place, 'invented'], 1)
        for how, other in broken(value).items():
            yield f'{words} {how}', place in FREE[:2] and how == 'text', \
                changed(statement, place, other)
    swaps = {'decision': 'rejected', 'certificateId': '00000000-0000-7000-8000-000000000000'}
    for name, other in swaps.items():
        place = ('predicate', name)
        yield f'{name} swapped', place in FREE, changed(statement, place, other)
    for status in ('sanitized', 'not-sanitized', 'indeterminate', 'sanitized-with-exceptions'):
        place = ['predicate', 'result', 'status']
        yield status, statement['predicate']['result']['status'] == status, \
            changed(statement, place, status)
    for time in ('1999-01-01T00:00:00Z', '2026-11-21T09:41:07'):
        yield time, False, changed(statement, ['predicate', 'decidedAt'], time)


def judged(helper, work, bundle):
    check = stock('acceptance').check_acceptance
    certificate = (bundle / 'certificate.json').read_bytes()
    record = json.loads(certificate)['predicate']
    told = list(rows(json.loads((bundle / FIRST / 'acceptance.json').read_text())))
    answers = library_says(helper, work, [statement for *_, statement in told],
                           '--judge-acceptances', bundle)
    for (words, may_pass, statement), answer in zip(told, answers):
        here = accepts(check, statement, certificate, record)
        if here != (answer == 'ok'):
            yield f'acceptance: the judges differ: {words}: library: {answer}'
        elif here != may_pass:
            yield f'acceptance: {words}: {answer}'
    print(f'{len(told)} acceptances: both judges agree')


def alterations(helper, good, bundle):
    """(name, what it does to a copy of the bundle)"""
    first, record = bundle / FIRST, FIRST + '/acceptance.json'
    second = decided(helper, good / 'twice', good / 'keys', 'walter', 'rejected') / 'acceptance/2'

    def altered(copy):
        path = copy / record
        path.write_bytes(path.read_bytes().replace(b'looked at', b'looked for'))

    yield 'altered', altered
    yield 'unsigned', lambda copy: (copy / (record + '.p7s')).unlink()
    yield 'signature-only', lambda copy: (copy / record).unlink()
    yield 'signed-by-another', lambda copy: shutil.copy(second / 'acceptance.json.p7s',
                                                        copy / (record + '.p7s'))
    yield 'said-again', lambda copy: shutil.copytree(first, copy / 'acceptance/2')
    yield 'swapped', lambda copy: (shutil.copytree(first, copy / 'acceptance/2'),
                                   shutil.rmtree(copy / FIRST),
                                   shutil.copytree(second, copy / FIRST))
    yield 'a-gap', lambda copy: (copy / FIRST).rename(copy / 'acceptance/2')
    yield 'a-name', lambda copy: shutil.copytree(first, copy / 'acceptance/01')
    yield 'more', lambda copy: (copy / FIRST / 'more.json').write_text('{}')
    yield 'emptied', lambda copy: shutil.rmtree(copy / FIRST)
    yield 'a-link', lambda copy: (shutil.rmtree(copy / FIRST), (copy / FIRST).symlink_to(first))
    yield 'signed-by-the-station', lambda copy: sign_by_station(copy, good / 'keys', record)


def sign_by_station(copy, keys, record):
    subprocess.run(['openssl', 'cms', '-sign', '-binary', '-cades', '-in', copy / record, '-signer',
                    keys / 'station.pem', '-inkey', keys / 'station.key', '-outform', 'DER', '-out',
                    copy / (record + '.p7s')], check=True, capture_output=True)


def run(helper, work, good, problems_of):
    """What is wrong. `problems_of(folder, keys)`: who did not refuse the bundle in that folder."""
    shutil.copytree(good / 'bundle', good / 'twice')
    decided(helper, good / 'twice', good / 'keys', 'vera')
    shutil.copytree(good / 'bundle', good / 'accepted')
    bundle = decided(helper, good / 'accepted', good / 'keys', 'carol')
    problems = list(judged(helper, work, bundle))
    count = 0
    for name, alter in alterations(helper, good, bundle):
        folder = work / ('acceptance-' + name)
        shutil.copytree(bundle, folder / 'bundle')
        alter(folder / 'bundle')
        problems += [f'acceptance {name}: {problem}'
                     for problem in problems_of(folder, good / 'keys')]
        count += 1
    print(f'{count} bundles with an altered acceptance')
    return problems
