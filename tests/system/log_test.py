# SPDX-License-Identifier: Apache-2.0
"""What the log's key did not sign is never signed later. The real binary is killed at every call by
which an entry comes into the log, whatever its kind, and lines of every kind are added by hand, without
the key, before every command that opens the log.
"""

import hashlib
import json
import shutil
import sys
import unittest
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / part) for part in ("luks", "lib", "erase")]

# pylint: disable=wrong-import-position
import generators
import project
import strace_points
import targets
from memory_storage import Segment
from process import EXIT_SKIPPED, LONG, missing, run, scratch, some
from sample import DAY, Sample, todays

SCRIPT = Path(__file__).parents[2] / "scripts" / "verify-bundle"
CALLS = ("fsync", "rename", "renameat", "renameat2", "pwrite64", "write", "ftruncate")
KILLED = (-9, 128 + 9)
YES = (0,)
GOOD = (0, project.EXIT["exceptions"])  # of a file nobody claims a level
RERUNS_MAX = 4
SIZE = 64 << 10
INIT = ("keys", "init", "--organization", "Example Erasure Ltd", "--site", "DC-1", "--station",
        "station-7")
MACHINE = {}


def setUpModule():
    MACHINE["scratch"] = scratch()
    folder = MACHINE["folder"] = Path(MACHINE["scratch"].__enter__()).resolve()
    station = MACHINE["station"] = Station(folder)
    station.keep("new")
    station.cut_short()
    station.keep("open")
    assert station.erase("done") in GOOD
    MACHINE["status"] = station.signed()[-1]["status"]
    station.keep("used")


def tearDownModule():
    MACHINE["scratch"].__exit__(None, None, None)


def digest(line):
    return hashlib.sha256(line).hexdigest()


def entry_line(fields):
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


class Station:
    """A state folder, put back as often as wanted, and orders for files."""

    def __init__(self, folder):
        self.folder = folder
        self.state = project.State(folder / "state")
        self.log = folder / "state" / "log"
        self.orders = {}
        for name in ("open", "done", "other"):
            self.fill(name)
            self.write_order(name, self.image(name))
        self.write_order("open-again", self.image("open"))
        place = folder / "volume"
        place.mkdir()
        self.volume = generators.make("luks2-header-16k", place)
        shutil.copy(self.volume.target, folder / "volume.kept")
        self.manifest = project.write_manifest(folder, project.manifest(
            [project.volume_of(self.volume, self.volume.target)]))
        self.state.approve(self.manifest)

    def image(self, name):
        return self.folder / f"{name}.img"

    def fill(self, name):
        """The file keeps its inode."""
        fresh = self.folder / "fresh"
        targets.fill_with_marks(fresh, SIZE)
        with open(self.image(name), "ab") as file:
            file.truncate(0)
            file.write(fresh.read_bytes())

    def write_order(self, name, target, size=SIZE):
        self.orders[name] = targets.write_order(
            self.state, self.folder, targets.order([targets.target(target, size)], id=name),
            name=name + ".json")

    def keep(self, name):
        shutil.copytree(self.state.folder, self.folder / ("kept-" + name))

    def put_back(self, name):
        shutil.rmtree(self.state.folder)
        shutil.copytree(self.folder / ("kept-" + name), self.state.folder)
        for image in ("open", "done", "other"):
            if not (image == "done" and name == "used"):
                self.fill(image)
        with open(self.folder / "volume.kept", "rb") as kept, \
                open(self.volume.target, "r+b") as file:
            shutil.copyfileobj(kept, file)

    def command(self, name):
        return self.state.command("erase", "--order", self.orders[name], "--json")

    def erase(self, name):
        return run(*self.command(name)).returncode

    def points(self, command):
        """Where the log is changed, in order."""
        done, points = strace_points.record(command, self.folder, calls=CALLS)
        assert done.returncode in GOOD, done
        # Whichever thread of the run makes the call.
        return strace_points.distinct([replace(point, own=False) for point in points
                                       if point.path.startswith(str(self.log))])

    def cut_short(self):
        """A run is announced, and killed before it went on."""
        points = self.points(self.command("open"))
        names = [n for n, point in enumerate(points) if point.call == "renameat"]
        self.put_back("new")
        done = run(*points[names[0] + 2].inject("signal=SIGKILL"), *self.command("open"))
        assert done.returncode in KILLED, done
        assert [entry["type"] for entry in self.signed()[2:]] == ["run-intent"]

    def parts(self):
        """The signed lines, what stands behind them, and the size that a new head was signed over."""
        def head(name):
            try:
                text = (self.log / name).read_text()
            except FileNotFoundError:
                return None
            lines = text.split("\n")
            whole = text.endswith("\n") and len(lines) == 6 and lines[4].count(" ") == 2
            return int(lines[1]) if whole else None

        data, end = (self.log / "entries.jsonl").read_bytes(), 0
        for _ in range(head("checkpoint")):
            end = data.index(b"\n", end) + 1
        return data[:end].splitlines(), data[end:], head("checkpoint.new")

    def signed(self):
        return [json.loads(line) for line in self.parts()[0]]

    def set_aside(self):
        return {path.name: path.read_bytes() for path in self.log.glob("unsigned-*.jsonl")}

    def check(self):
        done = self.state.run("log", "check", "--json")
        return done.returncode, json.loads(done.stdout)


