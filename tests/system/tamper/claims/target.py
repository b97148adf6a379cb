# SPDX-License-Identifier: Apache-2.0
"""Claims about a medium or a file that the figures do not bear out.

Each is signed and logged by those who hold the keys: only the rules stand against it.
"""
import copy

from tamper.edits import after, drop, first, level, named, not_done, one_fault, put, seen, work
from tamper.claims.memory import WRITTEN, swept

# What inventory/hardware.hpp has of such a disk.
VIRTUAL = 'a virtual disk of a RAID controller (Dell PERC): what it leaves on the drives is unknown'
SIZE = 4000787030016  # of tests/data/evidence/predicate-media.json


def bad_block(p):
    """An honest record of a bad block: sanitized with exceptions."""
    p['result'].update(status='sanitized-with-exceptions',
                       exceptions=named('a bad block at 8192', 'write-failed'))
    first(p).update(bytesWritten=SIZE - 4096, writeFaults=one_fault())
    seen(p).update(bytesPlanned=SIZE - 4096, bytesCompared=SIZE - 4096)


def sample(p):
    """An honest record of a sampled verification."""
    seen(p).update(method='representative', seed='5' * 64, bytesPlanned=SIZE // 10 + 1,
                   bytesCompared=SIZE // 10 + 1)


def drawn(p):
    """An honest record that says how its sample was drawn."""
    sample(p)
    seen(p).update(sampleBlockBytes=4096, bytesPlanned=400080904192, bytesCompared=400080904192)


def second_pass_before_the_first(p):
    work(p)['passes'].append(dict(copy.deepcopy(first(p)), number=2, resumedAt=[]))


HONEST = {name: ('media', change) for name, change in {
    'bad-block': bad_block, 'sample': sample, 'drawn': drawn, 'not-verified': lambda p: (
        not_done(p), level(p, 'none'), put('result.status', 'indeterminate')(p))}.items()}

MEDIA = {
    'short-pass': put('sanitization.passes.0.bytesWritten', SIZE - 512),
    'long-pass': put('sanitization.passes.0.bytesWritten', SIZE + 512),
    'no-pass': put('sanitization.passes', []),
    'flush-failed': put('sanitization.passes.0.flush', 'Input/output error (5)'),
    'pass-not-completed': drop('sanitization.passes.0.completedAt'),
    'pass-misnumbered': put('sanitization.passes.0.number', 2),
    'pass-before-run': put('sanitization.passes.0.startedAt', '2026-11-21T01:10:01Z'),
    'pass-after-run': put('sanitization.passes.0.completedAt', '2026-11-21T09:41:00Z'),
    'passes-at-once': second_pass_before_the_first,
    'unknown-pattern': put('sanitization.passes.0.pattern', 'zeros'),
    'write-faults-hidden': lambda p: first(p).update(bytesWritten=SIZE - 4096,
                                                     writeFaults=one_fault()),
    'write-faults-unlisted': after(bad_block, put('sanitization.passes.0.writeFaults.areas', [])),
    'write-faults-elsewhere': after(bad_block, put(
        'sanitization.passes.0.writeFaults.areas.0.offset', SIZE)),
    'write-faults-read-back': after(bad_block, put('verification.bytesPlanned', SIZE)),
    'no-exceptions': after(bad_block, put('result.exceptions', [])),
    'exceptions-of-nothing': put('result.exceptions', named('something')),
    'unwritten-readable': after(bad_block, put('verification.unwrittenAreas', {
        'bytesReadable': 4096, 'blocksDifferent': 8, 'bytesUnreadable': 0})),
    'interruption-hidden': put('sanitization.interruptions', 0),
    'resumed-beyond': put('sanitization.passes.0.resumedAt', [SIZE + 1]),
    'not-read-back': not_done,
    'method-none': put('verification.method', 'none'),
    'method-unknown': put('verification.method', 'trust me'),
    'read-back-failed': put('verification.result', 'fail'),
    'mismatches': put('verification.mismatches', 3),
    'mismatches-listed': put('verification.differences', [
        {'offset': 0, 'foundSha256': 'a' * 64, 'zero': False}]),
    'compared-less': put('verification.bytesCompared', SIZE - 512),
    'planned-less': lambda p: seen(p).update(bytesPlanned=SIZE - 512, bytesCompared=SIZE - 512),
    'read-faults-hidden': lambda p: seen(p).update(bytesCompared=SIZE - 4096,
                                                   readFaults=one_fault()),
    'sample-too-small': after(sample, lambda p: seen(p).update(bytesPlanned=SIZE // 10 - 512,
                                                               bytesCompared=SIZE // 10 - 512)),
    'sample-without-seed': after(sample, put('verification.seed', None)),
    'sample-of-another-seed': after(drawn, lambda p: seen(p).update(
        bytesPlanned=SIZE // 10 + 1, bytesCompared=SIZE // 10 + 1)),
    'purge': lambda p: level(p, 'purge'),
    'level-raised': put('result.level', 'purge'),
    'level-of-failure': put('result.status', 'not-sanitized'),
    'level-over-snapshots': put('target.layersBelow.0.copyOnWrite', True),
    'level-over-thin': put('target.layersBelow.0.thin', True),
    'level-over-a-virtual-disk': put('target.layersBelow.0.note', VIRTUAL),
    'level-over-a-virtual-disk-far-away': put(
        'target.layersBelow.0.note', 'the medium is far away; ' + VIRTUAL),
    'other-serial': put('target.identity.serialNumber', 'ZC10A7WF'),
    'other-serial-after': put('target.identityAfter.serialNumber', 'ZC10A7WF'),
    'other-wwid-after': put('target.identityAfter.wwid', ''),
    'shrunk': put('target.identityAfter.sizeBytes', SIZE - 512),
    'other-size': put('target.sizeBytes', SIZE - 512),
    'not-seen-after': put('target.identityAfter', None),
    'other-kind': put('target.kind', 'floppy'),
    'other-type': put('certificateType', 'memory'),
    'volumes-too': put('volumes', []),
    'no-manifest': put('authorization.manifestDigest', None),
    'typed-project': put('authorization.confirmation', 'typed-project-id'),
    'approvals-unsigned': lambda p: p['authorization'].update(confirmation='typed-token',
                                                              targetToken='ZC10A7WE'),
    'approved-after-it-began': put('authorization.approvals.1.signedAt', '2026-11-21T01:10:03Z'),
    'one-person-approves-twice': put('authorization.approvals.1.subject', 'alice'),
    'the-operator-approves': lambda p: (put('authorization.operator', 'alice')(p),
                                        put('personnel.0.id', 'alice')(p)),
    'one-approves': lambda p: p['authorization']['approvals'].pop(),
    'nobody-approves': put('authorization.approvals', []),
    'before-its-date': put('authorization.notBefore', '2026-11-21T01:10:03Z'),
    'attestation': put('authorization.attestation', {'encryptedSinceFirstUse': True}),
    'ends-before-it-starts': put('sanitization.startedAt', '2026-11-21T09:41:01Z'),
    'level-through-a-network': put('target.layersBelow.0.remote', True),
    'level-of-zram': lambda p: (put('target.kind', 'zram')(p),
                                put('targetIdentity.kind', 'zram')(p)),
    'step-failed': put('sanitization.steps', [{'step': 'wipe', 'at': '2026-11-21T01:10:02Z',
                                               'result': 'failed', 'detail': ''}]),
}

FILE = {
    'file-level': lambda p: level(p, 'clear'),
    'file-whole': put('result.status', 'sanitized'),
    'file-no-exceptions': put('result.exceptions', []),
    'file-other-place': put('target.identity.place', '/srv/export/other.db'),
    'file-no-token': drop('authorization.targetToken'),
}

# What is not of memory is held to the same shapes, and is not swept.
ELSEWHERE = {
    'sweep-of-no-memory': lambda p: swept(p, WRITTEN, WRITTEN),
    'no-sweep': put('sanitization.sweep', {}),
    'facts-of-no-object': put('target.facts', []),
    'machine-of-no-object': put('target.facts', {'machine': []}),
    'states-invented': put('target.facts', {'machine': {'states': {'tpm': 'present'}}}),
    'clearing-unsaid': put('target.facts', {'machine': {'initOnFree': {}}}),
}

INSIDERS = [('media', name, change) for name, change in MEDIA.items()]
INSIDERS += [(kind, f'{name}-{kind}', change) for name, change in ELSEWHERE.items()
             for kind in ('media', 'file', 'drive', 'memory')]
INSIDERS += [('file', name, change) for name, change in FILE.items()]
# The same bundles altered by those who hold no keys: bytes of the record, old and new.
BYTES = {
    'media': [(b'ZC10A7WE', b'ZC10A7WF'), (b'"mismatches":0', b'"mismatches":1'),
              (b'overwrite-random', b'overwrite-zeros!'), (b'"level":"clear"', b'"level":"purge"'),
              (b'"interruptions":1', b'"interruptions":9'), (b'DC1-FRA', b'DC2-FRA'),
              (b'"examined":false', b'"examined":true'), (b'sectors that', b'nothing that')],
    'file': [(b'customers.db', b'customers.da'), (b'"offset":409600', b'"offset":409700')],
}
