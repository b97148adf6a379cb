# SPDX-License-Identifier: Apache-2.0
"""Reasons that are not a code of the program and a text, in every list of reasons of a record."""
from tamper.edits import named, put

LISTS = {
    'example': ['result.exceptions', 'result.residualRisks', 'volumes.0.reasons',
                'volumes.0.exceptions', 'volumes.0.residualRisks', 'volumes.0.eligibility.objections'],
    'drive': ['result.residualRisks', 'sanitization.reasons'],
    'media': ['result.residualRisks'],
}
GOOD = named('that is so', 'flash')[0]
BAD = {
    'text': 'that is so', 'nothing': {}, 'null': None, 'number': 3,
    'no-code': {'text': GOOD['text']}, 'no-text': {'code': GOOD['code']},
    'null-code': dict(GOOD, code=None), 'null-text': dict(GOOD, text=None),
    'empty-code': dict(GOOD, code=''), 'empty-text': dict(GOOD, text=''),
    'unknown-code': dict(GOOD, code='no-such-code'), 'upper-code': dict(GOOD, code='Flash'),
    'list-code': dict(GOOD, code=['flash']), 'extra-key': dict(GOOD, hint='x'),
}


def limit_event(change):
    def both(p):
        change(p['sanitization']['limits']['events'][0])
    return both


ALL = [(kind, f'{kind}-{place}-{name}', put(place, [bad]))
       for kind, places in LISTS.items() for place in places for name, bad in BAD.items()]
# All of them are judged; signed are those of one list, and one of each other list.
INSIDERS = [case for case in ALL if 'volumes.0.reasons' in case[1] or case[1].endswith('-text')]
INSIDERS += [('media', f'limit-no-{key}', limit_event(lambda event, key=key: event.pop(key)))
             for key in ('at', 'what', 'then')]
INSIDERS += [('media', 'limit-two-names', limit_event(lambda event: event.update(limit='x'))),
             ('media', 'limit-no-word', limit_event(lambda event: event.update(what='')))]
INSIDERS += [('media', f'version-{version}', put('schemaVersion', version))
             for version in ('1.0.0', '1.0.1', '1.3.0', '', None, 1)]
