# SPDX-License-Identifier: Apache-2.0
"""The two scripts of an automation engineer, in bash and in Python, on one order for each exit status
that a machine without a special disk can have: what they say is to be done, and the medium."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase"),
                str(Path(__file__).parents[1] / "erase" / "memory")]

# pylint: disable=wrong-import-position
import cases
import memory_storage
import project
import targets
from process import SECONDS_MAX, run, scratch

FOLDER = Path(__file__).parent / "scripts"
MIB = 1 << 20


class Station:
    """A state folder of its own, and the environment in which a script finds it."""

    def __init__(self, folder):
        self.folder = folder
        self.state = project.State(folder / "state")
        (folder / "bin").mkdir()
        (folder / "bin" / "efface").symlink_to(self.state.efface)
        self.environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                            "EFFACE_STATE_DIR": str(self.state.folder), "PAUSE": "0.1"}

    def order(self, name, size=64 * 1024, approved=True, **more):
        disk = self.folder / f"{name}.img"
        targets.fill_with_marks(disk, size)
        return disk, targets.write_order(self.state, self.folder,
                                         targets.order([targets.target(disk)], id=name, **more),
                                         approved, f"{name}.json")


class Scripts(unittest.TestCase):
    def setUp(self):
        self.scratch = scratch()
        self.folder = self.scratch.__enter__()
        self.addCleanup(self.scratch.__exit__, None, None, None)

    def said(self, script, station, *orders, **environment):
        """[(status, action, changed, reason)] and the exit status of the script."""
        done = run(FOLDER / script, *orders, env={**station.environment, **environment})
        answers = []
        for line in done.stdout.decode().splitlines():
            if script.endswith(".py"):
                answer = json.loads(line)
                answers.append((answer["status"], answer["action"], answer["changed"],
                                answer["reason"]))
            else:
                _, status, action, changed, reason = line.split()
                answers.append((int(status), action, changed.endswith("true"),
                                reason.split("=")[1]))
        self.assertEqual(len(answers), len(orders), done)
        return answers, done.returncode

    def each(self, check):
        for script in ("decommission.sh", "decommission.py"):
            with self.subTest(script=script):
                folder = self.folder / script
                folder.mkdir()
                check(script, Station(folder))

    def test_what_is_to_be_done_for_each_exit_status(self):
        self.each(self.check_statuses)

    def check_statuses(self, script, station):
        good, release = station.order("good")
        unread, keep = station.order("unread", verification="none")
        _, ask = station.order("ask", approved=False)
        held, in_use = station.order("held")
        gone, absent = station.order("gone")
        gone.unlink()
        malformed = station.folder / "malformed.json"
        malformed.write_text("{")
        with open(held, "rb"):
            answers, code = self.said(script, station, release, keep, ask, in_use, absent, malformed)
        self.assertEqual([(status, action) for status, action, *_ in answers],
                         [(0, "release"), (3, "keep"), (6, "ask-people"), (7, "in-use"),
                          (2, "fix-order"), (2, "fix-order")])
        self.assertEqual([changed for _, _, changed, _ in answers],
                         [True, True, False, False, False, False])
        self.assertEqual([answers[at][3] for at in (2, 3)], ["no-terminal", "opened"])
        self.assertEqual(code, 1)
        self.assertEqual([targets.marks_left(path) for path in (good, unread)], [[], []])
        self.assertNotEqual(targets.marks_left(held), [])
        # Once more: done before, the same certificate.
        self.assertEqual(self.said(script, station, release), ([(0, "release", False, "-")], 0))
        # Its certificate is moved away: erased, but not delivered.
        bundle = next(path.parent for path in station.state.bundles()
                      if targets.predicate(path.parent)["target"]["name"] == str(good))
        bundle.rename(station.folder / "moved")
        answers, code = self.said(script, station, release)
        self.assertEqual((answers[0][0], answers[0][1], code), (5, "deliver", 1))
        (station.folder / "moved").rename(bundle)
        # A station that cannot keep what it makes begins nothing.
        (station.state.folder / "certificates").rename(station.folder / "aside")
        (station.state.folder / "certificates").write_text("")
        answers, code = self.said(script, station, in_use)
        self.assertEqual((answers[0][:3], code), ((1, "repair-station", False), 1))
        self.assertNotEqual(targets.marks_left(held), [])

    def test_exceptions_are_told_apart(self):
        self.each(self.check_exceptions)

    def check_exceptions(self, script, station):
        """A message queue: the kernel frees its own copies of the messages, and unless it is known to clear
        what is freed they are an exception. The only one that a machine without a special disk has at will."""
        queue = memory_storage.Queue()
        queue.fill()
        self.addCleanup(queue.remove)
        plan = json.loads(station.state.require("plan", queue.target, "--json").stdout)["targets"][0]
        order = targets.write_order(
            station.state, station.folder,
            targets.order([{"target": queue.target, "size_bytes": plan["sizeBytes"]}], id="queue"),
            name="queue.json")
        expected = [(4, "release-with-exceptions", True, "-")]
        if "content-only-freed" not in [risk["code"] for risk in plan["residualRisks"]]:
            expected = [(0, "release", True, "-")]  # booted with init_on_free=1
        self.assertEqual(self.said(script, station, order), (expected, 0))
        self.assertTrue(queue.gone())

    def test_a_run_that_is_busy_or_interrupted_is_done_again(self):
        self.each(self.check_again)

    def pid_of_efface(self, process):
        """The child that erases, once its job runs."""
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline and process.poll() is None:
            for task in Path(f"/proc/{process.pid}/task").glob("*/children"):
                for child in task.read_text(encoding="ascii").split():
                    if b"erase" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                        return int(child)
            time.sleep(0.01)
        return None

    def check_again(self, script, station):
        disk, order = station.order("large", 160 * MIB)
        with subprocess.Popen([FOLDER / script, order], env=station.environment,
                              stdout=subprocess.PIPE) as first:
            child = self.pid_of_efface(first)
            busy = []
            while child and first.poll() is None and not busy:
                jobs = json.loads(station.state.run("status", "--json").stdout)["jobs"]
                if any(job["running"] for job in jobs):
                    busy, _ = self.said(script, station, order, TRIES="1")
                    os.kill(child, signal.SIGTERM)
            output, _ = first.communicate()
        self.assertEqual(first.returncode, 0, output)
        self.assertIn(b"release", output)
        self.assertEqual(targets.marks_left(disk), [])
        if busy and busy[0][0] != 0:  # it was not over by then
            self.assertEqual(busy[0][:2], (75, "again"))


if __name__ == "__main__":
    cases.main("bash", "jq")
