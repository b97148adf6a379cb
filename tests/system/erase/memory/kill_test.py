# SPDX-License-Identifier: Apache-2.0
"""`efface erase memory:...` killed at every step of every kind, and run again: it ends sanitized, and
nobody said so while something was left. What the job itself had changed speaks never against it.
A segment or a queue that was removed just before the kill ends indeterminate: nobody saw more.

The steps are the system calls of one good run, as strace saw them. A normal run takes some of each
call, EFFACE_LONG=1 takes all.
"""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position,unused-import
import cases
import project
import storage
import targets
from cases import MACHINE, enter_scratch
from memory_storage import (HUGE_POOL, ZRAM_CONTROL, ActiveSwap, Brd, Case, File,
                            FreeMemory, HugePages, HugeTree, Queue, Segment, Swap, Tree, Zram,
                            huge_pages, memory_mount, zram_device)
from process import LONG, run, strace

MOST = int(os.environ.get("EFFACE_KILLS", "1"))  # of each call, in a normal run
RERUNS_MAX = 4
CALLS = os.environ.get("EFFACE_KILL_AT", "fsync rename renameat write pwrite64 ftruncate unlinkat "
                                         "io_uring_enter swapoff shmctl mq_timedreceive mq_open "
                                         "mq_unlink").split()
KILLED = (-9, 128 + 9)
SUCCESS = ("sanitized", "sanitized-with-exceptions")


def setUpModule():
    enter_scratch()
    project.State(MACHINE["folder"] / "state")
    shutil.copytree(MACHINE["folder"] / "state", MACHINE["folder"] / "kept")


