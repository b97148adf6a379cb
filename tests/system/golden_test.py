#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles of every released version of the record (tests/data/golden) still verify: by $EFFACE
verify and by scripts/verify-bundle, with the verdict that they had then, which a replay computes
again."""
import json
import os
import pathlib
import shutil
import sys

from tamper.judges import ask

SKIPPED = 77
SOURCE = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = SOURCE / 'tests/data/golden'
SCRIPT = SOURCE / 'scripts/verify-bundle'


def expected(folder):
    """(bundle, exit status, status, level) of each line; the table names every bundle."""
    lines = [line.split('\t') for line in (folder / 'expected').read_text().splitlines()
             if not line.startswith('#')]
    named = {line[0] for line in lines}
    there = {bundle.name for bundle in folder.iterdir() if bundle.is_dir()}
    assert named == there and len(lines) == len(there), f'{folder}: {sorted(named ^ there)}'
    return lines


def problems_of(folder, name, verified, status, level):
    bundle, anchors = folder / name, [folder / 'root.pem', folder / 'log.vkey']
    predicate = json.loads((bundle / 'certificate.json').read_text())['predicate']
    if predicate['schemaVersion'] != folder.name:
        yield f'is of version {predicate["schemaVersion"]}'
    efface = ask([os.environ['EFFACE'], 'verify', bundle, '--root', anchors[0], '--log-key',
                  anchors[1], '--json', '--replay'])
    if status.startswith('sanitized'):
        computed = json.loads(efface.stdout)['replay']['computed']
        if computed != {'status': status, 'level': level}:
            yield f'a replay computes {computed}'
    if efface.returncode != int(verified):
        yield f'efface verify ends with {efface.returncode}: {efface.stdout}{efface.stderr}'
    script = ask([SCRIPT, bundle, *anchors])
    if script.returncode != int(verified):
        yield f'verify-bundle ends with {script.returncode}: {script.stdout}{script.stderr}'
    if verified == '0' and f'{status}, level {level}:' not in script.stdout:
        yield f'verify-bundle tells of another verdict: {script.stdout}'
    if (predicate['result']['status'], predicate['result']['level']) != (status, level):
        yield 'its verdict is another one'
    shown = ask([os.environ['EFFACE'], 'show', bundle])
    if shown.returncode != 0 or status not in shown.stdout:
        yield f'efface show ends with {shown.returncode}: {shown.stderr}'


def main():
    missing = [tool for tool in ('openssl', 'python3') if not shutil.which(tool)]
    if missing or not os.path.exists(os.environ.get('EFFACE', '')):
        print('skipped: needs ' + ', '.join(missing or ['$EFFACE']))
        return SKIPPED
    folders = sorted(path.parent for path in GOLDEN.glob('*/expected'))
    count = failed = 0
    for folder in folders:
        for name, *wanted in expected(folder):
            found = list(problems_of(folder, name, *wanted))
            count, failed = count + 1, failed + bool(found)
            print(('FAIL ' if found else 'ok   ') + f'{folder.name}/{name}')
            for problem in found:
                print('     ' + problem)
    print(f'{count} bundles of {len(folders)} versions, {failed} failed')
    return 1 if failed or not count else 0


if __name__ == '__main__':
    sys.exit(main())
