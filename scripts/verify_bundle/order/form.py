# SPDX-License-Identifier: Apache-2.0
"""What may stand in an order or manifest, as efface-order(5) and efface-project(5) say it: read
strictly, with what is left away filled in."""
import re

from common import need, parts_of, strict_json, table, when

ORDER_BYTES_MAX, MANIFEST_BYTES_MAX = 1 << 20, 4 << 20
NUMBER_MAX = (1 << 64) - 1
CHOSEN_BY_LEVEL = 'auto'
POLICY_DEFAULT = 'overwrite-random'
FREE_MEMORY = 'memory:free'
# Control characters, separators of lines and paragraphs, and what turns the direction of text.
HIDDEN = re.compile('[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')
IDENTIFIER = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,63}')
UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.I | re.A)
# What stands behind "memory:KIND:".
PATH_KINDS = ('tmpfs', 'ramfs', 'file', 'hugetlbfs', 'swap')
DEVICE = re.compile('(zram:zram|brd:ram|pmem:pmem|devdax:dax|dimm:nmem|cxl:mem)[0-9][0-9.s]*')


class Reader:
    """An object of which every field is asked for, and none is left over."""

    def __init__(self, value, where):
        need(isinstance(value, dict), where + ' is not an object')
        self.value, self.where, self.asked = value, where, set()

    def get(self, key, kind, default=None, required=False):
        self.asked.add(key)
        if key not in self.value:
            need(not required, f'{self.where}: {key} is missing')
            return default
        value = self.value[key]
        need(type(value) is kind, f'{self.where}: {key} has another type')
        if kind is int:
            need(0 <= value <= NUMBER_MAX, f'{self.where}: {key} is out of bounds')
        return value

    def form(self, key, fits, what, default=None, required=False):
        """A text for which `fits` says yes."""
        text = self.get(key, str, None, required)
        need(text is None or fits(text), f'{self.where}: {key} is not: {what}')
        return default if text is None else text

    def text(self, key, default=None, required=False):
        return self.form(key, lambda text: 1 <= len(text.encode()) <= 256, 'text of 1 to 256 bytes',
                         default, required)

    def identifier(self, key):
        return self.form(key, IDENTIFIER.fullmatch, 'identifier', required=True)

    def path(self, key, required=False):
        return self.form(key, is_path, 'absolute path', required=required)

    def word(self, key, *words):
        """One of them; the first where there is none."""
        return self.form(key, lambda text: text in words, f'one of {words}', words[0])

    def names(self, key):
        names = self.get(key, list, [])
        need(all(isinstance(name, str) and name for name in names)
             and len(set(names)) == len(names), f'{self.where}: {key} must list names, each once')
        return names

    def time(self, key):
        text = self.get(key, str)
        return None if text is None else when(text)

    def objects(self, key, most, required=False):
        items = self.get(key, list, [], required)
        need(len(items) <= most and (items or not required),
             f'{self.where}: {key} has too few or too many items')
        return [Reader(item, f'{self.where}: {key}[{i}]') for i, item in enumerate(items)]

    def end(self):
        left = sorted(self.value.keys() - self.asked)
        need(not left, f'{self.where}: unknown: {", ".join(left)}')


def is_path(text):
    return text.startswith('/') and len(text.encode()) <= 4095


def is_memory(name):
    """Whether it names a place in memory; one that is malformed is refused."""
    if not name.startswith('memory:'):
        return False
    kind, _, place = name[7:].partition(':')
    if kind in PATH_KINDS:
        fine = place == '/' or (place.startswith('/') and
                                not {'', '.', '..'} & set(place[1:].split('/')))
    elif kind == 'sysv':
        fine = re.fullmatch('0|[1-9][0-9]{0,9}', place) and int(place) < 1 << 31
    elif kind == 'mqueue':
        fine = place not in ('', '.', '..') and '/' not in place and len(place.encode()) <= 255
    elif kind == 'hugepages':
        fine = re.fullmatch('[1-9][0-9]{0,9}kB', place)
    else:
        fine = name == FREE_MEMORY or DEVICE.fullmatch(name[7:])
    need(fine and len(place.encode()) <= 4096, 'not a place in memory: ' + name)
    return True


