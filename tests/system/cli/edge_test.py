# SPDX-License-Identifier: Apache-2.0
"""Whatever becomes of standard input, output and error and of the events: a run ends as it should.
Generated: descriptors × commands, ways to fail × streams × commands."""

import itertools
import os
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import edge
import project
from cases import MACHINE, enter_scratch
from process import require, some
from sample import todays

EXIT = project.EXIT
SIGPIPE = -13
AT_ONCE = 4  # most of the time is spent waiting for who does not read


def setUpModule():
    MACHINE["station"] = edge.Station(enter_scratch() / "station")
    # What a mount in memory can claim depends on what this machine swapped before.
    MACHINE["success"] = {kind: 0 for kind in (*edge.WRITES, *edge.ASKS)}
    if "memory" in commands():
        world = edge.World(MACHINE["station"], "memory", MACHINE["folder"] / "undisturbed")
        MACHINE["success"]["memory"] = edge.finish(edge.start(world.command))[0]
        assert MACHINE["success"]["memory"] in (0, EXIT["exceptions"])
        world.close()


def commands():
    kinds = (*edge.WRITES, *edge.ASKS)
    return [kind for kind in kinds if kind != "memory" or os.geteuid() == 0]


class Case(unittest.TestCase):
    def worlds(self, rows, check):
        """`check(world, *row)` for every row, in a world of its own; what it returns is wrong."""
        folder = MACHINE["folder"] / self.id().rsplit(".", maxsplit=1)[-1]
        folder.mkdir()

        def one(number, row):
            world = edge.World(MACHINE["station"], row[0], folder / str(number))
            try:
                return check(world, *row[1:])
            finally:
                world.close()

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for row, wrong in zip(rows, pool.map(one, itertools.count(), rows)):
                with self.subTest(row=row):
                    self.assertIsNone(wrong)
        self.assertTrue(rows)


def answer_of(world, done, code, readable):
    """What is wrong with the exit status, the document and the medium; None: nothing."""
    status, out, words = done
    if status != code:
        return f"exit {status}, not {code}: {out!r} {words}"
    document = None
    if readable:
        found = edge.documents_in(out)
        if len(found) != 1:
            return f"{len(found)} documents: {out!r}"
        document = found[0]
        if document.get("exitCode", code) != code:
            return f"the document says {document}"
    return world.holds(code, document)


class Descriptors(Case):
    def test_each_combination_of_closed_descriptors(self):
        closed = [combination for size in range(4)
                  for combination in itertools.combinations((0, 1, 2), size)]
        rows = todays(itertools.product(commands(), closed), 3, lambda row: row[1])
        self.worlds(rows, lambda world, numbers: answer_of(
            world, edge.finish(edge.start(world.command, numbers)), MACHINE["success"][world.kind],
            1 not in numbers))


class Streams(Case):
    def test_standard_output_and_error_that_can_not_be_written(self):
        rows = list(itertools.product(commands(), ("stdout", "stderr"), edge.WAYS))
        # A reader who takes nothing is waited for half a minute at the end, and questions wait.
        slow = [row for row in rows if row[2] == "unread" and row[0] in edge.WRITES]
        quick = [row for row in rows if row[2] != "unread"]
        self.worlds(some(slow, 3) + todays(quick, 4, lambda row: row[1:]), self.check)

    @staticmethod
    def check(world, stream, way):
        with ExitStack() as stack:
            descriptor = edge.WAYS[way](stack)
            done = edge.finish(edge.start(world.command, descriptors={stream: descriptor}))
        code = MACHINE["success"][world.kind]
        if world.kind in edge.ASKS and stream == "stdout":
            code = {"full": EXIT["internal"], "broken": SIGPIPE, "dying": done[0]}[way]
            if way == "dying" and code not in (0, SIGPIPE):
                return f"exit {code}"
        return answer_of(world, done, code, stream != "stdout")


class Events(Case):
    def runs(self):
        return [kind for kind in commands() if kind in edge.WRITES]

    def test_events_that_nobody_takes_are_counted(self):
        rows = list(itertools.product(self.runs(), edge.WAYS))
        self.worlds(rows, self.check)

    @staticmethod
    def check(world, way):
        with ExitStack() as stack:
            descriptor = edge.WAYS[way](stack)
            process = edge.start([*world.command, "--events", f"fd:{descriptor}"],
                                 pass_fds=[descriptor])
            done = edge.finish(process)
        wrong = answer_of(world, done, MACHINE["success"][world.kind], True)
        lost = edge.documents_in(done[1])[0]["eventsLost"] if wrong is None else 0
        return wrong or (None if lost > 0 or way == "dying" else f"{lost} events were lost")

    def test_a_file_on_a_full_file_system(self):
        if os.geteuid() != 0:
            self.skipTest("only root mounts one")
        self.worlds([(kind,) for kind in self.runs()], self.check_full)

    @staticmethod
    def check_full(world):
        full = world.folder / "full"
        full.mkdir()
        require("mount", "-t", "tmpfs", "-o", "size=16k", "efface-test", full)
        world.stack.callback(require, "umount", full)
        (full / "events").touch()
        with open(full / "ballast", "wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        process = edge.start([*world.command, "--events", full / "events"])
        done = edge.finish(process)
        wrong = answer_of(world, done, MACHINE["success"][world.kind], True)
        lost = edge.documents_in(done[1])[0]["eventsLost"] if wrong is None else 0
        return wrong or (None if lost > 0 else "no event was lost")

    def test_what_can_not_be_written_at_all_is_a_usage_error(self):
        with open(__file__, "rb") as readable:
            bad = ("fd:99", "fd:x", "fd:-1", "fd:1", "-", f"fd:{readable.fileno()}",
                   str(MACHINE["folder"]), "/nonexistent/events")
            rows = todays(itertools.product(self.runs(), bad), 2)
            self.worlds(rows, lambda world, events: self.check_usage(world, events, readable))

    @staticmethod
    def check_usage(world, events, readable):
        process = edge.start([*world.command, "--events", events], pass_fds=[readable.fileno()])
        done = edge.finish(process)
        wrong = answer_of(world, done, EXIT["usage"], True)
        return wrong or (None if world.untouched() else "it was touched")

    def test_numbers_without_a_gap_and_the_target_in_each(self):
        self.worlds([(kind,) for kind in self.runs()], self.check_order)

    @staticmethod
    def check_order(world):
        path = world.folder / "events"
        done = edge.finish(edge.start([*world.command, "--events", path]))
        wrong = answer_of(world, done, MACHINE["success"][world.kind], True)
        events = edge.documents_in(path.read_bytes())
        if [event["seq"] for event in events] != list(range(len(events))):
            wrong = wrong or f"numbers: {events}"
        nameless = [event for event in events if "target" not in event]
        if nameless and world.kind != "project":
            wrong = wrong or f"without a target: {nameless}"
        lost = edge.documents_in(done[1])[0]["eventsLost"]
        return wrong or (None if lost == 0 else f"{lost} were lost")


if __name__ == "__main__":
    cases.main("cryptsetup")
