# SPDX-License-Identifier: Apache-2.0
"""What is in the folder, and nothing else."""
import os
import re
import stat

from common import canonical, good, need, read, strict_json

NAME = re.compile(r'evidence(/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,9}\Z')
ALLOWED = {'certificate.json', 'certificate.json.p7s', 'certificate.json.tlog-proof', 'root.pem',
           'log.vkey'}
NEEDED = {'certificate.json', 'certificate.json.p7s', 'certificate.json.tlog-proof'}


def check_files(bundle):
    found = set()
    for entry in os.scandir(bundle):
        mode = entry.stat(follow_symlinks=False).st_mode
        if entry.name == 'evidence' and stat.S_ISDIR(mode):
            continue
        need(entry.name in ALLOWED and stat.S_ISREG(mode), entry.name + ' does not belong here')
        found.add(entry.name)
    need(NEEDED <= found, 'missing: ' + ', '.join(sorted(NEEDED - found)))
    data = read(os.path.join(bundle, 'certificate.json'))
    record = strict_json(data, 'certificate.json')
    need(canonical(record) == data, 'certificate.json is not canonical')
    listed = [subject['name'] for subject in record['subject'][1:]]
    need(len(set(listed)) == len(listed), 'an evidence file is listed twice')
    kind = 'target' if 'targetIdentity' in record['predicate'] else 'project'
    need(record['subject'][0]['name'] == kind + '-identity', 'subject 0 is not the ' + kind)
    there = set()
    for folder, folders, files in os.walk(os.path.join(bundle, 'evidence')):
        for name in folders + files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, bundle)
            mode = os.lstat(path).st_mode
            need(NAME.match(relative), relative + ' is no name for an evidence file')
            need(stat.S_ISREG(mode) or stat.S_ISDIR(mode), relative + ' is no file')
            if stat.S_ISREG(mode):
                there.add(relative)
    need(there == set(listed), 'evidence and its list differ: ' +
         ', '.join(sorted(there ^ set(listed))))
    good(f'nothing is missing, and nothing is there that is not listed ({len(there)} evidence files)')
