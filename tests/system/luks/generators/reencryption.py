# SPDX-License-Identifier: Apache-2.0
"""Reencryption that was interrupted while a hot zone was on its way, in each resilience mode.

strace kills cryptsetup at its second write to the data (the first one for the shifting mode): the
moment is exact, and the header's reencryption area then holds what the mode keeps there. Journal
mode keeps the old data as it was: plaintext, when encryption was being added.
"""

import subprocess

import ondisk
from generators.formats import XTS
from generators.image import COMMAND_SECONDS_MAX, MIB, command, generator, plaintext
from process import strace

DATA_BYTES = 4 * MIB
HOT_ZONE = "1m"
QUICK = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
KILLED = -9


def _interrupt(image, watched, write_number, *options):
    killed = subprocess.run(
        [*strace("-f", "-o", "/dev/null", "-P", str(watched), "-e",
                 f"inject=write,pwrite64:signal=SIGKILL:when={write_number}"),
         "cryptsetup", "reencrypt", "--resume-only", "--force-offline-reencrypt", "--batch-mode",
         "--key-file", str(image.passphrase_file), *[str(option) for option in options]],
        capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False)
    # The tracer reports the tracee's signal by dying of it.
    assert killed.returncode in (KILLED, 128 + 9), (killed.returncode, killed.stderr)


def _detached(image):
    image.header = image.folder / "volume.hdr"
    image.target.write_bytes(plaintext(DATA_BYTES))


def _encrypt(image, resilience):
    _detached(image)
    command("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "--batch-mode", "--header",
            image.header, "--init-only", "--resilience", resilience, *QUICK, *XTS, "--key-file",
            image.passphrase_file, image.target)
    _interrupt(image, image.target, 2, "--resilience", resilience, "--hotzone-size", HOT_ZONE,
               "--header", image.header, image.target)
    _finish(image)


def _finish(image):
    image.save_header()
    slots = image.saved.document["keyslots"].values()
    assert any(slot["type"] == "reencrypt" for slot in slots)
    if image.header:
        image.metadata_bytes = image.header.stat().st_size


@generator("luks2-reencrypt-encrypt-journal")
def encrypt_journal(image):
    _encrypt(image, "journal")
    assert b"EFFACE-PLAINTEXT" in image.header.read_bytes()


@generator("luks2-reencrypt-encrypt-checksum")
def encrypt_checksum(image):
    _encrypt(image, "checksum")


@generator("luks2-reencrypt-encrypt-none")
def encrypt_none(image):
    # Mode none writes its hot zones without a header update between them.
    _encrypt(image, "none")


@generator("luks2-reencrypt-datashift")
def encrypt_datashift(image):
    """Encryption in place: the header was put where the first data had been."""
    image.target.write_bytes(plaintext(DATA_BYTES) + bytes(32 * MIB))
    command("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "--batch-mode",
            "--reduce-device-size", "32M", "--init-only", *QUICK, *XTS, "--key-file",
            image.passphrase_file, image.target)
    image.save_header()
    _interrupt(image, image.target, 12, image.target)
    _finish(image)
    image.metadata_bytes = 16 * MIB


@generator("luks2-reencrypt-two-keys")
def two_keys(image):
    """From one volume key to another: both are live, each with its own slot."""
    image.format(*XTS, payload=DATA_BYTES)
    command("cryptsetup", "reencrypt", "--init-only", "--batch-mode", "--resilience", "journal",
            "--force-offline-reencrypt", *QUICK, "--key-file", image.passphrase_file,
            image.target)
    _interrupt(image, image.target, 24, "--resilience", "journal", "--hotzone-size", HOT_ZONE,
               image.target)
    _finish(image)
    assert len(ondisk.load(image.target).document["digests"]) >= 3


@generator("luks2-reencrypt-init-only")
def init_only(image):
    """Both keys are there, and no byte of the payload has been touched."""
    image.format(*XTS, payload=DATA_BYTES)
    command("cryptsetup", "reencrypt", "--init-only", "--batch-mode", "--force-offline-reencrypt",
            *QUICK, "--key-file", image.passphrase_file, image.target)
    _finish(image)


@generator("luks2-reencrypt-decrypt")
def decrypt_journal(image):
    """Encryption being taken away: part of the data is plaintext again."""
    _detached(image)
    command("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "--batch-mode", "--header",
            image.header, *QUICK, *XTS, "--key-file", image.passphrase_file,
            "--force-offline-reencrypt", image.target)
    command("cryptsetup", "reencrypt", "--decrypt", "--batch-mode", "--header", image.header,
            "--init-only", "--resilience", "journal", "--key-file", image.passphrase_file,
            "--force-offline-reencrypt", image.target)
    _interrupt(image, image.target, 2, "--resilience", "journal", "--hotzone-size", HOT_ZONE,
               "--header", image.header, image.target)
    _finish(image)
