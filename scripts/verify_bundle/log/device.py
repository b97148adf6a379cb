# SPDX-License-Identifier: Apache-2.0
"""Which runs were on the same device: efface-certificate(5), "The same device"."""
from common import canonical, sha256

# Keys that several devices may share, and which do not count where both have the other.
WEAKER = {'serial': 'wwid', 'inode': 'file', 'within-inode': 'within-file'}
WORLD_WIDE = ('naa.', 'eui.', 'uuid.', 'nvme.')


def key(name, fields):
    return f'{name}:{sha256(canonical(fields)).hex()}'


def some(identity, *names):
    """These fields, where all of them but serial have something in them; else None."""
    found = {name: identity.get(name) or '' for name in names}
    return found if all(text or name == 'serial' for name, text in found.items()) else None


def file_keys(file):
    """Of a file, or of the one below a loop device, which may begin within it."""
    where, within = ({'offsetBytes': file['offsetBytes']}, 'within-') if file.get(
        'offsetBytes') else ({}, '')
    return [key(within + name, fields | where)
            for name, fields in (('file', some(file, 'birthTime', 'inode')),
                                 ('inode', some(file, 'deviceNumber', 'inode'))) if fields]


def target_keys(identity):
    if identity['kind'] == 'file':
        return file_keys(identity)
    if identity.get('backing'):
        return file_keys(identity['backing'])
    if identity['kind'] == 'partition':
        fields = some(identity, 'partitionUuid', 'serial')
        return [key('partition', fields)] if fields else []
    keys = []
    if identity['serial']:
        keys.append(key('serial', {'serial': identity['serial']}))
    if identity['wwid'].startswith(WORLD_WIDE):
        keys.append(key('wwid', {'wwid': identity['wwid']}))
    if not keys and (fields := some(identity, 'deviceMapperUuid')):
        keys.append(key('map', fields))
    return keys


def device_keys(identity):
    in_memory = 'bootId' in identity
    if in_memory:
        keys = []
    elif 'volumes' in identity:
        keys = [key('uuid', fields) for volume in identity['volumes']
                if (fields := some(volume, 'uuid'))]
    else:
        keys = target_keys(identity)
    if not keys:
        keys = [key('identity', {name: value for name, value in identity.items()
                                 if in_memory or name != 'sizeBytes'})]
    return sorted(set(keys))


class Device:
    """Of a projectIdentity or targetIdentity."""

    def __init__(self, identity):
        self.digest, self.keys = sha256(canonical(identity)).hex(), device_keys(identity)

    def is_of(self, intent):
        """By keys; before there were any by the digest of the identity."""
        if 'deviceKeys' not in intent:
            return intent['device'] == self.digest
        both = [{one.partition(':')[0] for one in keys}
                for keys in (self.keys, intent['deviceKeys'])]
        shadowed = {weaker for weaker, stronger in WEAKER.items()
                    if all(stronger in names for names in both)}
        return any(one.partition(':')[0] not in shadowed
                   for one in set(self.keys) & set(intent['deviceKeys']))
