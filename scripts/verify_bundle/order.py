# SPDX-License-Identifier: Apache-2.0
"""The order or manifest in a bundle, held against the record: what people approved was done.
Written from efface-order(5) and efface-project(5)."""

from common import CLOCK_SLACK, good, need, printable, read, strict_json, when

FREE_MEMORY = 'memory:free'
CHOSEN_BY_LEVEL = 'auto'
POLICY_DEFAULT = 'overwrite-random'
# A run looks at the dates a moment before it notes when it began.
BYTES_MAX = 4 << 20
NUMBER_MAX = (1 << 64) - 1


class Reader:
    """An object of which every field is asked for, and none is left over."""

    def __init__(self, value, where):
        need(isinstance(value, dict), where + ' is no object')
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

    def same(self, key, same):
        need(same, f'{self.where}: {key} is not what the certificate says')

    def texts(self, key):
        texts = self.get(key, list, [])
        need(all(isinstance(text, str) for text in texts) and len(set(texts)) == len(texts),
             f'{self.where}: {key} must list texts, each once')
        return texts

    def time(self, key):
        text = self.get(key, str)
        return None if text is None else when(text)

    def end(self):
        left = sorted(self.value.keys() - self.asked)
        need(not left, f'{self.where}: unknown: {", ".join(left)}')


def check_owner(reader, owner):
    reader.same('id', reader.get('id', str, required=True) == owner['projectId'])
    reader.same('owner', reader.get('owner', str, required=True) == owner['organization'])
    reader.same('confidentiality', reader.get('confidentiality', str, '') ==
                (owner.get('confidentiality') or ''))


def check_terms(reader, predicate):
    authorization = predicate['authorization']
    reader.same('ticket', reader.get('ticket', str, '') == (authorization.get('reference') or ''))
    for key, told in (('not_before', authorization.get('notBefore')),
                      ('retention_until', (predicate.get('retention') or {}).get('until'))):
        reader.same(key, reader.time(key) == (None if told is None else when(told)))
    not_after = reader.time('not_after')
    need(not_after is None or
         when(predicate['sanitization']['startedAt']) - CLOCK_SLACK <= not_after,
         f'{reader.where}: not_after was over when the run began')
    reader.same('minimum_level', reader.get('minimum_level', str, 'none') ==
                predicate['result']['requestedLevel'])


def check_volume(reader, volume):
    reader.same('name', reader.get('name', str, required=True) == volume['name'])
    uuid = reader.get('uuid', str, required=True)
    reader.same('uuid', ''.join(c.lower() if c.isascii() else c for c in uuid) == volume['uuid'])
    reader.same('engine', reader.get('engine', str, '') == (volume.get('engine') or ''))
    reader.same('asset_tag', reader.get('asset_tag', str, '') == (volume.get('assetTag') or ''))
    gone = reader.get('gone', bool, False)
    reader.same('gone', gone == volume['alreadyGone'])
    credential = reader.get('credential', dict)
    reader.same('credential', (credential is not None) == volume['credential']['declared'])
    if credential is not None:
        file = Reader(credential, reader.where + '.credential')
        files = [file.get(key, str) for key in ('passphrase_file', 'key_file')]
        need(files.count(None) == 1, f'{file.where} must have either passphrase_file or key_file')
        file.end()
    reader.get('path', str, required=True)
    reader.texts('release_member')
    header = reader.get('header', str)
    roles = [] if gone else ['in-place-header' if header is None else 'detached-header']
    for number, one in enumerate(reader.get('header_backups', list, [])):
        backup = Reader(one, f'{reader.where}.header_backups[{number}]')
        backup.get('path', str, required=True)
        if not backup.get('gone', bool, False):
            roles.append('header-backup')
        backup.end()
    serial, size = reader.get('serial', str), reader.get('size_bytes', int)
    for location in volume['locations']:
        if location['role'] == 'in-place-header':
            reader.same('serial', serial in (None, location['identity']['serialNumber']))
            reader.same('size_bytes', size in (None, location['identity']['sizeBytes']))
    done = [location['role'] for location in volume['locations']]
    if done[:2] == ['detached-header', 'in-place-header']:
        del done[1]  # a first header that was left on the data device goes, too
    reader.same('header_backups', roles == done)
    reader.end()


def check_manifest(manifest, predicate):
    reader = Reader(manifest, 'manifest')
    reader.same('schema', reader.get('schema', str) == 'efface.project/1')
    project = Reader(reader.get('project', dict, required=True), 'manifest: project')
    check_owner(project, predicate['dataOwner'])
    project.end()
    check_terms(reader, predicate)
    told = predicate['authorization']['attestation']
    said = {'encrypted_since_first_use': False, 'all_key_copies_declared': False, 'by': ''}
    if reader.get('attestation', dict) is not None:
        attestation = Reader(manifest['attestation'], 'manifest: attestation')
        said = {key: attestation.get(key, type(default), default, required=key == 'by')
                for key, default in said.items()}
        attestation.end()
    reader.same('attestation', list(said.values()) == [
        told['encryptedSinceFirstUse'], told['allKeyCopiesDeclared'], told['by']])
    volumes = reader.get('volumes', list, required=True)
    reader.same('volumes', len(volumes) == len(predicate['volumes']))
    for number, (one, volume) in enumerate(zip(volumes, predicate['volumes'])):
        check_volume(Reader(one, f'manifest: volumes[{number}]'), volume)
    reader.end()


