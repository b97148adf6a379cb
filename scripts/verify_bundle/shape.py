# SPDX-License-Identifier: Apache-2.0
"""What a record looks like: the tables shapes*.json, whose grammar include/efface/rules/shape.hpp
states, read and judged without efface."""
import functools
import re

from common import need, table, when, Wrong
from reasons import CODES

MAP_NAME_BYTES_MAX = 128
UUID = re.compile('[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}', re.ASCII)
DIGITS = re.compile('[0-9]{1,20}', re.ASCII)
HEX = re.compile('([0-9a-f]{2})*', re.ASCII)


def is_time(value):
    try:
        when(value)
    except (Wrong, TypeError, ValueError):
        return False
    return True


BUILT_IN = {
    'flag': lambda value: type(value) is bool,
    'time': is_time,
    'uuid': lambda value: type(value) is str and UUID.fullmatch(value),
    'digits': lambda value: type(value) is str and DIGITS.fullmatch(value),
    'reason': lambda value: type(value) is str and value in CODES,
    'nothing': lambda value: False}


class Shapes:
    """The tables, for records of one version."""

    def __init__(self, tables, version):
        self.shapes = {name: shape for table in tables for name, shape in table['shapes'].items()}
        self.versions = tables[0]['versions']
        self.age = self.versions.index(version)
        self.known = {}

    def check(self, value, shape, where):
        """Raises Wrong unless the value has this shape, or the one of this name."""
        if type(shape) is str:
            if shape in BUILT_IN:
                need(BUILT_IN[shape](value), f'{where} is not {shape}')
            else:
                self.check(value, self.shapes[shape], where)
            return
        for form, check in FORMS.items():
            if form in shape:
                check(self, value, shape, where)
                return
        raise KeyError('the table has a shape without a form')

    def text(self, value, shape, where):
        bounds = shape['text']
        need(type(value) is str and value not in bounds.get('not', ()) and
             bounds.get('min', 0) <= len(bytes_of(value)) <= bounds['max'],
             where + ' is not text of the allowed length')

    def hex(self, value, shape, where):
        bounds = shape['hex']
        before = bounds.get('after', '')
        need(type(value) is str and value.startswith(before) and
             HEX.fullmatch(value, len(before)) and
             bounds.get('min', 0) <= (len(value) - len(before)) // 2 <= bounds['max'],
             where + ' is not hex of the allowed length')

    def number(self, value, shape, where):
        bounds = shape['number']
        need(type(value) is int and bounds.get('min', 0) <= value <= bounds['max'],
             where + ' is not a whole number in the allowed range')

    def words(self, value, shape, where):
        need(type(value) is str and value in shape['one of'],
             where + ' is not one of the allowed words')

    def apart(self, value, _, where):
        need(type(value) is dict, where + ' is not an object')

    def list(self, value, shape, where):
        need(type(value) is list and shape.get('min', 0) <= len(value) <= shape['max'],
             where + ' is not a list of the allowed length')
        for number, item in enumerate(value):
            self.check(item, shape['list'], f'{where}[{number}]')

    def map(self, value, shape, where):
        need(type(value) is dict and len(value) <= shape['max'],
             where + ' is not an object of the allowed size')
        for name, item in value.items():
            need(1 <= len(bytes_of(name)) <= MAP_NAME_BYTES_MAX, where + ': an invalid name')
            self.check(item, shape['map'], f'{where}.{name}')

    def choice(self, value, shape, where):
        said = value
        for step in shape['choice'].split('.'):
            need(type(said) is dict and step in said, f'{where} lacks {step}')
            said = said[step]
        need(type(said) in (bool, str), f'{where}: its {shape["choice"]} is not a known word')
        word = said if type(said) is str else str(said).lower()
        for case, chosen in shape['cases'].items():
            begins = case.endswith('*')
            if word == case if not begins else (
                    word.startswith(case[:-1]) and len(word) >= len(case)):
                break
        else:
            need('else' in shape,
                 f'{where}: its {shape["choice"]} is not one of the allowed values')
            chosen = shape['else']
        self.check(value, chosen, where)

    def any(self, value, shape, where):
        for one in shape['any']:
            try:
                self.check(value, one, where)
                return
            except Wrong:
                continue
        raise Wrong(where + ' is not one of the allowed values')

    def by_version(self, value, shape, where):
        self.check(value, self.newest(shape), where)

    def newest(self, shape):
        """The newest of its shapes that is not newer than the record."""
        return next(shape['by version'][version] for version in self.versions[self.age::-1]
                    if version in shape['by version'])

    def fields(self, value, shape, where):
        need(type(value) is dict, where + ' is not an object')
        fields = self.known.get(id(shape))
        if fields is None:
            fields = self.known[id(shape)] = self.fields_of(shape)
        unknown = value.keys() - fields.keys()
        need(not unknown, f'{where} has an unknown field: {min(unknown, default="")}')
        for name, (inner, required) in fields.items():
            item = value.get(name)
            if item is None:
                need(not required, f'{where}: {name} is missing')
            else:
                self.check(item, inner, f'{where}.{name}')

    def fields_of(self, shape):
        """{name: (shape, whether it must be there)} of an object, with all that it includes."""
        found = {}
        for name in shape.get('with', ()):
            found.update(self.fields_of(self.shapes[name]))
        for name in shape.get('maybe with', ()):
            found.update((key, (inner, False))
                         for key, (inner, _) in self.fields_of(self.shapes[name]).items())
        own = [shape.get('fields', {})]
        own += [shape.get('since ' + version, {}) for version in self.versions[:self.age + 1]]
        for part in own:
            for key, inner in part.items():
                found[key.rstrip('?')] = (inner, not key.endswith('?'))
        return found


FORMS = {'text': Shapes.text, 'hex': Shapes.hex, 'number': Shapes.number, 'one of': Shapes.words,
         'list': Shapes.list, 'map': Shapes.map, 'choice': Shapes.choice, 'any': Shapes.any,
         'by version': Shapes.by_version, 'apart': Shapes.apart, 'fields': Shapes.fields,
         'with': Shapes.fields, 'maybe with': Shapes.fields}


def bytes_of(text):
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Wrong('the text is not Unicode') from error


@functools.lru_cache(maxsize=None)
def tables():
    first = table('shapes')
    return [first] + [table(part) for part in first['parts']]


@functools.lru_cache(maxsize=None)
def shapes_of(version):
    return Shapes(tables(), version)


def check_newest(value, name):
    """Of a record that has one version only."""
    shapes_of(tables()[0]['versions'][-1]).check(value, name, name)


def check_shape(record):
    """Of a statement and of the record in it."""
    known = tables()[0]['versions']
    shapes_of(known[-1]).check(record, 'statement', 'certificate')
    version = record['predicate'].get('schemaVersion')
    need(type(version) is str and version in known,
         'the version of the record is unknown')
    shapes_of(version).check(record['predicate'], 'record', 'certificate.predicate')
