# SPDX-License-Identifier: Apache-2.0
"""Alterations of the record, its signature and its evidence files."""
import json
import os
import shutil
import subprocess

from tamper.case import PROOF, RECORD, SIGNATURE


def uuid_digit(case):
    case.replace(RECORD, b'2f4c2e52-6a8f', b'2f4c2e52-6a8e')


def serial_number(case):
    case.replace(RECORD, b'"serialNumber":""', b'"serialNumber":"S1"')


def status_changed(case):
    case.replace(RECORD, b'"status":"sanitized"', b'"status":"not-sanitized"')


def foreign_root(case):
    case.sign(case.other / 'keys')


def foreign_root_brought_along(case):
    case.sign(case.other / 'keys')
    shutil.copy(case.other / 'keys/root.pem', case.bundle / 'root.pem')
    shutil.copy(case.other / 'keys/log.vkey', case.bundle / 'log.vkey')


def der(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    count = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | count]) + size.to_bytes(count, 'big') + content


def elements(data):
    """(tag, whole, content) of every element in a row."""
    at = 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size > 0x80:
            count = size & 0x7f
            size = int.from_bytes(data[start:start + count], 'big')
            start += count
        yield data[at], data[at:start + size], data[start:start + size]
        at = start + size


def swap_certificates(signature, certificates):
    """The same CMS with other certificates in it."""
    ((_, _, outer),) = elements(signature)
    (_, kind, _), (_, _, explicit) = elements(outer)
    ((_, _, signed),) = elements(explicit)
    parts = [der(0xa0, certificates) if tag == 0xa0 else whole
             for tag, whole, _ in elements(signed)]
    return der(0x30, kind + der(0xa0, der(0x30, b''.join(parts))))


def certificate_der(path):
    return subprocess.run(['openssl', 'x509', '-in', path, '-outform', 'DER'], check=True,
                          capture_output=True).stdout


def signers_certificate_swapped(case):
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(),
                                       certificate_der(case.other / 'keys/station.pem')))


def certificate_reissued(case):
    """The same key, issuer and serial number, but the role of an approver: only
    signing-certificate-v2 tells the two apart."""
    keys, work = case.keys, case.folder
    serial = subprocess.run(['openssl', 'x509', '-in', keys / 'station.pem', '-noout', '-serial'],
                            check=True, capture_output=True, text=True).stdout.split('=')[1].strip()
    (work / 'x.cnf').write_text(
        'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n'
        'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n'
        'certificatePolicies=2.25.65021332812177502488472365777237670439.4\n')
    subprocess.run(['openssl', 'req', '-new', '-key', keys / 'station.key', '-subj',
                    '/O=Example Cloud GmbH/CN=station-0042', '-out', work / 'x.csr'], check=True,
                   capture_output=True)
    # Its validity starts today, so it is not good at the signing time either; both are refused.
    subprocess.run(['openssl', 'x509', '-req', '-in', work / 'x.csr', '-CA', keys / 'root.pem',
                    '-CAkey', keys / 'root.key', '-set_serial', '0x' + serial, '-extfile',
                    work / 'x.cnf', '-out', work / 'x.pem', '-days', '30'], check=True,
                   capture_output=True)
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(), certificate_der(work / 'x.pem')))


def no_certificates(case):
    path = case.bundle / SIGNATURE
    path.write_bytes(swap_certificates(path.read_bytes(), b''))


def no_signed_attributes(case):
    case.sign(case.keys, '-noattr', cades=())


def no_signing_certificate(case):
    case.sign(case.keys, cades=())


def sha1_signature(case):
    case.sign(case.keys, md='sha1')


def content_inside(case):
    case.sign(case.keys, '-nodetach')


def signed_again_by_the_station(case):
    case.sign(case.keys)


def signed_by_the_root(case):
    case.sign(case.keys, signer='root')


def signature_truncated(case):
    data = (case.bundle / SIGNATURE).read_bytes()
    (case.bundle / SIGNATURE).write_bytes(data[:-1])


