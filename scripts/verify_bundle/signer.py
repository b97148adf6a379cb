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
RSA_KEYS = {oid('1.2.840.113549.1.1.1'), oid('1.2.840.113549.1.1.10')}
RSA_BITS_MIN = 3072
BIT_STRING, EXTENSIONS = 0x03, 0xa3
TEXTS = {0x0c: 'utf-8', 0x13: 'ascii', 0x14: 'latin-1', 0x16: 'ascii', 0x1c: 'utf-32-be',
         0x1e: 'utf-16-be'}


class Signer:
    """key: SHA-256 of its SubjectPublicKeyInfo; role: a name of ROLES or none; name: CN."""

    def __init__(self, certificate):
        fields = Der(certificate).children()[0].children()
        need(fields[0].tag == 0xa0 and len(fields) >= 8, 'a certificate that is not of version 3')
        subject, key = fields[5], fields[6]
        extensions = extensions_of(fields[7:])
        constraints = extensions.get(BASIC_CONSTRAINTS)
        need(constraints is None or not [part for part in constraints.children()
                                         if part.tag == 0x01 and part.content != b'\0'],
             'a certificate authority signed')
        usage = extensions.get(KEY_USAGE)
        need(usage is not None and usage.tag == BIT_STRING and len(usage.content) >= 2 and
             usage.content[1] & 0x80, "a signer's certificate is not for signing")
        check_key(key)
        self.key = hashlib.sha256(key.whole).hexdigest()
        policies = extensions.get(POLICIES)
        roles = [] if policies is None else [
            ROLES[policy.children()[0].whole] for policy in policies.children()
            if policy.children()[0].whole in ROLES]
        self.role = roles[0] if len(roles) == 1 else 'none'  # several roles are none
        names = [pair.children()[1] for part in subject.children() for pair in part.children()
                 if pair.children()[0].whole == COMMON_NAME]
        self.name = names[-1].content.decode(TEXTS[names[-1].tag]) if names else ''


def extensions_of(fields):
    """The value of each extension, by object identifier."""
    found = {}
    for field in fields:
        if field.tag != EXTENSIONS:
            continue
        for extension in field.children()[0].children():
            parts = extension.children()
            need(parts[0].whole not in found, "an extension of a signer's certificate twice")
            found[parts[0].whole] = Der(parts[-1].content)
    return found


def check_key(key):
    algorithm, bits = key.children()
    kind = algorithm.children()
    need(bits.tag == BIT_STRING and bits.content[:1] == b'\0', 'an odd form of a key')
    if kind[0].whole == EC_KEY:
        need(kind[1].whole in CURVES, 'a key on another curve than P-256 and P-384')
        return
    need(kind[0].whole in RSA_KEYS, 'a key that is neither RSA nor ECDSA')
    modulus = int.from_bytes(Der(bits.content[1:]).children()[0].content, 'big')
    need(modulus.bit_length() >= RSA_BITS_MIN, f'an RSA key of {modulus.bit_length()} bits')
