# SPDX-License-Identifier: Apache-2.0
"""CMS signatures (RFC 5652) with CAdES attributes (RFC 5035): what openssl does not look at, and
openssl for the rest."""
import calendar
import datetime
import hashlib
import re
import ssl
import subprocess
import tempfile

from common import CLOCK_SLACK, good, need, said, when
from signature.der import (GENERALIZED_TIME, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, UTC_TIME,
                           Der, oid)
from signature.signer import Signer, extensions_of, fields_of

SIGNED_DATA, DATA = oid('1.2.840.113549.1.7.2'), oid('1.2.840.113549.1.7.1')
CONTENT_TYPE, MESSAGE_DIGEST = oid('1.2.840.113549.1.9.3'), oid('1.2.840.113549.1.9.4')
SIGNING_TIME, SIGNING_CERT = oid('1.2.840.113549.1.9.5'), oid('1.2.840.113549.1.9.16.2.47')
SIGNING_CERT_SHA1 = oid('1.2.840.113549.1.9.16.2.12')
SIGNERS_MAX, CERTIFICATES_MAX, ATTRIBUTES_MAX = 16, 64, 32
CONTEXT_0 = 0xa0
UTC_TIME_FORM, GENERALIZED_TIME_FORM = re.compile(rb'[0-9]{12}Z'), re.compile(rb'[0-9]{14}Z')
DIGESTS = {oid('2.16.840.1.101.3.4.2.1'): hashlib.sha256, oid('2.16.840.1.101.3.4.2.2'): hashlib.sha384}
NOTHING = bytes([NULL, 0])
NO_PARAMETERS, NULL_PARAMETERS, SEQUENCE_OF_THEM = [], [NULL], [SEQUENCE]
# The digest of each, None where another field says it, and the one form of its parameters, which
# no signature covers (RFC 5758 section 3.2, RFC 4055 sections 3 and 5).
SIGNATURES = {
    oid('1.2.840.10045.4.3.2'): (hashlib.sha256, NO_PARAMETERS),
    oid('1.2.840.10045.4.3.3'): (hashlib.sha384, NO_PARAMETERS),
    oid('1.2.840.113549.1.1.11'): (hashlib.sha256, NULL_PARAMETERS),
    oid('1.2.840.113549.1.1.12'): (hashlib.sha384, NULL_PARAMETERS),
    oid('1.2.840.113549.1.1.1'): (None, NULL_PARAMETERS),
    oid('1.2.840.113549.1.1.10'): (None, SEQUENCE_OF_THEM)}


def digest_named(identifier):
    """The digest algorithm, whose parameters are absent or NULL (RFC 5754 section 2)."""
    parts = [part.whole for part in identifier.children(SEQUENCE)]
    need(parts and parts[1:] in ([], [NOTHING]), 'a digest algorithm is malformed')
    return parts[0]


def parts_of(data):
    """The certificates and SignerInfos of a detached CMS signature."""
    kind, explicit = Der.alone(data, SEQUENCE).children()
    need(kind.whole == SIGNED_DATA and explicit.tag == CONTEXT_0, 'it is not a CMS signature')
    (signed,) = explicit.children()
    parts = signed.children(SEQUENCE)
    need([part.tag for part in parts] == [INTEGER, SET, SEQUENCE, CONTEXT_0, SET],
         'it must hold certificates and signers, no revocation lists')
    need([child.whole for child in parts[2].children()] == [DATA], 'it has embedded content')
    certificates = parts[3].members()
    infos = parts[4].children()
    # What no signature covers must follow from the rest: RFC 5652 sections 5.1 and 5.3.
    used = {digest_named(info.children()[2]) for info in infos}
    listed = [digest_named(algorithm) for algorithm in parts[1].children()]
    need(set(listed) == used and len(listed) == len(used) and
         all(field.content == b'\1' for field in [parts[0]] + [i.children()[0] for i in infos]),
         'version numbers or digest algorithms do not match the signers')
    need(1 <= len(infos) <= SIGNERS_MAX and 1 <= len(certificates) <= CERTIFICATES_MAX,
         'it must hold signers and certificates, and not too many')
    for certificate in certificates:
        need(certificate.tag == SEQUENCE, 'what it carries is not certificates alone')
        extensions_of(fields_of(certificate.whole)[7:])
    return certificates, infos


def issuer_and_serial(certificate):
    return b''.join(issuer_and_serial_of(certificate.whole))


def issuer_and_serial_of(der):
    fields = fields_of(der)
    return fields[3].whole, fields[1].whole


def attributes_of(info):
    """The fields of a SignerInfo, and the one value of each of its signed attributes that has one."""
    fields = info.children(SEQUENCE)
    need([field.tag for field in fields] ==
         [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0, SEQUENCE, OCTET_STRING],
         'a signature must have signed attributes and no unsigned ones')
    found = {}
    attributes = fields[3].members()
    need(len(attributes) <= ATTRIBUTES_MAX, 'there are too many signed attributes')
    for attribute in attributes:
        name, values = attribute.children(SEQUENCE)
        need(name.tag == OID and values.children(SET), 'a signed attribute is malformed')
        need(name.whole not in found, 'a signed attribute occurs twice')
        found[name.whole] = values.children()
    need(SIGNING_CERT_SHA1 not in found, 'a signing-certificate is by the digest SHA-1')
    for name in (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERT):
        need(len(found.get(name, [])) == 1, 'a signed attribute is missing: no CAdES signature')
    return fields, {name: values[0] for name, values in found.items() if len(values) == 1}


