# SPDX-License-Identifier: Apache-2.0
"""The process itself: signals, rights, whose state folder, which OpenSSL, who is the operator."""

import json
import os
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
from process import missing, run, soon, strace

EXIT = project.EXIT
MIB = 1 << 20
# capability.h: what a run that erases keeps.
STORAGE = {1: "DAC_OVERRIDE", 2: "DAC_READ_SEARCH", 3: "FOWNER", 14: "IPC_LOCK", 15: "IPC_OWNER",
           17: "SYS_RAWIO", 19: "SYS_PTRACE", 21: "SYS_ADMIN", 24: "SYS_RESOURCE"}


def setUpModule():
    MACHINE["station"] = edge.Station(enter_scratch() / "station")
    MACHINE["state"] = MACHINE["station"].state


class Case(cases.Case):
    def setUp(self):
        super().setUp()
        self.station = MACHINE["station"]

    def order(self, size, name="disk.img"):
        path = self.folder / name
        targets.fill_with_marks(path, size)
        return path, targets.write_order(self.state, self.folder,
                                         targets.order([targets.target(path)]))

    def begin(self, order, *options, **more):
        """Started, and as far as its first target is begun."""
        reader, writer = os.pipe()
        process = edge.start(self.state.command("erase", "--order", order, "--json", *options,
                                                "--events", f"fd:{writer}"),
                             pass_fds=[writer], **more)
        os.close(writer)
        events = os.fdopen(reader, "rb")
        self.addCleanup(events.close)
        for line in events:
            if json.loads(line)["event"] == "started":
                return process
        self.fail(edge.finish(process))

    def document(self, out):
        found = edge.documents_in(out)
        self.assertEqual(len(found), 1, out)
        return found[0]


class Signals(Case):
    def test_each_signal_stops_at_a_safe_point_and_the_same_command_goes_on(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                path, order = self.order(96 * MIB, f"{number}.img")
                process = self.begin(order)
                process.send_signal(number)
                code, out, words = edge.finish(process)
                self.assertEqual(code, EXIT["interrupted"], words)
                entry = self.document(out)["targets"][0]
                self.assertEqual((entry["exitCode"], entry["changed"], entry["error"]["code"]),
                                 (EXIT["interrupted"], True, "interrupted"))
                code, document, words = targets.erase(self.state, order)
                self.assertEqual(code, 0, words)
                self.assertEqual(targets.marks_left(path), [])
                path.unlink()

    def test_what_was_ignored_at_the_start_stays_ignored(self):
        path, order = self.order(64 * MIB)
        before = {number: signal.signal(number, signal.SIG_IGN)
                  for number in (signal.SIGHUP, signal.SIGINT)}
        try:
            process = self.begin(order)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        code, _, words = edge.finish(process)
        self.assertEqual(code, 0, words)
        self.assertEqual(targets.marks_left(path), [])

    @unittest.skipIf(missing("strace", "taskset"), "needs strace")
    def test_a_write_that_hangs_is_told_and_can_be_left(self):
        path, order = self.order(MIB)
        reader, writer = os.pipe()
        trace = strace("-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-P", path,
                       "-e", "inject=fdatasync,fsync:delay_enter=30s")
        process = edge.start([*trace, *self.state.command("erase", "--order", order, "--json",
                                                          "--events", f"fd:{writer}")],
                             pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, "rb") as events:
            for line in events:
                if json.loads(line)["event"] == "started":
                    break
            child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
                        .split()[0])
            time.sleep(1)
            os.kill(child, signal.SIGTERM)
            os.kill(child, signal.SIGTERM)  # twice at once is once
            time.sleep(11)
            self.assertIsNone(process.poll())
            os.kill(child, signal.SIGTERM)
            # Its tracer, which waits for its own delay, has not reaped it yet.
            self.assertTrue(soon("sh", "-c", f"! grep -q '^State:.[^Z]' /proc/{child}/status"))
            code, out, words = edge.finish(process)  # strace waits for its delay
        self.assertEqual(code, EXIT["interrupted"], words)
        self.assertIn("still stopping", words)
        entry = self.document(out)["targets"][0]
        self.assertEqual((entry["exitCode"], entry["changed"]), (EXIT["interrupted"], True))
        code, _, words = targets.erase(self.state, order)
        self.assertEqual(code, 0, words)
        self.assertEqual(targets.marks_left(path), [])


class Rights(Case):
    def status_of(self, folder):
        return dict(line.split(":\t", 1) for line in
                    (folder / "status").read_text().splitlines() if ":\t" in line)

    def test_a_run_has_only_the_capabilities_that_it_needs(self):
        _, order = self.order(96 * MIB)
        process = self.begin(order)
        proc = Path(f"/proc/{process.pid}")
        seen = [self.status_of(task) for task in (proc / "task").iterdir()]
        limits = (proc / "limits").read_text()
        process.send_signal(signal.SIGTERM)
        edge.finish(process)
        for status in seen:
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
                have = int(status[kind].strip(), 16)
                extra = [bit for bit in range(64) if have >> bit & 1 and bit not in STORAGE]
                if kind != "CapBnd" or os.geteuid() == 0:
                    self.assertEqual(extra, [], kind)
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
            self.assertEqual(status["Umask"].strip(), "0077")
        self.assertRegex(limits, r"Max core file size +0 +0")
        self.assertGreater(len(seen), 1)

    @unittest.skipIf(os.geteuid() != 0, "who is not root has none")
    def test_questions_keep_reading_alone(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"x" * 4096):
                pass
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        process = edge.start(self.state.command("verify", self.station.bundle, "--json"),
                             descriptors={"stdout": writer})
        os.close(writer)
        deadline = time.monotonic() + 20
        proc = Path(f"/proc/{process.pid}")
        while "pipe" not in (proc / "wchan").read_text() and time.monotonic() < deadline:
            if int(self.status_of(proc)["CapEff"], 16) == 1 << 2:
                break
            time.sleep(0.02)
        self.assertEqual(int(self.status_of(proc)["CapEff"], 16), 1 << 2)
        os.close(reader)
        edge.finish(process)


