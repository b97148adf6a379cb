# SPDX-License-Identifier: Apache-2.0
"""Where volumes lie: detached headers, header backups, partitions, odd sizes, 4 KiB sectors."""

import os

import ondisk
from generators.formats import ESSIV, XTS
from generators.image import MIB, PAYLOAD_BYTES, LoopWish, command, generator

SMALL = ("--luks2-keyslots-size", "1m")
PARTITION_START = MIB
PARTITION_SECTORS = 20 * MIB // 512


def _detach(image, luks):
    image.header = image.folder / "volume.hdr"
    with open(image.header, "wb") as file:
        file.truncate(16 * MIB)
    image.target.write_bytes(os.urandom(PAYLOAD_BYTES))
    quick = ["--pbkdf-force-iterations", "1000"] + (["--pbkdf", "pbkdf2"] * (luks == "luks2"))
    command("cryptsetup", "luksFormat", "--batch-mode", "--type", luks, *quick, *XTS, "--key-file",
            image.passphrase_file, "--header", image.header, image.target)
    image.save_header()
    image.metadata_bytes = image.header.stat().st_size


@generator("luks2-detached-header")
def detached(image):
    _detach(image, "luks2")


@generator("luks2-detached-header-odd-size")
def detached_odd(image):
    """The header file ends in the middle of a sector; what stands there must go too."""
    _detach(image, "luks2")
    with open(image.header, "ab") as file:
        file.write(os.urandom(777))
    image.metadata_bytes = image.header.stat().st_size


@generator("luks1-detached-header")
def detached_luks1(image):
    _detach(image, "luks1")


def _backup(image):
    backup = image.folder / "volume.hdr-backup"
    command("cryptsetup", "luksHeaderBackup", image.target, "--header-backup-file", backup)
    image.header_backups.append(backup)


@generator("luks2-header-backup")
def backup_luks2(image):
    image.format(*XTS)
    _backup(image)


@generator("luks1-header-backup")
def backup_luks1(image):
    image.format(*ESSIV, luks="luks1")
    _backup(image)


@generator("luks2-backup-of-former-slot")
def backup_of_former_slot(image):
    """The backup opens with a passphrase that the volume itself has long forgotten."""
    image.format(*XTS, *SMALL)
    image.add_key(b"of the revoked person")
    _backup(image)
    kept = image.saved
    command("cryptsetup", "luksKillSlot", "--batch-mode", "--key-file", image.passphrase_file,
            image.target, "1")
    image.saved = kept


@generator("luks2-on-partition")
def on_partition(image):
    image.loop = LoopWish(partition=1)
    inner = image.folder / "inner.img"
    image.target = inner
    image.format(*XTS, size=PARTITION_SECTORS * 512)
    image.target = image.folder / "volume.img"
    with open(image.target, "wb") as disk:
        disk.truncate(PARTITION_START + PARTITION_SECTORS * 512 + MIB)
    layout = f"label: gpt\nstart={PARTITION_START // 512}, size={PARTITION_SECTORS}, type=linux\n"
    command("sfdisk", "--quiet", image.target, input=layout.encode())
    image.base = PARTITION_START
    ondisk.write_at(image.target, image.base, inner.read_bytes())
    inner.unlink()
    image.keys = image.recover()


@generator("luks2-odd-size")
def odd_size(image):
    """The file ends in the middle of a sector."""
    image.format(*XTS, *SMALL, payload=PAYLOAD_BYTES + 777)


@generator("luks2-no-payload")
def no_payload(image):
    """The file ends with its metadata."""
    image.format(*XTS, *SMALL, payload=0)


@generator("luks2-sparse")
def sparse(image):
    """A copy that left out what was zero: an overwrite has to allocate blocks that were holes."""
    image.format(*XTS, *SMALL)
    command("fallocate", "--dig-holes", image.target)


@generator("luks2-on-loop")
def on_loop(image):
    image.loop = LoopWish()
    image.format(*XTS, *SMALL)


@generator("luks1-on-loop")
def luks1_on_loop(image):
    image.loop = LoopWish()
    image.format(*ESSIV, luks="luks1")


@generator("luks2-on-loop-4096")
def on_loop_4096(image):
    image.loop = LoopWish(sector_bytes=4096)
    image.format(*XTS, *SMALL, "--sector-size", "4096")
