# SPDX-License-Identifier: Apache-2.0
"""What is in the folder, and nothing else."""
import hashlib
import os
import re
import stat
import subprocess

from common import (Wrong, canonical, canonical_json, good, need, open_regular, read, sha256,
                    unbase64)

NAME = re.compile(r'evidence(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,8}\Z')
NAME_BYTES_MAX, EVIDENCE_FILES_MAX, EVIDENCE_BYTES_MAX = 255, 8192, 256 << 20
RECORD, ROOT, LOG_KEY = 'certificate.json', 'root.pem', 'log.vkey'
ACCEPTANCES_MAX, ACCEPTANCE_BYTES_MAX, SIGNATURE_BYTES_MAX = 64, 64 << 10, 1 << 20
BYTES_MAX = {RECORD: 64 << 20, RECORD + '.p7s': SIGNATURE_BYTES_MAX,
             RECORD + '.tlog-proof': 256 << 10, RECORD + '.intent-proof': 256 << 10,
             RECORD + '.consistency-proof': 256 << 10,
             ROOT: 256 << 10, LOG_KEY: 256 << 10}
NEEDED = {RECORD, RECORD + '.p7s', RECORD + '.tlog-proof'}
# The strict form of RFC 7468, of lines that end in a line feed or in CR LF, and nothing else.
PEM_BLOCK = re.compile(rb'-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/]{64}\r?\n)*'
                       rb'(?:[A-Za-z0-9+/=]{1,64}\r?\n)?)'
                       rb'-----END CERTIFICATE-----(?:\r?\n|\r?\Z)(?:\r?\n|\r\Z)*')
ROOTS_MAX = 64
# "name+id+key", as vkeys of C2SP signed-note have it.
LOG_KEY_LINE = re.compile(rb'([!-*,-~]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})')


def check_files():
    """What is in the bundle that is the working folder: the names of its evidence files, and how
    many acceptances. Nothing of them is read yet."""
    found, acceptances = set(), 0
    for entry in os.scandir('.'):
        status = entry.stat(follow_symlinks=False)
        if entry.name == 'evidence' and stat.S_ISDIR(status.st_mode):
            continue
        if entry.name == 'acceptance' and stat.S_ISDIR(status.st_mode):
            acceptances = count_acceptances()
            continue
        need(entry.name in BYTES_MAX and stat.S_ISREG(status.st_mode),
             entry.name + ' does not belong here')
        need(status.st_size <= BYTES_MAX[entry.name], entry.name + ' is too large')
        found.add(entry.name)
    need(NEEDED <= found, 'missing: ' + ', '.join(sorted(NEEDED - found)))
    there = evidence_files() if os.path.isdir('evidence') else set()
    good(f'no file is missing or foreign, no folder is empty ({len(there)} evidence files)')
    return there, acceptances


def count_acceptances():
    """acceptance/1 to acceptance/N, each with its two files."""
    folders = os.listdir('acceptance')
    need(1 <= len(folders) <= ACCEPTANCES_MAX and
         set(folders) == {str(number + 1) for number in range(len(folders))},
         'the acceptances are not numbered from 1')
    bounds = {'acceptance.json': ACCEPTANCE_BYTES_MAX, 'acceptance.json.p7s': SIGNATURE_BYTES_MAX}
    for folder in folders:
        place = os.path.join('acceptance', folder)
        need(stat.S_ISDIR(os.lstat(place).st_mode) and set(os.listdir(place)) == set(bounds),
             place + ' must hold a record and its signature')
        for name, largest in bounds.items():
            status = os.lstat(os.path.join(place, name))
            need(stat.S_ISREG(status.st_mode) and status.st_size <= largest,
                 f'{place}/{name} is not a regular file, or too large')
    return len(folders)


