# SPDX-License-Identifier: Apache-2.0
"""Damaged headers. The slots' areas are whole in every one, so the attacker who kept the header
loses nothing by the damage."""

import struct

import ondisk
from generators.formats import XTS
from generators.image import generator

LVM_CRC_START = 0xF597A6CF
SECTOR = 512


def _format(image):
    image.format(*XTS, "--luks2-keyslots-size", "1m")


@generator("luks2-secondary-only")
def secondary_only(image):
    _format(image)
    ondisk.write_at(image.target, 0, bytes(image.saved.header_bytes))


@generator("luks2-secondary-only-4m")
def secondary_only_large(image):
    image.format(*XTS, "--luks2-metadata-size", "4m", "--luks2-keyslots-size", "512k")
    ondisk.write_at(image.target, 0, bytes(ondisk.BINARY_BYTES))


@generator("luks2-primary-checksum")
def primary_checksum(image):
    _format(image)
    ondisk.break_checksum(image.target, 0)


@generator("luks2-both-checksums")
def both_checksums(image):
    _format(image)
    for offset in ondisk.copies(image.target):
        ondisk.break_checksum(image.target, offset)


@generator("luks2-json-broken")
def json_broken(image):
    """Both copies carry valid checksums over JSON that does not parse."""
    _format(image)
    ondisk.rewrite(image.target, text=lambda area: area[:len(area) // 2])


@generator("luks2-both-magics-gone")
def magics_gone(image):
    """What `wipefs -a` leaves: six bytes of each copy cleared, everything else in place."""
    _format(image)
    for offset in ondisk.copies(image.target):
        ondisk.write_at(image.target, offset, bytes(6))


def lvm_crc(data):
    value = LVM_CRC_START
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value


@generator("luks2-lvm-over-primary")
def lvm_over_primary(image):
    """pvcreate clears the first four sectors and puts its label into the second."""
    _format(image)
    body = struct.pack("<I8s", 32, b"LVM2 001") + b"A" * 32
    body = body.ljust(SECTOR - 20, b"\0")
    label = struct.pack("<8sQI", b"LABELONE", 1, lvm_crc(body)) + body
    ondisk.write_at(image.target, 0, bytes(SECTOR) + label + bytes(2 * SECTOR))
    image.members.append("-".join("A" * count for count in (6, 4, 4, 4, 4, 4, 6)))


@generator("luks1-payload-offset-lies")
def payload_offset_lies(image):
    """The header claims a payload that begins inside the key material."""
    image.format(*XTS, luks="luks1")
    image.add_key(b"of the slot behind")
    ondisk.write_at(image.target, 104, struct.pack(">I", 8))