def parse(data, what, bytes_max):
    need(len(data) <= bytes_max, what + ' is too large')
    value = strict_json(data, what)
    for part, is_key in parts_of(value, what):
        need(is_key or type(part) is not str or not HIDDEN.search(part),
             what + ' contains a hidden character')
    return Reader(value, what)


def read_owner(reader):
    return {'id': reader.identifier('id'), 'owner': reader.text('owner', required=True),
            'confidentiality': reader.text('confidentiality', '')}


def read_terms(reader):
    return {'ticket': reader.text('ticket', ''),
            **{key: reader.time(key) for key in ('not_before', 'not_after', 'retention_until')},
            'minimum_level': reader.word('minimum_level', 'none', 'clear', 'purge')}


def read_volume(reader):
    volume = {'name': reader.identifier('name'), 'path': reader.path('path', True),
              'uuid': reader.form('uuid', UUID.fullmatch, 'UUID', required=True).lower(),
              'engine': reader.text('engine', ''), 'header': reader.path('header'),
              'serial': reader.text('serial'), 'size_bytes': reader.get('size_bytes', int),
              'asset_tag': reader.text('asset_tag', ''), 'gone': reader.get('gone', bool, False)}
    reader.names('release_member')
    volume['backups'] = []
    for backup in reader.objects('header_backups', 64):
        volume['backups'].append((backup.path('path', True), backup.get('gone', bool, False)))
        backup.end()
    credential = reader.get('credential', dict)
    volume['credential'] = credential is not None
    if credential is not None:
        file = Reader(credential, reader.where + '.credential')
        files = [file.path(key) for key in ('passphrase_file', 'key_file')]
        need(files.count(None) == 1, f'{file.where} must have either passphrase_file or key_file')
        file.end()
    reader.end()
    return volume


def read_manifest(data):
    reader = parse(data, 'manifest', MANIFEST_BYTES_MAX)
    need(reader.get('schema', str) == 'efface.project/1', 'manifest: unknown schema')
    project = Reader(reader.get('project', dict, required=True), 'manifest: project')
    manifest = {**read_owner(project), **read_terms(reader)}
    project.end()
    manifest['attestation'] = [False, False, '']
    if reader.get('attestation', dict) is not None:
        said = Reader(reader.value['attestation'], 'manifest: attestation')
        manifest['attestation'] = [said.get('encrypted_since_first_use', bool, False),
                                   said.get('all_key_copies_declared', bool, False),
                                   said.text('by', required=True)]
        said.end()
    volumes = [read_volume(one) for one in reader.objects('volumes', 4096, True)]
    reader.end()
    paths = [path for one in volumes for path in
             [one['path'], one['header'], *(path for path, _ in one['backups'])] if path]
    for words in (paths, [one['name'] for one in volumes]):
        need(len(set(words)) == len(words), 'manifest: a name or path is listed twice')
    return {**manifest, 'volumes': volumes}


def read_limits(reader):
    told = reader.get('limits', dict, {})
    limits = Reader(told, 'order: limits')
    result = {'bytesPerSecondMin': limits.get('bytes_per_second_min', int, 0),
              'deadlineSeconds': limits.get('deadline_seconds', int, 0),
              'celsiusMax': limits.get('celsius_max', int, 0),
              'whenSlow': limits.word('when_slow', 'stop', 'go-on'),
              'whenLate': limits.word('when_late', 'stop', 'go-on'),
              'whenHot': limits.word('when_hot', 'pause', 'stop', 'go-on')}
    need(result['deadlineSeconds'] <= 366 * 24 * 3600 and result['celsiusMax'] <= 150,
         'order: limits are out of bounds')
    limits.end()
    return result


HEALTH_LIMITS = {'reallocated_max': 'reallocated', 'pending_max': 'pending',
                 'media_errors_max': 'mediaErrors', 'power_on_hours_max': 'powerOnHours',
                 'wear_percent_max': 'wearPercent', 'spare_percent_min': 'sparePercent'}


