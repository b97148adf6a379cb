# SPDX-License-Identifier: Apache-2.0
"""One generated image: where it lies, what opens it, and what must be gone afterwards."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import ondisk
import unlocker

GENERATORS = {}
PASSPHRASE = b"correct horse battery staple"
MIB = 1 << 20
PAYLOAD_BYTES = MIB
PLAIN_LINE = b"EFFACE-PLAINTEXT-LINE-%010d\n"  # 33 bytes formatted
PLAIN_MARK = b"EFFACE-PLAINTEXT-LINE-"
COMMAND_SECONDS_MAX = 600


def generator(name):
    """Registers a function(image) under a name."""
    def register(function):
        assert name not in GENERATORS, name
        GENERATORS[name] = function
        return function
    return register


def command(*arguments, **options):
    """Runs a tool that a generator needs; its failure is the generator's failure."""
    return subprocess.run([str(a) for a in arguments], check=True, capture_output=True,
                          timeout=COMMAND_SECONDS_MAX, **options)


@dataclass
class LoopWish:
    """How the test must attach the image; `partition` 0 means the whole loop device."""

    sector_bytes: int = 512
    partition: int = 0


@dataclass
class Image:
    name: str
    folder: Path
    target: Path = field(init=False)
    header: Optional[Path] = None            # detached header
    header_backups: list = field(default_factory=list)
    members: list = field(default_factory=list)  # what its manifest releases
    passphrases: list = field(default_factory=lambda: [PASSPHRASE])
    loop: Optional[LoopWish] = None
    base: int = 0                            # where the LUKS volume begins in `target`
    metadata_bytes: int = 0                  # of old metadata, from `base`
    saved: object = None                     # the attacker's copy of the header
    keys: dict = field(default_factory=dict)  # what the unlocker recovers from it, {slot: key}
    notes: list = field(default_factory=list)

    def __post_init__(self):
        self.folder = Path(self.folder)
        self.target = self.folder / "volume.img"
        (self.folder / "passphrase").write_bytes(PASSPHRASE)

    @property
    def passphrase_file(self):
        return self.folder / "passphrase"

    @property
    def metadata_file(self):
        return self.header if self.header else self.target

    @property
    def uuid(self):
        return self.saved.uuid

    def format(self, *options, luks="luks2", payload=PAYLOAD_BYTES, size=None):
        """luksFormat with a quick PBKDF, then a payload of random bytes behind the metadata."""
        on = self.target
        quick = ["--pbkdf-force-iterations", "1000"] + (["--pbkdf", "pbkdf2"] * (luks == "luks2"))
        with open(on, "wb") as file:
            file.truncate(size or 160 * MIB)
        command("cryptsetup", "luksFormat", "--batch-mode", "--type", luks, *quick, *options,
                "--key-file", self.passphrase_file, on)
        self.save_header()
        end = self.data_offset()
        if size is None:
            os.truncate(on, end + payload)
        ondisk.write_at(on, end, os.urandom(payload))
        self.metadata_bytes = end

    def data_offset(self):
        """Of the saved header: where the payload of an attached volume begins."""
        if self.saved.version == 1:
            return self.saved.payload_offset
        return min(int(segment["offset"]) for segment in self.saved.document["segments"].values())

    def save_header(self):
        """Keeps what an attacker may have kept: the header as it is now."""
        self.saved = ondisk.load(self.metadata_file, self.base)

    def add_key(self, passphrase, *options):
        extra = self.folder / f"passphrase-{len(self.passphrases)}"
        extra.write_bytes(passphrase)
        quick = ["--pbkdf-force-iterations", "1000"]
        if self.saved.version == 2:
            quick += ["--pbkdf", "pbkdf2"]
        command("cryptsetup", "luksAddKey", "--batch-mode", *quick, *options, "--key-file",
                self.passphrase_file, self.metadata_file, extra)
        if passphrase not in self.passphrases:
            self.passphrases.append(passphrase)
        self.save_header()

    def import_token(self, text):
        command("cryptsetup", "token", "import", "--json-file", "-", self.metadata_file,
                input=text.encode())
        self.save_header()

    def finish(self):
        """Positive control: the saved header, the passphrases and the image give a volume key."""
        if self.base == 0:
            self.keys = unlocker.volume_keys(self.saved, self.metadata_file, self.passphrases)
        assert self.keys, f"{self.name}: the unlocker cannot open the new image"
        assert self.metadata_bytes > 0, self.name

    def recover(self):
        """What the attacker gets now."""
        area_file = self.metadata_file
        if self.base:
            area_file = self.folder / "volume.part"
            area_file.write_bytes(ondisk.read_at(self.target, self.base, self.metadata_bytes))
        return unlocker.volume_keys(self.saved, area_file, self.passphrases)

    def metadata_places(self):
        """[(file, offset, bytes)] that hold old metadata, the declared copies too."""
        places = [(self.metadata_file, self.base, self.metadata_bytes)]
        places += [(path, 0, path.stat().st_size) for path in self.header_backups]
        return places


def plaintext(length):
    """Numbered plaintext lines, as a customer's table would look."""
    lines = b"".join(PLAIN_LINE % number for number in range(length // 33 + 1))
    return lines[:length]
