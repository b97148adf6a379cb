#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schemas for outsiders, judged by python3-jsonschema: they are those that
scripts/write-schemas makes of the tables, hold for every record that we have, and refuse what the
tables refuse.

$EFFACE: beside it stands tests/unit/answers/make_bundle, which makes more records.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'lib'))

# pylint: disable=wrong-import-position
from tamper.files import shapes
from tamper.stock import DATA, SOURCE, stock

SKIPPED = 77
SCHEMAS = SOURCE / 'scripts/schemas'
STRIDE = 509  # one change of so many
# In fewer characters, which schemas count; and 1.0 is a whole number to them.
KNOWN = ('of 4098 bytes', 'as a fraction')


def statement(predicate):
    return {'_type': 'https://in-toto.io/Statement/v1',
            'predicateType': 'https://efface.example/attestation/sanitization/v1',
            'subject': [{'name': 'first', 'digest': {'sha256': '0' * 64}}], 'predicate': predicate}


def stale(work):
    """Schemas that are not those of the tables."""
    subprocess.run([SOURCE / 'scripts/write-schemas', work], check=True)
    made = {path.name: path.read_text() for path in work.iterdir()}
    kept = {path.name: path.read_text() for path in SCHEMAS.iterdir()}
    return [f'{name} is not what scripts/write-schemas writes: run it'
            for name in sorted(made.keys() | kept.keys()) if made.get(name) != kept.get(name)]


def made_bundles(work):
    """(name, certificate) of what make_bundle makes of every example."""
    for folder in pathlib.Path(os.environ.get('EFFACE', '/')).resolve().parents:
        helper = folder / 'tests/unit/answers/make_bundle'
        if not helper.exists():
            continue
        for path in sorted(DATA.glob('predicate-*.json')):
            subprocess.run([helper, path, work / path.stem], check=True)
            yield path.stem, json.loads((work / path.stem / 'bundle/certificate.json').read_text())


def good_records(work):
    yield from ((name, statement(predicate)) for name, predicate in shapes.records())
    yield from ((path.parent.name, json.loads(path.read_text()))
                for path in sorted(shapes.GOLDEN.glob('*/*/certificate.json')))
    yield from made_bundles(work)


def differences(validators, judge):
    """Changed records about which the schema and the table differ, and how many there were."""
    found, count = [], 0
    for number, (what, _, make) in enumerate(shapes.changes()):
        if number % STRIDE or what.endswith(KNOWN):
            continue
        record = statement(make())
        version = record['predicate'].get('schemaVersion')
        known = type(version) is str and version in validators
        valid = known and validators[version].is_valid(record)
        count += 1
        if valid != judge(record):
            found.append(f'{what}: the schema {"accepts" if valid else "refuses"} it')
    return count, found


def main():
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError:
        print('skipped: needs python3-jsonschema')
        return SKIPPED
    shape, wrong = stock('shape'), stock('common').Wrong

    def judge(record):
        try:
            shape.check_shape(record)
        except wrong:
            return False
        return True
    validators = {}
    for path in SCHEMAS.iterdir():
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))
    for version in shape.tables()[0]['versions']:
        schema = json.loads((SCHEMAS / f'certificate-{version}.schema.json').read_text())
        validators[version] = jsonschema.Draft202012Validator(schema)
    with tempfile.TemporaryDirectory(prefix='efface-schemas-') as folder:
        work = pathlib.Path(folder)
        (work / 'schemas').mkdir()
        problems, good = stale(work / 'schemas'), 0
        for name, record in good_records(work):
            validator, good = validators[record['predicate']['schemaVersion']], good + 1
            problems += [f'{name}: {error.json_path}: {error.message[:200]}'
                         for error in validator.iter_errors(record)]
    count, found = differences(validators, judge)
    print(f'{good} records hold; {count} changed ones: schema and table differ about {len(found)}')
    for problem in problems + found:
        print(problem)
    return 1 if problems or found or not good or not count else 0


if __name__ == '__main__':
    sys.exit(main())
