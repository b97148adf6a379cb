# SPDX-License-Identifier: Apache-2.0
"""What a technician sees at a terminal of 80 x 24 and of 120 x 40: the list, the prompt, progress."""

import json
import os
import re
import sys
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase")]

# pylint: disable=wrong-import-position
import cases
import project
import storage
import targets
from cases import MACHINE, enter_state
from process import LONG
from terminal import terminal

EXIT = project.EXIT
MIB = 1 << 20
SIZES = [(80, 24), (120, 40)]
TARGETS = [2, 16, 40]
ROW = re.compile(r"^\S+ +(\[[=.|]+\]  )? *\d+ %  ")
SUMMARY = re.compile(r"^\d+ running(, \d+ finished)?; least far \d+ %")


def setUpModule():
    enter_state()


class Case(cases.Case):
    def terminal(self, columns, rows):
        stack = ExitStack()
        self.addCleanup(stack.close)
        efface = Path(self.state.efface)
        (self.folder / "bin").mkdir(exist_ok=True)
        link = self.folder / "bin" / "efface"
        if not link.exists():
            link.symlink_to(efface)
        return stack.enter_context(terminal(MACHINE["folder"], columns, rows, {
            "PATH": f"{link.parent}:{os.environ['PATH']}",
            "EFFACE_STATE_DIR": self.state.folder}))

    def disk(self, name, size=64 * 1024):
        path = self.folder / name
        targets.fill_with_marks(path, size)
        return path


class Prompt(Case):
    def token(self, window):
        """What the last question wants to be typed."""
        lines = window.until(r"type \S+: *$", history=True)
        return [re.search(r"type (\S+): *$", line)[1] for line in lines
                if re.search(r"type (\S+): *$", line)][-1]

    def untouched(self, *paths):
        for path in paths:
            self.assertNotEqual(targets.marks_left(path), [], path)

    def test_plans_first_then_questions_and_refusals_before_anybody_types(self):
        for columns, rows in SIZES:
            disks = [self.disk(f"{columns}-{number}.img") for number in range(2)]
            window = self.terminal(columns, rows)
            window.type(f"efface erase {disks[0]} /nowhere {disks[1]}")
            first = self.token(window)
            lines = window.lines(history=True)
            plans = [at for at, line in enumerate(lines) if line.startswith("Target ")]
            refused = [at for at, line in enumerate(lines) if "1 of 3 will NOT" in line]
            asked = [at for at, line in enumerate(lines) if re.search(r"type \S+: *$", line)]
            self.assertEqual(len(plans), 3)
            self.assertEqual(len(refused), 1)
            self.assertTrue(max(plans) < refused[0] < asked[0], lines)
            self.assertFalse([line for line in lines if "to confirm" in line])
            window.type("y")
            window.until(r"\(2 tries left\)", history=True)
            window.type(f"   {first[-6:]}  ")
            window.until(r"2 of 2: to erase", history=True)
            window.type(self.token(window))
            window.until(rf"{disks[1].name}: sanitized", history=True)
            self.assertEqual(window.status(), EXIT["usage"])  # of the one that is not there
            for path in disks:
                self.assertEqual(targets.marks_left(path), [])

    def test_three_wrong_answers_and_nothing_is_changed(self):
        disk = self.disk("disk.img")
        window = self.terminal(80, 24)
        window.type(f"efface erase {disk}")
        self.token(window)
        for left in (2, 1, 0):
            window.type("wrong")
            window.until(rf"\({left} tr" if left else "nothing was changed", history=True)
        self.assertEqual(window.status(), EXIT["authorisation"])
        self.untouched(disk)

    def test_every_way_to_leave_the_question_says_that_nothing_was_changed(self):
        disk = self.disk("disk.img")
        window = self.terminal(80, 24)
        for way, code in (("C-c", EXIT["interrupted"]), ("C-d", EXIT["authorisation"]),
                          ("HUP", EXIT["interrupted"]), ("TERM", EXIT["interrupted"])):
            with self.subTest(way=way):
                window.type("clear")
                window.tmux("clear-history")
                window.type(f"efface erase {disk}")
                self.token(window)
                if way.startswith("C-"):
                    window.type(way)
                else:
                    self.signal(window, way)
                window.until("nothing was changed", history=True)
                self.assertEqual(window.status(), code)
                self.untouched(disk)

    def signal(self, window, name):
        """To the efface that runs in the window, which is the child of its shell."""
        shell = window.tmux("display-message", "-p", "#{pane_pid}").stdout.decode().strip()
        child = Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()[0]
        os.kill(int(child), {"HUP": 1, "TERM": 15, "USR1": 10}[name])

    def test_a_look_at_the_progress_does_not_end_the_question(self):
        disk = self.disk("disk.img")
        window = self.terminal(80, 24)
        window.type(f"efface erase {disk}")
        token = self.token(window)
        self.signal(window, "USR1")
        window.until("nothing has begun", history=True)
        window.type(token)
        window.until(r": sanitized, level", history=True)
        self.assertEqual(window.status(), 0)

    def test_an_interrupted_job_is_told_before_the_question(self):
        disk = self.disk("disk.img", 128 * MIB)
        window = self.terminal(120, 40)
        window.type(f"efface erase {disk}")
        token = self.token(window)
        window.type(token)
        while not any("sanitized," in line for line in window.lines()):
            jobs = json.loads(self.state.run("status", "--json").stdout)["jobs"]
            if any(job["running"] for job in jobs):
                break
        window.type("C-c")
        window.until(r"sanitized,|stopped at a safe point", history=True)
        if window.status() != EXIT["interrupted"]:
            self.skipTest("it was erased before it could be interrupted")
        window.type("clear")
        window.tmux("clear-history")
        window.type(f"efface erase {disk}")
        again = self.token(window)
        lines = window.lines(history=True)
        told = [at for at, line in enumerate(lines) if "interrupted" in line]
        asked = [at for at, line in enumerate(lines) if re.search(r"type \S+: *$", line)]
        self.assertTrue(told and told[0] < asked[0], lines)
        window.type(again)
        window.until(r": sanitized, level", history=True)
        self.assertEqual(window.status(), 0)
        self.assertEqual(targets.marks_left(disk), [])


