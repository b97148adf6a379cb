# SPDX-License-Identifier: Apache-2.0
"""Signatures and certificates put together by hand, each signed rightly: the forms that RFC 5652,
RFC 5280 or OpenSSL leave open, of which efface-certificate(5) takes one. (what, signature); what is
"odd" must be refused, what is "good" must not."""
import base64
import hashlib
import subprocess
import time

from tamper.der import Node, head
from tamper.stock import stock

DATA, SIGNED_DATA = '1.2.840.113549.1.7.1', '1.2.840.113549.1.7.2'
CONTENT_TYPE, MESSAGE_DIGEST = '1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4'
SIGNING_TIME = '1.2.840.113549.1.9.5'
SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2 = ('1.2.840.113549.1.9.16.2.' + n for n in ('12', '47'))
ECDSA_SHA256 = '1.2.840.10045.4.3.2'
DIGESTS = {'sha256': '2.16.840.1.101.3.4.2.1', 'sha384': '2.16.840.1.101.3.4.2.2',
           'sha512': '2.16.840.1.101.3.4.2.3', 'sha1': '1.3.14.3.2.26'}
UNKNOWN = '1.2.3.4'
INTEGER, BIT_STRING, OCTET_STRING, UTC, GENERALIZED = 2, 3, 4, 0x17, 0x18
SEQUENCE, SET, CONTEXT_0, CONTEXT_1, CONTEXT_2, CONTEXT_3 = 0x30, 0x31, 0xa0, 0xa1, 0xa2, 0xa3
ATTRIBUTES_MAX, CERTIFICATES_MAX = 32, 64


def element(tag, *parts):
    content = b''.join(parts)
    return head(tag, len(content)) + content


def oid(text):
    return stock('signature.der').oid(text)


def sequence(*parts):
    return element(SEQUENCE, *parts)


def set_of(*parts):
    return element(SET, *sorted(parts))


def integer(number):
    return element(INTEGER, bytes([number]))


def octets(data):
    return element(OCTET_STRING, data)


def attribute(name, *values):
    return sequence(oid(name), set_of(*values))


def certificate_id(certificate, digest='sha256'):
    """ESSCertIDv2."""
    algorithm = b'' if digest == 'sha256' else sequence(oid(DIGESTS[digest]))
    return sequence(algorithm, octets(hashlib.new(digest, certificate).digest()))


def named_by(*digests):
    """The attribute that names the certificate once by each."""
    return lambda certificate: attribute(SIGNING_CERTIFICATE_V2, sequence(sequence(
        *(certificate_id(certificate, digest) for digest in digests))))


def der_of(path):
    lines = path.read_text().split('-----')[2]
    return base64.b64decode(lines)


class Maker:
    """Signs content with leaf.key of a folder, and certificates with its root.key."""

    def __init__(self, folder, content):
        self.folder, self.content = folder, content
        self.now = time.strftime('%Y%m%d%H%M%S', time.gmtime())
        self.leaf, self.second = der_of(folder / 'leaf.pem'), der_of(folder / 'second.pem')

    def sign(self, key, data):
        return subprocess.run(['openssl', 'dgst', '-sha256', '-sign', self.folder / (key + '.key')],
                              input=data, capture_output=True, check=True).stdout

    def certificate(self, how, of=None):
        """Issued again after how(fields of what is signed)."""
        tbs, algorithm, _ = Node(of or self.leaf).children
        signed = sequence(*how([child.bytes() for child in tbs.children]))
        return sequence(signed, algorithm.bytes(),
                        element(BIT_STRING, b'\0', self.sign('root', signed)))

    def signature(self, leaf=None, time_as=None, more=(), order=sorted, behind=(),
                  certificates=(), certificate_order=sorted, lists=(), name=named_by('sha256')):
        leaf, (tag, text) = leaf or self.leaf, time_as or (UTC, self.now[2:] + 'Z')
        fields = Node(leaf).children[0].children
        serial, issuer = (fields[at].bytes() for at in (1, 3))
        attributes = b''.join(order([
            attribute(CONTENT_TYPE, oid(DATA)), name(leaf),
            attribute(SIGNING_TIME, element(tag, text.encode())),
            attribute(MESSAGE_DIGEST, octets(hashlib.sha256(self.content).digest())), *more]))
        sha256 = sequence(oid(DIGESTS['sha256']))
        signer = sequence(integer(1), sequence(issuer, serial), sha256,
                          element(CONTEXT_0, attributes), sequence(oid(ECDSA_SHA256)),
                          octets(self.sign('leaf', element(SET, attributes))), *behind)
        carried = certificate_order([leaf, *certificates])
        return sequence(oid(SIGNED_DATA), element(CONTEXT_0, sequence(
            integer(1), set_of(sha256), sequence(oid(DATA)), element(CONTEXT_0, *carried), *lists,
            set_of(signer))))


def unsorted(parts):
    return sorted(parts, reverse=True)


def times(now):
    """(name, tag, text); `now` has the year in four digits."""
    for zone in ('+0000', '-0000', '+0100', '', 'z', 'Z0', '.0Z'):
        yield 'UTCTime ' + zone, UTC, now[2:] + zone
        yield 'GeneralizedTime ' + zone, GENERALIZED, now + zone
    for fraction in ('.5Z', '.Z', ',5Z', '.500Z', 'Z'):
        yield 'GeneralizedTime ' + fraction, GENERALIZED, now + fraction
    for what, text in (('no seconds', now[2:12] + 'Z'), ('second 60', now[2:12] + '60Z'),
                       ('a blank', now[2:12] + ' 0Z'), ('a sign', now[2:12] + '+1Z'),
                       ('February 30', now[2:4] + '0230000000Z'), ('1969', '690101000000Z'),
                       ('1955', '550101000000Z'), ('1950', '500101000000Z'), ('nothing', ''),
                       ('Z', 'Z'), ('four digits', now + 'Z')):
        yield 'UTCTime ' + what, UTC, text
    for year in ('0000', '1949', '1955', '2049', '2050', '9999'):
        yield 'GeneralizedTime ' + year, GENERALIZED, year + '0101000000Z'
    yield 'another type', 0x16, now[2:] + 'Z'


