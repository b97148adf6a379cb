# SPDX-License-Identifier: Apache-2.0
"""Looking for old 4 KiB blocks by content, wherever they may lie."""

import errno
import hashlib
import os

BLOCK_BYTES = 4096
PIECE_BYTES = 1 << 20


def _pieces(descriptor, start, end):
    """Allocated pieces only: a hole holds nothing."""
    at = start
    while at < end:
        try:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.EINVAL):
                return
            raise
        at -= at % BLOCK_BYTES
        piece = os.pread(descriptor, min(PIECE_BYTES, end - at), at)
        if not piece:
            return
        yield at, piece
        at += len(piece)


def _is_telling(block):
    """Constant blocks (zeros above all) are everywhere and say nothing."""
    return block.count(block[:1]) != len(block)


def collect(places):
    """The set of telling blocks in [(file, offset, bytes)]."""
    found = set()
    for path, offset, length in places:
        with open(path, "rb") as file:
            for _, piece in _pieces(file.fileno(), offset, offset + length):
                for at in range(0, len(piece), BLOCK_BYTES):
                    block = piece[at:at + BLOCK_BYTES]
                    if _is_telling(block):
                        found.add(block)
    return found


def remaining(path, blocks, skip=()):
    """Offsets of 4 KiB places in `path` that hold one of `blocks`."""
    places = []
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size or file.seek(0, os.SEEK_END)
        for start, piece in _pieces(file.fileno(), 0, size):
            for at in range(0, len(piece), BLOCK_BYTES):
                if piece[at:at + BLOCK_BYTES] in blocks and start + at not in skip:
                    places.append(start + at)
    return places


def count(path, mark, start=0, length=None):
    """How often `mark` occurs in a part of a file."""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(-1 if length is None else length).count(mark)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
