# SPDX-License-Identifier: Apache-2.0
"""Why something is not better: texts in records of 1.0.0, since then a code and a text."""
import pathlib

from common import need, when

VERSIONS = ('1.0.0', '1.1.0', '1.2.0')
# Those of efface-reasons(7), one a line.
CODES = frozenset((pathlib.Path(__file__).parent / 'reason_codes').read_text().split())


def check_version(predicate):
    need(predicate['schemaVersion'] in VERSIONS, 'the version of the record is not known here')


def since_1_1(predicate):
    return predicate['schemaVersion'] != VERSIONS[0]


def check_reasons(found, version):
    need(type(found) is list, 'the reasons are no list')
    for reason in found:
        if version == VERSIONS[0]:
            need(type(reason) is str, 'a reason is no text')
        else:
            need(type(reason) is dict and reason.keys() == {'code', 'text'} and
                 reason['code'] in CODES and type(reason['text']) is str and reason['text'],
                 'a reason must have a code of efface-reasons(7) and a text, nothing else')


def named(found, code):
    """Whether one of the reasons has this code; texts of 1.0.0 have none."""
    return any(type(reason) is dict and reason['code'] == code for reason in found)


def check_limit_events(limits, version):
    if limits is None or version == VERSIONS[0]:
        return
    for event in limits.get('events') or []:
        need(event.keys() == {'at', 'limit', 'what', 'then'} and
             event['limit'] in ('deadline', 'speed', 'temperature') and
             event['then'] in ('go-on', 'pause', 'stop') and
             type(event['what']) is str and event['what'],
             'what happened at a limit')
        when(event['at'])