def time_of(value):
    """RFC 5652 section 11.3: with seconds and Z, and of two digits for the year until 2049."""
    text = value.content
    if value.tag == UTC_TIME:
        need(UTC_TIME_FORM.fullmatch(text), 'the signing time is malformed')
        text = (b'19' if text >= b'5' else b'20') + text
    else:
        need(value.tag == GENERALIZED_TIME and GENERALIZED_TIME_FORM.fullmatch(text) and
             text >= b'2050', 'the signing time is malformed')
    need(text >= b'1970', 'the signing time is malformed')
    return datetime.datetime.strptime(text.decode('ascii'), '%Y%m%d%H%M%SZ').replace(
        tzinfo=datetime.timezone.utc)


def digests_of(attribute):
    """What signing-certificate-v2 says of each certificate: digest algorithm and digest."""
    found = []
    for named in attribute.children(SEQUENCE)[0].children(SEQUENCE):
        parts = named.children(SEQUENCE)
        by = hashlib.sha256  # RFC 5035 section 4: the default, then left out
        if parts[0].tag == SEQUENCE:
            by = DIGESTS.get(digest_named(parts.pop(0)))
        need(by, 'signing-certificate-v2 is not by a digest of SHA-256 or SHA-384')
        need(parts[0].tag == OCTET_STRING, 'signing-certificate-v2 is malformed')
        found.append((by, parts[0].content))
    return found


def check_signer(info, certificates, content):
    """The DER certificate of the signer, and when it signed."""
    fields, attributes = attributes_of(info)
    digest = DIGESTS.get(fields[2].children()[0].whole)
    algorithm, *parameters = fields[4].children()
    signs, form = SIGNATURES.get(algorithm.whole, (None, None))
    need(digest and [part.tag for part in parameters] == form and signs in (None, digest),
         'an algorithm is not allowed')
    need(attributes[CONTENT_TYPE].whole == DATA and
         attributes[MESSAGE_DIGEST].content == digest(content).digest(), 'signed different content')
    sid = b''.join(part.whole for part in fields[1].children())
    own = [c for c in certificates if issuer_and_serial(c) == sid]
    need(len(own) == 1, "the signer's certificate is missing or ambiguous")
    by, named = digests_of(attributes[SIGNING_CERT])[0]
    need(named == by(own[0].whole).digest(), 'signing-certificate-v2 names another certificate')
    return own[0].whole, time_of(attributes[SIGNING_TIME])


def seconds(time):
    return str(calendar.timegm(time.timetuple()))


def chain_options(root):
    return ['-purpose', 'any', '-auth_level', '3', '-x509_strict', '-CAfile', root, '-no-CApath',
            '-no-CAstore']


def ask(command, what, given=None):
    done = subprocess.run(['openssl', *command], capture_output=True, check=False,
                          input=given and given.encode())
    need(done.returncode == 0, f'{what}\n{said(done.stderr.decode(errors="replace"))}')


class Signature:
    """What stands in NAME.p7s, over the bytes of NAME."""

    def __init__(self, name, content, data):
        self.name = name + '.p7s'
        self.content_name = name
        certificates, infos = parts_of(data)
        found = [check_signer(info, certificates, content) for info in infos]
        self.signers = [Signer(certificate, at) for certificate, at in found]
        self.certificates = [certificate.whole for certificate in certificates]
        good(f'{self.name}: {len(infos)} signer(s), each with signed attributes and '
             'signing-certificate-v2')
        need(len({signer.key for signer in self.signers}) == len(self.signers),
             'one key signed twice: ' + self.name)

    def check_chains(self, what, root, revocations):
        """Every signature, its chain to the trusted root as of its own time, and that its key was
        not revoked by then."""
        times = {signer.time for signer in self.signers}
        at = ['-attime', seconds(*times)] if len(times) == 1 else ['-no_check_time']
        ask(['cms', '-verify', '-cades', '-binary', '-inform', 'DER', '-in', self.name,
             '-content', self.content_name, '-out', '/dev/null', *at, *chain_options(root)], what)
        if len(times) > 1:
            with tempfile.NamedTemporaryFile('w') as file:
                file.write(''.join(ssl.DER_cert_to_PEM_cert(c) for c in self.certificates))
                file.flush()
                for signer in self.signers:
                    ask(['verify', '-untrusted', file.name, '-attime', seconds(signer.time),
                         *chain_options(root)], what, ssl.DER_cert_to_PEM_cert(signer.certificate))
        for signer in self.signers:
            revocations.check(signer, *issuer_and_serial_of(signer.certificate))
        good(what)

    def signers_with(self, key, role):
        return [signer for signer in self.signers if signer.key == key and signer.role == role]

    def check_time(self, issued):
        need(all(abs(signer.time - when(issued)) <= CLOCK_SLACK for signer in self.signers
                 if signer.role == 'station'), 'signed at another time')
        good('signed within 10 minutes of issuedAt (the time is the signers\' own)')

    def check_approvals(self, predicate):
        """Those that the record lists, and no other; of when they signed it judges itself."""
        approvals = predicate['authorization']['approvals']
        told = [(one['subjectPublicKeySha256'], one['subject'], when(one['signedAt']))
                for one in approvals]
        need(all(signer.role == 'approver' for signer in self.signers), 'no approver signed')
        need(sorted(told) == sorted((one.key, one.name, one.time) for one in self.signers),
             'the approvals are not the signatures over the order')
        for name in sorted(one['subject'] for one in approvals):
            good(f'approved before the run: {name}')
