# SPDX-License-Identifier: Apache-2.0
"""One copy of a good record, to be altered."""
import json
import subprocess

RECORD, SIGNATURE = 'certificate.json', 'certificate.json.p7s'
PROOF = 'certificate.json.tlog-proof'
INTENT_PROOF = 'certificate.json.intent-proof'
CONSISTENCY_PROOF = 'certificate.json.consistency-proof'


class Case:
    """One copy of the good record: keys/, log/, bundle/ of ours, and `other` of a stranger."""

    def __init__(self, folder, other):
        self.folder, self.other = folder, other
        self.bundle, self.log, self.keys = folder / 'bundle', folder / 'log', folder / 'keys'

    def record(self):
        return json.loads((self.bundle / RECORD).read_text())

    def write_record(self, record):
        (self.bundle / RECORD).write_text(json.dumps(
            record, sort_keys=True, separators=(',', ':'), ensure_ascii=False))

    def replace(self, name, old, new):
        data = (self.bundle / name).read_bytes()
        assert old in data, f'{old} is not in {name}'
        (self.bundle / name).write_bytes(data.replace(old, new))

    def sign(self, keys, *options, signer='station', md='sha256', cades=('-cades',)):
        subprocess.run(
            ['openssl', 'cms', '-sign', '-binary', '-in', self.bundle / RECORD, '-signer',
             keys / (signer + '.pem'), '-inkey', keys / (signer + '.key'), '-md', md, *cades,
             '-outform', 'DER', '-out', self.bundle / SIGNATURE, *options],
            check=True, capture_output=True)

    def log_lines(self):
        return (self.log / 'entries.jsonl').read_bytes().splitlines(keepends=True)

    def write_log(self, lines):
        (self.log / 'entries.jsonl').write_bytes(b''.join(lines))
