# SPDX-License-Identifier: Apache-2.0
"""What the tests of the guard share: a station with keys, images that say where each byte stands,
and how overwriting and a project's erasure end."""

import contextlib
import itertools
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase"), str(Path(__file__).parents[1] / "luks")]

# pylint: disable=wrong-import-position
import cases
import generators
import ondisk
import project
import targets
import ways
from cases import MACHINE, enter_state
from process import run

SAFETY, BUSY, USAGE = (project.EXIT[name] for name in ("safety", "busy", "usage"))
LUKS1_HEADER_BYTES = 592


def setUpModule():
    enter_state()
    folder = MACHINE["folder"]
    (folder / "luks1").mkdir()
    image = generators.make("luks1-xts-512", folder / "luks1")
    ways.HEADER["bytes"] = ondisk.read_at(image.target, 0, LUKS1_HEADER_BYTES)
    MACHINE["uuid"] = image.uuid


class Case(unittest.TestCase):
    def setUp(self):
        self.state = MACHINE["state"]
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.numbers = itertools.count(1)

    def folder(self, stack=None):
        path = MACHINE["folder"] / f"{self._testMethodName[5:15]}-{next(self.numbers):06}"
        path.mkdir()
        (stack or self.stack).callback(shutil.rmtree, path, True)
        return path

    def image(self, folder, name="a.img", size=ways.SIZE):
        path = folder / name
        if size != ways.SIZE:
            targets.fill_with_marks(path, size)
            return path
        marks = MACHINE["folder"] / "marks.img"
        if not marks.exists():
            targets.fill_with_marks(marks, size)
        return Path(shutil.copyfile(marks, path))

    def entry(self, target):
        size = target.stat().st_size if target.is_file() else targets.device_size(target)
        return {"target": str(target), "size_bytes": size}

    def overwrite(self, folder, target, policy=None, **more):
        document = targets.order([{**self.entry(target), **more}],
                                 id=f"g-{folder.name.lower().replace('_', '-')}",
                                 **({"policy": policy} if policy else {}))
        order = targets.write_order(self.state, folder, document)
        code, answer, errors = targets.erase(self.state, order)
        one = (answer.get("targets") or [{}])[0]
        return code, (one.get("error") or {}).get("reason"), one.get("changed"), errors

    def erase_project(self, folder, target, uuid=None):
        manifest = project.write_manifest(
            folder, project.manifest([project.volume("v", target, uuid or MACHINE["uuid"])]))
        self.state.approve(manifest)
        done = self.state.erase(manifest)
        error = done.document.get("error") or {}
        return done.code, error.get("reason"), done.document.get("changed", False), done.stderr

    def plan(self, target, *options):
        return run(*self.state.command("plan", target, *options))


def main():
    cases.main("losetup", "mkfs.ext4", "mkfs.btrfs", "mkswap", "swapon", "unshare", "addpart", "sfdisk",
               "cryptsetup", root=True, loops=True)