class Killed(Case):
    def setUp(self):
        super().setUp()
        self.state = project.State.__new__(project.State)
        self.state.folder = MACHINE["folder"] / "state"
        self.state.efface = project.binary()
        self.storage = self.order = None
        self.removals = 0

    def reset(self):
        """State and target as before the first run."""
        shutil.rmtree(self.state.folder)
        shutil.copytree(MACHINE["folder"] / "kept", self.state.folder)
        self.storage.fill()

    def command(self):
        return self.state.command("erase", "--order", self.order, "--json")

    def write_order(self):
        """For the target as it is named now."""
        plan = json.loads(self.state.run("plan", self.storage.target, "--json").stdout)["targets"][0]
        size = plan["identity"].get("sizeBytes", plan["sizeBytes"])
        sized = {"size_bytes": size} if getattr(self.storage, "sized", True) else {}
        self.order = targets.write_order(self.state, self.folder, targets.order(
            [{"target": self.storage.target, **sized}]))

    def steps(self):
        """(call, how often the busiest thread makes it), of a good run."""
        self.reset()
        self.write_order()
        trace = self.folder / "trace"
        done = run(*strace("-f", "-qq", "-e", f"trace={','.join(CALLS)}", "-o", trace),
                   *self.command())
        self.check(done)
        counts = {}
        for line in trace.read_text(errors="replace").splitlines():
            thread, _, rest = line.partition(" ")
            call = rest.strip().partition("(")[0]
            if call in CALLS:
                counts[thread, call] = counts.get((thread, call), 0) + 1
        return {call: max(count for (_, name), count in counts.items() if name == call)
                for call in {name for _, name in counts}}

    def check(self, done):
        """An end that is good, and true."""
        self.assertIn(done.returncode, (0, project.EXIT["exceptions"]), done)
        document = json.loads(done.stdout)["targets"][0]
        self.assertIn(document["status"], SUCCESS)
        self.assertTrue(self.storage.gone(), document)
        verified = self.state.run("verify", document["bundle"])
        self.assertEqual(verified.returncode, 0, verified)

    def check_removed(self, done):
        """It was away already: said so, and no level claimed."""
        document = json.loads(done.stdout)["targets"][0]
        self.assertEqual((document["status"], document["level"]), ("indeterminate", "none"))
        self.assertTrue(self.storage.gone(), document)
        verified = self.state.run("verify", document["bundle"])
        self.assertEqual(verified.returncode, 0, verified)
        self.removals += 1

    def job(self):
        jobs = json.loads(self.state.run("jobs", "--json").stdout)["jobs"]
        return next((job["id"] for job in jobs if job["resumable"]), None)

    def finish(self, by_resume):
        """Runs again until it is well; the odd ones by `efface resume`, where there is a job."""
        for _ in range(RERUNS_MAX):
            job = self.job() if by_resume else None
            done = run(*self.state.command("resume", job, "--json")) if job else \
                run(*self.command())
            if done.returncode in (0, project.EXIT["exceptions"]):
                self.check(done)
                break
            if done.returncode == project.EXIT["not-sanitized"] and \
                    getattr(self.storage, "removed", False):
                self.check_removed(done)
                break
        else:
            self.fail(done)
        checked = self.state.run("log", "check")
        self.assertEqual(checked.returncode, 0, checked)

    def kill_everywhere(self, kind, every=()):
        """The calls in `every` are all taken, also in a normal run."""
        self.storage = kind
        hits = 0
        for call, count in sorted(self.steps().items()):
            most = count if LONG or call in every else min(MOST, count)
            for number in sorted({1 + (2 * i + 1) * count // (2 * most) for i in range(most)}
                                 if most < count else set(range(1, count + 1))):
                with self.subTest(call=call, number=number):
                    self.reset()
                    if getattr(self.storage, "removed", False):
                        self.write_order()
                    done = run(*strace("-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                                       "-e", f"inject={call}:signal=SIGKILL:when={number}"),
                               *self.command())
                    hits += done.returncode in KILLED
                    self.finish(number % 2 == 1)
        self.assertGreaterEqual(hits, 2)

    def test_tmpfs(self):
        self.kill_everywhere(
            Tree("tmpfs", self.stack.enter_context(memory_mount("tmpfs", self.folder / "mnt"))))

    def test_ramfs(self):
        self.kill_everywhere(
            Tree("ramfs", self.stack.enter_context(memory_mount("ramfs", self.folder / "mnt"))))

    def test_file(self):
        mount = self.stack.enter_context(memory_mount("tmpfs", self.folder / "mnt"))
        self.kill_everywhere(File(mount / "data"))

    def test_swap(self):
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(Swap.size)
        self.kill_everywhere(Swap(self.stack.enter_context(storage.loop_device(image))))

    @unittest.skipUnless("EFFACE_KILL_SWAP" in os.environ, "no swap area to be taken out of use")
    def test_swap_in_use(self):
        self.kill_everywhere(ActiveSwap(os.environ["EFFACE_KILL_SWAP"]))

    def test_sysv(self):
        segment = Segment()
        self.addCleanup(segment.remove)
        self.kill_everywhere(segment, {"shmctl"})
        self.assertGreaterEqual(self.removals, 1)

    def test_mqueue(self):
        queue = Queue()
        self.addCleanup(queue.remove)
        self.kill_everywhere(queue, {"mq_open", "mq_unlink"})
        self.assertGreaterEqual(self.removals, 1)

    @unittest.skipUnless("EFFACE_KILL_BRD" in os.environ, "no RAM disk of our own")
    def test_brd(self):
        self.kill_everywhere(Brd(os.environ["EFFACE_KILL_BRD"]))

    @unittest.skipUnless("EFFACE_KILL_FREE" in os.environ, "no machine of our own to sweep")
    def test_free(self):
        self.kill_everywhere(FreeMemory())

    @unittest.skipUnless(HUGE_POOL.exists(), "no huge pages here")
    def test_hugetlbfs(self):
        if not self.stack.enter_context(huge_pages()):
            self.skipTest("no huge pages to be had")
        self.kill_everywhere(
            HugeTree(self.stack.enter_context(memory_mount("hugetlbfs", self.folder / "mnt"))))

    @unittest.skipUnless(HUGE_POOL.exists(), "no huge pages here")
    def test_hugepages(self):
        if not self.stack.enter_context(huge_pages()):
            self.skipTest("no huge pages to be had")
        self.kill_everywhere(HugePages())

    @unittest.skipUnless((ZRAM_CONTROL / "hot_add").exists(), "no zram here")
    def test_zram(self):
        self.kill_everywhere(Zram(self.stack.enter_context(zram_device())))


if __name__ == "__main__":
    cases.main("mount", "umount", "strace", "mkswap", "losetup", root=True)
