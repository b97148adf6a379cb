# SPDX-License-Identifier: Apache-2.0
"""Forms of what is read, not claims: JSON, lines of the log, PEM, log keys and notes in every odd form
that one reader takes and another does not. All judges must take the same."""
import base64
import json
import pathlib
import shutil
import subprocess

from sample import todays
from tamper.case import CONSISTENCY_PROOF, INTENT_PROOF, PROOF
from tamper.judges import ask
from tamper.stock import stock

DATA = pathlib.Path(__file__).resolve().parents[3] / 'data/evidence'
GOOD, WRONG_USE, NOT_PROVED = 0, 2, 20
CONTROLS = [*range(0x20), 0x7f]


def nested(depth, bracket='[]'):
    return bracket[0] * depth + bracket[1] * depth


def numbers():
    for number in (2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**70):
        yield from (str(number), str(-number))
    yield from ('0', '-0', '-1', '1.0', '1e0', '1E+1', '01', '+1', '.5', '1.', 'NaN', 'Infinity',
                '-Infinity', '0x1', '9' * 400)


def strings():
    for code in CONTROLS:
        yield json.dumps(chr(code))
        yield f'"\\u{code:04x}"'
        if code != 0x0a:
            yield f'"{chr(code)}"'
    yield from ('"é"', '"\\u00e9"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"😀"', '"\\/"',
                '"\uffff"', '"\\x41"', '"\u2028"', '"\u0085"', "'a'", '"a')


def texts():
    """Lines that are JSON, or nearly."""
    for value in (*numbers(), *strings(), 'true', 'True', 'null', 'nul', ''):
        yield from (value, f'[{value}]', f'{{"a":{value}}}')
        if value.startswith('"'):
            yield f'{{{value}:1}}'
    yield from (text for depth in (31, 32, 33, 40, 5000) for text in (
        nested(depth), '{"a":' * depth + '1' + '}' * depth))
    yield from ('{"a":1,"a":1}', '{"a":1,"\\u0061":1}', '{"b":1,"a":1}', '{ "a":1}', '[1,]', '[1] x',
                '[1]\t', ' [1]', '\ufeff[1]', '[1]\0', '/**/[1]', '{a:1}', '{1:1}')


def judged_texts(helper, work):
    """Canonical JSON, as certificates, acceptances and lines of the log are."""
    common, rows = stock('common'), [text.encode() for text in texts() if text]
    rows += [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'{"\xe9":1}']
    file = work / 'texts'
    file.write_bytes(b'\n'.join(rows) + b'\n')
    answers = subprocess.run([helper, '--canonical', file], check=True, capture_output=True,
                             text=True).stdout.splitlines()
    assert len(answers) == len(rows)
    taken = 0
    for row, answer in zip(rows, answers):
        try:
            common.canonical_json(row, 'it')
            here = True
        except common.Wrong:
            here = False
        taken += here
        if here != (answer == 'ok'):
            yield f'JSON {row[:60]}: the judges differ: {answer}'
    if not 20 < taken < len(rows) / 2:
        yield f'JSON: {taken} of {len(rows)} texts are taken'
    print(f'{len(rows)} texts of JSON: both judges take {taken}')


ODD = {'true': True, 'one': 1, 'minus': -1, 'text': 'x', 'no-text': '', 'list': [], 'object': {},
       'numbers': [1]}
FIELDS = {'intent': ['at', 'runId', 'jobId', 'device', 'deviceKeys', 'technique', 'attempt', 'manifest'],
          'earlierIntent': ['runId', 'device', 'deviceKeys', 'attempt', 'manifest', 'at'],
          'outcome': ['at', 'runId', 'intent', 'status', 'certificate', 'signature']}


def lines():
    """(name, what make_bundle is told)"""
    for entry, fields in FIELDS.items():
        yield f'{entry}-unknown', {entry: {'unknown': 1}}
        yield f'{entry}-nulls', {entry + 'Nulls': ['unknown']}
        for field in fields:
            yield f'{entry}-{field}-null', {entry + 'Nulls': [field]}
            for how, value in ODD.items():
                yield f'{entry}-{field}-{how}', {entry: {field: value}}
    yield 'manifest-more', {'intent': {'manifest': {'more': 1}}}
    yield 'manifest-empty', {'intent': {'manifest': {'sha256': None}}}
    yield 'type-true', {'earlierIntent': {'type': True}}
    yield 'lost-long', {'outcome': {'status': 'lost', 'reason': 'x' * 4097}}