class Case(unittest.TestCase):
    def setUp(self):
        self.station = MACHINE["station"]

    def check_chain(self):
        previous = "0" * 64
        for number, line in enumerate(self.station.parts()[0]):
            entry = json.loads(line)
            self.assertEqual((entry["seq"], entry["prev"]), (number, previous))
            previous = digest(line)

    def check_set_aside(self, lines, tail):
        """`lines` were signed and `tail` was not: as it is, it stands elsewhere now."""
        now, behind, _ = self.station.parts()
        self.assertEqual(now[:len(lines)], lines)
        if tail and not behind:
            named = f"unsigned-{len(lines)}-{digest(tail)}.jsonl"
            self.assertEqual(self.station.set_aside().get(named), tail)

    def check_whole(self):
        """All that was announced has one end, and the verifiers say so."""
        code, document = self.station.check()
        self.assertEqual((code, document["problems"], document["unsignedLines"]), (0, [], 0))
        self.assertEqual(document["setAside"], sorted(self.station.set_aside()))
        self.check_chain()
        entries = self.station.signed()
        intents = [entry["seq"] for entry in entries if entry["type"] == "run-intent"]
        ends = [entry["intent"] for entry in entries
                if entry["type"] in ("run-outcome", "run-refused")]
        self.assertEqual(len(set(ends)), len(ends))
        self.assertEqual([n for n in intents if n not in ends], document["openIntents"])
        return document["openIntents"]

    def check_bundles(self):
        keys, found = self.station.state.folder / "keys", 0
        for certificate in self.station.state.bundles():
            bundle = certificate.parent
            if bundle.name.startswith("."):
                continue
            found += 1
            for command in (self.station.state.command("verify", bundle, "--log", self.station.log),
                            [SCRIPT, bundle, keys / "root.pem", keys / "log.vkey",
                             self.station.log]):
                done = run(*command)
                self.assertIn(done.returncode, (0, 22), done)
        return found


class Killed(Case):
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
            kinds = [entry["type"] for entry in self.station.signed()[2:]]
            self.assertEqual(kinds, ["run-intent", "run-outcome"])

        self.kill_everywhere("new", self.station.command("open"), finish)

    def test_lost_intent_and_outcome(self):
        def finish(command):
            self.run_again(command)
            entries = self.station.signed()[2:]
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


def forgeries(lines):
    """Lines of each kind as they would have to be, by who has not the key."""
    entries = [json.loads(line) for line in lines]
    ended = [entry.get("intent") for entry in entries]
    intent = next(entry for entry in entries
                  if entry["type"] == "run-intent" and entry["seq"] not in ended)

    def chained(*several):
        text, number, previous = b"", len(lines), digest(lines[-1])
        for fields in several:
            line = entry_line(fields | {"seq": number, "prev": previous,
                                        "at": "2026-11-21T10:00:00Z"})
            text, number, previous = text + line + b"\n", number + 1, digest(line)
        return text

    end = {"runId": intent["runId"], "intent": intent["seq"]}
    lost = end | {"type": "run-outcome", "status": "lost", "reason": "forged"}
    other = intent | {"runId": "0199f3c2-7d5e-7c41-9b0a-000000000009"}
    return {
        "log-created": chained({"type": "log-created", "origin": entries[0]["origin"]}),
        "key-added": chained({"type": "key-added", "role": "station",
                              "subjectPublicKeySha256": "0" * 64}),
        "run-intent": chained(other),
        "run-refused": chained(end | {"type": "run-refused", "reason": "busy"}),
        "run-outcome-lost": chained(lost),
        "run-outcome": chained(end | {
            "type": "run-outcome", "status": "sanitized", "certificate": {"sha256": "0" * 64},
            "signature": {"sha256": "1" * 64}}),
        "order-consumed": chained({"type": "order-consumed", "manifest": {"sha256": "0" * 64}}),
        "lost-and-intent": chained(lost, other),
        "half": chained(lost)[:40],
        "one-and-a-half": chained(lost, other)[:-9],
        "rubbish": b"x\n",
        "NUL": b"\0" * 4096,
        "long": b"a" * (200 << 10)}


