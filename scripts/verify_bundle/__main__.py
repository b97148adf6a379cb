# SPDX-License-Identifier: Apache-2.0
"""Checks a certificate bundle without efface, for scripts/verify-bundle.

Python's standard library and the openssl command only. Written from the formats' texts (RFC 5280,
RFC 5652, RFC 5035, RFC 9162, C2SP signed-note and tlog-proof) and efface-certificate(5), not from
efface's own code.
"""
import json
import os
import sys

from claims import check_claims
from cms import Signature
from common import Wrong, good, need, read, said
from files import RECORD, check_digests, check_files, file_digest
from log import check_log
from order import check_order
from signer import ROLES

SIGNATURE_BYTES_MAX = 1 << 20
MANIFEST = 'evidence/manifest.json'
SUPERSEDED = 22  # proved, but the log holds a later run on the same device


def signature_of(name, content):
    return Signature(name, content, read(name + '.p7s', SIGNATURE_BYTES_MAX))


def check_signers(certificate, predicate, root):
    """Who signed these bytes."""
    issued = predicate['issuedAt']
    signature = signature_of(RECORD, certificate)
    signature.check_chains('signed below the trusted root', root, issued)
    signature.check_time(issued)
    required = predicate['signaturePolicy']['required']
    need(required, 'the record requires no signer')
    need(len({one['subjectPublicKeySha256'] for one in required}) == len(required),
         'one key can not sign in two roles')
    for one in required:
        what = f'required: {one["role"]} {one["subjectPublicKeySha256"]}'
        need(one['role'] in ROLES.values() and
             signature.signers_with(one['subjectPublicKeySha256'], one['role']), what)
        good(what)
    what = 'a station signed, by the role in its certificate'
    need(any(signer.role == 'station' for signer in signature.signers), what)
    good(what)


def check_authorization(predicate, root):
    """Who had allowed it."""
    authorization = predicate['authorization']
    digest = authorization['manifestDigest']
    if digest is None:
        need(not os.path.exists(MANIFEST), 'a manifest that the record does not speak of')
        print(said(f'      there was no order: {authorization["operator"]} typed '
                   f'{json.dumps(authorization["targetToken"])}'))
    else:
        need(file_digest(MANIFEST) == digest['sha256'],
             'the manifest is not the one that was authorized')
        good('the manifest is the one that was authorized')
    if authorization['confirmation'] == 'signed-approvals':
        approvals = signature_of(MANIFEST, read(MANIFEST))
        approvals.check_chains('the approvals are signed below the trusted root', root,
                               predicate['issuedAt'])
        approvals.check_approvals(predicate)
    else:
        need(not os.path.exists(MANIFEST + '.p7s'), 'approvals that the record does not speak of')
        print('      confirmed at a terminal: nobody signed for it')
    check_order(MANIFEST, predicate)


def summary(predicate):
    result, target = predicate['result'], predicate.get('target')
    if target:
        what = f'{target["kind"]} {json.dumps(target["name"])}, {target["sizeBytes"]} bytes'
    else:
        what = (f'project {predicate["dataOwner"]["projectId"]}, '
                f'{len(predicate["volumes"])} volumes')
    return said(f'{result["status"]}, level {result["level"]}: {what}, '
                f'issued at {predicate["issuedAt"]}')


def check_bundle(bundle, root, key, log=None):
    os.chdir(bundle)
    certificate, record = check_files()
    predicate = record['predicate']
    check_claims(record)
    check_signers(certificate, predicate, root)
    check_digests(record)
    check_authorization(predicate, root)
    later = check_log(certificate, record, key, log)  # logged, and announced before it began
    print(summary(predicate))
    print('The bundle is proved.' + (' It is not the last of its device.' if later else ''))
    return SUPERSEDED if later else 0


def check_use(bundle, root, key, log=None):
    """Why these can't be a bundle, two files and a log; None when they can."""
    for what, path, good_kinds in (('bundle', bundle, (os.path.isdir,)),
                                   ('root certificate', root, (os.path.isfile,)),
                                   ('log key', key, (os.path.isfile,)),
                                   ('log', log, (os.path.isdir, os.path.isfile))):
        if path is not None and not any(is_kind(path) for is_kind in good_kinds):
            return f'{path}: there is no such {what}'
    return None


def main(paths):
    wrong_use = check_use(*paths)
    if wrong_use:
        print('verify-bundle: ' + said(wrong_use), file=sys.stderr)
        return 2
    try:
        return check_bundle(paths[0], *(os.path.realpath(path) for path in paths[1:]))
    except Wrong as wrong:
        print('FAIL  ' + said(str(wrong)))
        return 1
    except (KeyError, IndexError, TypeError, ValueError, OSError, AttributeError, MemoryError,
            RecursionError) as error:
        print(said(f'FAIL  malformed: {type(error).__name__} {error!r}'[:200]))
        return 1


if __name__ == '__main__':
    try:
        STATUS = main(sys.argv[1:])
        sys.stdout.flush()
    except OSError as problem:
        print(f'verify-bundle: standard output: {problem}', file=sys.stderr)
        os._exit(1)  # nothing is left to be written
    sys.exit(STATUS)
