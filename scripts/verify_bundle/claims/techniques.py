# SPDX-License-Identifier: Apache-2.0
"""What success needs, technique by technique: techniques.json, which stands beside this file where
it is installed, and in src/rules of the source tree."""
from common import need, table
from reasons import named, since_1_1

COMMAND_SETS = ('nvme', 'ata', 'scsi', 'tcg', 'block')
SUCCESS = ('sanitized', 'sanitized-with-exceptions')


class Table:
    """The table that is asked. One of its own is given by tests alone."""

    def __init__(self, content):
        self.families, self.hidden_areas = content['families'], content.get('hiddenAreas', {})
        self.rows, self.failures = content['rows'], content.get('failures', ())
        self.facts = content.get('facts', ())

    def row(self, technique, kind=None):
        return next((row for row in self.rows if row['technique'] == technique and
                     (not row.get('kinds') or kind is None or kind in row['kinds'])), None)


TABLE = Table(table('techniques'))


def command_set(technique):
    """'' for a technique that is not a drive's own: by the name alone."""
    return next((name for name in COMMAND_SETS if technique.startswith(name + '-') and
                 len(technique) > len(name) + 1), '')


def check_failures(status, *reasons):
    """Nothing is a success in which one of these reasons says that it failed."""
    for code in TABLE.failures if status in SUCCESS else ():
        need(not any(named(found or [], code) for found in reasons),
             'a success is claimed despite the reason ' + code)


def enough(read, of, one_in):
    """No more than one in so many is missing; without a bound any number may be."""
    return read <= of and (not one_in or of - read <= of // one_in)


def level_of(row, medium):
    """The best level, where it depends on what the drive is made of."""
    level = row['level']
    return level[medium] if isinstance(level, dict) else level


class Rules:
    """The row of a record, and what its family asks of all its techniques."""

    def __init__(self, predicate):
        technique = predicate['sanitization']['technique']
        target = predicate.get('target')
        self.row = TABLE.row(technique, target['kind'] if target else None)
        kind = predicate['certificateType']
        self.family = TABLE.families[
            self.row['family'] if self.row else 'drive' if command_set(technique) else
            'memory' if kind == 'memory' else 'overwrite']

    def part(self, name):
        """A group of conditions of the family; {} when it has none."""
        return self.family.get(name, {})

    def check(self, predicate):
        """What the table says of the technique, its family, and the fields that block success."""
        result, row = predicate['result'], self.row
        success = result['status'] in SUCCESS
        if success:
            need(row, 'the technique is not known to erase such a target')
            need(not self.part('types') or predicate['certificateType'] in self.part('types'),
                 'the technique cannot have a certificate of this type')
            need(not self.part('policy') or predicate['authorization']['policyId'] ==
                 row.get('policy', row['technique']), 'this is not the policy of the technique')
        need(result['level'] == 'none' or success, 'a level is claimed without success')
        self.check_conditions('conditions', predicate, predicate, result['status'], result['level'],
                          result['exceptions'], predicate['verification'].get('result') == 'pass')

    def check_conditions(self, name, predicate, root, status, level, exceptions, passed=False):
        """`root` holds the fields; status, level and exceptions are claimed of it."""
        claimed = {'success': status in SUCCESS, 'pass': passed,
                   'level': status in SUCCESS and level != 'none',
                   'purge': status in SUCCESS and level == 'purge'}
        for block in self.family.get(name, ()):
            if not claimed[block.get('for', 'success')] or (
                    'since' in block and not since_1_1(predicate)):
                continue
            borne = status == 'sanitized-with-exceptions' and any(
                not since_1_1(predicate) or named(exceptions, code)
                for code in block.get('except', ()))
            for value in values(root, block['path'].split('.'), block):
                good = value in block['allowed']
                need(good or borne, block['path'] + ' rules out success')
                need(good or 'level' not in block or level == 'none',
                     block['path'] + ' has no level')

    def check_level(self, predicate):
        result, target = predicate['result'], predicate['target']
        if result['level'] == 'none':
            return
        disk = ((target.get('drive') or {}).get('facts') or {}).get('flash') is False
        order = ('none', 'clear', 'purge')
        need(order.index(result['level']) <=
             order.index(level_of(self.row, 'disk' if disk else 'flash')),
             'the technique does not reach that level on this target')
        none = self.part('noLevel')
        need(predicate['certificateType'] not in none.get('types', ()) and
             target['kind'] not in none.get('kinds', ()), 'such a target has no level')
        need(not any(is_named_layer(layer, none) for layer in target['layersBelow']),
             'a layer below keeps blocks that are not reached')
        need(not since_1_1(predicate) or not any(
            named(result['exceptions'], code) for code in none.get('exceptions', ())),
             'a level is claimed despite an exception that rules it out')

    def check_control_names(self, work):
        rule = self.row.get('controls', {})
        names = [control['name'] for control in work.get('negativeControls') or []]
        known = list(rule.get('needs', ())) + list(rule.get('may', ()))
        need(all(name in known for name in names), 'the technique does not have this control')
        need(all(name in names for name in rule.get('needs', ())), 'a control was not carried out')


def is_named_layer(layer, rule):
    """A layer below that a rule names: by a flag of it, or by something in its note."""
    return any(layer.get(flag) for flag in rule.get('layers', ())) or any(
        text in layer.get('note', '') for text in rule.get('notes', ()))


def values(value, steps, block):
    """Those that the path names; one that is missing is refused unless it may be."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if type(value) is list:
        for place, item in enumerate(value):
            if step in ('*', str(place)):
                yield from values(item, rest, block)
        return
    if value.get(step) is not None:
        yield from values(value[step], rest, block)
    else:
        need(block.get('optional'), block['path'] + ' is missing')
