# SPDX-License-Identifier: Apache-2.0
"""What the log's key signed is never lost, and signed once. The real binary is killed at every call by
which an entry comes into the log, whatever its kind."""

import shutil
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / part)
                for part in ("luks", "lib", "erase", "erase/memory")]

# pylint: disable=wrong-import-position,unused-import
import project
import targets
from log_case import GOOD, INIT, KILLED, MACHINE, LogCase, main, setUpModule
from process import run
from sample import Sample, todays

RERUNS_MAX = 4


class Killed(LogCase):
    """After each kill the same command is given again, until it ends well."""

    # Of all that is killed: each call on each file of the log once, and some of the others.
    sample = Sample(6)

    def kill_everywhere(self, kept, command, finish):
        self.station.put_back(kept)
        points = [point for point in self.station.points(command)
                  if self.sample.has((point.call, Path(point.path).name))]
        self.station.put_back(kept)
        hits = 0
        for point in points:
            with self.subTest(point=str(point)):
                self.station.put_back(kept)
                done = run(*point.inject("signal=SIGKILL"), *command)
                hits += done.returncode in KILLED
                lines, tail, head = self.station.parts()
                code, document = self.station.check()
                self.assertEqual((code, document["problems"]), (0, []))
                finish(command)
                if head == len(lines) + 1:  # signed, but for its name
                    self.assertEqual(self.station.parts()[0][len(lines)] + b"\n", tail)
                    self.assertEqual(self.station.set_aside(), {})
                else:
                    self.check_set_aside(lines, tail)
                self.assertEqual(self.check_whole(), [])
                self.assertEqual(self.check_bundles(), 1)
        self.assertEqual(hits, len(points))
        print(f"{kept}: killed at {hits} calls")

    def run_again(self, command):
        for _ in range(RERUNS_MAX):
            if run(*command).returncode in GOOD:
                return
        self.fail("it does not come to its end")

    def test_intent_and_outcome(self):
        def finish(command):
            self.run_again(command)
            self.assertEqual(targets.marks_left(self.station.image("open")), [])
            kinds = [entry["type"] for entry in self.station.of_runs()]
            self.assertEqual(kinds, ["run-intent", "run-outcome"])

        self.kill_everywhere("new", self.station.command("open"), finish)

    def test_lost_intent_and_outcome(self):
        def finish(command):
            self.run_again(command)
            entries = self.station.of_runs()
            self.assertEqual([entry.get("status") for entry in entries],
                             [None, "lost", None, MACHINE["status"]])

        self.kill_everywhere("open", self.station.command("open-again"), finish)

    def test_the_first_entries(self):
        station = self.station
        command = station.state.command(*INIT)

        def clear():
            shutil.rmtree(station.state.folder)

        clear()
        for point in todays(station.points(command), 4):
            with self.subTest(point=str(point)):
                clear()
                self.assertIn(run(*point.inject("signal=SIGKILL"), *command).returncode, KILLED)
                told = (station.log / "checkpoint").exists() and len(station.signed()) == 2
                if not told:
                    self.run_again(command)
                self.assertEqual([entry["type"] for entry in station.signed()],
                                 ["log-created", "key-added"])
                self.assertEqual(self.check_whole(), [])
                self.assertEqual(run(*command).returncode, project.EXIT["usage"])
        # Where anything has run, a log that is gone is not begun anew.
        station.put_back("used")
        shutil.rmtree(station.log)
        self.assertEqual(run(*command).returncode, project.EXIT["usage"])
        self.assertFalse(station.log.exists())


if __name__ == "__main__":
    main()
