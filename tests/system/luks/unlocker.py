# SPDX-License-Identifier: Apache-2.0
"""An attacker who kept the header: from saved header + passphrase + raw bytes to the volume key.

Independent of efface and of cryptsetup: PBKDF2 from hashlib, Argon2 from libargon2 and the ciphers
from libcrypto, both through ctypes; anti-forensic merge and digest check written from the format
documents. Run as a program it prints the keys of one image, without showing them:

    unlocker.py IMAGE PASSPHRASE_FILE [SAVED_HEADER]
"""

import ctypes
import ctypes.util
import functools
import hashlib
import struct
import sys
from base64 import b64decode
from pathlib import Path

import ondisk

SECTOR_BYTES = 512
BLOCK_BYTES_MAX = 64

_crypto = ctypes.CDLL("libcrypto.so.3")
_pointer = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_new.restype = _pointer
_crypto.EVP_CIPHER_CTX_free.argtypes = [_pointer]
_crypto.EVP_CIPHER_fetch.restype = _pointer
_crypto.EVP_CIPHER_fetch.argtypes = [_pointer, ctypes.c_char_p, ctypes.c_char_p]
_crypto.EVP_CIPHER_free.argtypes = [_pointer]
_crypto.EVP_CipherInit_ex2.argtypes = [_pointer, _pointer, ctypes.c_char_p, ctypes.c_char_p,
                                       ctypes.c_int, _pointer]
_crypto.EVP_CIPHER_CTX_set_padding.argtypes = [_pointer, ctypes.c_int]
_crypto.EVP_CipherUpdate.argtypes = [_pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int),
                                     ctypes.c_char_p, ctypes.c_int]


class Cipher:
    """One libcrypto cipher under one key; `run` starts anew with each initial vector."""

    def __init__(self, name, key, encrypt=False):
        self._context = _crypto.EVP_CIPHER_CTX_new()
        self._cipher = _crypto.EVP_CIPHER_fetch(None, name.encode(), None)
        if not self._cipher:
            raise ValueError(f"libcrypto has no {name}")
        self._check(_crypto.EVP_CipherInit_ex2(self._context, self._cipher, key, None,
                                               int(encrypt), None))
        self._check(_crypto.EVP_CIPHER_CTX_set_padding(self._context, 0))

    def __del__(self):
        _crypto.EVP_CIPHER_CTX_free(self._context)
        _crypto.EVP_CIPHER_free(self._cipher)

    @staticmethod
    def _check(result):
        if result != 1:
            raise ValueError("libcrypto refused")

    def run(self, vector, data):
        self._check(_crypto.EVP_CipherInit_ex2(self._context, None, None, vector, -1, None))
        out = ctypes.create_string_buffer(len(data) + BLOCK_BYTES_MAX)
        length = ctypes.c_int()
        self._check(_crypto.EVP_CipherUpdate(self._context, out, ctypes.byref(length), data,
                                             len(data)))
        return out.raw[:length.value]