def read_health(reader):
    """Limits of a drive's health, by key; those that are not set are missing."""
    if reader.get('health', dict) is None:
        return {}
    told = Reader(reader.value['health'], 'order: health')
    limits = {key: told.get(key, int) for key in HEALTH_LIMITS}
    limits['refuse_failing'] = told.get('refuse_failing', bool, False) or None
    told.end()
    limits = {key: value for key, value in limits.items() if value is not None}
    need(limits, 'order: health has no limit')
    need(all(value <= (1 << 53) - 1 for value in limits.values()) and
         limits.get('spare_percent_min', 0) <= 100, 'order: health is out of bounds')
    return limits


def read_choice(reader, level):
    """How targets are erased; and whether it is what memory bears."""
    writing, drives, given = set(), set(), set()
    for row in table('techniques')['rows']:
        if row.get('passes'):
            writing.add(row['technique'])
            given |= {row['technique']} if 'given' in row['passes'] else set()
        elif row.get('commandSet'):
            drives.add(row['technique'])
    said = reader.get('policy', str)
    policy = said if said is not None else CHOSEN_BY_LEVEL if level == 'purge' else POLICY_DEFAULT
    fallbacks, credential = reader.names('fallbacks'), reader.path('credential_file')
    whose = reader.get('credential_authority', str)
    need(whose is None or (credential is not None and
                           whose in ('psid', 'sid', 'admin', 'erase-master')),
         'order: credential_authority is of no credential')
    pattern = reader.form('pattern', re.compile('([0-9a-f]{2}){0,64}').fullmatch, 'pattern', '')
    verification = reader.word('verification', 'full', 'representative', 'none')
    bad_blocks = reader.word('bad_blocks', 'except', 'fail')
    limits, health = read_limits(reader), read_health(reader)
    sector = reader.get('sector_size', int)
    need(sector in (None, 512, 4096), 'order: sector_size must be 512 or 4096')
    need(len(fallbacks) <= 8 and set(fallbacks) <= (writing | drives) - given,
         'order: these fallbacks are not allowed')
    if policy == CHOSEN_BY_LEVEL or policy in drives:
        need((level != 'none' or policy in drives) and not pattern
             and verification != 'representative',
             'order: a technique of drives does not take this')
    else:
        need(policy in writing and not fallbacks and credential is None and sector is None
             and (policy in given) == bool(pattern), 'order: overwriting does not take this')
    usual = verification == 'full' and bad_blocks == 'except' and not health and \
        sector is None and limits == read_limits(Reader({}, 'order'))
    plain = policy == POLICY_DEFAULT and usual
    by_level = policy == CHOSEN_BY_LEVEL and not fallbacks and credential is None and usual
    return {'policy': policy, 'fallbacks': fallbacks, 'pattern': pattern, 'bad_blocks': bad_blocks,
            'verification': verification, 'limits': limits, 'health': health,
            'sector_size': sector}, plain, by_level


def read_target(reader):
    target = {'target': reader.get('target', str, required=True), 'serial': reader.text('serial'),
              'wwid': reader.text('wwid'), 'size_bytes': reader.get('size_bytes', int),
              'asset_tag': reader.text('asset_tag', '')}
    reader.names('release_member')
    reader.end()
    need(is_memory(target['target']) or is_path(target['target']),
         reader.where + ' is not a target')
    need(target['target'] == FREE_MEMORY or any(
        target[key] is not None for key in ('serial', 'wwid', 'size_bytes')),
         reader.where + ' cannot be told apart')
    return target


def read_order(data):
    reader = parse(data, 'order', ORDER_BYTES_MAX)
    need(reader.get('schema', str) == 'efface.order/1', 'order: unknown schema')
    order = {**read_owner(reader), **read_terms(reader)}
    choice, plain, by_level = read_choice(reader, order['minimum_level'])
    sweep = reader.get('sweep', bool, False)
    targets = [read_target(one) for one in reader.objects('targets', 1024, True)]
    reader.end()
    names = [one['target'] for one in targets]
    need(len(set(names)) == len(names), 'order: a target is listed twice')
    memory = [is_memory(name) for name in names]
    need(any(memory) or not sweep, 'order: sweep belongs to targets in memory')
    need(plain or not any(memory) or (by_level and all(memory)),
         'order: memory has its own methods')
    if sweep and FREE_MEMORY not in names:
        targets.append({'target': FREE_MEMORY, 'serial': None, 'wwid': None, 'size_bytes': None,
                        'asset_tag': ''})
    return {**order, **choice, 'targets': targets}
