#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the example log in this folder without efface: what our log must equal byte by byte.
# Needs python3-cryptography. The key is a test key: its seed is the bytes 0 to 31.
import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "example.org/log/station-1"
ENTRIES = [
    {"type": "log-created", "at": "2026-11-21T09:00:00Z"},
    {"type": "run-intent", "runId": "run-A", "device": "b0f9e2"},
    {"type": "run-outcome", "runId": "run-A", "intent": 1, "status": "failed"},
    {"type": "run-intent", "runId": "run-B", "device": "b0f9e2", "note": "zweiter Lauf, geprüft"},
    {"type": "run-outcome", "runId": "run-B", "intent": 3, "status": "sanitized"},
]


def sha256(data):
    return hashlib.sha256(data).digest()


def root_of(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def path_of(m, leaves):
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return path_of(m, leaves[:k]) + [root_of(leaves[k:])]
    return path_of(m - k, leaves[k:]) + [root_of(leaves[:k])]


def b64(data):
    return base64.b64encode(data).decode()


key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
typed = b"\1" + key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
key_id = sha256(ORIGIN.encode() + b"\n" + typed)[:4]

lines = []
previous = "0" * 64
for seq, entry in enumerate(ENTRIES):
    line = json.dumps(
        {**entry, "seq": seq, "prev": previous},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
    lines.append(line)
    previous = sha256(line).hex()
leaves = [sha256(b"\0" + line) for line in lines]
text = f"{ORIGIN}\n{len(leaves)}\n{b64(root_of(leaves))}\n"
note = f"{text}\n— {ORIGIN} {b64(key_id + key.sign(text.encode()))}\n"
proof = "c2sp.org/tlog-proof@v1\nextra " + b64(lines[2]) + "\nindex 2\n"
proof += "".join(b64(node) + "\n" for node in path_of(2, leaves)) + "\n" + note

here = pathlib.Path(__file__).parent
(here / "entries.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
(here / "checkpoint").write_text(note)
(here / "hashes").write_bytes(b"")  # a log of less than 257 entries has none stored
(here / "offsets").write_bytes(b"")
(here / "origin").write_text(ORIGIN + "\n")
(here / "log.vkey").write_text(f"{ORIGIN}+{key_id.hex()}+{b64(typed)}\n")
(here / "entry-2.tlog-proof").write_text(proof)