class SectorCipher:
    """dm-crypt's view of a cipher specification: one initial vector a sector."""

    def __init__(self, specification, key, encrypt=False):
        if specification == "aes-ecb":
            self._main = Cipher(f"AES-{len(key) * 8}-ECB", key, encrypt)
            self._vector = lambda sector: None
        elif specification == "aes-xts-plain64":
            self._main = Cipher(f"AES-{len(key) * 4}-XTS", key, encrypt)
            self._vector = lambda sector: struct.pack("<QQ", sector, 0)
        elif specification == "aes-cbc-essiv:sha256":
            self._main = Cipher(f"AES-{len(key) * 8}-CBC", key, encrypt)
            salt = Cipher("AES-256-ECB", hashlib.sha256(key).digest(), True)
            self._vector = lambda sector: salt.run(None, struct.pack("<QQ", sector, 0))
        elif specification.startswith("cipher_null"):
            self._main = None
        else:
            raise ValueError(f"the unlocker does not know {specification}")

    def run(self, data, first_sector=0):
        if self._main is None:
            return data
        pieces = []
        for at in range(0, len(data), SECTOR_BYTES):
            vector = self._vector(first_sector + at // SECTOR_BYTES)
            pieces.append(self._main.run(vector, data[at:at + SECTOR_BYTES]))
        return b"".join(pieces)


def _hash(name):
    """What makes such a hash: by its own function, where there is one, in half the time."""
    return getattr(hashlib, name, None) or functools.partial(hashlib.new, name)


def _diffuse(block, make, pieces):
    """`pieces`: (number in four bytes, start, end) of each."""
    return b"".join([make(number + block[start:end]).digest()[:end - start]
                     for number, start, end in pieces])


def merge(split, key_bytes, stripes, hash_name):
    """The anti-forensic merge: every stripe is needed."""
    state, make = bytes(key_bytes), _hash(hash_name)
    size = make().digest_size
    pieces = [(struct.pack(">I", index), start, min(start + size, key_bytes))
              for index, start in enumerate(range(0, key_bytes, size))]
    for index in range(stripes):
        stripe = split[index * key_bytes:(index + 1) * key_bytes]
        mixed = int.from_bytes(state, "big") ^ int.from_bytes(stripe, "big")
        state = mixed.to_bytes(key_bytes, "big")
        if index < stripes - 1:
            state = _diffuse(state, make, pieces)
    return state


def _argon2(kdf, passphrase, length):
    name = ctypes.util.find_library("argon2")
    if name is None:
        raise ValueError("libargon2 is not installed")
    library = ctypes.CDLL(name)
    hash_raw = library.argon2id_hash_raw if kdf["type"] == "argon2id" else library.argon2i_hash_raw
    salt = b64decode(kdf["salt"])
    out = ctypes.create_string_buffer(length)
    code = hash_raw(ctypes.c_uint32(kdf["time"]), ctypes.c_uint32(kdf["memory"]),
                    ctypes.c_uint32(kdf["cpus"]), passphrase, ctypes.c_size_t(len(passphrase)),
                    salt, ctypes.c_size_t(len(salt)), out, ctypes.c_size_t(length))
    if code != 0:
        raise ValueError(f"argon2 failed: {code}")
    return out.raw


def derive(kdf, passphrase, length):
    if kdf["type"] == "pbkdf2":
        return hashlib.pbkdf2_hmac(kdf["hash"], passphrase, b64decode(kdf["salt"]),
                                   kdf["iterations"], length)
    return _argon2(kdf, passphrase, length)


def _luks1_keys(header, area_file, passphrase):
    for index, slot in enumerate(header.slots):
        if slot.stripes == 0 or slot.iterations == 0:
            continue
        derived = hashlib.pbkdf2_hmac(header.hash_name, passphrase, slot.salt, slot.iterations,
                                      header.key_bytes)
        raw = ondisk.read_at(area_file, slot.offset, header.key_bytes * slot.stripes)
        if len(raw) < header.key_bytes * slot.stripes:
            continue
        split = SectorCipher(header.cipher, derived).run(raw)
        key = merge(split, header.key_bytes, slot.stripes, header.hash_name)
        if hashlib.pbkdf2_hmac(header.hash_name, key, header.digest_salt,
                               header.digest_iterations, 20) == header.digest:
            yield index, key


def _luks2_digest_accepts(document, slot_number, key):
    for digest in document["digests"].values():
        if slot_number not in digest["keyslots"]:
            continue
        stored = b64decode(digest["digest"])
        if hashlib.pbkdf2_hmac(digest["hash"], key, b64decode(digest["salt"]),
                               digest["iterations"], len(stored)) == stored:
            return True
    return False


def _luks2_keys(header, area_file, passphrase):
    for number, slot in header.document["keyslots"].items():
        if slot["type"] != "luks2":
            continue
        area, split_spec = slot["area"], slot["af"]
        length = slot["key_size"] * split_spec["stripes"]
        padded = -(-length // SECTOR_BYTES) * SECTOR_BYTES
        raw = ondisk.read_at(area_file, int(area["offset"]), padded)
        if len(raw) < padded:
            continue
        derived = derive(slot["kdf"], passphrase, area["key_size"])
        split = SectorCipher(area["encryption"], derived).run(raw)
        key = merge(split[:length], slot["key_size"], split_spec["stripes"], split_spec["hash"])
        if _luks2_digest_accepts(header.document, number, key):
            yield int(number), key


def volume_keys(header, area_file, passphrases):
    """{slot: key} for every slot of the saved `header` whose area in `area_file` still opens."""
    find = _luks1_keys if header.version == 1 else _luks2_keys
    found = {}
    for passphrase in passphrases:
        found.update(find(header, area_file, passphrase))
    return found


def main(arguments):
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    image, passphrase_file = arguments[:2]
    header = ondisk.load(arguments[2] if len(arguments) == 3 else image)
    keys = volume_keys(header, image, [Path(passphrase_file).read_bytes()])
    for slot, key in sorted(keys.items()):
        print(f"slot {slot}: {len(key) * 8}-bit key recovered")
    if not keys:
        print("no key recovered")
    return 0 if keys else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