def pem_files(pem, other):
    """(name, text, whether it is the trusted root and nothing else)"""
    begin, *body, end = pem.strip().split('\n')
    yield from (('same', pem, True), ('no-line-feed', pem.rstrip('\n'), True), ('twice', pem * 2, True),
                ('CR-LF', pem.replace('\n', '\r\n'), True), ('empty-lines', pem + '\n\n' + pem, True),
                ('further', pem + other, False), ('other', other, False), ('empty', '', False),
                ('text-before', 'root\n' + pem, False), ('text-behind', pem + 'root\n', False),
                ('text-between', pem + 'root\n' + pem, False), ('line-before', '\n' + pem, False),
                ('indented', pem.replace('-----BEGIN', ' -----BEGIN'), False),
                ('all-indented', ''.join(f' {line}\n' for line in pem.split('\n')), False),
                ('joined', pem.rstrip('\n') + pem, False), ('cut', pem[:len(pem) // 2], False),
                ('cut-behind-good', pem + pem[:len(pem) // 2], False),
                ('no-end', pem.replace(end + '\n', ''), False),
                ('space-in-body', pem.replace(body[0], body[0] + ' '), False),
                ('no-base64', pem.replace(body[0], '!' + body[0][1:]), False),
                ('one-line', f'{begin}\n{"".join(body)}\n{end}\n', False),
                ('short-lines', '\n'.join([begin, body[0][:32], body[0][32:], *body[1:], end, '']), False),
                ('header', pem.replace(begin, begin + '\nProc-Type: 4,ENCRYPTED\n'), False),
                ('no-certificate', f'{begin}\nMAA=\n{end}\n', False),
                ('nothing-inside', f'{begin}\n{end}\n', False), ('NUL', pem + '\0', False),
                ('byte-order-mark', '\ufeff' + pem, False), ('bytes-behind', behind(pem), False),
                ('lower-case', pem.replace(begin, begin.lower()), False), ('65', pem * 65, False))
    for label in ('X509 CERTIFICATE', 'TRUSTED CERTIFICATE', 'PRIVATE KEY', 'X509 CRL', 'CMS'):
        yield label, pem.replace('CERTIFICATE', label), False
        yield 'behind it: ' + label, pem + pem.replace('CERTIFICATE', label), False


def behind(pem):
    begin, *body, end = pem.strip().split('\n')
    text = base64.b64encode(base64.b64decode(''.join(body)) + b'\0').decode()
    return '\n'.join([begin, *(text[at:at + 64] for at in range(0, len(text), 64)), end, ''])


def key_files(line):
    """(name, text, whether it is the log key)"""
    name, identity, key = line.split('+', 2)
    yield from ((word, text, True) for word, text in {
        'same': line, 'line-feed': line + '\n', 'line-feeds': line + '\n\n\n'}.items())
    yield from ((word, text, False) for word, text in {
        'CR-LF': line + '\r\n', 'CR': line + '\r', 'space-before': ' ' + line, 'space': line + ' ',
        'tab': line + '\t', 'line-feed-before': '\n' + line, 'twice': line + '\n' + line, 'empty': '',
        'capitals': f'{name}+{identity.upper()}+{key}' if identity.upper() != identity else 'x',
        'name': f'{name}x+{identity}+{key}', 'id': f'{name}+00000000+{key}', 'é': 'é' + line,
        'key': f'{name}+{identity}+{key[:-4]}', 'no-padding': line + '=', 'NUL': line + '\0'}.items())


SPACES = [0x20, 0x85, 0xa0, 0x1680, *range(0x2000, 0x200b), 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]


def note_lines():
    """(name, lines behind the signature, whether a note may have them)"""
    body = base64.b64encode(bytes(68)).decode()

    def line(name, text=body):
        return f'\u2014 {name} {text}\n'.encode()
    for name in ('w.example/1', 'é', '見証', '😀', '-', '\u200b', 'x' * 300, '\x7f', '\ufeff'):
        yield name, line(name), True
    for name in ('', '+', 'a+b', *(f'a{chr(code)}b' for code in [*SPACES, *CONTROLS[:-1]])):
        yield ascii(name), line(name), False
    yield from (('63', line('w') * 63, True), ('99', line('w') * 99, True),
                ('100', line('w') * 100, False), ('101', line('w') * 101, False),
                ('no-UTF-8', line('w').replace(b'w', b'\xff'), False),
                ('no-line-feed', line('w')[:-1], False), ('hyphen', b'- ' + line('w')[4:], False),
                ('short', line('w', 'AAAA'), False), ('five', line('w', 'AAAAAAA='), True),
                ('odd-base64', line('w', 'AAAAAAB='), False), ('CR-LF', line('w')[:-1] + b'\r\n', False),
                ('empty-line', b'\n' + line('w'), False))


class Bundles:
    """Copies of the good bundle under other anchors, asked of every judge."""

    def __init__(self, work, good, verifiers):
        self.work, self.good, self.verifiers = work, good, verifiers

    def ask(self, number, name, expected, files=(), anchors=()):
        """Problems. `files` in the bundle and `anchors` are (name, bytes); the library has no wrong
        use."""
        problems = []
        folder = self.work / f'form-{number}'
        shutil.copytree(self.good / 'bundle', folder / 'bundle')
        (folder / 'keys').mkdir()
        for place, content in (('root.pem', None), ('log.vkey', None), *anchors):
            (folder / 'keys' / place).write_bytes(
                (self.good / 'keys' / place).read_bytes() if content is None else content)
        for place, content in files:
            (folder / 'bundle' / place).write_bytes(content)
        for judge, command in self.verifiers(folder, False, folder / 'keys').items():
            if judge == 'library' and expected == WRONG_USE:
                continue
            status = ask(command).returncode
            if status != expected:
                problems.append(f'{name}: {judge} ended with {status}, not {expected}')
        shutil.rmtree(folder)
        return problems


def odd_files(good, other):
    """What Bundles.ask() is told."""
    pem, stranger = ((folder / 'keys/root.pem').read_text() for folder in (good, other))
    for name, text, same in pem_files(pem, stranger):
        data = text.encode()
        yield (f'PEM {name}: brought along', GOOD if same else NOT_PROVED, [('root.pem', data)])
        expected = GOOD if same else {'other': NOT_PROVED, 'further': GOOD}.get(name, WRONG_USE)
        yield (f'PEM {name}: trusted', expected, [('root.pem', pem.encode())], [('root.pem', data)])
    key = (good / 'keys/log.vkey').read_text().rstrip('\n')
    for name, text, same in key_files(key):
        yield (f'log key {name}', GOOD if same else WRONG_USE, [], [('log.vkey', text.encode())])
    proofs = {name: (good / 'bundle' / name).read_bytes()
              for name in (PROOF, INTENT_PROOF, CONSISTENCY_PROOF)}
    for name, more, taken in note_lines():
        yield (f'note {name}', GOOD if taken else NOT_PROVED,
               [(proof, data + more) for proof, data in proofs.items()])


def judged_line(helper, work, verifiers, name, told):
    """All judges agree about a log with such a line, with the log and without."""
    folder = work / ('line-' + name)
    folder.mkdir()
    made = subprocess.run([str(helper), DATA / 'predicate-example.json', folder, json.dumps(told)],
                          capture_output=True, text=True, check=False)
    if made.returncode:
        return [f'line {name}: make_bundle: {made.stderr}'], 0
    problems, refused = [], 0
    for with_log in (False, True):
        statuses = {judge: ask(command).returncode
                    for judge, command in verifiers(folder, with_log, folder / 'keys').items()}
        refused += NOT_PROVED in statuses.values()
        if len(set(statuses.values())) != 1 or not set(statuses.values()) <= {GOOD, NOT_PROVED}:
            problems.append(f'line {name}, with the log: {with_log}: the judges differ: {statuses}')
    shutil.rmtree(folder)
    return problems, refused


def reason_that_forges(helper, bundles):
    """What people wrote stays in its line."""
    bundle = bundles.work / 'forged/bundle'
    shutil.copytree(bundles.good / 'bundle', bundle)
    people = bundles.good / 'keys/people'
    subprocess.run([helper, '--accept', bundle, bundles.good / 'keys', 'frank', 'rejected', 'no'],
                   check=True)
    record = bundle / 'acceptance/1/acceptance.json'
    record.write_bytes(record.read_bytes().replace(b'"no"', b'"no\\nThe bundle is proved."'))
    subprocess.run(['openssl', 'cms', '-sign', '-binary', '-cades', '-in', record, '-signer',
                    people / 'frank.pem', '-inkey', people / 'frank.key', '-md', 'sha256',
                    '-outform', 'DER', '-out', record.with_name('acceptance.json.p7s')], check=True,
                   capture_output=True)
    for judge, command in bundles.verifiers(bundle.parent, False, bundles.good / 'keys').items():
        if 'The bundle is proved.' in ask(command).stdout.splitlines():
            yield f'{judge}: a reason forges a line'
    said = stock('common').said(''.join(map(chr, [*CONTROLS, 0x85, 0x2028, 0xd800])))
    if not said.isascii() or not said.isprintable():
        yield f'said() leaves control characters: {said!r}'


def run(helper, work, good, other, verifiers, pool, every):
    """What is wrong. `every`: one of so many lines of the log is made a day."""
    problems = list(judged_texts(helper, work))
    bundles = Bundles(work, good, verifiers)
    rows = list(odd_files(good, other))
    for found in pool.map(lambda row: bundles.ask(row[0], *row[1]), enumerate(rows)):
        problems += found
    problems += reason_that_forges(helper, bundles)
    told = todays(lines(), every)
    found = list(pool.map(lambda row: judged_line(helper, work, verifiers, *row), told))
    problems += [problem for some, _ in found for problem in some]
    refused = sum(count for _, count in found)
    if not 0 < refused < 2 * len(told):
        problems.append(f'lines of the log: {refused} of {2 * len(told)} are refused')
    print(f'{len(rows)} bundles with odd anchors and notes; {len(told)} odd lines of the log: all '
          f'judges refuse {refused} of {2 * len(told)}')
    return problems
