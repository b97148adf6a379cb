# SPDX-License-Identifier: Apache-2.0
"""Every condition of src/rules/tables/techniques.json, weakened one at a time: the judges, given that
table, must then accept one of the false claims, or refuse an honest record. What nobody notices is no
condition, or has no test.
"""
import copy
import json
import os
import subprocess

from sample import todays
from tamper.claims import variants
from tamper.edits import at
from tamper.claims.generated import places_named
from tamper.claims.rows import TABLE
from tamper.stock import judge_here, stock

LEVELS = ('none', 'clear', 'purge')
OTHERS = ['io-failed', 'drive-word', 'write-failed', 'stopped']  # codes that no row bears
STRIDE, SEVERAL = 12, 4  # one of so many conditions; of them one of so many a day, and of each family


def mutant(change):
    """The table after `change`, which gets a copy of it."""
    table = copy.deepcopy(TABLE)
    change(table)
    return table


def gone(path):
    def change(table):
        del at(table, path[:-1])[path[-1]]
    return change


def put(path, value):
    def change(table):
        at(table, path[:-1])[path[-1]] = value
    return change


def each_gone(path):
    """One item of a list left out, each in its turn."""
    for number, item in enumerate(at(TABLE, path)):
        yield f'{item} left out', gone(path + [number])


def of_condition(path, seen):
    """A field that blocks success. `seen`: what stands there in the records of the tests."""
    block = at(TABLE, path)
    yield 'not looked at', gone(path)
    others = [value for value in seen(path[1], block['path'])
              if not any(type(value) is type(good) and value == good for good in block['allowed'])]
    if others:  # where only objects stand there is no other value, and nothing would be weaker
        yield 'other values allowed', put(path + ['allowed'], block['allowed'] + others)
    yield from of_when(path, block)
    if 'except' in block:
        yield 'another exception', put(path + ['except'], block['except'] + OTHERS)
    if 'level' in block:
        yield 'with a level', gone(path + ['level'])


NARROWER = {'pass': ('success', 'level', 'purge'), 'success': ('level', 'purge'),
            'level': ('purge',), 'purge': ()}


def of_when(path, condition):
    """When it is looked at, and whether it must be there."""
    for word in NARROWER[condition.get('for', 'success')]:
        yield f'for {word} only', gone(path + ['for']) if word == 'success' else put(
            path + ['for'], word)
    if 'optional' not in condition:
        yield 'may be missing', put(path + ['optional'], True)
    if 'since' not in condition:
        yield 'since 1.1.0', put(path + ['since'], '1.1.0')


def of_fact(path, fact):
    """One that stands in the record more than once."""
    yield 'not held', gone(path)
    for word in ('success', 'uninterrupted'):
        if word not in fact:
            yield f'{word} only', put(path + [word], True)
    for kind in fact.get('types', ()):
        yield f'not of {kind}', put(path + ['types'], [
            each for each in fact['types'] if each != kind] or ['nothing'])


