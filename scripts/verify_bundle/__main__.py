# SPDX-License-Identifier: Apache-2.0
"""Checks a certificate bundle without efface, for scripts/verify-bundle.

Python's standard library and the openssl command only. Written from the formats' texts (RFC 5280,
RFC 5652, RFC 5035, RFC 9162, C2SP signed-note and tlog-proof) and efface-certificate(5), not from
efface's own code.
"""
import contextlib
import errno
import json
import os
import sys
import tempfile

from acceptance import check_acceptances
from claims.record import check_claims
from signature.cms import Signature
from signature.revocation import Revocations
from common import Wrong, good, need, read, said
from files import (BYTES_MAX, LOG_KEY, RECORD, ROOT, check_anchors, check_digests, check_files,
                   file_digest, log_key_in, SIGNATURE_BYTES_MAX, parse_record, roots_in)
from log.proofs import ENTRIES, check_log
from order.judge import check_order

MANIFEST, MANIFEST_BYTES_MAX = 'evidence/manifest.json', 4 << 20
PROVED, INTERNAL, WRONG_USE, NOT_PROVED, NOT_KNOWN, QUALIFIED = 0, 1, 2, 20, 21, 22
# What the bundle is to blame for; whatever else keeps us from reading is not.
OF_THE_BUNDLE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}


def is_to_blame(error, log):
    """Whether the bundle is: for the entries of the log only where they are missing, as anybody may
    have put a link or a socket into its folder."""
    if not isinstance(error, OSError):
        return False
    of_entries = log and error.filename == os.path.join(log, ENTRIES)
    return error.errno in ({errno.ENOENT} if of_entries else OF_THE_BUNDLE)


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


def check_authorization(predicate, root, revocations):
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
        approvals.check_chains('the approvals are signed below the trusted root', root, revocations)
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


def check_bundle(bundle, root, key, log=None, crl=None):
    revocations = Revocations(crl, root)
    os.chdir(bundle)
    there, acceptances = check_files()
    check_anchors(root, key)
    certificate = read(RECORD, BYTES_MAX[RECORD])
    signature = signature_of(RECORD, certificate)
    signature.check_chains('signed below the trusted root', root, revocations)
    record = parse_record(certificate)  # not before: these bytes may be anybody's
    predicate = record['predicate']
    check_claims(record)
    check_signers(signature, predicate)
    check_digests(record, there)
    signature.check_time(predicate['issuedAt'])
    check_authorization(predicate, root, revocations)
    later = check_log(certificate, record, key, log)  # logged, and announced before it began
    rejected = check_acceptances(acceptances, root, revocations, certificate, predicate)
    print(summary(predicate))
    print('The bundle is proved' + (', and the certificate is rejected.' if rejected else
                                    ', but superseded by a later run.' if later else '.'))
    return QUALIFIED if rejected or later else PROVED


def check_use(bundle, root, key, log=None, crl=None):
    """Why these can't be a bundle, files and a log; None when they can."""
    for what, path, good_kinds in (('bundle', bundle, (os.path.isdir,)),
                                   ('root certificate', root, (os.path.isfile,)),
                                   ('log key', key, (os.path.isfile,)),
                                   ('log', log, (os.path.isdir, os.path.isfile)),
                                   ('revocation list', crl, (os.path.isfile,))):
        if path is not None and not any(is_kind(path) for is_kind in good_kinds):
            return f'{path}: there is no such {what}'
    for path in (root, key):
        if os.path.realpath(path).startswith(os.path.realpath(bundle) + os.sep):
            return f'{path}: lies in the bundle itself: that proves nothing'
    try:
        if not roots_in(read(os.path.realpath(root), BYTES_MAX[ROOT])):
            return f'{root}: must hold only certificates in PEM'
        log_key_in(read(os.path.realpath(key), BYTES_MAX[LOG_KEY]))
        Revocations(crl, root)
    except (OSError, ValueError, Wrong) as error:
        return f'{root}, {key}: {error}'
    return None


def trust_in(path, folder):
    """The files of a trust file (efface.trust/1), written into a folder: root, log key, lists."""
    trust = json.loads(read(os.path.realpath(path), BYTES_MAX[ROOT]))
    need(isinstance(trust, dict) and trust.get('schema') == 'efface.trust/1' and
         len(trust['logKeys']) == 1, f'{path}: is not a trust file (efface.trust/1) of one log')
    files = {'root.pem': ''.join(one['pem'] for one in trust['roots']),
             'log.vkey': trust['logKeys'][0]['verifierKey'] + '\n',
             'crl.pem': ''.join(one['pem'] for one in trust['revocations'])}
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
            file.write(text)
    return [os.path.join(folder, name) for name, text in files.items() if text]


def arguments_of(words, folder):
    """bundle, root, log key, log or None, revocation lists or None."""
    words, options = list(words), {}
    for option in ('--crl', '--trust'):
        if option in words:
            at = words.index(option)
            need(at + 1 < len(words), f'{option} needs a file')
            options[option] = words[at + 1]
            del words[at:at + 2]
    crl = options.get('--crl')
    if '--trust' in options:
        need(len(words) in (1, 2) and not crl, '--trust FILE stands for ROOT.pem, LOG.vkey and --crl')
        root, key, *lists = trust_in(options['--trust'], folder)
        return words[0], root, key, (words[1:] or [None])[0], (lists or [None])[0]
    need(len(words) in (3, 4), 'BUNDLE ROOT.pem LOG.vkey [LOGDIR|entries.jsonl] [--crl FILE]')
    return *words[:3], (words[3:] or [None])[0], crl


def use_of(words, folder):
    """The arguments, and why they can't be used."""
    try:
        paths = arguments_of(words, folder)
        return paths, check_use(*paths)
    except (OSError, ValueError, KeyError, TypeError, Wrong) as error:
        return None, str(error)


def main(words):
    """The exit status."""
    with contextlib.ExitStack() as files:  # those of a trust file
        folder = '--trust' in words and files.enter_context(tempfile.TemporaryDirectory())
        return answer(words, folder)


def answer(words, folder):
    paths, wrong_use = use_of(words, folder)
    if wrong_use:
        print('verify-bundle: ' + said(wrong_use), file=sys.stderr)
        return WRONG_USE
    anchors = [path and os.path.realpath(path) for path in paths[1:]]
    try:
        return check_bundle(paths[0], *anchors)
    except Wrong as wrong:
        print('FAIL  ' + said(str(wrong)))
        return NOT_PROVED
    except (OSError, MemoryError) as error:
        known = is_to_blame(error, anchors[2])
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
