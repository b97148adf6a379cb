#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the seeds of corpus/luks_header: luks_header_seeds.py FOLDER. Each is the start of a target,
# or the JSON text of a LUKS2 header.
import hashlib
import json
import pathlib
import struct
import sys

UUID = b"9e1d2a51-7b0c-4d37-8c11-0f6a3e5b7c42"


def document():
    return {
        "keyslots": {"0": {
            "type": "luks2", "key_size": 64,
            "af": {"type": "luks1", "stripes": 4000, "hash": "sha256"},
            "area": {"type": "raw", "offset": "32768", "size": "258048",
                     "encryption": "aes-xts-plain64", "key_size": 64},
            "kdf": {"type": "pbkdf2", "hash": "sha256", "iterations": 1000,
                    "salt": "KzbpFdm13ZBBpF4fGedVHUyfKfYK/2rhaNQIF/5PPTE="}}},
        "tokens": {"0": {"type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": "AAAA"}},
        "segments": {"0": {"type": "crypt", "offset": "1048576", "size": "dynamic",
                           "iv_tweak": "0", "encryption": "aes-xts-plain64", "sector_size": 512}},
        "digests": {"0": {"type": "pbkdf2", "keyslots": ["0"], "segments": ["0"],
                          "hash": "sha256", "iterations": 1000, "salt": "AAAA",
                          "digest": "AAAA"}},
        "config": {"json_size": "12288", "keyslots_size": "1015808"}}


def header(doc, size=16384, second=False, seqid=3):
    text = doc if isinstance(doc, bytes) else json.dumps(doc, separators=(",", ":")).encode()
    magic = b"SKUL\xba\xbe" if second else b"LUKS\xba\xbe"
    binary = struct.pack(">6sHQQ48s32s64s40s48sQ184x64x3584x", magic, 2, size, seqid, b"label",
                         b"sha256", b"\x11" * 64, UUID, b"", size if second else 0)
    area = bytearray((binary + text).ljust(size, b"\0"))
    area[448:480] = hashlib.sha256(area).digest()
    return bytes(area)


def both(doc, size=16384):
    return header(doc, size) + header(doc, size, second=True)


def luks1():
    """Eight slots of 512 bytes from 4096, the payload at 16384, luksmeta in the gap."""
    image = bytearray(16384)
    struct.pack_into(">6sH32s32s32sII20s32sI40s", image, 0, b"LUKS\xba\xbe", 1, b"aes",
                     b"xts-plain64", b"sha256", 32, 16, b"\1" * 20, b"\2" * 32, 1000, UUID)
    for slot in range(8):
        struct.pack_into(">II32sII", image, 208 + 48 * slot, 0x00AC71F3 if slot < 2 else 0xDEAD,
                         1000, b"", 8 + slot, 32)
    image[8192:8200] = b"LUKSMETA"
    return bytes(image)


def seeds():
    yield "luks1-luksmeta", luks1()
    yield "luks1-reencrypted", b"LUKS\xde\xad" + luks1()[6:]
    yield "luks2", both(document())
    yield "luks2-second-only", bytes(16384) + header(document(), second=True)
    yield "luks2-wiped", bytes(6) + both(document())[6:16384] + bytes(6)
    yield "luks2-newer-second", header(document()) + header(document(), second=True, seqid=4)
    yield "luks2-stale", both(document()) + header(document(), 32768, second=True)[:8192]
    yield "luks2-32k", both(document(), 32768)[:65536]
    hostile = document()
    hostile["keyslots"]["0"]["area"]["offset"] = "18446744073709551615"
    hostile["segments"]["0"]["offset"] = "18446744073709551615"
    hostile["config"]["keyslots_size"] = "134217728"
    yield "luks2-hostile-numbers", both(hostile)
    moving = document()
    moving["keyslots"]["2"] = {"type": "reencrypt", "key_size": 1, "mode": "encrypt",
                               "direction": "forward",
                               "area": {"offset": "290816", "size": "757760", "type": "journal"}}
    moving["segments"]["1"] = {"type": "linear", "offset": "0", "size": "512",
                               "flags": ["backup-previous"]}
    moving["config"]["requirements"] = {"mandatory": ["online-reencrypt-v2", "opal"]}
    yield "luks2-reencrypt", both(moving)
    crowded = document()
    for slot in range(1, 32):
        crowded["keyslots"][str(slot)] = crowded["keyslots"]["0"]
    yield "luks2-overlapping", both(crowded)
    yield "luks2-deep", both(b'{"keyslots":' + b"[" * 4000)
    yield "luks2-many", both(b'{"tokens":[0' + b",{}" * 3500 + b"]}")
    yield "luks2-repeated", both(b'{"config":{},"config":{"a":1}}')
    yield "luks2-bad-size", header(document())[:8] + b"\xff" * 8 + header(document())[16:]
    for name, doc in (("plain", document()), ("moving", moving), ("hostile", hostile)):
        yield "json-" + name, json.dumps(doc, separators=(",", ":")).encode()
    yield "zeros", bytes(4096)
    yield "text", b"INSERT INTO t VALUES (1);\n" * 400
    yield "gzip", b"\x1f\x8b\x08\0\0\0\0\0\2\3" + hashlib.sha512(b"x").digest() * 80


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (folder / name).write_bytes(content)
