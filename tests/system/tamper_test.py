#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bundle or its log, altered in every way that we could think of, is refused by the library, by
`efface verify` and by scripts/verify-bundle. The bundle is made by tests/unit/answers/make_bundle.

$EFFACE      the program under test; when it is missing, the library alone is asked
$MAKE_BUNDLE the helper; otherwise looked for in the build folder of $EFFACE
"""
import concurrent.futures
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'lib'))

# pylint: disable=wrong-import-position
from sample import DAY, todays
from tamper.claims import (contradictions, drive, drive_claims, generated, health, lowered, memory, read,
                            reasons, rows, sectors, target, volumes)
from tamper.files import acceptances, approvals, certificates, forms, log, orders, proofs, record, shapes
from tamper import edits
from tamper.case import CONSISTENCY_PROOF, INTENT_PROOF, RECORD, Case
from tamper.judges import SCRIPT, WORKERS, ask
from tamper.stock import DATA, predicate_of

SKIPPED = 77
NOT_PROVED, QUALIFIED = 20, 22
PREDICATE = DATA / 'predicate-example.json'
# One of so many a day, when time is short:
LINES_OF = 32  # odd lines of the log
SIGNED_OF = 60  # claims that are signed, too
ROWS_OF = 5  # what the log tells of the device, and one of each kind of answer
EFFACE_OF = 6  # bundles of which the program itself is asked, too, which asks the library
CLAIMS_OF = 3  # claims before anybody signs them, and one of each kind of record


def find_helper():
    if 'MAKE_BUNDLE' in os.environ:
        return pathlib.Path(os.environ['MAKE_BUNDLE'])
    if 'EFFACE' not in os.environ:
        return None
    for folder in pathlib.Path(os.environ['EFFACE']).resolve().parents:
        candidate = folder / 'tests/unit/answers/make_bundle'
        if candidate.exists():
            return candidate
    return None


HELPER = find_helper()
EFFACE = os.environ.get('EFFACE')
EFFACE = EFFACE if EFFACE and os.path.exists(EFFACE) else None


VARIANTS = {  # make_bundle's variants, and the check of the library that refuses them
    'approver-signs': 'required signers', 'nobody-required': 'claims', 'one-approval': 'claims',
    'invented-approval': 'authorization', 'failed-volume': 'claims', 'failed-control': 'claims',
    'unread-region': 'claims', 'unwritten-region': 'claims', 'plain-data': 'claims',
    'other-project': 'digests', 'other-time': 'issuing time',
    'own-approval': 'claims', 'issuer-organization': 'required signers',
    'issuer-site': 'required signers', 'issuer-stationId': 'required signers',
    'order-of-nothing': 'order', 'order-for-another': 'order',
    'other-outcome': 'log inclusion', 'old-checkpoint': 'log inclusion',
    'hidden-attempt': 'whole log'}


def is_for_efface(name):
    return 'EFFACE_LONG' in os.environ or (zlib.crc32(name.encode()) + DAY) % EFFACE_OF == 0


def verifiers(folder, with_log, keys):
    log = [folder / 'log'] if with_log else []
    anchors = [keys / 'root.pem', keys / 'log.vkey']
    found = {'library': [HELPER, '--verify', folder / 'bundle', *anchors, *log],
             'script': [SCRIPT, folder / 'bundle', *anchors, *log]}
    if EFFACE and is_for_efface(folder.name):
        found['efface'] = [EFFACE, 'verify', folder / 'bundle', '--root', anchors[0], '--log-key',
                           anchors[1], *(['--log', folder / 'log'] if with_log else [])]
    return found


def problems_of(folder, with_log, keys, expected_check):
    """Who did not refuse it, or refused it for another reason."""
    found = []
    for name, command in verifiers(folder, with_log, keys).items():
        answer = ask(command)
        if answer.returncode != NOT_PROVED:  # anything else is a crash, or could not be asked
            found.append(f'{name} ended with {answer.returncode}: {answer.stdout[-300:]}'
                         f'{answer.stderr[-300:]}')
        if name == 'library' and expected_check and f'FAIL {expected_check}:' not in answer.stdout:
            found.append(f'library: not the check "{expected_check}": {answer.stdout[-300:]}')
    return found


def accepted(folder, with_log):
    return [f'{name} refuses the good record: {answer.stdout}{answer.stderr}'
            for name, command in verifiers(folder, with_log, folder / 'keys').items()
            if (answer := ask(command)).returncode != 0]


def run_alteration(good, other, work, alter, with_log, check):
    folder = work / alter.__name__
    shutil.copytree(good, folder, symlinks=True)
    alter(Case(folder, other))
    return alter.__name__, problems_of(folder, with_log, good / 'keys', check)


def run_earlier(good, other, work, alter, reasons):
    """Refused by each judge for this reason."""
    name, problems = run_alteration(good, other, work, alter, False, None)
    for judge, command in verifiers(work / name, False, good / 'keys').items():
        said = ask(command).stdout
        if reasons.get(judge, '') not in said:
            problems.append(f'{judge} refuses it for another reason: {said[-300:]}')
    return name, problems


def run_variant(work, name, check):
    folder = work / name
    folder.mkdir()
    made = ask([HELPER, PREDICATE, folder, name])
    if made.returncode != 0:
        return name, ['make_bundle: ' + made.stderr]
    return name, problems_of(folder, name == 'hidden-attempt', folder / 'keys', check)


def run_row(work, name, kind, told, outcome):
    """What the log tells of the device, held by the judges against the record."""
    folder = work / ('row-' + name)
    folder.mkdir()
    path = work / f'row-{name}.json'
    path.write_text(json.dumps(predicate_of(kind)))
    made = ask([HELPER, path, folder, json.dumps(told)])
    if made.returncode != 0:
        return name, ['make_bundle: ' + made.stderr]
    keys = folder / 'keys'
    if isinstance(outcome, str) and outcome != 'ok':
        return name, problems_of(folder, True, keys, outcome)
    later, found = outcome if isinstance(outcome, list) else [], []
    for judge, command in verifiers(folder, True, keys).items():
        answer = ask(command)
        listed = re.findall('LATER:? [^;]*', ' '.join(answer.stdout.split()))
        if judge != 'efface':  # one a line
            listed = [line for line in answer.stdout.splitlines() if line.startswith('LATER')]
        if answer.returncode != (QUALIFIED if later else 0) or len(listed) != len(later) or not all(
                status in line for status, line in zip(later, listed)):
            found.append(f'{judge} ended with {answer.returncode}: {answer.stdout[-300:]}')
    return name, found


def run_unsigned(good, work, name, alter, count):
    """Lines that nobody signed prove nothing, and take nothing away."""
    folder = work / ('unsigned-' + name)
    shutil.copytree(good, folder, symlinks=True)
    alter(Case(folder, None))
    problems = accepted(folder, True)
    for judge, command in verifiers(folder, True, folder / 'keys').items():
        if count is not None and not re.search(rf'\b{count} lines? after them', ' '.join(
                ask(command).stdout.split())):
            problems.append(f'{judge} does not say how many lines are not signed')
    return name, problems


def run_folder(good, work, alter, status):
    """All judges answer alike of a folder that is no whole log."""
    folder = work / alter.__name__
    shutil.copytree(good, folder, symlinks=True)
    alter(Case(folder, None))
    return alter.__name__, [
        f'{judge} ended with {answer.returncode}, not {status}: {answer.stdout[-300:]}'
        for judge, command in verifiers(folder, True, good / 'keys').items()
        if (answer := ask(command)).returncode != status]


def run_without_proof(work, version):
    """Records of before there was a proof of the announcement: never claimed, asked of the log."""
    name = 'no-proof-' + version
    predicate = predicate_of('example')
    predicate['schemaVersion'], predicate['tool']['version'] = version, '0.1.0'
    if version == '1.0.0':
        predicate = json.loads(json.dumps(predicate))
        volumes.old(lambda p: None)(predicate)
    made = make(predicate, work / name)
    if made.returncode:
        return name, ['make_bundle: ' + made.stderr]
    problems = accepted(work / name, True)
    (work / name / 'bundle' / INTENT_PROOF).unlink()
    problems += problems_of(work / name, False, work / name / 'keys', 'announced before')
    (work / name / 'bundle' / CONSISTENCY_PROOF).unlink()
    for with_log in (False, True):
        problems += accepted(work / name, with_log)
    for judge, command in verifiers(work / name, False, work / name / 'keys').items():
        said = ' '.join(ask(command).stdout.split())
        if 'announced before: not checked: the bundle has no proof of it' not in said:
            problems.append(f'{judge} claims what it did not see')
    return name, problems


def make(predicate, folder):
    folder.mkdir()
    path = folder / 'predicate.json'
    path.write_text(json.dumps(predicate))
    return ask([HELPER, path, folder])


def run_honest(work, kind, name, change):
    made = make(edits.made(predicate_of(kind), change), work / name)
    return name, [made.stderr] if made.returncode else accepted(work / name, True)


def run_insider(work, kind, name, change):
    predicate = predicate_of(kind)
    before = copy.deepcopy(predicate)
    edits.made(predicate, change)
    assert predicate != before, name + ' changes nothing'
    made = make(predicate, work / name)
    if 'has already signed this' in made.stderr:
        return name, []  # no such bundle can be signed; the claim itself is judged by generated.py
    if made.returncode != 0:
        return name, ['make_bundle: ' + made.stderr]
    return name, problems_of(work / name, False, work / name / 'keys', None)


def run_bytes(good, work, kind, old, new):
    folder = work / f'{kind}-{new.hex()}'
    shutil.copytree(good, folder, symlinks=True)
    Case(folder, None).replace(RECORD, old, new)
    return f'{kind}: {old.decode()} -> {new.decode()}', problems_of(folder, False, good / 'keys',
                                                                    None)


HONEST = (memory.HONEST | target.HONEST | drive.HONEST | read.HONEST | volumes.HONEST |
          rows.HONEST | contradictions.HONEST | health.HONEST | sectors.HONEST)
INSIDERS = (target.INSIDERS + memory.INSIDERS + drive_claims.INSIDERS + reasons.INSIDERS +
            read.INSIDERS + volumes.INSIDERS + rows.INSIDERS + log.INSIDERS +
            contradictions.INSIDERS + health.INSIDERS + sectors.INSIDERS)


def claims_made(one_in=1):
    """Each honest record and each false claim before anybody signs it, or one in so many today."""
    told = [('honest', kind, name, change) for name, (kind, change) in HONEST.items()]
    told += [('a false claim', *case) for case in INSIDERS]
    for how, kind, name, change in todays(told, one_in, lambda row: row[:2]):
        yield how, name, kind, how, edits.made(predicate_of(kind), change)


def signed(cases):
    """Those that are also signed by the station and judged as whole bundles: seconds each."""
    return todays(cases, SIGNED_OF)


def submit_targets(pool, work):
    honest = [(kind, kind, lambda predicate: None)
              for kind in ('media', 'file', 'memory', 'drive')]
    honest += signed([(kind, name, change) for name, (kind, change) in HONEST.items()])
    waiting = [pool.submit(run_honest, work, *case) for case in honest]
    waiting += [pool.submit(run_insider, work, *case) for case in signed(INSIDERS)]
    for kind, changes in (target.BYTES | memory.BYTES | drive_claims.BYTES).items():
        good = work / ('good-' + kind)
        made = make(predicate_of(kind), good)
        assert made.returncode == 0, made.stderr
        waiting += [pool.submit(run_bytes, good, work, kind, *change) for change in changes]
    return waiting


def run_all(work):
    good, other = work / 'good', work / 'other'
    for folder in (good, other):
        folder.mkdir()
        subprocess.run([HELPER, PREDICATE, folder], check=True)
    problems = accepted(good, False) + accepted(good, True)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        waiting = [pool.submit(run_alteration, good, other, work, alter, False, check)
                   for alter, check in record.ALTERATIONS + proofs.ALTERATIONS]
        waiting += [pool.submit(run_alteration, good, other, work, alter, True, 'whole log')
                    for alter in log.LOG_ALTERATIONS]
        waiting += [pool.submit(run_earlier, good, other, work, *row) for row in record.EARLIER]
        waiting += [pool.submit(run_variant, work, name, check)
                    for name, check in VARIANTS.items()]
        waiting += submit_targets(pool, work)
        waiting += [pool.submit(run_row, work, name, *row) for name, row in
                    todays(log.ROWS.items(), ROWS_OF, lambda row: row[0].rpartition('-')[2])]
        waiting += [pool.submit(run_unsigned, good, work, name, *row)
                    for name, row in log.UNSIGNED.items()]
        waiting += [pool.submit(run_folder, good, work, *row) for row in log.FOLDERS]
        waiting += [pool.submit(run_unsigned, good, work, 'two-files', log.two_files, None)]
        waiting += [pool.submit(run_without_proof, work, version)
                    for version in ('1.0.0', '1.1.0')]
        for done in waiting:
            name, found = done.result()
            print(('FAIL ' if found else 'ok   ') + name)
            problems += [f'{name}: {problem}' for problem in found]
        problems += forms.run(HELPER, work, good, other, verifiers, pool, LINES_OF)
    counts, found = generated.run(HELPER, work, claims_made(CLAIMS_OF))
    problems += found
    shape_counts, found = shapes.run(HELPER, work, bool(os.environ.get('EFFACE_LONG')))
    problems += found
    print(f'{sum(shape_counts.values())} changes of records: both judges refuse '
          f'{shape_counts["refused"]}, both accept {shape_counts["accepted"]}')
    fact_count, found = contradictions.run(HELPER, work)
    problems += found
    print(f'{fact_count} facts that stand more than once, changed at one place: both judges refuse '
          f'{fact_count - len(found)}')
    lowered_counts, found = lowered.run(HELPER, work, claims_made(CLAIMS_OF))
    problems += found
    print(f'judged before signed: {lowered_counts}')
    problems += acceptances.run(HELPER, work, good,
                                lambda folder, keys: problems_of(folder, False, keys, None))
    order_counts, found = orders.run(HELPER, work)
    problems += found
    approval_counts, found = approvals.run(HELPER, work)
    problems += found
    print(f'approvals: both judges answer as the manual says: {approval_counts}')
    certificate_counts, found = certificates.run(HELPER, good)
    problems += found
    print(f'{sum(certificate_counts.values())} certificates and signatures: both judges refuse '
          f'{certificate_counts["refused"]}')
    print(f'{sum(order_counts.values())} orders: both judges refuse {order_counts["refused"]}')
    print(f'{sum(counts.values())} fields broken: both judges refuse {counts["refused"]}, '
          f'{counts["harmless"]} are no claim')
    print(f'{len(INSIDERS)} false claims, {len(signed(INSIDERS))} of them signed by the station; '
          f'{len(waiting)} bundles; '
          f'efface itself was {"asked" if EFFACE else "not there"}')
    return problems


def main():
    missing = [tool for tool in ('openssl', 'jq', 'bash') if not shutil.which(tool)]
    if missing or HELPER is None:
        print('skipped: needs ' + ', '.join(missing or ['make_bundle']))
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='efface-tamper-') as folder:
        problems = run_all(pathlib.Path(folder))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
