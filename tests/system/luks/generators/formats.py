# SPDX-License-Identifier: Apache-2.0
"""Sound volumes: both formats, the ciphers of the services, every header size, many slots.

The services' texts name `aes-cbc-essiv:sha256` with a 512-bit key. AES in CBC mode takes at most
256 bits, and luksFormat and the kernel refuse 512, so the ESSIV images have 256-bit keys.
"""

from generators.image import PASSPHRASE, generator

XTS = ("--cipher", "aes-xts-plain64", "--key-size", "512")
ESSIV = ("--cipher", "aes-cbc-essiv:sha256", "--key-size", "256")


@generator("luks1-xts-512")
def luks1_xts(image):
    image.format(*XTS, luks="luks1")


@generator("luks1-essiv-256")
def luks1_essiv(image):
    image.format(*ESSIV, luks="luks1")


@generator("luks2-xts-512")
def luks2_xts(image):
    image.format(*XTS)


@generator("luks2-essiv-256")
def luks2_essiv(image):
    image.format(*ESSIV)


@generator("luks2-argon2id")
def luks2_argon2id(image):
    image.format(*XTS, "--pbkdf", "argon2id", "--pbkdf-memory", "32", "--pbkdf-parallel", "1",
                 "--pbkdf-force-iterations", "4")


def _header_size(size):
    @generator(f"luks2-header-{size}")
    def header(image):
        image.format(*XTS, "--luks2-metadata-size", size, "--luks2-keyslots-size", "512k")


for _size in ("16k", "32k", "64k", "128k", "256k", "512k", "1m", "2m", "4m"):
    _header_size(_size)


def _fill(image, slots):
    """Every slot in use. One passphrase for all: each slot still has its own salt and split key,
    and the unlocker needs one attempt a slot."""
    for _ in range(1, slots):
        image.add_key(PASSPHRASE)


@generator("luks1-slots-8")
def luks1_slots(image):
    image.format(*XTS, luks="luks1")
    _fill(image, 8)


@generator("luks2-slots-32")
def luks2_slots(image):
    image.format(*XTS)
    _fill(image, 32)


@generator("luks2-label-subsystem")
def luks2_label(image):
    image.format(*XTS, "--label", "tenant-7781", "--subsystem", "database")


@generator("luks2-sector-4096")
def luks2_sector(image):
    image.format(*XTS, "--sector-size", "4096", "--luks2-keyslots-size", "512k")