class Forged(Case):
    def commands(self):
        """(command, exit statuses, whether it adds to the log) of each."""
        station = self.station
        state, keys = station.state, station.state.folder / "keys"
        bundle = next(path.parent for path in state.bundles())
        job = json.loads(state.run("jobs", "--json").stdout)["jobs"]
        job = next(entry["id"] for entry in job if entry["phase"] != "done")
        return {
            "erase": (station.command("other"), GOOD, True),
            "erase-what-is-open": (station.command("open-again"), GOOD, True),
            "resume": (state.command("resume", job, "--json"), GOOD, True),
            "project": (state.command("project", "erase", station.manifest, "--json"), GOOD, True),
            "done-before": (station.command("done"), GOOD, False),
            "plan": (state.command("plan", station.image("other")), YES, False),
            "accept": (state.command("accept", bundle, "--key", "alice", "--reason", "x"), YES, False),
            "keys-issue": (state.command("keys", "issue", "zoe", "--role", "witness"), YES, False),
            "keys-init": (state.command(*INIT), (project.EXIT["usage"],), False),
            "jobs": (state.command("jobs"), YES, False),
            "log-check": (state.command("log", "check"), YES, False),
            "verify": (state.command("verify", bundle, "--log", station.log), YES, False),
            "verify-bundle": ([SCRIPT, bundle, keys / "root.pem", keys / "log.vkey", station.log],
                              YES, False)}

    def forge_and_run(self, name, tail, command, expected, writes):
        station = self.station
        lines = station.parts()[0]
        with open(station.log / "entries.jsonl", "ab") as file:
            file.write(tail)
        done = run(*command)
        self.assertIn(done.returncode, expected, done)
        self.check_set_aside(lines, tail)
        signed, behind, _ = station.parts()
        for line in tail.splitlines():
            self.assertNotIn(line, signed)
        self.assertEqual(behind, b"" if writes else tail)
        if name.startswith("verify"):
            self.assertRegex(" ".join(done.stdout.decode().split()), "lines? after them not signed")
        if name == "log-check":
            self.assertIn(b"not signed yet, or added by someone", done.stdout)
        if writes:
            self.check_whole()
            self.assertIn(b"never signed", done.stderr)
            self.assertIn(next(iter(station.set_aside())).encode(), done.stderr)
            self.assertEqual(len(station.set_aside()), 1)

    def test_none_is_signed_and_none_blocks(self):
        station = self.station
        station.put_back("used")
        # As many commands as kinds of lines: each of both is among them, with another one each day.
        kinds, names = forgeries(station.parts()[0]).items(), self.commands()
        self.assertEqual(len(kinds), len(names))
        rows = [(kind, tail, name) for number, (kind, tail) in enumerate(kinds)
                for other, name in enumerate(names)
                if LONG or (DAY + number + other) % len(names) == 0]
        for kind, tail, name in rows:
            with self.subTest(kind=kind, command=name):
                station.put_back("used")
                self.forge_and_run(name, tail, *self.commands()[name])
        print(f"{len(rows)} rows of forged lines")

    def test_memory(self):
        station, segment = self.station, Segment()
        self.addCleanup(segment.remove)
        station.put_back("used")
        for kind, tail in some(forgeries(station.parts()[0]).items(), 3):
            with self.subTest(kind=kind):
                station.put_back("used")
                segment.fill()
                station.write_order("memory", segment.target, segment.size)
                self.forge_and_run("memory", tail, station.command("memory"), GOOD, True)

    def test_a_flood_is_a_damaged_log(self):
        station = self.station
        station.put_back("used")
        with open(station.log / "entries.jsonl", "ab") as file:
            file.truncate(file.tell() + (16 << 20) + 1)
        before = station.image("other").read_bytes()
        self.assertEqual(station.check()[0], 20)
        done = run(*station.command("other"))
        self.assertEqual(done.returncode, project.EXIT["internal"], done)
        self.assertFalse(json.loads(done.stdout)["targets"][0]["changed"])
        self.assertEqual(station.image("other").read_bytes(), before)
        self.assertEqual(station.set_aside(), {})


if __name__ == "__main__":
    LACKING = missing("cryptsetup", "strace", "openssl")
    if project.binary() is None:
        LACKING.append("$EFFACE")
    if LACKING:
        print(f"skipped: this machine lacks {', '.join(LACKING)}")
        sys.exit(EXIT_SKIPPED)
    unittest.main()