def signature_with_a_byte_behind(case):
    with open(case.bundle / SIGNATURE, 'ab') as file:
        file.write(b'\0')


def signature_empty(case):
    (case.bundle / SIGNATURE).write_bytes(b'')


def signature_bit(case):
    data = bytearray((case.bundle / SIGNATURE).read_bytes())
    data[-5] ^= 1
    (case.bundle / SIGNATURE).write_bytes(data)


def unsigned_digest_algorithm(case):
    """Names SHA-224 in the list of digests, which no signature covers."""
    data = (case.bundle / SIGNATURE).read_bytes()
    sha256 = bytes.fromhex('0609608648016503040201')
    assert sha256 in data
    (case.bundle / SIGNATURE).write_bytes(data.replace(sha256, sha256[:-1] + b'\4', 1))


def line_feed_behind(case):
    with open(case.bundle / RECORD, 'ab') as file:
        file.write(b'\n')


def pretty_printed(case):
    (case.bundle / RECORD).write_text(json.dumps(case.record(), indent=2, sort_keys=True))


def pretty_printed_by_the_station(case):
    pretty_printed(case)
    case.sign(case.keys)


def no_json_by_the_station(case):
    (case.bundle / RECORD).write_text('{"_type":1e3}')
    case.sign(case.keys)


def repeated_key(case):
    case.replace(RECORD, b'"level":"purge"', b'"level":"purge","level":"purge"')


def signers_emptied_by_a_rogue(case):
    record = case.record()
    record['predicate']['signaturePolicy']['required'] = []
    case.write_record(record)
    foreign_root_brought_along(case)


def evidence_edited(case):
    case.replace('evidence/events.jsonl', b'started', b'stopped')


def evidence_removed(case):
    (case.bundle / 'evidence/events.jsonl').unlink()


def evidence_added(case):
    (case.bundle / 'evidence/more.json').write_text('{}')


def evidence_linked(case):
    path = case.bundle / 'evidence/events.jsonl'
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def evidence_folder_linked(case):
    path = case.bundle / 'evidence'
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def evidence_pipe(case):
    path = case.bundle / 'evidence/events.jsonl'
    path.unlink()
    os.mkfifo(path)


def evidence_hidden_file(case):
    (case.bundle / 'evidence/.note').write_text('')


def file_beside(case):
    (case.bundle / 'README').write_text('believe me')


def empty_folder_beside(case):
    (case.bundle / 'signatures').mkdir()


def empty_folder_in_evidence(case):
    (case.bundle / 'evidence/more').mkdir()


def empty_folders_in_evidence(case):
    (case.bundle / 'evidence/more/and/more').mkdir(parents=True)


def folders_deeper_than_allowed(case):
    folder = case.bundle / 'evidence/1/2/3/4/5/6/7/8'
    folder.mkdir(parents=True)
    (folder / '9').write_text('')


def later_signature(case):
    (case.bundle / 'signatures').mkdir()
    shutil.copy(case.bundle / SIGNATURE, case.bundle / 'signatures/witness-1.p7s')


def time_stamp(case):
    (case.bundle / (SIGNATURE + '.tsr')).write_bytes(b'0\0')


def printed_certificate(case):
    (case.bundle / 'certificate.pdf').write_text('%PDF-1.7')


def name_with_a_space_behind(case):
    (case.bundle / (RECORD + ' ')).write_text('{}')


def name_with_a_line_feed(case):
    (case.bundle / 'evidence/a\nok    b').write_text('')


def name_that_looks_alike(case):
    (case.bundle / 'evidence/\u0435vents.jsonl').write_text('')


def name_of_no_characters(case):
    with open(bytes(case.bundle) + b'/evidence/\xff\xfe', 'wb'):
        pass


def hidden_folder(case):
    (case.bundle / 'evidence/.more').mkdir()
    (case.bundle / 'evidence/.more/a').write_text('')


def signature_too_large(case):
    with open(case.bundle / SIGNATURE, 'ab') as file:
        file.truncate((1 << 20) + 1)