class Drawn(Case):
    def watch(self, window, last):
        """Every screen until this one is done: those in which something is drawn."""
        screens = []
        while not any(line == last for line in window.lines(history=True)):
            lines = window.lines()
            drawn = [line for line in lines if ROW.match(line) or SUMMARY.match(line)]
            if drawn:
                screens.append((lines, drawn))
        return screens

    def check(self, count, columns, rows):
        size = max(16, 512 // count) * MIB
        disks = []
        for number in range(count):
            path = self.folder / f"{columns}-{count}-{number:02d}.img"
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
            disks.append(path)
        order = targets.write_order(self.state, self.folder,
                                    targets.order([targets.target(path) for path in disks]),
                                    name=f"order-{columns}-{count}.json")
        window = self.terminal(columns, rows)
        window.type(f"clear; efface erase --order {order}; echo all=ended")
        seen = self.watch(window, "all=ended")
        for lines, drawn in seen:
            self.assertLessEqual(len(drawn), rows - 1, lines)
            for line in lines:
                self.assertLessEqual(len(line), columns, lines)
            for line in drawn:
                self.assertTrue(ROW.match(line) or SUMMARY.match(line), line)
            if any(SUMMARY.match(line) for line in drawn):
                self.assertGreater(count, rows - 2)
        text = "\n".join(window.lines(history=True))
        self.assertEqual(len(re.findall(r"efface: \S+:\s+finished", text)), count, text)
        self.assertNotRegex(text, "(?m)^zzz")
        for path in disks:
            path.unlink()
        return len(seen)

    def test_progress_fits_the_screen(self):
        cases = [(count, *size) for size in SIZES for count in TARGETS]
        seen = sum(self.check(*case) for case in (cases if LONG else [cases[0], cases[2]]))
        if seen == 0:
            self.skipTest("this machine is too fast to see anything")

    def test_what_is_typed_meanwhile_leaves_nothing_behind(self):
        disk = self.disk("disk.img", 128 * MIB)
        order = targets.write_order(self.state, self.folder,
                                    targets.order([targets.target(disk)]))
        window = self.terminal(80, 24)
        window.type(f"clear; efface erase --order {order}; echo all=ended")
        window.until(r"\d+ %|^all=ended$")
        window.type("zzz", enter=False)
        window.until("^all=ended")
        text = window.lines(history=True)
        self.assertFalse([line for line in text[1:] if "zzz" in line and not line.startswith("$")],
                         text)

    @unittest.skipIf(os.geteuid() != 0 or not storage.may_use_loops(), "needs loop devices")
    def test_the_list_fits_and_folds_what_nobody_uses(self):
        with ExitStack() as stack:
            for number in range(6):
                path = self.folder / f"idle-{number}.img"
                path.write_bytes(bytes(MIB))
                stack.enter_context(storage.loop_device(path))
            for columns, rows in SIZES:
                window = self.terminal(columns, rows)
                window.type("clear; efface list; echo all=ended")
                lines = window.until("^all=ended")
                self.assertTrue([line for line in lines if line.startswith("NAME")], lines)
                folded = [line for line in lines if re.match(r"^\+\d+ loop ", line)]
                self.assertEqual(len(folded), 1, lines)
                table = [line for line in lines[lines.index(next(
                    line for line in lines if line.startswith("NAME"))):] if line]
                for line in table[:table.index(folded[0]) + 1]:
                    self.assertLessEqual(len(line), columns)
                    self.assertRegex(line, r"^ ?(NAME|\+\d+ loop|[a-z]+[\w.-]*)( |$)")
                window.type("clear; efface list -d all -o name,kind; echo unfolded=ended")
                loops = [line for line in window.until("^unfolded=ended") if " loop" in line]
                self.assertGreaterEqual(len(loops), 6)

    def test_status_is_watched_until_nothing_runs(self):
        window = self.terminal(80, 24)
        window.type("clear; efface status --watch; echo all=ended")
        window.until("^all=ended")


if __name__ == "__main__":
    cases.main("tmux", "bash")
