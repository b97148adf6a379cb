# SPDX-License-Identifier: Apache-2.0
"""What the certificate of a signer (RFC 5280) says: who it is, and whether it may sign as what.
All of it from its DER."""
import hashlib

from common import need, printable
from signature.der import BIT_STRING, BOOLEAN, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, Der, oid

BASIC_CONSTRAINTS, KEY_USAGE = oid('2.5.29.19'), oid('2.5.29.15')
POLICIES, EXTENDED_USAGE = oid('2.5.29.32'), oid('2.5.29.37')
ANY_USAGE, EMAIL_PROTECTION = oid('2.5.29.37.0'), oid('1.3.6.1.5.5.7.3.4')
COMMON_NAME, ORGANIZATION, UNIT = oid('2.5.4.3'), oid('2.5.4.10'), oid('2.5.4.11')
ROLE_ARC = '2.25.65021332812177502488472365777237670439'
ROLES = {oid(f'{ROLE_ARC}.{number}'): role for number, role in enumerate(
    ('station', 'operator', 'witness', 'approver'), start=1)}
EC_KEY, CURVES = oid('1.2.840.10045.2.1'), {oid('1.2.840.10045.3.1.7'), oid('1.3.132.0.34')}
RSA_KEY, NOTHING = oid('1.2.840.113549.1.1.1'), bytes([NULL, 0])
RSA_KEYS = {RSA_KEY, oid('1.2.840.113549.1.1.10')}
RSA_BITS_MIN = 3072
VERSION, EXTENSIONS = 0xa0, 0xa3
VERSION_3 = bytes([INTEGER, 1, 2])
DIGITAL_SIGNATURE = 0x80
UNCOMPRESSED_POINT = 0x04  # SEC 1 section 2.3.3: a key must not have two forms
TEXTS = {0x0c: 'utf-8', 0x12: 'ascii', 0x13: 'ascii', 0x16: 'ascii'}  # X.680 section 41


class Signer:
    """certificate: its DER; key: SHA-256 of its SubjectPublicKeyInfo; role: a name of ROLES, None
    when there is none or more than one; name: the last common name, as it may be printed; named:
    organization, unit and common name to the letter, None where there is none, or several; time:
    when it signed."""

    def __init__(self, certificate, time):
        self.certificate, self.time = certificate, time
        fields = fields_of(certificate)
        subject, key = fields[5], fields[6]
        extensions = extensions_of(fields[7:])
        check_usage(extensions)
        check_key(key)
        self.key = hashlib.sha256(key.whole).hexdigest()
        self.role = role_of(extensions.get(POLICIES))
        commons = texts_of(subject, COMMON_NAME)
        self.name = printable(commons[-1].content) if commons else ''
        self.named = tuple(only_text(subject, kind) for kind in (ORGANIZATION, UNIT, COMMON_NAME))


def fields_of(certificate):
    """What is signed of a certificate."""
    fields = Der.alone(certificate, SEQUENCE).children()[0].children(SEQUENCE)
    need(fields[0].tag == VERSION and fields[0].content == VERSION_3 and len(fields) >= 7,
         'a certificate is not of version 3')
    return fields


def check_usage(extensions):
    """No authority, and for signatures."""
    if BASIC_CONSTRAINTS in extensions:
        parts = Der.alone(extensions[BASIC_CONSTRAINTS], SEQUENCE).children()
        need([part.tag for part in parts] in ([], [BOOLEAN], [BOOLEAN, INTEGER]) and
             not (parts and parts[0].boolean()), 'a certificate authority signed')
    need(KEY_USAGE in extensions, "a signer's certificate is not for signing")
    usage = Der.alone(extensions[KEY_USAGE], BIT_STRING).bits()
    need(usage and usage[0] & DIGITAL_SIGNATURE, "a signer's certificate is not for signing")
    if EXTENDED_USAGE in extensions:
        uses = {use.whole for use in Der.alone(extensions[EXTENDED_USAGE], SEQUENCE).children()}
        need(uses & {ANY_USAGE, EMAIL_PROTECTION},
             "a signer's certificate is not for signed messages")


def role_of(policies):
    """Several roles are none."""
    if policies is None:
        return None
    found = []
    for policy in Der.alone(policies, SEQUENCE).children():
        parts = policy.children(SEQUENCE)
        need([part.tag for part in parts] in ([OID], [OID, SEQUENCE]), 'a policy is malformed')
        found.append(parts[0].whole)
    roles = [ROLES[policy] for policy in found if policy in ROLES]
    return roles[0] if len(roles) == 1 else None


def texts_of(subject, kind):
    """The values of this attribute, in order."""
    found = []
    for part in subject.children(SEQUENCE):
        for pair in part.children(SET):
            name, value = pair.children(SEQUENCE)
            if name.whole == kind:
                found.append(value)
    return found


def only_text(subject, kind):
    values = texts_of(subject, kind)
    try:
        return values[0].content.decode(TEXTS[values[0].tag]) if len(values) == 1 else None
    except (KeyError, UnicodeDecodeError):
        return None


def extensions_of(fields):
    """The DER of the value of each extension, by object identifier."""
    found = {}
    for field in fields:
        if field.tag != EXTENSIONS:
            continue
        (listed,) = field.children()
        for extension in listed.children(SEQUENCE):
            parts = extension.children(SEQUENCE)
            need([part.tag for part in parts] in ([OID, OCTET_STRING],
                                                  [OID, BOOLEAN, OCTET_STRING]) and
                 parts[0].whole not in found, "an extension of a certificate is malformed, or there twice")
            found[parts[0].whole] = parts[-1].content
    return found


def check_key(key):
    algorithm, bits = key.children(SEQUENCE)
    kind = algorithm.children(SEQUENCE)
    need(bits.tag == BIT_STRING and bits.content[:1] == b'\0', 'a key is malformed')
    if kind[0].whole == EC_KEY:
        need(kind[1].whole in CURVES, 'a key is on another curve than P-256 and P-384')
        need(bits.content[1:2] == bytes([UNCOMPRESSED_POINT]),
             'the encoding of a key is not canonical')
        return
    need(kind[0].whole in RSA_KEYS, 'a key is neither RSA nor ECDSA')
    need(kind[0].whole != RSA_KEY or [part.whole for part in kind[1:]] == [NOTHING],
         'the encoding of a key is not canonical')
    modulus = int.from_bytes(Der.alone(bits.bits(), SEQUENCE).children()[0].content, 'big')
    need(modulus.bit_length() >= RSA_BITS_MIN, f'an RSA key has only {modulus.bit_length()} bits')
