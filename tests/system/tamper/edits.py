# SPDX-License-Identifier: Apache-2.0
"""How records are changed: the way to every value of one, and what claims of every kind need."""
import copy
import hashlib
import json


def token_of(identity):
    """What a person types: efface-certificate(5), targetToken."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, separators=(',', ':'),
                                       ensure_ascii=False).encode()).hexdigest()
    return 'target-' + digest[:6]


def made(predicate, change):
    """The record after the change. Where it is of another target then, that one was typed."""
    identity = copy.deepcopy(predicate.get('targetIdentity'))
    token = predicate['authorization'].get('targetToken')
    change(predicate)
    named = predicate['authorization']
    if type(named) is dict and token and named.get('targetToken') == token and \
            predicate.get('targetIdentity') != identity:
        named['targetToken'] = token_of(predicate['targetIdentity'])
    return predicate


def places(value, above=()):
    """The way to every value within this one."""
    if not isinstance(value, (dict, list)):
        return
    for step in value if isinstance(value, dict) else range(len(value)):
        yield above + (step,)
        yield from places(value[step], above + (step,))


def at(value, place):
    for step in place:
        value = value[step]
    return value


def changed(value, place, other=None, gone=False):
    """A copy, as deep as the change is."""
    first, *rest = place
    made = copy.copy(value)
    if rest:
        made[first] = changed(made[first], rest, other, gone)
    elif gone:
        del made[first]
    else:
        made[first] = other
    return made


def work(p):
    return p['sanitization']


def first(p):
    return work(p)['passes'][0]


def seen(p):
    return p['verification']


def level(p, name):
    p['result']['level'] = work(p)['method'] = name


def named(text, code='io-failed'):
    return [{'code': code, 'text': text}]


def one_fault(offset=8192, length=4096):
    return {'count': 1, 'bytes': length,
            'areas': [{'offset': offset, 'length': length, 'error': 'Input/output error (5)'}]}


def not_done(p):
    seen(p).clear()
    seen(p).update({'method': 'none', 'performed': False, 'result': 'not-performed',
                    'independentOfEraser': False})


def after(honest, change):
    def both(p):
        honest(p)
        change(p)
    return both


def steps_of(path):
    """'volumes.0.name' as keys and numbers."""
    return [int(step) if step.isdigit() else step for step in path.split('.')]


def put(path, value):
    """Sets one value: 'target.identity.wwid'."""
    def change(p):
        *folders, last = steps_of(path)
        at(p, folders)[last] = value
    return change


def drop(path):
    def change(p):
        *folders, last = steps_of(path)
        del at(p, folders)[last]
    return change


def in_1_0(p):
    """In the shape of record 1.0.0, where reasons had no codes."""
    p['schemaVersion'], p['tool']['version'] = '1.0.0', '0.1.0'
    for key in ('exceptions', 'residualRisks'):
        p['result'][key] = [each['text'] for each in p['result'][key]]
