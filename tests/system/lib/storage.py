# SPDX-License-Identifier: Apache-2.0
"""Loop devices and mounts of our own: made, used, taken down by name, and never any other."""

from contextlib import contextmanager
from pathlib import Path

from process import require, run


@contextmanager
def loop_device(file, sector_bytes=512, partitions=False, read_only=False, offset=0):
    """Attaches `file`; the path of the loop device."""
    options = ["--sector-size", sector_bytes] if sector_bytes != 512 else []
    options += ["--partscan"] * partitions + ["--read-only"] * read_only
    options += ["--offset", offset] if offset else []
    device = require("losetup", "--find", "--show", *options, file).stdout.decode().strip()
    try:
        yield Path(device)
    finally:
        require("losetup", "--detach", device)


@contextmanager
def mounted(device, folder, *options):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    require("mount", *options, device, folder)
    try:
        yield folder
    finally:
        require("umount", folder)


def may_use_loops():
    """Whether this machine lets us attach a loop device."""
    return run("losetup", "--find").returncode == 0


@contextmanager
def _partition_node(device, number):
    """The partition's node; a kernel without a parser for the table is told by partx."""
    node = Path(f"{device}p{number}")
    added = not node.exists()
    if added:
        require("partx", "--add", "--nr", str(number), device)
    try:
        yield node
    finally:
        if added:
            require("partx", "--delete", "--nr", str(number), device)


@contextmanager
def attached(image):
    """The path under which efface is to see a generated image: its file, or a loop device."""
    wish = image.loop
    if wish is None:
        yield image.target
        return
    with loop_device(image.target, wish.sector_bytes, wish.partition > 0) as device:
        if wish.partition == 0:
            yield device
            return
        with _partition_node(device, wish.partition) as node:
            yield node
