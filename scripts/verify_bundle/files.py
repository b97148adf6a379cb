# SPDX-License-Identifier: Apache-2.0
"""What is in the folder, and nothing else."""
import hashlib
import os
import re
import stat

from common import canonical, good, need, open_regular, read, sha256, strict_json

NAME = re.compile(r'evidence(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,9}\Z')
RECORD = 'certificate.json'
ALLOWED = {RECORD, 'certificate.json.p7s', 'certificate.json.tlog-proof',
           'certificate.json.intent-proof', 'certificate.json.consistency-proof', 'root.pem',
           'log.vkey'}
EVIDENCE_BYTES_MAX = 256 << 20
NEEDED = {RECORD, 'certificate.json.p7s', 'certificate.json.tlog-proof'}


def check_files():
    """The record in its canonical form, of the bundle that is the working folder."""
    found = set()
    for entry in os.scandir('.'):
        mode = entry.stat(follow_symlinks=False).st_mode
        if entry.name == 'evidence' and stat.S_ISDIR(mode):
            continue
        need(entry.name in ALLOWED and stat.S_ISREG(mode), entry.name + ' does not belong here')
        found.add(entry.name)
    need(NEEDED <= found, 'missing: ' + ', '.join(sorted(NEEDED - found)))
    data = read(RECORD)
    record = strict_json(data, RECORD)
    need(canonical(record) == data, RECORD + ' is not canonical')
    check_evidence_names(record)
    good(RECORD + ' is canonical JSON')
    return data, record


def check_evidence_names(record):
    listed = [subject['name'] for subject in record['subject'][1:]]
    need(len(set(listed)) == len(listed), 'an evidence file is listed twice')
    kind = 'target' if 'targetIdentity' in record['predicate'] else 'project'
    need(record['subject'][0]['name'] == kind + '-identity', 'subject 0 is not the ' + kind)
    there = set()
    for folder, folders, files in os.walk('evidence'):
        for name in folders + files:
            relative = os.path.join(folder, name)
            mode = os.lstat(relative).st_mode
            need(NAME.match(relative), relative + ' is no name for an evidence file')
            need(stat.S_ISREG(mode) or stat.S_ISDIR(mode), relative + ' is no file')
            if stat.S_ISREG(mode):
                need(os.lstat(relative).st_size <= EVIDENCE_BYTES_MAX, relative + ' is too large')
                there.add(relative)
    need(there == set(listed), 'evidence and its list differ: ' +
         ', '.join(sorted(there ^ set(listed))))
    good(f'nothing is missing, and nothing is there that is not listed ({len(there)} evidence files)')


def check_digests(record):
    """Everything that the record binds by digest."""
    predicate = record['predicate']
    identity = predicate.get('projectIdentity') or predicate['targetIdentity']
    need(sha256(canonical(identity)).hex() == record['subject'][0]['digest']['sha256'],
         'the digest of the project or target')
    good("subject 0 is the digest of the project's or target's identity")
    for subject in record['subject'][1:]:
        need(file_digest(subject['name']) == subject['digest']['sha256'],
             subject['name'] + ' is not the one that was signed')
    good('every evidence file is the one that was signed')


def file_digest(path):
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