def attributes(maker):
    """(name, options of signature())"""
    x, y = octets(b'x'), octets(b'y')
    yield 'good: as it is', {}
    yield 'good: an unknown attribute', {'more': [attribute(UNKNOWN, x)]}
    yield 'good: an unknown attribute of two values', {'more': [attribute(UNKNOWN, x, y)]}
    yield 'good: as many attributes as may be', {
        'more': [attribute(f'{UNKNOWN}.{n}', x) for n in range(ATTRIBUTES_MAX - 4)]}
    yield 'odd: an attribute too many', {
        'more': [attribute(f'{UNKNOWN}.{n}', x) for n in range(ATTRIBUTES_MAX - 3)]}
    yield 'odd: attributes in another order', {'order': unsorted}
    yield 'odd: values in another order', {'more': [sequence(oid(UNKNOWN), element(SET, y, x))]}
    yield 'odd: a set in another order', {'more': [attribute(UNKNOWN, element(SET, y, x))]}
    yield 'odd: an attribute without value', {'more': [attribute(UNKNOWN)]}
    yield 'odd: an attribute that is no sequence', {'more': [set_of(oid(UNKNOWN), set_of(x))]}
    yield 'odd: values in a sequence', {'more': [sequence(oid(UNKNOWN), sequence(x))]}
    yield 'odd: more behind the values', {'more': [sequence(oid(UNKNOWN), set_of(x), x)]}
    for one in (UNKNOWN, CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE_V2):
        twice = [attribute(one, x), attribute(one, y)]
        yield 'odd: twice: ' + one, {'more': twice[one != UNKNOWN:]}
    same = attribute(CONTENT_TYPE, oid(DATA))
    yield 'odd: twice the same', {'more': [same]}
    for what, digest in (('right', hashlib.sha1(maker.leaf).digest()), ('wrong', bytes(20))):
        yield 'odd: signing-certificate, ' + what, {'more': [attribute(
            SIGNING_CERTIFICATE, sequence(sequence(sequence(octets(digest)))))]}
    yield 'good: named by SHA-384', {'name': named_by('sha384')}
    for digests in (('sha512',), ('sha1',), ('sha256', 'sha512'), ()):
        yield f'odd: named by {digests}', {'name': named_by(*digests)}


def structures(maker):
    """(name, options of signature())"""
    x = octets(b'x')
    yield 'good: two certificates', {'certificates': [maker.second]}
    yield 'odd: certificates in another order', {'certificates': [maker.second],
                                                 'certificate_order': unsorted}
    yield 'odd: a certificate too many', {'certificates': [maker.second] * CERTIFICATES_MAX}
    for tag in (SET, CONTEXT_0, CONTEXT_1, CONTEXT_2, CONTEXT_3):
        yield f'odd: other certificates ({tag:02x})', {'certificates': [element(tag, integer(1))]}
    for what, parts in (('empty', ()), ('of something', (sequence(x),))):
        yield f'odd: revocation lists, {what}', {'lists': [element(CONTEXT_1, *parts)]}
        yield f'odd: a field more, {what}', {'lists': [element(CONTEXT_2, *parts)]}
    for what, parts in (('none', ()), ('one', (attribute(UNKNOWN, x),))):
        yield f'odd: unsigned attributes, {what}', {'behind': [element(CONTEXT_1, *parts)]}


def certificates(maker):
    """(name, options of signature())"""
    def with_version(*version):
        return lambda fields: [*version, *fields[1:]]

    def with_extensions(*more):
        def change(fields):
            listed = Node(fields[-1]).children[0]
            return [*fields[:-1], element(CONTEXT_3, sequence(
                *(child.bytes() for child in listed.children), *more))]
        return change

    def twice(fields):
        return with_extensions(Node(fields[-1]).children[0].children[0].bytes())(fields)
    unknown = sequence(oid(UNKNOWN), octets(b'x'))
    rows = [('good: a certificate as it is', lambda fields: fields),
            ('good: an unknown extension', with_extensions(unknown)),
            ('odd: an unknown extension twice', with_extensions(unknown, unknown)),
            ('odd: two values of one', with_extensions(unknown, sequence(oid(UNKNOWN), octets(b'y')))),
            ('odd: a known extension twice', twice), ('odd: no version', with_version())]
    rows += [(f'odd: version {number + 1}', with_version(element(CONTEXT_0, integer(number))))
             for number in (0, 1, 3, 127)]
    rows.append(('odd: long version', with_version(element(CONTEXT_0, element(INTEGER, b'\0\2')))))
    for what, how in rows:
        yield what, {'leaf': maker.certificate(how)}
        yield what + ', of another', {'certificates': [maker.certificate(how, maker.second)]}


def made(folder, content):
    """leaf.pem and second.pem lie in this folder."""
    maker = Maker(folder, content)
    rows = [('odd: ' + what, {'time_as': (tag, text)}) for what, tag, text in times(maker.now)]
    for some in (attributes, structures, certificates):
        rows += some(maker)
    return [(what, maker.signature(**options)) for what, options in rows]
