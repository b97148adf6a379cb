# SPDX-License-Identifier: Apache-2.0
"""Reading strictly, and what every check uses."""
import datetime
import hashlib
import json
import os
import re
import stat


class Wrong(Exception):
    """Something that is not proved."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


def said(text):
    """As it may stand on a screen."""
    return text.encode('ascii', 'backslashreplace').decode()


def printable(data):
    """Bytes of a name as records and reports have it: ASCII, the rest as question marks."""
    return ''.join(chr(byte) if 0x20 <= byte < 0x7f else '?' for byte in data).strip()


def good(text):
    print('ok    ' + said(text))


def open_regular(path):
    """Without waiting for whoever writes into a pipe of that name, and through no link."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), 'rb')
    need(stat.S_ISREG(os.fstat(file.fileno()).st_mode), path + ' is no file')
    return file


def read(path, limit=64 << 20):
    with open_regular(path) as file:
        data = file.read(limit + 1)
    need(len(data) <= limit, path + ' is too large')
    return data


def strict_json(data, what):
    def pairs(items):
        result = dict(items)
        need(len(result) == len(items), what + ' repeats a key')
        return result

    def refuse(text):
        raise Wrong(what + ' holds the number ' + text)
    try:
        return json.loads(data.decode('utf-8'), object_pairs_hook=pairs, parse_float=refuse,
                          parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f'{what} is not JSON: {error}') from error


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def sha256(data):
    return hashlib.sha256(data).digest()


TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', re.ASCII)


def when(text):
    """A time of RFC 3339 in UTC, in the one form that records have, since 1970."""
    need(TIME.fullmatch(text) and text >= '1970', f'no time: {text}')
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(
        tzinfo=datetime.timezone.utc)
