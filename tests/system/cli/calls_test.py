# SPDX-License-Identifier: Apache-2.0
"""Which system calls the kernel still takes: each command, its threads and its workers are filtered
before they read what others made, and none of them is refused what it needs."""

import json
import os
import re
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import edge
import project
import targets
from cases import MACHINE, enter_scratch
from process import missing, run, strace

EXIT = project.EXIT
MIB = 1 << 20
FILTERED = "2"  # proc(5): SECCOMP_MODE_FILTER
RIGHTS = {"reading": (("verify", "BUNDLE"), ("verify", "BUNDLE", "--replay"), ("show", "BUNDLE"),
                      ("verify", "BUNDLE", "--log", "LOG"), ("certificates",), ("log", "check"),
                      ("jobs",), ("status",)),
          "listing": (("list",), ("list", "--techniques")),
          "planning": (("plan", "FILE"), ("plan", "MANIFEST"), ("plan", "machine")),
          "signing": (("keys", "issue", "NAME", "--role", "approver",
                     "--no-passphrase"),
                      ("approve", "ORDER", "--key", "alice"),
                      ("accept", "BUNDLE", "--key", "alice", "--reason", "looked at"))}
WITHOUT_JSON = ("approve",)
RUNS = ("erase", "project", "memory")
ENDED = (0, EXIT["exceptions"])  # swap of the machine is none of these commands
UNFILTERED = ("-e", "inject=seccomp:error=ENOSYS")
REFUSED = re.compile(r"(\w+)(?:\(.*| resumed>.*)= -1 (?:EPERM|ENOSYS)|\+\+\+ killed by (SIGSYS)")
# Tried once, then done in another way: threads by clone(), a lock by reading.
OLDER_WAY = {"clone3"}
LOCK = '/lock", O_RDWR'


def setUpModule():
    MACHINE["station"] = edge.Station(enter_scratch() / "station")
    MACHINE["state"] = MACHINE["station"].state


def status_of(folder):
    return dict(line.split(":\t", 1) for line in
                (folder / "status").read_text().splitlines() if ":\t" in line)


class Case(cases.Case):
    def setUp(self):
        super().setUp()
        self.station = MACHINE["station"]

    def world(self, kind):
        world = edge.World(self.station, kind, self.folder / os.urandom(4).hex())
        self.addCleanup(world.close)
        return world

    def stand_in(self, word):
        if word == "BUNDLE":
            return self.station.bundle
        if word == "LOG":
            return self.state.folder / "log"
        if word == "NAME":
            return f"person-{os.urandom(4).hex()}"
        if word == "FILE":
            path = self.folder / "disk.img"
            targets.fill_with_marks(path, edge.FILE_BYTES)
            return path
        if word == "ORDER":  # not approved yet
            order = targets.order([targets.target(self.stand_in("FILE"))])
            path = self.folder / "order.json"
            path.write_text(json.dumps(order))
            path.with_name(path.name + ".p7s").unlink(missing_ok=True)
            return path
        if word == "MANIFEST":
            return self.world("project").command[-2]
        return word

    def rows(self):
        """(rights, what makes such a command anew) of each command there is."""
        def asks(row, more):
            return self.state.command(*(self.stand_in(word) for word in row), *more)
        for rights, rows in RIGHTS.items():
            for row in rows:
                for more in ((), ("--json",)):
                    if not more or row[0] not in WITHOUT_JSON:
                        yield rights, lambda row=row, more=more: asks(row, more)
        for kind in RUNS:
            if kind != "memory" or os.geteuid() == 0:
                yield "storage", lambda kind=kind: self.world(kind).command


@unittest.skipIf(missing("strace", "taskset"), "needs strace")
class Traced(Case):
    def trace(self, command, *options):
        log = self.folder / "trace"
        done = run(*strace("-f", "-qq", "-s", "300", "-o", log, *options), *command)
        return done, log.read_text(errors="replace").splitlines()

    def refused(self, lines):
        return {name for line in lines if LOCK not in line
                for found in [REFUSED.search(line)] if found for name in found.groups() if name}

    def test_each_command_is_filtered_first_and_refused_nothing(self):
        for rights, command in self.rows():
            # What the kernel itself refuses here: by a process without a filter.
            done, lines = self.trace(command(), *UNFILTERED)
            by_kernel = self.refused(lines) | OLDER_WAY
            words = command()
            with self.subTest(rights=rights, command=words[3:]):
                self.assertIn(done.returncode, ENDED, done)
                self.assertIn(b"system calls", done.stderr)
                done, lines = self.trace(words)
                self.assertIn(done.returncode, ENDED, done)
                self.assertNotIn(b"system calls", done.stderr)
                filtered = next((number for number, line in enumerate(lines)
                                 if "SECCOMP_SET_MODE_FILTER" in line and line.endswith(" = 0")),
                                None)
                self.assertIsNotNone(filtered, "no filter")
                self.assertEqual([line for line in lines[:filtered]
                                  if "open" in line and str(MACHINE["folder"]) in line], [])
                self.assertLessEqual(self.refused(lines[filtered:]), by_kernel)


class Status(Case):
    def seen(self, process):
        """What stands in /proc of its threads and of those that it started, while it runs."""
        threads, workers = [], []
        while process.poll() is None:
            try:
                proc = Path(f"/proc/{process.pid}")
                threads += [status_of(task) for task in (proc / "task").iterdir()]
                children = (proc / "task" / str(process.pid) / "children").read_text().split()
                for child in children:
                    words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if b"luks-worker" in words:
                        workers.append(status_of(Path(f"/proc/{child}")))
            except (FileNotFoundError, ProcessLookupError):
                pass
            time.sleep(0.002)
        return threads, workers

    def filters(self, statuses):
        """How many of each were seen at last; none where the kernel does not say."""
        return {int(status.get("Seccomp_filters", "0")) for status in statuses}

    def test_every_thread_of_a_run_and_its_workers_once_more(self):
        path = self.folder / "disk.img"
        targets.fill_with_marks(path, 96 * MIB)
        order = targets.write_order(self.state, self.folder, targets.order([targets.target(path)]))
        reader, writer = os.pipe()
        process = edge.start(self.state.command("erase", "--order", order, "--json",
                                                "--events", f"fd:{writer}"), pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, "rb") as events:
            for line in events:
                if b'"started"' in line:
                    break
            asked = self.state.require("status", "--json")
            seen = []
            while process.poll() is None and 2 not in self.filters(seen):
                seen += [status_of(task) for task in Path(f"/proc/{process.pid}/task").iterdir()]
                if "Seccomp_filters" not in seen[0]:
                    break
            process.send_signal(signal.SIGTERM)
            edge.finish(process)
        self.assertEqual([job["running"] for job in json.loads(asked.stdout)["jobs"]
                          if str(path) in str(job)], [True])
        self.assertGreater(len(seen), 1)
        for status in seen:
            self.assertEqual(status["Seccomp"].strip(), FILTERED)
        if "Seccomp_filters" in seen[0]:
            self.assertEqual(self.filters(seen), {1, 2})

    def test_the_luks_worker_of_a_project_has_one_of_its_own(self):
        world = self.world("project")
        process = edge.start(world.command)
        _, workers = self.seen(process)
        code, _, words = edge.finish(process)
        self.assertEqual(code, 0, words)
        self.assertTrue(workers)
        self.assertEqual({status["Seccomp"].strip() for status in workers}, {FILTERED})
        if "Seccomp_filters" in workers[0]:
            self.assertIn(2, self.filters(workers))


if __name__ == "__main__":
    cases.main("cryptsetup", "openssl")
