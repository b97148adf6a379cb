# SPDX-License-Identifier: Apache-2.0
"""LUKS on disk, as far as the tests need it: read headers, change them, write them back valid.

Written from the format documents (LUKS1 1.2.3, LUKS2 1.1.x) and not from efface's parser, so the
two can disagree. Offsets are bytes.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC_PRIMARY = b"LUKS\xba\xbe"
MAGIC_SECONDARY = b"SKUL\xba\xbe"
BINARY_BYTES = 4096
LUKS1_BYTES = 1024
LUKS1_SLOT_OFFSET = 208
LUKS1_SLOT_BYTES = 48
LUKS1_SLOTS = 8
LUKS1_ACTIVE = 0x00AC71F3
LUKS1_INACTIVE = 0x0000DEAD
SECONDARY_OFFSETS = [0x4000 << shift for shift in range(9)]
HEADER_OFFSETS = [0] + SECONDARY_OFFSETS
CHECKSUM_OFFSET = 448


def _text(raw):
    return raw.split(b"\0", 1)[0].decode("ascii")


@dataclass
class Luks1Slot:
    active: int
    iterations: int
    salt: bytes
    offset: int
    stripes: int


@dataclass
class Luks1:
    """The parts of a LUKS1 header that lead from a passphrase to the volume key."""

    cipher: str
    hash_name: str
    payload_offset: int
    key_bytes: int
    digest: bytes
    digest_salt: bytes
    digest_iterations: int
    uuid: str
    slots: list

    version = 1

    @staticmethod
    def parse(raw):
        name, mode, hash_name = (_text(raw[o:o + 32]) for o in (8, 40, 72))
        payload, key_bytes = struct.unpack_from(">II", raw, 104)
        slots = []
        for index in range(LUKS1_SLOTS):
            at = LUKS1_SLOT_OFFSET + index * LUKS1_SLOT_BYTES
            active, iterations, salt, sector, stripes = struct.unpack_from(">II32sII", raw, at)
            slots.append(Luks1Slot(active, iterations, salt, sector * 512, stripes))
        return Luks1(f"{name}-{mode}", hash_name, payload * 512, key_bytes, raw[112:132],
                     raw[132:164], struct.unpack_from(">I", raw, 164)[0], _text(raw[168:208]),
                     slots)


@dataclass
class Luks2:
    """One LUKS2 header: the JSON that an attacker may have kept, and its geometry."""

    header_bytes: int
    uuid: str
    document: dict

    version = 2

    @staticmethod
    def parse(raw):
        header_bytes = struct.unpack_from(">Q", raw, 8)[0]
        area = raw[BINARY_BYTES:header_bytes].split(b"\0", 1)[0]
        return Luks2(header_bytes, _text(raw[168:208]), json.loads(area))

    @property
    def metadata_end(self):
        return 2 * self.header_bytes + int(self.document["config"]["keyslots_size"])


def read_at(path, offset, length):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def write_at(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def load(path, offset=0):
    """The header that starts at `offset`: Luks1 or Luks2; raises ValueError for anything else."""
    start = read_at(path, offset, LUKS1_BYTES)
    if start[:6] not in (MAGIC_PRIMARY, MAGIC_SECONDARY):
        raise ValueError(f"no LUKS magic at {offset} of {path}")
    version = struct.unpack_from(">H", start, 6)[0]
    if version == 1:
        return Luks1.parse(start)
    size = struct.unpack_from(">Q", start, 8)[0]
    return Luks2.parse(read_at(path, offset, size))


def checksum(raw):
    """The LUKS2 checksum of a whole header (binary part and JSON area)."""
    blank = raw[:CHECKSUM_OFFSET] + bytes(64) + raw[CHECKSUM_OFFSET + 64:]
    return hashlib.sha256(blank).digest().ljust(64, b"\0")


def seal(raw):
    return raw[:CHECKSUM_OFFSET] + checksum(raw) + raw[CHECKSUM_OFFSET + 64:]


def copies(path):
    """Offsets of both copies of an intact LUKS2 header."""
    return [0, load(path).header_bytes]


def rewrite(path, change=None, text=None, binary=None, offsets=None):
    """Changes both copies (or those at `offsets`) and seals them with valid checksums.

    change(document) edits the JSON in place; text(bytes) -> bytes edits the JSON's bytes;
    binary(bytearray) edits the 4096-byte binary header.
    """
    for offset in offsets if offsets is not None else copies(path):
        size = load(path, offset).header_bytes
        raw = bytearray(read_at(path, offset, size))
        if binary is not None:
            head = bytearray(raw[:BINARY_BYTES])
            binary(head)
            raw[:BINARY_BYTES] = head
        area = bytes(raw[BINARY_BYTES:]).split(b"\0", 1)[0]
        if change is not None:
            document = json.loads(area)
            change(document)
            area = json.dumps(document, separators=(",", ":")).encode()
        if text is not None:
            area = text(area)
        if len(area) > size - BINARY_BYTES:
            raise ValueError("the changed JSON does not fit")
        raw[BINARY_BYTES:] = area.ljust(size - BINARY_BYTES, b"\0")
        write_at(path, offset, seal(bytes(raw)))


def break_checksum(path, offset):
    """Flips one bit of the stored checksum of the copy at `offset`."""
    at = offset + CHECKSUM_OFFSET
    write_at(path, at, bytes([read_at(path, at, 1)[0] ^ 1]))


def set_uuid(path, uuid):
    """Gives an intact LUKS2 file another UUID: much quicker than cryptsetup for many files."""
    def edit(head):
        head[168:208] = uuid.encode().ljust(40, b"\0")
    rewrite(Path(path), binary=edit)
