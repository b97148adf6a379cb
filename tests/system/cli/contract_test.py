# SPDX-License-Identifier: Apache-2.0
"""What a program that drives efface may rely on: one document whatever happens, plans as files, a list of
certificates, numbers with units, and nothing on a screen that is not text."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import edge
import project
import targets
from cases import MACHINE, enter_scratch
from process import missing, require, run, some, undo
from sample import Sample

EXIT = project.EXIT
KINDS = {"erase": "efface.erase/1", "plan": "efface.plan/1", "project erase": "efface.run/1",
         "verify": "efface.verification/1"}
# What a screen must never get, and what a terminal would do with it.
HOSTILE = {"escape": "\x1b]0;owned\x07", "line": "\nefface: forged", "right-to-left": "\u202egnp",
           "c1": "\x9b31m", "invisible": "\u200b", "not-utf8": os.fsdecode(b"\xff\xfe")}
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def setUpModule():
    MACHINE["station"] = edge.Station(enter_scratch() / "station")
    MACHINE["state"] = MACHINE["station"].state


class Case(cases.Case):
    def setUp(self):
        super().setUp()
        self.station = MACHINE["station"]

    def disk(self, name, size=edge.FILE_BYTES):
        path = self.folder / name
        targets.fill_with_marks(path, size)
        return path

    def order(self, *paths):
        return targets.write_order(self.state, self.folder,
                                   targets.order([targets.target(path) for path in paths]))

    def answer(self, done, code):
        """The one document of a command that ended with `code`."""
        self.assertEqual(done.returncode, code, done)
        found = edge.documents_in(done.stdout)
        self.assertEqual(len(found), 1, done)
        return found[0]

    def failure(self, done, code, reason="bad-usage"):
        document = self.answer(done, code)
        self.assertEqual(document["exitCode"], code)
        self.assertIs(document["changed"], False)
        self.assertEqual(document["error"]["code"], reason)
        self.assertTrue(document["error"]["message"])
        self.assertIn("hint", document["error"])
        self.assertTrue(done.stderr)
        return document


class Outputs(Case):
    """Output goes over nothing that efface lives by: every place × every command that writes."""

    def test_output_over_documents_keys_log_and_journals(self):
        disk = self.disk("disk.img")
        order = self.order(disk)
        state = self.state.folder
        link = self.folder / "link"
        os.link(state / "keys/station.pem", link)
        places = [order, Path(f"{order}.p7s"), link,
                  *sorted((state / "keys").glob("*.*")), *sorted((state / "keys/people").iterdir()),
                  *sorted((state / "log").iterdir()), *sorted((state / "jobs").glob("*/*.json"))[:2],
                  *sorted((state / "certificates").glob("*/certificate.json"))[:1],
                  state / "keys/new", state / "log/new"]
        medium = edge.tree_digest(disk)
        for place in some(places, 3):
            before = edge.tree_digest(place) if place.exists() else None
            for command in (["erase", "--order", order, "--events", place],
                            ["plan", "--order", order, "--out", place]):
                with self.subTest(place=place, command=command[0]):
                    done = self.state.run(*command, "--json")
                    self.failure(done, EXIT["usage"], "own-document")
                    if before is not None:
                        self.assertEqual(edge.tree_digest(place), before)
                    self.assertEqual(edge.tree_digest(disk), medium)


class Failures(Case):
    def subcommands(self, *words):
        """Every command, as --help lists them."""
        text = require(self.state.efface, *words, "--help").stdout.decode()
        if "Subcommands:" not in text:
            return [words]
        block = text.split("Subcommands:")[1].split("\n\n")[0]
        names = [line.split()[0] for line in block.splitlines() if line.startswith("  ") and
                 line[2] != " "]
        return [command for name in names for command in self.subcommands(*words, name)]

    def test_every_command_tells_a_wrong_command_line_in_one_document(self):
        commands = self.subcommands()
        self.assertGreater(len(commands), 14)
        for command in commands:
            for wrong in (("--frobnicate",), ("--frobnicate=1", "x"), ()):
                done = self.state.run(*command, *wrong, "--json")
                if wrong or done.returncode == EXIT["usage"]:
                    with self.subTest(command=command, wrong=wrong):
                        document = self.failure(done, EXIT["usage"])
                        schema = KINDS.get(" ".join(command), document["schema"])
                        self.assertEqual(document["schema"], schema)

    def flags(self, *words):
        """Every option of a command that takes no value, as its --help lists them."""
        text = require(self.state.efface, *words, "--help").stdout.decode()
        # Who takes a value has its type one space behind the name: "--order TEXT".
        lines = re.findall(r"(?m)^  ((?:-\w,)?--[a-z-]+|-\w)(?:  .*)?$", text)
        return [name for line in lines for name in line.split(",")]

    def test_a_flag_with_a_value_is_a_usage_error(self):
        seen, sample = set(), Sample(5)  # of six values at least one a word
        for command in [(), *self.subcommands()]:
            flags = self.flags(*command)
            letters = [flag for flag in flags if len(flag) == 2 and flag != "-h"]
            words = [(flag, flag) for flag in flags]
            words += [(one + other[1], other) for one in letters for other in letters]
            for word, flag in words:
                seen.add(word)
                for value in ("1", "0", "true", "false", "no", ""):
                    if not sample.has(None):
                        continue
                    done = self.state.run(*command, f"{word}={value}", "--json")
                    with self.subTest(command=command, word=word, value=value):
                        message = self.failure(done, EXIT["usage"])["error"]["message"]
                        self.assertIn(flag, message)
        self.assertLessEqual({"--json", "-J", "--help", "-h", "--version", "--sweep", "-tJ"}, seen)

    def test_a_word_that_nobody_knows_comes_with_the_one_that_was_meant(self):
        for words, meant in ((("eras",), "erase"), (("lsit",), "list"), (("Verify",), "verify"),
                             (("project", "eras"), "erase"), (("keys", "inti"), "init"),
                             (("erase", "--tecnique", "x"), "--technique"),
                             (("plan", "--jsno"), "--json"), (("xyzzy",), None)):
            done = self.state.run(*words, "--json")
            message = self.failure(done, EXIT["usage"])["error"]["message"]
            said = re.search(r"did you mean (\S+)\?", message)
            self.assertEqual(said and said[1], meant, words)

    def test_what_is_not_there_is_a_document_of_each_command(self):
        absent = self.folder / "absent"
        for command in (("plan", absent), ("plan", f"{absent}.json"), ("verify", absent),
                        ("show", absent), ("resume", "f00"), ("erase", "--order", absent),
                        ("project", "erase", absent), ("approve", absent, "--key", "alice"),
                        ("log", "check", "--log", absent)):
            with self.subTest(command=command):
                document = self.answer(self.state.run(*command, "--json"), EXIT["usage"])
                self.assertIs(document["changed"], False)
                error = document.get("error") or document["targets"][0]["error"]
                self.assertTrue(error["message"])

    def test_a_refusal_names_every_target(self):
        disks = [self.disk(f"{number}.img") for number in range(3)]
        order = targets.write_order(self.state, self.folder, targets.order(
            [targets.target(path) for path in disks]), approved=False)
        done = self.state.run("erase", "--order", order, "--json")
        document = self.failure(done, EXIT["authorisation"], "no-terminal")
        self.assertEqual([entry["target"] for entry in document["targets"]], list(map(str, disks)))
        for entry, path in zip(document["targets"], disks):
            self.assertEqual((entry["exitCode"], entry["changed"]), (EXIT["authorisation"], False))
            self.assertNotEqual(targets.marks_left(path), [])

    def test_one_document_for_several_bundles(self):
        absent = self.state.folder / "log"  # a folder that is no bundle
        done = self.state.run("verify", self.station.bundle, absent, "--json")
        document = self.answer(done, 20)
        self.assertEqual((document["bundles"], document["proved"], document["failed"]), (2, 1, 1))
        self.assertEqual([entry["verified"] for entry in document["verifications"]], [True, False])

    def test_help_lists_techniques_and_exit_statuses(self):
        text = require(self.state.efface, "--help").stdout.decode()
        for status in (*EXIT.values(), 20, 21, 22):
            self.assertRegex(text, rf"(?m)^  .*\b{status}\b")
        rows = json.loads((Path(__file__).parents[3] / "src" / "rules" / "tables" / "techniques.json")
                          .read_text())
        names = set(re.findall(r'"((?:nvme|ata|scsi|tcg)-[a-z-]+)"', json.dumps(rows)))
        listed = set(re.findall(r"(?m)^  ([a-z0-9.-]+) ", text))
        self.assertGreater(len(names & listed), 15)
        self.assertIn("overwrite-random", listed)


class Numbers(Case):
    def test_rates_are_read_as_the_manual_says(self):
        disk = self.disk("disk.img")
        for text, value in (("10MB", 10_000_000), ("10M", 10_000_000), ("10mib", 10 << 20),
                            ("10Mi", 10 << 20), ("7", 7), ("7b", 7), ("2KB", 2000),
                            ("1TiB", 1 << 40), ("-5", None), ("-5MB", None), ("1.5MB", None),
                            ("+5", None), (" 5", None), ("5 MB", None), ("0x10", None),
                            ("MB", None), ("", None), ("99999999999GB", None), ("5MBs", None)):
            done = self.state.run("plan", disk, f"--min-rate={text}", "--json")
            with self.subTest(text=text):
                if value is None:
                    self.failure(done, EXIT["usage"])
                else:
                    choice = self.answer(done, 0)["targets"][0]["choice"]
                    self.assertEqual(choice["limits"]["bytesPerSecondMin"], value)

    def test_negative_and_broken_numbers_are_usage_errors(self):
        disk = self.disk("disk.img")
        for option in ("--deadline=-1", "--deadline=-1h", "--deadline=1w", "--deadline=1.5h",
                       "--max-temperature=-3", "--max-temperature=151"):
            with self.subTest(option=option):
                self.failure(self.state.run("plan", disk, option, "--json"), EXIT["usage"])


class Plans(Case):
    def planned(self, disks):
        order = self.order(*disks)
        file = self.folder / "plan.json"
        document = self.answer(self.state.run("plan", "--order", order, "--out", file, "--json"), 0)
        self.assertEqual(json.loads(file.read_text()), document)
        return order, file

    def test_several_targets_are_erased_by_the_file_of_their_plan(self):
        disks = [self.disk(f"{number}.img") for number in range(3)]
        order, file = self.planned(disks)
        document = self.answer(
            self.state.run("erase", "--order", order, "--plan", file, "--json"), 0)
        self.assertEqual(len(document["targets"]), 3)
        self.assertEqual([targets.marks_left(path) for path in disks], [[], [], []])

    def test_the_target_whose_plan_differs_is_refused_and_untouched(self):
        for change in ("digest", "missing", "error"):
            disks = [self.disk(f"{change}-{number}.img") for number in range(2)]
            order, file = self.planned(disks)
            plan = json.loads(file.read_text())
            entry = plan["targets"][1]
            if change == "missing":
                plan["targets"].remove(entry)
            else:
                entry["digest"] = entry["digest"][:-1] + ("0" if entry["digest"][-1] != "0" else "1")
            if change == "error":
                del entry["digest"]
            file.write_text(json.dumps(plan))
            done = self.state.run("erase", "--order", order, "--plan", file, "--json")
            with self.subTest(change=change):
                document = self.answer(done, EXIT["safety"])
                last = document["targets"][1]
                self.assertEqual((last["error"]["code"], last["changed"]), ("plan-changed", False))
                self.assertNotEqual(targets.marks_left(disks[1]), [])

    def test_a_project_by_the_file_of_its_plan(self):
        world = edge.World(self.station, "project", self.folder / "world")
        self.addCleanup(world.close)
        file = self.folder / "plan.json"
        manifest = world.folder / "project.json"
        self.answer(self.state.run("plan", manifest, "--out", file, "--json"), 0)
        plan = json.loads(file.read_text())
        wrong = self.folder / "wrong.json"
        wrong.write_text(json.dumps({**plan, "digest": "0" * 64}))
        command = ("project", "erase", manifest, "--json", "--plan")
        self.failure(self.state.run(*command, wrong), EXIT["safety"], "plan-changed")
        self.assertTrue(world.untouched())
        self.answer(self.state.run(*command, file), 0)
        self.assertTrue(world.erased())

    def test_what_is_no_plan_is_a_usage_error(self):
        disk = self.disk("disk.img")
        order = self.order(disk)
        bad = self.folder / "bad.json"
        for text in ("", "[]", "{}", "x", "{\"targets\": 1}"):
            bad.write_text(text)
            done = self.state.run("erase", "--order", order, "--plan", bad, "--json")
            self.assertIn(done.returncode, (EXIT["usage"], EXIT["safety"]), (text, done))
            self.assertNotEqual(targets.marks_left(disk), [])
        done = self.state.run("plan", disk, "--out", disk, "--json")
        self.failure(done, EXIT["usage"], "own-document")
        self.assertNotEqual(targets.marks_left(disk), [])


class Certificates(Case):
    def test_what_was_issued_is_listed_with_its_proof(self):
        done = self.state.run("certificates", "--json")
        listed = self.answer(done, 0)["certificates"]
        bundles = {str(path.parent) for path in self.state.bundles()}
        self.assertEqual({entry["bundle"] for entry in listed}, bundles)
        dates = [entry["issuedAt"] for entry in listed]
        self.assertEqual(dates, sorted(dates, reverse=True))
        entry = next(e for e in listed if e["bundle"] == str(self.station.bundle))
        record = targets.predicate(self.station.bundle)
        self.assertEqual((entry["status"], entry["level"], entry["exitCode"], entry["subject"]),
                         ("sanitized", "none", 0, record["target"]["name"]))
        text = self.state.require("certificates").stdout.decode()
        self.assertEqual(len(text.splitlines()), len(bundles) + 1)

    def test_one_that_was_altered_is_named_as_not_proved(self):
        state = project.State(self.folder / "state")
        self.assertEqual(self.answer(state.run("certificates", "--json"), 0)["certificates"], [])
        order = targets.write_order(state, self.folder,
                                    targets.order([targets.target(self.disk("disk.img"))]))
        bundle = Path(targets.erase(state, order)[1]["targets"][0]["bundle"])
        record = bundle / "certificate.json"
        record.write_bytes(record.read_bytes().replace(b"sanitized", b"Sanitized", 1))
        entry = self.answer(state.run("certificates", "--json"), 0)["certificates"][0]
        self.assertEqual((entry["exitCode"], entry["status"]), (20, ""))
        self.assertTrue(entry["whyNot"])


class Screens(Case):
    def check(self, done, what):
        for data in (done.stdout, done.stderr):
            text = data.decode("utf-8")  # fails for what is not
            self.assertIsNone(HIDDEN.search(text), (what, text))
            for line in text.splitlines():
                self.assertFalse(line.startswith("efface: forged"), (what, text))

    def ask(self, what, *command):
        for options in ((), ("--json",)):
            with self.subTest(what=what, options=options):
                done = self.state.run(*command, *options)
                self.check(done, what)
                if options:
                    self.assertEqual(len(edge.documents_in(done.stdout)), 1, done)

    def test_names_of_files_and_folders(self):
        for number, (name, text) in enumerate(HOSTILE.items()):
            disk = self.disk(f"x{text}x")
            commands = (("plan", disk), ("plan", f"{disk}/absent"), ("erase", disk),
                        ("verify", disk), ("verify", self.folder / f"no{text}"),
                        ("show", disk), ("approve", disk, "--key", text),
                        ("project", "erase", disk), ("erase", "--order", disk),
                        ("plan", "--order", disk), ("resume", text), (text,),
                        ("plan", disk, f"--{text}"), ("log", "check", "--log", disk),
                        ("plan", disk, "--min-rate", text))
            for command in some(commands, 3, number % 3):
                self.ask((name, command[0]), *command)
            disk.unlink()

    def test_what_orders_and_manifests_hold(self):
        disk = self.disk("disk.img")
        for name, text in HOSTILE.items():
            if name == "not-utf8":
                continue
            for more in ({"owner": text}, {"ticket": text}, {"id": text}):
                order = targets.write_order(self.state, self.folder, targets.order(
                    [targets.target(disk)], **more), approved=False)
                self.ask((name, more), "plan", "--order", order)
                self.ask((name, more), "erase", "--order", order)
            volume = project.volume(text, disk, "00000000-1111-4222-8333-444444444444")
            path = project.write_manifest(self.folder, project.manifest([volume]))
            self.ask((name, "volume"), "plan", path)
            self.ask((name, "volume"), "project", "erase", path)

    @unittest.skipIf(os.geteuid() != 0 or missing("mkfs.ext4", "losetup"), "needs root")
    def test_labels_mounts_and_processes_that_stand_in_the_way(self):
        for number, (name, text) in enumerate(HOSTILE.items()):
            # Each a file of its own: a namespace of another test may hold the mount before.
            disk = self.disk(f"disk-{number}.img", 1 << 20)
            label = os.fsencode(text)[:16]
            run("mkfs.ext4", "-q", "-L", os.fsdecode(label), disk)
            mount = self.folder / f"mount{text}"
            mount.mkdir()
            self.ask((name, "label"), "plan", disk)
            program = self.folder / f"p{text.replace('/', '')}"[:100]
            shutil.copyfile(shutil.which("sleep"), program)
            program.chmod(0o755)
            with open(disk, "rb") as opened, subprocess.Popen([program, "60"], stdin=opened) as who:
                self.ask((name, "process"), "plan", disk)
                who.kill()
            require("mount", "-o", "loop", disk, mount)
            try:
                self.ask((name, "mount"), "plan", disk)
                self.ask((name, "list"), "list")
            finally:
                undo("umount", mount)


if __name__ == "__main__":
    cases.main("cryptsetup")
