# SPDX-License-Identifier: Apache-2.0
"""What the tests of the log share: a station whose log is killed, forged and put back."""

import hashlib
import json
import shutil
import sys
import unittest
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / part)
                for part in ("luks", "lib", "erase", "erase/memory")]

# pylint: disable=wrong-import-position
import cases
import generators
import project
import strace_points
import targets
from cases import MACHINE
from process import run

SCRIPT = Path(__file__).parents[3] / "scripts" / "verify-bundle"
CALLS = ("fsync", "rename", "renameat", "renameat2", "pwrite64", "write", "ftruncate")
KILLED = (-9, 128 + 9)
GOOD = (0, project.EXIT["exceptions"])  # of a file nobody claims a level
SIZE = 64 << 10
INIT = ("keys", "init", "--organization", "Example Erasure Ltd", "--site", "DC-1", "--station",
        "station-7")


def setUpModule():
    station = MACHINE["station"] = Station(cases.enter_scratch())
    station.keep("new")
    station.cut_short()
    station.keep("open")
    assert station.erase("done") in GOOD
    MACHINE["status"] = station.signed()[-1]["status"]
    station.keep("used")


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
        assert [entry["type"] for entry in self.of_runs()] == ["run-intent"]

    def of_runs(self):
        """The signed entries but those of the log itself and of keys."""
        return [entry for entry in self.signed() if not entry["type"].startswith(("log-", "key-"))]

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


class LogCase(unittest.TestCase):
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


def main():
    cases.main("cryptsetup", "strace", "openssl")
