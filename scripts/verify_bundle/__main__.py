# SPDX-License-Identifier: Apache-2.0
"""Checks a certificate bundle without efface, for scripts/verify-bundle.

Python's standard library and the openssl command only. Written from the formats' texts (RFC 5280,
RFC 5652, RFC 5035, RFC 9162, C2SP signed-note and tlog-proof) and efface-certificate(5), not from
efface's own code.
"""
import errno
import json
import os
import sys

from acceptance import check_acceptances
from claims.record import check_claims
from signature.cms import Signature
from common import Wrong, good, need, read, said
from files import (BYTES_MAX, LOG_KEY, RECORD, ROOT, check_anchors, check_digests, check_files,
                   file_digest, log_key_in, SIGNATURE_BYTES_MAX, parse_record, roots_in)
from log.proofs import check_log
from order.judge import check_order

MANIFEST, MANIFEST_BYTES_MAX = 'evidence/manifest.json', 4 << 20
PROVED, INTERNAL, WRONG_USE, NOT_PROVED, NOT_KNOWN, QUALIFIED = 0, 1, 2, 20, 21, 22
# What the bundle is to blame for; whatever else keeps us from reading is not.
OF_THE_BUNDLE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}


def signature_of(name, content):
    return Signature(name, content, read(name + '.p7s', SIGNATURE_BYTES_MAX))


def check_signers(signature, predicate):
    """Those whom the record requires, and the station that it names."""
    for one in predicate['signaturePolicy']['required']:
        what = f'required: {one["role"]} {one["subjectPublicKeySha256"]}'
        need(signature.signers_with(one['subjectPublicKeySha256'], one['role']), what)
        good(what)
    what = 'a station signed, with the role in its certificate'
    stations = [signer for signer in signature.signers if signer.role == 'station']
    need(stations, what)
    good(what)
    issuer = predicate['issuer']
    need(any(signer.named == (issuer['organization'], issuer['site'], issuer['stationId'])
             for signer in stations), 'the issuer is not the station that signed')
    good('the issuer is the station that its certificate names')


def check_authorization(predicate, root):
    """Who had allowed it."""
    authorization = predicate['authorization']
    digest = authorization['manifestDigest']
    if digest is None:
        need(not os.path.exists(MANIFEST), 'there is a manifest that the record does not mention')
        print(said(f'      there was no order: {authorization["operator"]} typed '
                   f'{json.dumps(authorization["targetToken"])}'))
    else:
        need(file_digest(MANIFEST) == digest['sha256'],
             'the manifest is not the one that was authorized')
        good('the manifest is the one that was authorized')
    if authorization['confirmation'] == 'signed-approvals':
        approvals = signature_of(MANIFEST, read(MANIFEST, MANIFEST_BYTES_MAX))
        approvals.check_chains('the approvals are signed below the trusted root', root)
        approvals.check_approvals(predicate)
    else:
        need(not os.path.exists(MANIFEST + '.p7s'),
             'there are approvals that the record does not mention')
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
    there, acceptances = check_files()
    check_anchors(root, key)
    certificate = read(RECORD, BYTES_MAX[RECORD])
    signature = signature_of(RECORD, certificate)
    signature.check_chains('signed below the trusted root', root)
    record = parse_record(certificate)  # not before: these bytes may be anybody's
    predicate = record['predicate']
    check_claims(record)
    check_signers(signature, predicate)
    check_digests(record, there)
    signature.check_time(predicate['issuedAt'])
    check_authorization(predicate, root)
    later = check_log(certificate, record, key, log)  # logged, and announced before it began
    rejected = check_acceptances(acceptances, root, certificate, predicate)
    print(summary(predicate))
    print('The bundle is proved' + (', and the certificate is rejected.' if rejected else
                                    ', but superseded by a later run.' if later else '.'))
    return QUALIFIED if rejected or later else PROVED


def check_use(bundle, root, key, log=None):
    """Why these can't be a bundle, two files and a log; None when they can."""
    for what, path, good_kinds in (('bundle', bundle, (os.path.isdir,)),
                                   ('root certificate', root, (os.path.isfile,)),
                                   ('log key', key, (os.path.isfile,)),
                                   ('log', log, (os.path.isdir, os.path.isfile))):
        if path is not None and not any(is_kind(path) for is_kind in good_kinds):
            return f'{path}: there is no such {what}'
    for path in (root, key):
        if os.path.realpath(path).startswith(os.path.realpath(bundle) + os.sep):
            return f'{path}: lies in the bundle itself: that proves nothing'
    try:
        if not roots_in(read(os.path.realpath(root), BYTES_MAX[ROOT])):
            return f'{root}: must hold only certificates in PEM'
        log_key_in(read(os.path.realpath(key), BYTES_MAX[LOG_KEY]))
    except (OSError, ValueError, Wrong) as error:
        return f'{root}, {key}: {error}'
    return None


def main(paths):
    """The exit status."""
    wrong_use = check_use(*paths)
    if wrong_use:
        print('verify-bundle: ' + said(wrong_use), file=sys.stderr)
        return WRONG_USE
    try:
        return check_bundle(paths[0], *(os.path.realpath(path) for path in paths[1:]))
    except Wrong as wrong:
        print('FAIL  ' + said(str(wrong)))
        return NOT_PROVED
    except (OSError, MemoryError) as error:
        known = isinstance(error, OSError) and error.errno in OF_THE_BUNDLE
        print(said(f'{"FAIL  " if known else "      cannot be read: "}{error}'[:200]))
        return NOT_PROVED if known else NOT_KNOWN
    except Exception as error:  # pylint: disable=broad-except  # what these bytes led to
        print(said(f'FAIL  malformed: {type(error).__name__} {error!r}'[:200]))
        return NOT_PROVED


if __name__ == '__main__':
    try:
        STATUS = main(sys.argv[1:])
        sys.stdout.flush()
    except OSError as problem:
        print(f'verify-bundle: standard output: {problem}', file=sys.stderr)
        os._exit(INTERNAL)  # nothing is left to be written
    sys.exit(STATUS)