def of_group(path, key, value):
    """A condition by its name, wherever it stands."""
    path = path + [key]
    if key.endswith('OneIn'):
        weaker = value + 1 if key == 'readBackOneIn' else value - 1
        yield f'one in {weaker}', put(path, weaker)
        yield 'without bound', gone(path)
    elif key == 'readBack':
        for method, one_in in value.items():
            yield f'{method} of less', put(path + [method], one_in + 1)
    elif key in ('blockBytesMin', 'headerBytesMin', 'parts'):
        yield 'half', put(path, value // 2)
        yield 'not asked', gone(path)
    elif key in ('bothEnds', 'wholeTarget', 'policy'):
        yield 'not asked', gone(path)
    elif key in ('mayOverlap', 'mayLieOutside'):
        yield 'allowed', put(path, True)
    elif key == 'keyBytesMin':
        yield 'a byte less', put(path, value - 1)
    elif key == 'types' and path[-2] != 'noLevel':
        yield 'also memory', put(path, value + ['memory'])
    elif key == 'kinds' and path[-2] != 'noLevel':
        yield 'any', gone(path)
    elif key in ('states', 'may', 'ciphers'):
        word = {'states': 'used', 'may': 'weather', 'ciphers': 'des'}[key]
        yield 'one more', put(path, value + [word])
    elif key == 'needs' and path[-2] == 'controls':
        for name in value:
            yield f'{name} not needed', lambda table, name=name: (
                at(table, path[:-1])['needs'].remove(name),
                at(table, path[:-1]).setdefault('may', []).append(name))
    elif key in ('withUuid', 'whenRefused'):
        yield 'not needed', lambda table: at(table, path[:-1]).setdefault('may', []).extend(
            at(table, path[:-1]).pop(key))
    elif key == 'objections':
        for level, codes in value.items():
            more = ['damaged-header', 'flash', 'payload-not-sampled']
            yield 'also at ' + level, put(path + [level], codes + more)
            yield 'any at ' + level, gone(path + [level])
    elif key == 'except':
        yield 'another exception', put(path, value + OTHERS)
    elif key in ('neverCovered', 'noLevel', 'types', 'kinds', 'layers', 'notes', 'exceptions',
                 'counters',
                 'keyPlaces', 'modesThatHideNothing', 'modesOfTwoKeys', 'attestation', 'needs',
                 'levelNeeds', 'named'):
        yield from each_gone(path)
    else:
        raise KeyError(f'nobody knows how to weaken {key}')


def of_groups(path, value):
    for key, inner in value.items():
        if key in ('conditions', 'volumeConditions', 'source'):
            continue
        if isinstance(inner, dict) and key not in ('readBack', 'objections'):
            yield from ((f'{key}.{name}', change)
                        for name, change in of_groups(path + [key], inner))
        else:
            yield from ((f'{key}: {name}', change) for name, change in of_group(path, key, inner))


def of_commands(path, commands, instead=False):
    if not instead:  # without another form less is allowed
        yield 'commands not looked at', gone(path)
    for number, command in enumerate(commands):
        if not instead:
            yield f'command {number} not needed', gone(path + [number])
        yield from ((f'command {number} or {name}', change) for name, change in of_commands(
            path + [number, 'or'], command.get('or', ()), True))
        yield f'command {number} of any name', put(path + [number, 'names'], [''])
        mask = bytes.fromhex(command.get('mask', ''))
        for place in (place for place, byte in enumerate(mask) if byte):
            def change(table, number=number, place=place):
                for key in ('bytes', 'mask'):
                    text = at(table, path)[number][key]
                    at(table, path)[number][key] = text[:2 * place] + '00' + text[2 * place + 2:]
            yield f'command {number} with any byte {place}', change


def decoders():
    return {row['status']['decoder'] for row in TABLE['rows'] if 'status' in row}


def of_row(path, row):
    for medium in ('flash', 'disk') if isinstance(row['level'], dict) else (None,):
        where = ['level', medium] if medium else ['level']
        level = at(row, where)
        if level != 'purge':
            yield f'level on {medium or "any medium"}', put(
                path + where, LEVELS[LEVELS.index(level) + 1])
    if 'commands' in row:
        yield from of_commands(path + ['commands'], row['commands'])
    if 'status' in row:
        yield 'status not looked at', gone(path + ['status'])
        yield 'status of any page', put(path + ['status', 'page'], '')
        if row['status']['decoder'] == 'nvme-sanitize-log':
            yield 'status of another action', put(path + ['status', 'action'],
                                                  row['status']['action'] + 1)
        for decoder in decoders() - {row['status']['decoder']}:
            yield 'status by ' + decoder, put(path + ['status', 'decoder'], decoder)
    if 'passes' in row:
        yield 'passes not looked at', gone(path + ['passes'])
        for number in range(len(row['passes'])):
            yield f'pass {number} left out', gone(path + ['passes', number])
            if row['passes'][number] != 'given':
                yield f'pass {number} of any pattern', put(path + ['passes', number], 'given')
    if 'swap' in row:
        yield 'never swapped', gone(path + ['swap'])
    if row.get('swap') == 'always':
        yield 'swapped unless mounted without', put(path + ['swap'], 'unless-noswap')
    if 'neverSwapped' in row:
        yield 'tmpfs never swapped', put(path + ['neverSwapped'], row['neverSwapped'] + ['tmpfs'])
    if 'whenFreed' in row:
        yield 'freed is enough', put(path + ['whenFreed'], ['written'])
    for key in ('needs', 'levelNeeds', 'named', 'readBackOneIn', 'controls'):
        if key in row:
            groups = row[key] if isinstance(row[key], dict) else None
            found = of_groups(path + [key], groups) if groups else of_group(path, key, row[key])
            yield from ((f'{key}: {name}', change) for name, change in found)


def conditions(seen):
    """(family or part of the table, what, change) of every condition."""
    for number, fact in enumerate(TABLE['facts']):
        for name, change in of_fact(['facts', number], fact):
            yield 'facts', f'fact {fact["fact"]}: {name}', change
    for name, change in each_gone(['failures']):
        yield 'failures', 'failures: ' + name, change
    for name, change in of_groups(['hiddenAreas'], TABLE['hiddenAreas']):
        yield 'drive', 'hiddenAreas.' + name, change
    for family, content in TABLE['families'].items():
        path = ['families', family]
        for key in ('conditions', 'volumeConditions'):
            for number, condition in enumerate(content.get(key, ())):
                for name, change in of_condition(path + [key, number], seen):
                    yield family, f'{family} {condition["path"]}: {name}', change
        for name, change in of_groups(path, content):
            yield family, f'{family} {name}', change
    for number, row in enumerate(TABLE['rows']):
        what = row['technique'] + ''.join(' ' + kind for kind in row.get('kinds', ()))
        for name, change in of_row(['rows', number], row):
            yield row['family'], f'{what}: {name}', change


KINDS = {'drive': {'drive', 'media'}, 'overwrite': {'media', 'file', 'memory'},
         'memory': {'memory', 'file'},
         'keys': {'example', 'memory'}}  # of records on which a family has a say


def records_of(part, records):
    """Those to which this part of the table may matter."""
    facts = {fact['fact'] for fact in TABLE['facts']}
    if part == 'facts':
        return [each for each in records if each[1] in facts]
    return [each for each in records if each[1] not in facts and
            (part == 'failures' or each[2] in KINDS[part])]


def values_seen(records):
    """Asks for what stands at a path in any record of the tests."""
    def seen(family, path):
        found = []
        for *_, record in records:
            roots = record.get('volumes') or [] if family == 'keys' else [record]
            for root in roots:
                for place in places_named(root, path.split('.')):
                    value = at(root, place)
                    if not isinstance(value, (dict, list)) and \
                            not any(type(value) is type(each) and value == each for each in found):
                        found.append(value)
        return found
    return seen


def is_caught_here(table, records, techniques, hint):
    """Whether scripts/verify-bundle judges one of them otherwise by this table."""
    techniques.TABLE.__init__(table)
    order = hint + [number for number in range(len(records)) if number not in set(hint)]
    return any(judge_here(records[number][-1]) !=
               (records[number][0] == 'honest') for number in order)


def run_part(helper, folder, part, chosen, records):
    """Problems of one part of the table."""
    techniques = stock('claims.techniques')
    tables = [mutant(change) for *_, change in chosen]
    (folder / 'tables').write_text(''.join(json.dumps(table) + '\n' for table in tables))
    (folder / 'records').write_text(''.join(json.dumps(each[-1]) + '\n' for each in records))
    said = subprocess.run([helper, '--judge-tables', folder / 'tables', folder / 'records'],
                          stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert len(said) == len(chosen)
    honest = ['1' if each[0] == 'honest' else '0' for each in records]
    for (_, what, _), table, accepted in zip(chosen, tables, said):
        hint = [number for number, (one, other) in enumerate(zip(accepted, honest)) if one != other]
        if not hint:
            yield f'nobody notices in the library: {what}'
        if not is_caught_here(table, records, techniques, hint):
            yield f'nobody notices in scripts/verify-bundle: {what}'
    techniques.TABLE.__init__(TABLE)


def run(helper, folder, records):
    """Conditions, those that were caught, and problems."""
    records = list(records)
    seen = values_seen(records)
    chosen = list(conditions(seen))
    if 'EFFACE_LONG' not in os.environ:
        chosen = todays(chosen[::STRIDE], SEVERAL, lambda row: row[0])
    records += variants.claims(seen)
    problems = []
    for part in dict.fromkeys(each[0] for each in chosen):
        problems += run_part(helper, folder, part, [each for each in chosen if each[0] == part],
                             records_of(part, records))
    return len(chosen), problems