def evidence_files():
    there = set()

    def fail(error):
        raise error
    for folder, folders, files in os.walk('evidence', onerror=fail):
        need(folders or files, folder + ' is an empty folder')
        for name in folders + files:
            relative = os.path.join(folder, name)
            status = os.lstat(relative)
            need(NAME.match(relative) and len(relative) <= NAME_BYTES_MAX,
                 relative + ' is not a valid name for an evidence file')
            need(stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode),
                 relative + ' is not a regular file')
            if stat.S_ISREG(status.st_mode):
                need(status.st_size <= EVIDENCE_BYTES_MAX, relative + ' is too large')
                there.add(relative)
        need(len(there) <= EVIDENCE_FILES_MAX, 'too many evidence files')
    return there


def roots_in(pem):
    """SHA-256 of the DER of each certificate; none when anything else stands there."""
    found, at = set(), 0
    for count in range(ROOTS_MAX + 1):
        if at == len(pem):
            return found
        block = PEM_BLOCK.match(pem, at)
        if not block or count == ROOTS_MAX:
            break
        try:
            der = unbase64(b''.join(block[1].split()).decode())
        except (ValueError, Wrong):
            break
        again = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-outform', 'DER'], input=der,
                               capture_output=True, check=False)
        if not der or again.returncode != 0 or again.stdout != der:
            break
        found.add(sha256(der).hex())
        at = block.end()
    return set()


def log_key_in(data):
    """Name, key id in hex and Ed25519 key of a file like log.vkey: one line to the byte, but for line
    feeds behind it."""
    parts = LOG_KEY_LINE.fullmatch(data.rstrip(b'\n'))
    need(parts, 'it has no line "name+id+key"')
    key = unbase64(parts[3].decode())
    need(len(key) == 33 and key[0] == 1 and
         sha256(parts[1] + b'\n' + key)[:4].hex() == parts[2].decode(),
         'the log key is malformed')
    return parts[1].decode(), parts[2].decode(), key[1:]


def check_anchors(root, key):
    """What the bundle itself says of its authority must be what is trusted."""
    trusted = roots_in(read(root, BYTES_MAX[ROOT]))
    for one in sorted(trusted):
        print(f'      trusted root: sha256 {one}')
    if os.path.exists(ROOT):
        brought = roots_in(read(ROOT, BYTES_MAX[ROOT]))
        need(brought and brought <= trusted,
             'its root.pem is not a trusted root: it was signed for another authority')
    if os.path.exists(LOG_KEY):
        need(read(LOG_KEY, BYTES_MAX[LOG_KEY]).rstrip(b'\n') ==
             read(key, BYTES_MAX[LOG_KEY]).rstrip(b'\n'), 'its log.vkey is not the trusted log key')
    good('the anchors in the bundle are the trusted ones')


def parse_record(data):
    """The record, of bytes that were found to be signed."""
    record = canonical_json(data, RECORD)
    good(RECORD + ' is canonical JSON')
    return record


def check_listed(record, there):
    listed = [subject['name'] for subject in record['subject'][1:]]
    need(len(set(listed)) == len(listed), 'an evidence file is listed twice')
    kind = 'target' if 'targetIdentity' in record['predicate'] else 'project'
    need(record['subject'][0]['name'] == kind + '-identity', 'subject 0 is not the ' + kind)
    need(there == set(listed), 'the evidence files and their list differ: ' +
         ', '.join(sorted(there ^ set(listed))))
    good(f'every evidence file is listed, and no other ({len(there)})')


def check_digests(record, there):
    """Everything that the record binds by digest."""
    check_listed(record, there)
    predicate = record['predicate']
    identity = predicate.get('projectIdentity') or predicate['targetIdentity']
    need(sha256(canonical(identity)).hex() == record['subject'][0]['digest']['sha256'],
         'the digest of the project or target is wrong')
    good("subject 0 is the digest of the project's or target's identity")
    for subject in record['subject'][1:]:
        need(file_digest(subject['name']) == subject['digest']['sha256'],
             subject['name'] + ' was changed after signing')
    good('every evidence file is the one that was signed')


def file_digest(path):
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