class Owners(Case):
    def changes(self, state):
        """(what, how) of every way to let others write."""
        places = [state, *(state / name for name in ("keys", "log", "jobs", "certificates")),
                  state / "keys" / "root.pem", state / "keys" / "people",
                  state / "log" / "checkpoint", state / "log" / "entries.jsonl"]
        for place in places:
            for bits in (0o020, 0o002):
                yield place, lambda bits=bits, place=place: place.chmod(place.stat().st_mode | bits)
            if os.geteuid() == 0:
                yield place, lambda place=place: os.chown(place, 65534, -1)

    def test_a_state_folder_that_others_can_write_is_refused(self):
        path, order = self.order(edge.FILE_BYTES)
        before = edge.tree_digest(path)
        state = self.state.folder
        commands = (("erase", "--order", order), ("plan", path), ("verify", self.station.bundle),
                    ("approve", order, "--key", "alice"), ("certificates",), ("log", "check"),
                    ("jobs",))
        for number, (place, change) in enumerate(self.changes(state)):
            owner = place.stat()
            change()
            command = commands[number % len(commands)]
            done = self.state.run(*command, "--json")
            os.chown(place, owner.st_uid, owner.st_gid)
            place.chmod(owner.st_mode & 0o7777)
            with self.subTest(place=place, command=command):
                self.assertEqual(done.returncode, EXIT["authorisation"], done)
                document = self.document(done.stdout)
                self.assertIs(document["changed"], False)
                self.assertEqual(document["error"]["code"], "not-permitted")
                self.assertEqual(edge.tree_digest(path), before)
        self.assertEqual(self.state.run("erase", "--order", order).returncode, 0)

    def test_what_a_run_makes_is_for_its_owner_alone(self):
        _, order = self.order(edge.FILE_BYTES)
        events = self.folder / "events"
        self.state.require("erase", "--order", order, "--events", events)
        for path in (events, self.state.folder / "jobs", self.state.folder / "keys"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class Openssl(Case):
    def test_no_variable_of_the_environment_chooses_code_or_configuration(self):
        path, order = self.order(edge.FILE_BYTES)
        broken = self.folder / "openssl.cnf"
        broken.write_text("config_diagnostics = 1\nopenssl_conf = init\n[init]\n"
                          "providers = list\n[list]\nevil = evil\n[evil]\n"
                          "module = /nonexistent/evil.so\nactivate = 1\n")
        environment = {**os.environ, "OPENSSL_CONF": str(broken),
                       "OPENSSL_MODULES": str(self.folder), "OPENSSL_ENGINES": str(self.folder)}
        control = run("openssl", "dgst", "-sha256", broken, env=environment)
        self.assertNotEqual(control.returncode, 0, "the configuration does nothing")
        done = self.state.run("erase", "--order", order, "--json", env=environment)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(targets.marks_left(path), [])
        done = self.state.run("verify", self.document(done.stdout)["targets"][0]["bundle"],
                              env=environment)
        self.assertEqual(done.returncode, 0, done)

    def test_luks_of_a_project_neither(self):
        world = edge.World(self.station, "project", self.folder / "world")
        self.addCleanup(world.close)
        environment = {**os.environ, "OPENSSL_CONF": "/nonexistent",
                       "OPENSSL_MODULES": str(self.folder)}
        code, _, words = edge.finish(edge.start(world.command, env=environment))
        self.assertEqual(code, 0, words)
        self.assertTrue(world.erased())


class Operator(Case):
    def test_sudo_user_alone_is_nobody(self):
        login = Path("/proc/self/loginuid").read_text(encoding="ascii").strip()
        _, order = self.order(edge.FILE_BYTES)
        done = self.state.run("erase", "--order", order, "--json",
                              env={**os.environ, "SUDO_USER": "mallory"})
        self.assertEqual(done.returncode, 0, done)
        bundle = self.document(done.stdout)["targets"][0]["bundle"]
        operator = targets.predicate(bundle)["authorization"]["operator"]
        self.assertNotEqual(operator, "mallory")
        if login == str(2**32 - 1):
            self.assertIn("no login uid", operator)
            self.assertIn("mallory", operator)

    def test_who_may_be_the_operator_approves_nothing(self):
        path, order = self.order(edge.FILE_BYTES)
        before = edge.tree_digest(path)
        done = self.state.run("erase", "--order", order, "--json",
                              env={**os.environ, "SUDO_USER": "alice"})
        self.assertEqual(done.returncode, EXIT["authorisation"], done)
        document = self.document(done.stdout)
        self.assertEqual(document["error"]["code"], "operator-approved-own")
        self.assertEqual([entry["exitCode"] for entry in document["targets"]],
                         [EXIT["authorisation"]])
        self.assertEqual(edge.tree_digest(path), before)


if __name__ == "__main__":
    cases.main("cryptsetup", "openssl")
