# SPDX-License-Identifier: Apache-2.0
"""Reading strictly, and what every check uses."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import re
import stat
import sys

CLOCK_SLACK = datetime.timedelta(minutes=10)  # two clocks that are set may differ by so much
HERE = pathlib.Path(__file__).resolve().parent
TABLES = (HERE, HERE.parent.parent / 'src/rules/tables')  # installed, and in the source tree


class Wrong(Exception):
    """Something that is not proved."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


CONTROL = re.compile(r'[\x00-\x1f\x7f]')


def said(text):
    """As it may stand on a screen, in one line."""
    return CONTROL.sub(lambda found: f'\\x{ord(found[0]):02x}',
                       text.encode('ascii', 'backslashreplace').decode())


def printable(data):
    """Bytes of a name as records and reports have it: ASCII, the rest as question marks."""
    return ''.join(chr(byte) if 0x20 <= byte < 0x7f else '?' for byte in data).strip()


NO_LOGIN = re.compile(r'(.*?) \(no login uid(?:; SUDO_USER is (.*))?\)', re.DOTALL)


def may_be_operator(person, operator):
    """Of an operator without a login the record has the user's name, and what was claimed beside."""
    found = NO_LOGIN.fullmatch(operator)
    return person in ((operator,) + (found.groups() if found else ()))


def good(text):
    print('ok    ' + said(text))


def open_regular(path):
    """Without waiting for whoever writes into a pipe of that name, and through no link."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), 'rb')
    need(stat.S_ISREG(os.fstat(file.fileno()).st_mode), path + ' is not a regular file')
    return file


def read(path, limit=64 << 20):
    with open_regular(path) as file:
        data = file.read(limit + 1)
    need(len(data) <= limit, path + ' is too large')
    return data


JSON_DEPTH_MAX = 32
NUMBER_MAX = (1 << 53) - 1
SURROGATE = re.compile(r'[\ud800-\udfff]')  # pairs of them were put together
NEVER_IN_RECORDS = re.compile(r'[\x00-\x09\x0b-\x1f\x7f]')  # control characters but line feeds


def parts_of(value, what):
    """(part, whether it is a key) of a value, within the depth that it may have."""
    left = [(value, 1)]
    while left:
        part, depth = left.pop()
        yield part, False
        if isinstance(part, (dict, list)):
            need(depth <= JSON_DEPTH_MAX, f'{what} is nested deeper than {JSON_DEPTH_MAX} levels')
            inside = part
            if isinstance(part, dict):
                yield from ((key, True) for key in part)
                inside = part.values()
            left += [(one, depth + 1) for one in inside]


def strict_json(data, what):
    """What may stand in any JSON that is judged: UTF-8, no key twice, whole numbers only."""
    def pairs(items):
        result = dict(items)
        need(len(result) == len(items), what + ' repeats a key')
        return result

    def refuse(text):
        raise Wrong(what + ' contains the number ' + text)

    def whole(text):
        return refuse(text) if text == '-0' else int(text)
    try:
        value = json.loads(data.decode('utf-8'), object_pairs_hook=pairs, parse_int=whole,
                           parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f'{what} is not JSON: {error}') from error
    for part, _ in parts_of(value, what):
        need(type(part) is not str or not SURROGATE.search(part),
             what + ' contains text that is not Unicode')
    return value


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def canonical_json(data, what):
    """What may stand in a record, an acceptance or a line of the log, in its one form (RFC 8785)."""
    value = strict_json(data, what)
    for part, is_key in parts_of(value, what):
        if type(part) is int:
            need(-NUMBER_MAX <= part <= NUMBER_MAX, f'{what} contains a number beyond 2^53 - 1')
        elif type(part) is str:
            need(not NEVER_IN_RECORDS.search(part), what + ' contains a control character')
            need(not is_key or part.isascii(), what + ' has a key that is not ASCII')
    need(canonical(value) == data, what + ' is not in canonical form')
    return value


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, 'base64 is malformed')
    return data


def sha256(data):
    return hashlib.sha256(data).digest()


TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', re.ASCII)


def when(text):
    """A time of RFC 3339 in UTC, in the one form that records have, since 1970."""
    need(TIME.fullmatch(text) and text >= '1970', f'not a time: {text}')
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(
        tzinfo=datetime.timezone.utc)


def table(name):
    """One of the tables that both judges ask."""
    paths = [folder / (name + '.json') for folder in TABLES]
    found = [path for path in paths if path.exists()]
    if not found:
        sys.exit(f'verify-bundle: {name}.json is missing: it is run where it was installed, or in the '
                 'source tree of efface')
    return strict_json(found[0].read_bytes(), name)
