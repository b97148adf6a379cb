# SPDX-License-Identifier: Apache-2.0
"""Commands on storage of their own, the ways in which their descriptors can be wrong, and what must
be true afterwards: the exit status, one document, and the medium compared with what it was."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("lib", "erase", "luks")]

# pylint: disable=wrong-import-position
import blocks
import generators
import leftover
import project
import targets
from process import SECONDS_MAX, require

KIB = 1 << 10
FILE_BYTES = 64 * KIB + 17
WRITES = ("erase", "project", "memory")   # what changes a medium when the answer is 0
ASKS = ("plan", "verify")


def documents_in(data):
    """Every JSON document of an output; fails for anything else in it."""
    text, found, decoder = data.decode("ascii"), [], json.JSONDecoder()
    while text.strip():
        document, end = decoder.raw_decode(text.lstrip())
        found.append(document)
        text = text.lstrip()[end:]
    return found


def tree_digest(folder):
    """Of everything below a folder, or of one file."""
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file()) or [folder]
    return [(str(path), blocks.digest(path)) for path in files if path.is_file()]


class Station:
    """A state folder, one LUKS image that worlds copy, and one bundle that they verify."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.state = project.State(self.folder / "state")
        (self.folder / "image").mkdir()
        self.image = generators.make("luks2-header-16k", self.folder / "image")
        self.keys_of_image = leftover.remember(self.image)
        disk = self.folder / "first.img"
        targets.fill_with_marks(disk, FILE_BYTES)
        order = targets.write_order(self.state, self.folder, targets.order([targets.target(disk)]))
        code, document, words = targets.erase(self.state, order)
        assert code == 0, words
        self.bundle = Path(document["targets"][0]["bundle"])


class World:
    """One command with a medium of its own. `command` lacks only what the case adds."""

    def __init__(self, station, kind, folder):
        self.station, self.kind, self.folder = station, kind, Path(folder)
        self.folder.mkdir()
        self.stack = ExitStack()
        self.medium = self.folder / "disk.img"
        try:
            self.command = station.state.command(*getattr(self, f"make_{kind}")(), "--json")
            self.before = tree_digest(self.medium)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def order(self, entry):
        return targets.write_order(self.station.state, self.folder, targets.order([entry]))

    def make_erase(self):
        targets.fill_with_marks(self.medium, FILE_BYTES)
        return "erase", "--order", self.order(targets.target(self.medium))

    def make_plan(self):
        targets.fill_with_marks(self.medium, FILE_BYTES)
        return "plan", self.medium

    def make_verify(self):
        self.medium = self.station.bundle
        return "verify", self.medium

    def make_project(self):
        shutil.copyfile(self.station.image.target, self.medium)
        volume = project.volume_of(self.station.image, self.medium)
        # One volume is worked on by one run at a time: each world has another.
        volume["uuid"] = str(uuid.uuid4())
        require("cryptsetup", "-q", "luksUUID", "--uuid", volume["uuid"], self.medium)
        path = project.write_manifest(self.folder, project.manifest([volume]))
        self.station.state.approve(path)
        return "project", "erase", path

    def make_memory(self):
        self.medium = self.folder / "mount"
        self.medium.mkdir()
        require("mount", "-t", "tmpfs", "-o", "size=1m", "efface-test", self.medium)
        self.stack.callback(require, "umount", self.medium)
        targets.fill_with_marks(self.medium / "file", FILE_BYTES)
        return "erase", "--order", self.order(targets.target(f"memory:tmpfs:{self.medium}", 1 << 20))

    def untouched(self):
        return tree_digest(self.medium) == self.before

    def erased(self):
        """Wholly: no block of what stood there is left."""
        if self.kind == "project":
            return blocks.remaining(self.medium, self.station.keys_of_image) == []
        if self.kind == "memory":
            return not any(path.is_file() for path in self.medium.rglob("*"))
        return targets.marks_left(self.medium) == [] and self.medium.stat().st_size == FILE_BYTES

    def holds(self, code, document):
        """What is wrong with the medium for this answer; None: nothing."""
        if self.kind in ASKS or (document is not None and not document["changed"]):
            return None if self.untouched() else "it was touched"
        if code in (0, project.EXIT["exceptions"]):
            return None if self.erased() else "it is not erased"
        return None


def full_pipe(stack):
    """A pipe that nobody reads and that takes nothing more: its writing end."""
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"x" * 4096):
            pass
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    stack.callback(os.close, writer)
    return writer


def broken_pipe(stack):
    reader, writer = os.pipe()
    os.close(reader)
    stack.callback(os.close, writer)
    return writer


def dying_reader(stack):
    """Somebody who reads a little and ends."""
    reader, writer = os.pipe()
    process = subprocess.Popen(["head", "-c", "20"], stdin=reader, stdout=subprocess.DEVNULL)
    os.close(reader)
    stack.callback(process.wait)
    stack.callback(os.close, writer)
    return writer


def full_device(stack):
    descriptor = os.open("/dev/full", os.O_WRONLY)
    stack.callback(os.close, descriptor)
    return descriptor


WAYS = {"full": full_device, "broken": broken_pipe, "dying": dying_reader, "unread": full_pipe}


def start(command, closed=(), descriptors=(), pass_fds=(), **options):
    """Starts it with some of 0, 1 and 2 closed, others replaced by {number: descriptor}."""
    shell = " ".join(f"{number}>&-" for number in closed)
    wrapped = ["sh", "-c", f'exec "$@" {shell}', "sh", *map(str, command)] if closed else command
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    for name, descriptor in dict(descriptors).items():
        streams[name] = descriptor
    return subprocess.Popen([str(word) for word in wrapped], pass_fds=pass_fds, **streams,
                            **options)


def finish(process, seconds=SECONDS_MAX):
    """Exit status, standard output and words."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, (err or b"").decode(errors="replace")
