# SPDX-License-Identifier: Apache-2.0
"""Two effaces on one target in memory, by one name or by two: while the first is at it the second gets
75 and changes nothing, whatever it sees of the first one's work; the first ends well; then it is the
second one's turn.

The first is stopped by a signal at a system call that it makes within its work, so that nothing here
depends on how fast something is.
"""

import json
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position,unused-import
import cases
import project
import storage
import targets
from cases import MACHINE, enter_scratch
from memory_storage import (HUGE_POOL, MIB, ZRAM_CONTROL, ActiveSwap, Brd, Case, File,
                            FreeMemory, HugePages, HugeTree, Queue, Segment, Swap, Tree, Zram,
                            huge_pages, memory_mount, zram_device)
from process import strace

EXIT = project.EXIT
DONE = (EXIT["done"], EXIT["exceptions"])
SECONDS_MAX = 120
ROUNDS = 6


def setUpModule():
    enter_scratch()
    MACHINE["states"] = [project.State(MACHINE["folder"] / name) for name in ("first", "second")]


class Busy(Case):
    def setUp(self):
        super().setUp()
        self.first, self.second = MACHINE["states"]
        self.orders = 0

    def order(self, state, target, sized=True):
        """Another one each time, so that none is done before."""
        entry = {"target": target}
        if sized:
            done = state.run("plan", target, "--json")
            plan = json.loads(done.stdout)["targets"][0]
            entry["size_bytes"] = plan["identity"].get("sizeBytes", plan["sizeBytes"])
        self.orders += 1
        return targets.write_order(state, self.folder, targets.order([entry], id=f"o-{self.orders}"),
                                   name=f"{self.orders}.json")

    def begin(self, order, call, number, path):
        """The first efface, stopped at the `number`-th `call` (on `path`)."""
        seen = self.folder / f"{self.orders}.trace"
        trace = strace("-f", "-qq", "-o", seen, "-e", f"trace={call}",
                       "-e", f"inject={call}:signal=SIGSTOP:when={number}",
                       *(["-P", path] if path else []))
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen([*trace, *self.first.command("erase", "--order", order, "--json")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + SECONDS_MAX
        while time.monotonic() < end and process.poll() is None:
            for line in seen.read_text(errors="replace").splitlines() if seen.exists() else ():
                if "stopped by SIGSTOP" in line:
                    return process, int(line.split()[0])
            time.sleep(0.02)
        if process.poll() is None:
            process.kill()
        self.fail((call, process.communicate()))

    def check_two(self, kind, call, number=1, path=None, other=None, sized=True):
        """`other`: another name of the same storage, or of a part of it."""
        kind.fill()
        second_name = other or kind.target
        with self.subTest(target=kind.target, second=second_name, call=call, number=number):
            first = self.order(self.first, kind.target, sized)
            second = self.order(self.second, second_name, sized)
            process, stopped = self.begin(first, call, number, path)
            try:
                planned = self.second.run("plan", second_name, "--json")
                code, document, words = targets.erase(self.second, second)
            finally:
                os.kill(stopped, signal.SIGCONT)
                output, errors = process.communicate(timeout=SECONDS_MAX)
            self.assertEqual(planned.returncode, EXIT["busy"], planned)
            self.assertEqual(code, EXIT["busy"], (document, words))
            entry = document["targets"][0]
            self.assertEqual((entry["error"]["reason"], entry["changed"]), ("busy", False))
            self.assertIn(process.returncode, DONE, (output, errors))
            self.assertTrue(kind.gone(), output)
            if other is None and not getattr(kind, "removed", False):
                kind.fill()
                code, document, words = targets.erase(self.second, second)
                self.assertIn(code, DONE, (document, words))
                self.assertTrue(kind.gone(), document)

    def mount(self, kind):
        return self.stack.enter_context(memory_mount(kind, self.folder / f"mnt-{kind}"))

    def loop(self):
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(Swap.size)
        return self.stack.enter_context(storage.loop_device(image))

    def test_trees(self):
        for name in ("tmpfs", "ramfs"):
            mount = self.mount(name)
            kind = Tree(name, mount)
            for call, path in (("pwrite64", mount / "folder" / "file-0"), ("ftruncate", mount / "folder" / "file-0"),
                               ("unlinkat", mount / "folder")):
                self.check_two(kind, call, path=path)

    def test_hugetlbfs(self):
        if not HUGE_POOL.exists() or not self.stack.enter_context(huge_pages()):
            self.skipTest("no huge pages to be had")
        mount = self.mount("hugetlbfs")
        self.check_two(HugeTree(mount), "ftruncate", path=mount / "folder" / "data")

    def test_file_and_its_mount(self):
        for name in ("tmpfs", "ramfs"):
            mount = self.mount(name)
            file = File(mount / "data")
            for call in ("pwrite64", "ftruncate"):
                self.check_two(file, call, path=mount / "data")
            self.check_two(file, "pwrite64", path=mount / "data", other=f"memory:{name}:{mount}")
            file.path.unlink()
            tree = Tree(name, mount)
            # The file that the first has open, and one that it has not come to.
            for at in ("folder/file-0", "sparse"):
                self.check_two(tree, "pwrite64", path=mount / at,
                               other=f"memory:file:{mount}/folder/file-0")

    def test_swap(self):
        device = self.loop()
        area = Swap(device)
        for number in (1, 2):
            self.check_two(area, "io_uring_enter", number)
        name = self.folder / "by-another-name"
        name.symlink_to(device)
        for other in (f"memory:swap:{name}", str(device)):
            self.check_two(area, "io_uring_enter", 2, other=other)

    @unittest.skipUnless("EFFACE_KILL_SWAP" in os.environ, "no swap area to be taken out of use")
    def test_swap_in_use(self):
        device = os.environ["EFFACE_KILL_SWAP"]
        area = ActiveSwap(device)
        name = self.folder / "by-another-name"
        name.symlink_to(device)
        for other in (None, f"memory:swap:{name}"):
            self.check_two(area, "swapoff", other=other)
            self.check_two(area, "io_uring_enter", 2, other=other)

    @unittest.skipUnless("EFFACE_KILL_BRD" in os.environ, "no RAM disk of our own")
    def test_brd(self):
        disk = Brd(os.environ["EFFACE_KILL_BRD"])
        for other in (None, disk.device):
            self.check_two(disk, "io_uring_enter", 2, other=other)

    @unittest.skipUnless((ZRAM_CONTROL / "hot_add").exists(), "no zram here")
    def test_zram(self):
        name = self.stack.enter_context(zram_device())
        self.check_two(Zram(name), "write", path=f"/sys/block/{name}/reset")

    def test_sysv(self):
        segment = Segment()
        self.addCleanup(segment.remove)
        for call in ("process_vm_writev", "process_vm_readv", "shmdt"):
            self.check_two(segment, call)

    def test_mqueue(self):
        queue = Queue()
        self.addCleanup(queue.remove)
        for number in (1, 3):
            self.check_two(queue, "mq_timedreceive", number)

    def test_hugepages(self):
        if not HUGE_POOL.exists() or not self.stack.enter_context(huge_pages()):
            self.skipTest("no huge pages to be had")
        self.check_two(HugePages(), "openat", path="/proc/self/oom_score_adj")

    @unittest.skipUnless("EFFACE_KILL_FREE" in os.environ, "no machine of our own to sweep")
    def test_free(self):
        self.check_two(FreeMemory(), "openat", path="/proc/self/oom_score_adj", sized=False)

    def test_of_two_that_begin_at_once_none_fails(self):
        mount = self.mount("tmpfs")
        kind = Tree("tmpfs", mount)
        for _ in range(ROUNDS):
            kind.fill()
            targets.fill_with_marks(mount / "large", 16 * MIB)
            runs = []
            for state in (self.first, self.second):
                order = self.order(state, kind.target)
                runs.append(state.command("erase", "--order", order, "--json"))
            # pylint: disable-next=consider-using-with
            both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    for command in runs]
            ends = [(process.communicate(timeout=SECONDS_MAX), process.returncode) for process in both]
            codes = sorted(code for _, code in ends)
            self.assertIn(codes[0], DONE, ends)
            self.assertIn(codes[1], (*DONE, EXIT["busy"]), ends)
            self.assertTrue(kind.gone(), ends)


if __name__ == "__main__":
    cases.main("mount", "umount", "strace", "mkswap", "losetup", root=True)
