# SPDX-License-Identifier: Apache-2.0
"""What the certificate of a signer (RFC 5280) says: who it is, and whether it may sign as what."""
import hashlib

from common import need
from der import Der, oid

BASIC_CONSTRAINTS, KEY_USAGE = oid('2.5.29.19'), oid('2.5.29.15')
POLICIES, COMMON_NAME = oid('2.5.29.32'), oid('2.5.4.3')
ROLE_ARC = '2.25.65021332812177502488472365777237670439'
ROLES = {oid(f'{ROLE_ARC}.{number}'): role for number, role in enumerate(
    ('station', 'operator', 'witness', 'approver'), start=1)}
EC_KEY, CURVES = oid('1.2.840.10045.2.1'), {oid('1.2.840.10045.3.1.7'), oid('1.3.132.0.34')}
RSA_KEY, NULL = oid('1.2.840.113549.1.1.1'), bytes([5, 0])
RSA_KEYS = {RSA_KEY, oid('1.2.840.113549.1.1.10')}
RSA_BITS_MIN = 3072
BOOLEAN, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET, EXTENSIONS = 1, 3, 4, 6, 0x30, 0x31, 0xa3
UNCOMPRESSED_POINT = 0x04  # SEC 1 section 2.3.3: a key must not have two forms
TEXTS = {0x0c: 'utf-8', 0x12: 'ascii', 0x13: 'ascii', 0x16: 'ascii'}  # X.680 section 41


class Signer:
    """key: SHA-256 of its SubjectPublicKeyInfo; role: a name of ROLES, None when there is none or
    more than one; name: CN, None when there is none that can be read; time: when it signed."""

    def __init__(self, certificate, time):
        self.time = time
        fields = Der(certificate).children(SEQUENCE)[0].children(SEQUENCE)
        need(fields[0].tag == 0xa0 and len(fields) >= 8, 'a certificate that is not of version 3')
        subject, key = fields[5], fields[6]
        extensions = extensions_of(fields[7:])
        constraints = extensions.get(BASIC_CONSTRAINTS)
        need(constraints is None or not [part for part in Der(constraints).children(SEQUENCE)
                                         if part.tag == BOOLEAN and part.content != b'\0'],
             'a certificate authority signed')
        usage = KEY_USAGE in extensions and Der(extensions[KEY_USAGE])
        need(usage and usage.tag == BIT_STRING and len(usage.content) >= 2 and
             usage.content[1] & 0x80, "a signer's certificate is not for signing")
        check_key(key)
        self.key = hashlib.sha256(key.whole).hexdigest()
        self.role = role_of(extensions.get(POLICIES))
        self.name = common_name(subject)


def role_of(policies):
    """Several roles are none."""
    if policies is None:
        return None
    found = []
    for policy in Der(policies).children(SEQUENCE):
        parts = policy.children(SEQUENCE)
        need([part.tag for part in parts] in ([OID], [OID, SEQUENCE]), 'an odd form of a policy')
        found.append(parts[0].whole)
    roles = [ROLES[policy] for policy in found if policy in ROLES]
    return roles[0] if len(roles) == 1 else None


def common_name(subject):
    """The last one of the subject."""
    names = [pair.children(SEQUENCE)[1] for part in subject.children(SEQUENCE)
             for pair in part.children(SET) if pair.children()[0].whole == COMMON_NAME]
    try:
        return names[-1].content.decode(TEXTS[names[-1].tag]) if names else None
    except (KeyError, UnicodeDecodeError):
        return None


def extensions_of(fields):
    """The DER of the value of each extension, by object identifier."""
    found = {}
    for field in fields:
        if field.tag != EXTENSIONS:
            continue
        for extension in field.children()[0].children(SEQUENCE):
            parts = extension.children(SEQUENCE)
            need([part.tag for part in parts] in ([OID, OCTET_STRING],
                                                  [OID, BOOLEAN, OCTET_STRING]) and
                 parts[0].whole not in found, "an odd extension of a signer's certificate")
            found[parts[0].whole] = parts[-1].content
    return found


def check_key(key):
    algorithm, bits = key.children(SEQUENCE)
    kind = algorithm.children(SEQUENCE)
    need(bits.tag == BIT_STRING and bits.content[:1] == b'\0', 'an odd form of a key')
    if kind[0].whole == EC_KEY:
        need(kind[1].whole in CURVES, 'a key on another curve than P-256 and P-384')
        need(bits.content[1:2] == bytes([UNCOMPRESSED_POINT]), 'a key in another form than its own')
        return
    need(kind[0].whole in RSA_KEYS, 'a key that is neither RSA nor ECDSA')
    need(kind[0].whole != RSA_KEY or [part.whole for part in kind[1:]] == [NULL],
         'a key in another form than its own')
    modulus = int.from_bytes(Der(bits.content[1:]).children()[0].content, 'big')
    need(modulus.bit_length() >= RSA_BITS_MIN, f'an RSA key of {modulus.bit_length()} bits')
