# SPDX-License-Identifier: Apache-2.0
"""What stays behind when only active slots are destroyed: unbound and inactive slots, tokens,
the LUKS1 gap."""

import json
import os
import struct

import ondisk
from generators.formats import XTS
from generators.image import command, generator

SMALL = ("--luks2-keyslots-size", "2m")
CLEVIS_SECRET = "eyJhbGciOiJFQ0RILUVTIn0.clevis-test-secret.AAAA"


@generator("luks2-unbound-slot")
def unbound_slot(image):
    image.format(*XTS, *SMALL)
    image.add_key(b"of the unbound key", "--unbound", "--key-size", "512", "--key-slot", "5")


@generator("luks2-unbound-only")
def unbound_only(image):
    """The slot of the volume key was killed: what is left opens something else."""
    unbound_slot(image)
    command("cryptsetup", "luksKillSlot", "--batch-mode", image.target, "0")
    image.save_header()
    image.passphrases = image.passphrases[1:]
    image.passphrase_file.write_bytes(image.passphrases[0])


@generator("luks1-inactive-residue")
def luks1_residue(image):
    """Slot 1 is marked disabled as an old tool may do it: its area still holds the key."""
    image.format(*XTS, luks="luks1")
    image.add_key(b"of the disabled slot")
    at = ondisk.LUKS1_SLOT_OFFSET + ondisk.LUKS1_SLOT_BYTES
    ondisk.write_at(image.target, at, struct.pack(">I", ondisk.LUKS1_INACTIVE))


@generator("luks2-inactive-residue")
def luks2_residue(image):
    """Slot 1 is gone from the JSON only: its area still holds the key."""
    image.format(*XTS, *SMALL)
    image.add_key(b"of the removed slot")

    def drop(document):
        del document["keyslots"]["1"]
        for digest in document["digests"].values():
            digest["keyslots"] = [slot for slot in digest["keyslots"] if slot != "1"]
    ondisk.rewrite(image.target, drop)


@generator("luks2-token-systemd-tpm2")
def token_tpm2(image):
    image.format(*XTS, *SMALL)
    image.import_token(json.dumps({
        "type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": "QUJDREVGR0g=",
        "tpm2-pcrs": [7], "tpm2-pcr-bank": "sha256", "tpm2-primary-alg": "ecc",
        "tpm2-policy-hash": "00" * 32, "tpm2-pin": False}))


@generator("luks2-token-clevis")
def token_clevis(image):
    image.format(*XTS, *SMALL)
    image.import_token(json.dumps({
        "type": "clevis", "keyslots": ["0"],
        "jwe": {"ciphertext": CLEVIS_SECRET, "encrypted_key": "", "iv": "AAAA",
                "protected": "eyJhbGciOiJFQ0RILUVTIn0", "tag": "AAAA"}}))


@generator("luks2-token-unknown")
def token_unknown(image):
    image.format(*XTS, *SMALL)
    image.import_token(json.dumps({
        "type": "vendor-vault", "keyslots": ["0"], "url": "https://vault.example/v1/kv/7781",
        "nested": {"secret": "wrapped-" + "A" * 64}}))


def crc32c(data):
    """CRC-32C (Castagnoli), bit by bit: luksmeta's checksum."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def luksmeta_header(data_offset, secret):
    """luksmeta's header block with one slot in use; the secret lies `data_offset` further on."""
    used = struct.pack(">16sIIII", os.urandom(16), data_offset, len(secret), crc32c(secret), 0)
    slots = used + bytes(32 * (ondisk.LUKS1_SLOTS - 1))
    blank = struct.pack(">8sII", b"LUKSMETA", 1, 0) + slots
    return struct.pack(">8sII", b"LUKSMETA", 1, crc32c(blank)) + slots


@generator("luks1-luksmeta-gap")
def luksmeta_gap(image):
    image.format(*XTS, luks="luks1")
    slot = image.saved.slots[-1]
    end = slot.offset + image.saved.key_bytes * slot.stripes
    gap = -(-end // 4096) * 4096
    secret = CLEVIS_SECRET.encode()
    assert gap + 8192 <= image.metadata_bytes
    ondisk.write_at(image.target, gap, luksmeta_header(4096, secret).ljust(4096, b"\0"))
    ondisk.write_at(image.target, gap + 4096, secret.ljust(4096, b"\0"))
