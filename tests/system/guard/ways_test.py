# SPDX-License-Identifier: Apache-2.0
"""Every way to be in use x overwriting, a disk's own technique and a project's erasure: exit 7 or
75, a reason by its code, not one byte of the storage changed."""

import concurrent.futures
import contextlib
import itertools
import mmap
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from case import BUSY, SAFETY, Case, main, setUpModule
import blocks
import ondisk
import ways
from process import LONG, require, some
from sample import todays

SIDE_BY_SIDE = 1 if ways.ONLY else 6  # rows; those of the rig share names in configfs
ROWS_OF = 3  # one of so many a day, and one of each user
ROWS_MIN = 60 if LONG else 20  # of those that this machine can do


class InUse(Case):
    def test_every_way(self):
        """Side by side, as most of the time goes into waiting for openers that don't let go."""
        self.image(self.folder())  # the marks, once for all
        rows = list(enumerate(ways.rows()))
        if ways.ONLY:
            rows = some(rows, 6)  # in the rig a row takes seconds
        else:
            rows = todays(rows, ROWS_OF, lambda row: row[1][0])
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            ends = list(pool.map(lambda row: self.end_of(row[0], *row[1]), rows))
        left_out = {end for end in ends if isinstance(end, str)}
        for (_, (user, name)), end in zip(rows, ends):
            with self.subTest(user=user, name=name):
                if isinstance(end, Exception):
                    raise end
        tried = ends.count(None)
        print(f"{tried} ways, left out: {sorted(left_out)}", file=sys.stderr)
        self.assertGreaterEqual(tried, 1 if ways.ONLY else ROWS_MIN)

    def end_of(self, number, user, name):
        """None when all is as it should be, why the row can't be had here, or what is wrong."""
        try:
            with contextlib.ExitStack() as stack:
                self.check_row(stack, number, user, name)
        except ways.Unavailable as why:
            return str(why)
        except Exception as problem:  # pylint: disable=broad-except  # raised again by the caller
            return problem
        return None

    def check_row(self, stack, number, user, name):
        use, codes = ways.USERS[user]
        make = {**ways.DEVICE_NAMES, **ways.FILE_NAMES}[name]
        folder = self.folder(stack)
        image = self.image(folder)
        target, path, at = make(stack, image)
        use(stack, folder, path)
        if ondisk.read_at(image, at, 4) != b"LUKS":
            ondisk.write_at(image, at, ways.fresh_header())
        uuid = ways.uuid_at(image, at)

        def erase_project(folder, target):
            return self.erase_project(folder, target, uuid)
        require("sync", "-f", folder)
        # Into swap in use the kernel writes when memory is short: but for its first page.
        seen = (lambda: ondisk.read_at(image, at, mmap.PAGESIZE)) if user == "swap" else \
            (lambda: blocks.digest(image))
        # One of the two in turn; with EFFACE_LONG=1 both.
        for technique in some((self.overwrite, erase_project), 2, number % 2):
            before = seen()
            code, reason, changed, errors = technique(folder, target)
            told = f"{technique.__name__}: exit {code}, {reason}\n{errors}"
            self.assertEqual(code, BUSY if reason == "busy" else SAFETY, told)
            # The loop device in between is a user itself.
            between = {"loop-backing"} if name in ways.OVER_THE_TARGET else set()
            self.assertIn(reason, codes | between, told)
            self.assertFalse(changed, told)
            self.assertEqual(seen(), before, told)


@unittest.skipUnless("EFFACE_PURGE_DISK" in os.environ, "needs a disk model: rig_guard_purge")
class Purge(Case):
    """The same users against a disk's own technique, on the disk that EFFACE_PURGE_DISK names: one
    of a test in the rig, which counts the commands that reached it."""

    TECHNIQUE = "scsi-sanitize-block"

    def test_every_way(self):
        disk = Path(os.environ["EFFACE_PURGE_DISK"])
        generic, = Path(f"/sys/block/{disk.name}/device/scsi_generic").iterdir()
        names = {"itself": lambda stack: disk,
                 "its partition": lambda stack: ways.add_partition(stack, disk, 1, ways.PART,
                                                                   ways.PART),
                 "a loop device above": lambda stack: ways.loop(stack, disk),
                 "its sg node": lambda stack: Path("/dev") / generic.name}
        tried, left_out = 0, set()
        for name, user in itertools.product(names, ways.USERS):
            by_sg = name == "its sg node"
            if by_sg and (not user.startswith("open") or user == "open by another node"):
                continue
            with self.subTest(user=user, name=name), contextlib.ExitStack() as stack:
                try:
                    self.check_purge(stack, disk, names[name], user, name)
                    tried += 1
                except ways.Unavailable as why:
                    left_out.add(str(why))
        print(f"{tried} ways against {self.TECHNIQUE}, left out: {sorted(left_out)}",
              file=sys.stderr)
        self.assertGreaterEqual(tried, 30)

    def check_purge(self, stack, disk, make, user, name):
        use, codes = ways.USERS[user]
        folder = self.folder(stack)
        use(stack, folder, make(stack))
        require("sync", "-f", folder)
        before = blocks.digest(disk)
        code, reason, changed, errors = self.overwrite(folder, disk, policy=self.TECHNIQUE)
        told = f"exit {code}, {reason}\n{errors}"
        self.assertEqual(code, BUSY if reason == "busy" else SAFETY, told)
        between = {"loop-backing"} if name == "a loop device above" else set()
        self.assertIn(reason, codes | between, told)
        self.assertFalse(changed, told)
        self.assertEqual(blocks.digest(disk), before, told)


if __name__ == "__main__":
    main()
