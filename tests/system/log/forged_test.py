# SPDX-License-Identifier: Apache-2.0
"""What the log's key did not sign is never signed later. Lines of every kind are added by hand, without
the key, before every command that opens the log."""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / part)
                for part in ("luks", "lib", "erase", "erase/memory")]

# pylint: disable=wrong-import-position,unused-import
import project
from log_case import GOOD, INIT, SCRIPT, LogCase, digest, entry_line, main, setUpModule
from memory_storage import Segment
from process import LONG, run, some
from sample import DAY

YES = (0,)


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


class Forged(LogCase):
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
            "keys-issue": (state.command("keys", "issue", "zoe", "--role", "witness",
                                          "--no-passphrase"), YES, True),
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
    main()
