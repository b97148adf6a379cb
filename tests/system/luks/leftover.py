# SPDX-License-Identifier: Apache-2.0
"""What an erasure left of an image, asked of the bytes and of stock cryptsetup."""

from dataclasses import dataclass

import blocks
import ondisk
from generators.image import PLAIN_MARK
from generators.leftovers import CLEVIS_SECRET
from process import run


@dataclass
class Leftover:
    blocks: int           # old metadata blocks that can still be read somewhere in the image
    keys: int             # volume keys that saved header + passphrase + image still give
    opens: int            # passphrases with which cryptsetup still opens it, or a slot of it
    tokens: int           # tokens in a header that can be read
    primary: bool         # a magic at the start
    secondary: bool       # a magic at one of the nine other places
    luksmeta: bool        # clevis' secret in the LUKS1 gap
    plaintext: int        # lines of plaintext in the metadata
    backups: int          # header backups that still hold old blocks

    @property
    def nothing(self):
        return not any((self.blocks, self.keys, self.opens, self.tokens, self.primary,
                        self.secondary, self.luksmeta, self.plaintext, self.backups))


def remember(image):
    """Call before the erasure: the blocks that must be gone after it."""
    return blocks.collect(image.metadata_places())


def _readable_tokens(image):
    for offset in ondisk.HEADER_OFFSETS:
        try:
            header = ondisk.load(image.metadata_file, image.base + offset)
            return len(header.document["tokens"]) if header.version == 2 else 0
        except (ValueError, KeyError):
            continue
    return 0


def _opens(image):
    """Asks cryptsetup with each passphrase; on a copy, for it repairs what it opens."""
    copy = image.folder / "opens.part"
    opened = 0
    for passphrase in image.passphrases:
        copy.write_bytes(ondisk.read_at(image.metadata_file, image.base,
                                        image.metadata_bytes + (1 << 20)))
        done = run("cryptsetup", "open", "--test-passphrase", "--disable-locks", "--key-file", "-",
                   copy, input=passphrase)
        opened += done.returncode == 0
    copy.unlink()
    return opened


def _magics(image):
    found = []
    for offset in ondisk.HEADER_OFFSETS:
        magic = ondisk.read_at(image.metadata_file, image.base + offset, 6)
        found.append(magic in (ondisk.MAGIC_PRIMARY, ondisk.MAGIC_SECONDARY))
    return found


def _backups(image, before):
    return sum(path.exists() and bool(blocks.remaining(path, before))
               for path in image.header_backups)


def examine(image, before):
    if not image.metadata_file.exists():
        return Leftover(0, 0, 0, 0, False, False, False, 0, _backups(image, before))
    magics = _magics(image)
    end = image.metadata_bytes
    return Leftover(
        blocks=len(blocks.remaining(image.metadata_file, before)),
        keys=len(image.recover()),
        opens=_opens(image),
        tokens=_readable_tokens(image),
        primary=magics[0],
        secondary=any(magics[1:]),
        luksmeta=blocks.count(image.metadata_file, CLEVIS_SECRET.encode(), image.base, end) > 0
        and image.saved.version == 1,
        plaintext=blocks.count(image.metadata_file, PLAIN_MARK, image.base, end),
        backups=_backups(image, before))
