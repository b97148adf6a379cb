# SPDX-License-Identifier: Apache-2.0
"""CMS signatures (RFC 5652) with CAdES attributes (RFC 5035): what openssl does not look at."""
import datetime
import hashlib
import os

from common import good, need, read, strict_json, when


def oid(text):
    numbers = [int(part) for part in text.split('.')]
    out = b''
    for number in [40 * numbers[0] + numbers[1]] + numbers[2:]:
        piece = [number & 0x7f]
        while number > 0x7f:
            number >>= 7
            piece.append(0x80 | (number & 0x7f))
        out += bytes(reversed(piece))
    return bytes([6, len(out)]) + out


SIGNED_DATA, DATA = oid('1.2.840.113549.1.7.2'), oid('1.2.840.113549.1.7.1')
CONTENT_TYPE, MESSAGE_DIGEST = oid('1.2.840.113549.1.9.3'), oid('1.2.840.113549.1.9.4')
SIGNING_TIME, SIGNING_CERT = oid('1.2.840.113549.1.9.5'), oid('1.2.840.113549.1.9.16.2.47')
DIGESTS = {oid('2.16.840.1.101.3.4.2.1'): hashlib.sha256, oid('2.16.840.1.101.3.4.2.2'): hashlib.sha384}
SIGNATURES = {
    oid('1.2.840.10045.4.3.2'): hashlib.sha256, oid('1.2.840.10045.4.3.3'): hashlib.sha384,
    oid('1.2.840.113549.1.1.11'): hashlib.sha256, oid('1.2.840.113549.1.1.12'): hashlib.sha384,
    oid('1.2.840.113549.1.1.1'): None, oid('1.2.840.113549.1.1.10'): None}


class Der:
    """One DER element: tag, its whole bytes, its content."""

    def __init__(self, data, at=0):
        need(at + 2 <= len(data), 'the signature is truncated')
        self.tag, length, start = data[at], data[at + 1], at + 2
        need(self.tag & 0x1f != 0x1f and length != 0x80, 'the signature is not DER')
        if length > 0x80:
            count = length & 0x7f
            need(count <= 3 and start + count <= len(data), 'the signature is not DER')
            length = int.from_bytes(data[start:start + count], 'big')
            need(length >= 0x80 and length >> (8 * (count - 1)), 'the signature is not DER')
            start += count
        self.end = start + length
        need(self.end <= len(data), 'the signature is truncated')
        self.whole, self.content = data[at:self.end], data[start:self.end]

    def children(self):
        need(self.tag & 0x20, 'the signature has an odd form')
        found, at = [], 0
        while at < len(self.content):
            found.append(Der(self.content, at))
            at = found[-1].end
        return found


def signers_of(path):
    """The certificates and SignerInfos of a detached CMS signature."""
    data = read(path, 1 << 20)
    outer = Der(data)
    need(outer.end == len(data), 'bytes stand behind the signature')
    kind, explicit = outer.children()
    need(kind.whole == SIGNED_DATA and explicit.tag == 0xa0, 'it is no CMS signature')
    (signed,) = explicit.children()
    parts = signed.children()
    need([part.tag for part in parts] == [0x02, 0x31, 0x30, 0xa0, 0x31],
         'it must hold certificates and signers, no revocation lists')
    need([child.whole for child in parts[2].children()] == [DATA], 'content stands inside')
    certificates = parts[3].children()
    infos = parts[4].children()
    # What no signature covers must follow from the rest: RFC 5652 sections 5.1 and 5.3.
    used = {info.children()[2].children()[0].whole for info in infos}
    need({algorithm.children()[0].whole for algorithm in parts[1].children()} == used and
         all(field.content == b'\1' for field in [parts[0]] + [i.children()[0] for i in infos]),
         'version numbers or digest algorithms are not those of the signers')
    need(1 <= len(infos) <= 16 and all(c.tag == 0x30 for c in certificates), 'signers or certificates')
    return certificates, infos


def issuer_and_serial(certificate):
    fields = certificate.children()[0].children()
    need(fields[0].tag == 0xa0, 'a certificate that is not of version 3')
    return fields[3].whole + fields[1].whole


def attributes_of(info):
    fields = info.children()
    need([field.tag for field in fields] == [0x02, 0x30, 0x30, 0xa0, 0x30, 0x04],
         'a signer must have signed attributes and no unsigned ones')
    found = {}
    for attribute in fields[3].children():
        name, values = attribute.children()
        need(name.whole not in found, 'a signed attribute is there twice')
        found[name.whole] = values.children()
    for name in (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERT):
        need(len(found.get(name, [])) == 1, 'a signed attribute is missing: no CAdES signature')
    return fields, {name: values[0] for name, values in found.items() if len(values) == 1}


def time_of(value):
    form = {0x17: '%y%m%d%H%M%SZ', 0x18: '%Y%m%d%H%M%SZ'}.get(value.tag)
    need(form, 'the signing time has an odd form')
    return datetime.datetime.strptime(value.content.decode('ascii'), form).replace(
        tzinfo=datetime.timezone.utc)


def check_signer(info, certificates, content):
    """The DER certificate of the signer, and when it signed."""
    fields, attributes = attributes_of(info)
    digest = DIGESTS.get(fields[2].children()[0].whole)
    algorithm = fields[4].children()[0].whole
    need(digest and algorithm in SIGNATURES and SIGNATURES[algorithm] in (None, digest),
         'an algorithm that is not allowed')
    need(attributes[CONTENT_TYPE].whole == DATA and
         attributes[MESSAGE_DIGEST].content == digest(content).digest(), 'signed other content')
    sid = b''.join(part.whole for part in fields[1].children())
    own = [c for c in certificates if issuer_and_serial(c) == sid]
    need(len(own) == 1, "the signer's certificate is missing or ambiguous")
    named = attributes[SIGNING_CERT].children()[0].children()[0].children()
    by = hashlib.sha256  # RFC 5035 section 4: the default, then left out
    if named[0].tag == 0x30:
        by = DIGESTS[named.pop(0).children()[0].whole]
    need(named[0].tag == 0x04 and named[0].content == by(own[0].whole).digest(),
         'signing-certificate-v2 names another certificate')
    return own[0].whole, time_of(attributes[SIGNING_TIME])


def check_cms(signature, content, folder):
    certificates, infos = signers_of(signature)
    data = read(content)
    for number, info in enumerate(infos):
        certificate, at = check_signer(info, certificates, data)
        with open(os.path.join(folder, f'{number}.der'), 'wb') as file:
            file.write(certificate)
    good(f'{signature}: {len(infos)} signer(s), each with signed attributes and '
         'signing-certificate-v2')


def signing_times(signature):
    return [time_of(attributes_of(info)[1][SIGNING_TIME]) for info in signers_of(signature)[1]]


def check_time(signature, certificate):
    issued = when(strict_json(read(certificate), certificate)['predicate']['issuedAt'])
    gap = datetime.timedelta(minutes=10)
    need(any(abs(at - issued) <= gap for at in signing_times(signature)), 'signed at another time')
    good('signed within 10 minutes of issuedAt (the time is the signers\' own)')


def check_approvals(certificate, signature):
    predicate = strict_json(read(certificate), certificate)['predicate']
    times = signing_times(signature)
    start = when(predicate['sanitization']['startedAt'])
    for approval in predicate['authorization']['approvals']:
        at = when(approval['signedAt'])
        need(at in times and at <= start, approval['subject'] + ' did not approve before the run')
    good('every approval was signed before the run')