def check_target(reader, predicate):
    """Whether it is the one that the record is about."""
    target, identity = predicate['target'], predicate['targetIdentity']
    it = printable(reader.get('target', str, required=True).encode()) == target['name']
    for key in ('serial', 'wwid'):
        text = reader.get(key, str)
        reader.same(key, not it or text is None or text == (identity.get(key) or ''))
    size = reader.get('size_bytes', int)
    reader.same('size_bytes', not it or size is None or identity.get('sizeBytes') in (None, size))
    tag = reader.get('asset_tag', str, '')
    reader.same('asset_tag', not it or tag == (target.get('assetTag') or ''))
    reader.texts('release_member')
    reader.end()
    return it


def check_technique(reader, predicate):
    policy, fallbacks = reader.get('policy', str), reader.texts('fallbacks')
    if predicate['certificateType'] == 'memory':
        return  # has methods of its own, which the rules know
    sanitization = predicate['sanitization']
    purge = predicate['result']['requestedLevel'] == 'purge'
    wanted = policy if policy is not None else CHOSEN_BY_LEVEL if purge else POLICY_DEFAULT
    reader.same('policy', sanitization.get('requestedTechnique') in (None, wanted))
    need(wanted == CHOSEN_BY_LEVEL or sanitization['technique'] in [wanted, *fallbacks],
         f'{reader.where}: neither its policy nor a fall-back is the technique of the certificate')


def check_limits(reader, predicate):
    limits = reader.get('limits', dict)
    if limits is None:
        return
    told = predicate['sanitization'].get('limits')
    if told is None:  # it failed before it came to them
        reader.same('limits', not predicate['result']['status'].startswith('sanitized'))
        return
    limits = Reader(limits, 'order: limits')
    for key, name in (('bytes_per_second_min', 'bytesPerSecondMin'),
                      ('deadline_seconds', 'deadlineSeconds'), ('celsius_max', 'celsiusMax')):
        limits.same(key, limits.get(key, int, 0) == told[name])
    for key, name in (('when_slow', 'whenSlow'), ('when_late', 'whenLate'),
                      ('when_hot', 'whenHot')):
        limits.same(key, limits.get(key, str) in (None, told[name]))
    limits.end()


def check_overwriting(reader, predicate):
    """How a target was to be overwritten: of a success, it was."""
    pattern, kind, bad = (reader.get(key, str)
                          for key in ('pattern', 'verification', 'bad_blocks'))
    work, passes = predicate['sanitization'], predicate['sanitization']['passes']
    if not predicate['result']['status'].startswith('sanitized') or not passes or \
            predicate['certificateType'] == 'memory':
        return
    method = predicate['verification']['method']
    reader.same('verification', method in ('full-read-back', 'full' if kind is None else kind))
    reader.same('bad_blocks', bad != 'fail' or
                not any(each['writeFaults']['bytes'] for each in passes))
    reader.same('pattern', pattern is None or work['technique'] != 'overwrite-pattern' or
                passes[0]['pattern'] == 'repeat:' + pattern)


def check_target_order(order, predicate):
    reader = Reader(order, 'order')
    reader.same('schema', reader.get('schema', str) == 'efface.order/1')
    check_owner(reader, predicate['dataOwner'])
    check_terms(reader, predicate)
    check_technique(reader, predicate)
    check_limits(reader, predicate)
    reader.get('credential_file', str)
    check_overwriting(reader, predicate)
    sweep = reader.get('sweep', bool, False)
    found = [check_target(Reader(one, f'order: targets[{number}]'), predicate)
             for number, one in enumerate(reader.get('targets', list, required=True))]
    swept = sweep and predicate['target']['name'] == FREE_MEMORY and not any(found)
    need(found.count(True) == 1 or swept,
         'order: the target of the certificate does not stand there once')
    reader.end()


def judge_order(text, predicate):
    """Bytes of an order or manifest: does it ask for what the record says was done?"""
    order = strict_json(text, 'the order')
    if predicate.get('volumes') is not None:
        check_manifest(order, predicate)
    else:
        check_target_order(order, predicate)


def check_order(path, predicate):
    """`path`: of the order or manifest that was authorized; its digest is known to be right."""
    if predicate['authorization']['manifestDigest'] is not None:
        judge_order(read(path, BYTES_MAX), predicate)
        good('the order asks for what the record says was done')