def record_too_large(case):
    with open(case.bundle / RECORD, 'ab') as file:
        file.truncate((64 << 20) + 1)


def other_root_brought_along(case):
    shutil.copy(case.other / 'keys/root.pem', case.bundle / 'root.pem')


def further_root_brought_along(case):
    with open(case.bundle / 'root.pem', 'ab') as file:
        file.write((case.other / 'keys/root.pem').read_bytes())


def other_log_key_brought_along(case):
    shutil.copy(case.other / 'keys/log.vkey', case.bundle / 'log.vkey')


def no_root_in_its_file(case):
    (case.bundle / 'root.pem').write_text('believe me')


def root_linked(case):
    path = case.bundle / 'root.pem'
    path.unlink()
    path.symlink_to(case.keys / 'root.pem')


def record_linked(case):
    path = case.bundle / RECORD
    path.rename(case.folder / 'elsewhere')
    path.symlink_to(case.folder / 'elsewhere')


def approval_of_another_manifest(case):
    (case.bundle / 'evidence/manifest.json').write_text('{"schema":"efface.project/2"}\n')


def proof_missing(case):
    (case.bundle / PROOF).unlink()


def media_type_missing(case):
    """Signed again by the station, as is the next."""
    record = case.record()
    del record['subject'][-1]['mediaType']
    case.write_record(record)
    case.sign(case.keys)


def media_type_null(case):
    record = case.record()
    record['subject'][-1]['mediaType'] = None
    case.write_record(record)
    case.sign(case.keys)


# What the log would refuse later anyway, and why each judge must before it.
EARLIER = [(media_type_missing, {'library': 'FAIL content:', 'script': 'no media type'}),
           (media_type_null, {'library': 'FAIL content:', 'script': 'no media type'})]

ALTERATIONS = [  # the alteration, and the check of the library that refuses it
    (uuid_digit, 'signature'), (serial_number, 'signature'), (status_changed, 'signature'),
    (foreign_root, 'signature'), (foreign_root_brought_along, 'anchors'),
    (signers_certificate_swapped, 'signature'), (certificate_reissued, 'signature'),
    (no_certificates, 'signature'), (no_signed_attributes, 'signature'),
    (no_signing_certificate, 'signature'), (sha1_signature, 'signature'),
    (content_inside, 'signature'), (signed_again_by_the_station, None),
    (signed_by_the_root, 'signature'), (signature_truncated, 'signature'),
    (signature_with_a_byte_behind, 'signature'), (signature_empty, 'signature'),
    (signature_bit, 'signature'), (unsigned_digest_algorithm, 'signature'),
    (line_feed_behind, 'signature'), (pretty_printed, 'signature'),
    (pretty_printed_by_the_station, 'canonical form'), (no_json_by_the_station, 'canonical form'),
    (repeated_key, 'signature'), (signers_emptied_by_a_rogue, 'anchors'),
    (empty_folder_beside, 'files'), (empty_folder_in_evidence, 'files'),
    (empty_folders_in_evidence, 'files'), (folders_deeper_than_allowed, 'files'),
    (later_signature, 'files'), (time_stamp, 'files'), (printed_certificate, 'files'),
    (name_with_a_space_behind, 'files'), (name_with_a_line_feed, 'files'),
    (name_that_looks_alike, 'files'), (name_of_no_characters, 'files'), (hidden_folder, 'files'),
    (signature_too_large, 'files'), (record_too_large, 'files'),
    (other_root_brought_along, 'anchors'), (further_root_brought_along, 'anchors'),
    (other_log_key_brought_along, 'anchors'), (no_root_in_its_file, 'anchors'),
    (root_linked, 'files'),
    (evidence_edited, 'digests'), (evidence_removed, 'digests'), (evidence_added, 'digests'),
    (evidence_linked, 'files'), (evidence_folder_linked, 'files'), (evidence_pipe, 'files'),
    (evidence_hidden_file, 'files'), (file_beside, 'files'), (record_linked, 'files'),
    (approval_of_another_manifest, 'digests'), (proof_missing, 'files')]
