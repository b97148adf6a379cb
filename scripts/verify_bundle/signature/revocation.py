# SPDX-License-Identifier: Apache-2.0
"""Revocation lists (RFC 5280 section 5): openssl holds them against the root, the rest is read from
their DER. A signature does not count from the time on from which its key was revoked."""
import datetime
import re
import subprocess

from common import Wrong, need
from signature.der import BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, Der, oid

REASON, INVALID_SINCE = oid('2.5.29.21'), oid('2.5.29.24')
AFFILIATION_CHANGED, SUPERSEDED = 3, 4
ENUMERATED, UTC_TIME, GENERALIZED_TIME, EXTENSIONS = 0x0a, 0x17, 0x18, 0xa0
EVER = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
LISTS_MAX, BYTES_MAX = 64, 4 << 20
BLOCK = re.compile(rb'-----BEGIN X509 CRL-----\r?\n.*?-----END X509 CRL-----\r?\n?', re.DOTALL)


def time_in(value):
    form = {UTC_TIME: '%y%m%d%H%M%SZ', GENERALIZED_TIME: '%Y%m%d%H%M%SZ'}.get(value.tag)
    need(form, 'a time in a revocation list is malformed')
    return datetime.datetime.strptime(value.content.decode('ascii'), form).replace(
        tzinfo=datetime.timezone.utc)


def extensions_of(entry):
    """The value of each extension of an entry."""
    found = {}
    for listed in entry.children()[2:]:
        for extension in listed.children(SEQUENCE):
            parts = extension.children(SEQUENCE)
            need(parts[0].tag == OID and parts[-1].tag == OCTET_STRING,
                 'a revocation list is malformed')
            found[parts[0].whole] = parts[-1].content
    return found


def invalid_from(entry):
    """When the signatures of an entry's key begin not to count. What is not said, and what is said
    of keys and authorities, is taken for the worst: who holds such a key can write any date."""
    extensions = extensions_of(entry)
    revoked = time_in(entry.children()[1])
    reason = 0
    if REASON in extensions:
        value = Der(extensions[REASON])
        need(value.tag == ENUMERATED and len(value.content) == 1, 'a reason is malformed')
        reason = value.content[0]
    if INVALID_SINCE in extensions:
        return min(revoked, time_in(Der(extensions[INVALID_SINCE])))
    return revoked if reason in (AFFILIATION_CHANGED, SUPERSEDED) else EVER


class Revocations:
    """The lists in a file, or none. root: the file of the trusted roots that signed them."""

    def __init__(self, path=None, root=None):
        self.entries = {}  # (issuer, serial number), both DER: invalid from
        if path is None:
            return
        with open(path, 'rb') as file:
            text = file.read(BYTES_MAX + 1)
        blocks = BLOCK.findall(text)
        need(len(text) <= BYTES_MAX and b''.join(blocks) == text and len(blocks) <= LISTS_MAX,
             f'{path}: not only revocation lists in PEM')
        for block in blocks:
            self.take(block, path, root)

    def take(self, block, path, root):
        done = subprocess.run(
            ['openssl', 'crl', '-CAfile', root, '-no-CApath', '-no-CAstore', '-outform', 'DER'],
            input=block, capture_output=True, check=False)
        need(done.returncode == 0 and b'verify OK' in done.stderr,
             f'{path}: a revocation list was not signed by a trusted root')
        fields = Der.alone(done.stdout, SEQUENCE).children()[0].children()
        need(fields[0].tag == INTEGER and fields[-1].tag != BIT_STRING,
             'a revocation list is not of version 2')
        issuer = fields[2].whole
        for listed in fields[3:]:
            if listed.tag != SEQUENCE:
                continue  # the times of the list, its extensions
            for entry in listed.children():
                key = (issuer, entry.children()[0].whole)
                at = invalid_from(entry)
                self.entries[key] = min(at, self.entries.get(key, at))

    def check(self, signer, issuer, serial):
        at = self.entries.get((issuer, serial))
        if at is not None and signer.time >= at:
            raise Wrong(f'the key of {signer.name} was revoked')
