# SPDX-License-Identifier: Apache-2.0
"""Orders for `efface erase`, and storage that every block of is known."""

import json
import os
import struct
from pathlib import Path

SECTOR_BYTES = 512


def fill_with_marks(path, size):
    """Every sector says where it stands, so that one that survived is found by its content."""
    with open(path, "wb") as file:
        for at in range(0, size, SECTOR_BYTES):
            sector = struct.pack("<8sQ", b"OLD-DATA", at) * (SECTOR_BYTES // 16)
            file.write(sector[:min(SECTOR_BYTES, size - at)])
        file.flush()
        os.fsync(file.fileno())


def marks_left(path, piece_bytes=1 << 20):
    """Offsets of old sectors, read past every cache where the file system allows it."""
    left = []
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        at = 0
        while piece := file.read(piece_bytes):
            found = piece.find(b"OLD-DATA")
            if found >= 0:
                left.append(at + found)
            at += len(piece)
    return left


def order(targets, **more):
    document = {"schema": "efface.order/1", "id": "ret-2211", "owner": "Example Tenant Ltd",
                "ticket": "CHG-2", "targets": targets}
    document.update(more)
    return document


def target(path, size=None, **more):
    size = os.path.getsize(path) if size is None and Path(path).is_file() else size
    entry = {"target": str(path), **more}
    return {**entry, "size_bytes": size} if size is not None else entry


def device_size(path):
    with open(path, "rb") as file:
        return file.seek(0, os.SEEK_END)


def write_order(state, folder, document, approved=True, name="order.json"):
    path = Path(folder) / name
    path.write_text(json.dumps(document), encoding="utf-8")
    path.with_name(name + ".p7s").unlink(missing_ok=True)
    if approved:
        state.approve(path)
    return path


def erase(state, path, *options, seconds=1200):
    """`efface erase --order PATH --json`: exit code and document."""
    done = state.run("erase", "--order", path, "--json", *options, seconds=seconds)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = {}
    return done.returncode, document, done.stderr.decode(errors="replace")


def predicate(bundle):
    text = (Path(bundle) / "certificate.json").read_text(encoding="utf-8")
    return json.loads(text)["predicate"]
