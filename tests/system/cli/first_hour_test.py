# SPDX-License-Identifier: Apache-2.0
"""Where people stumble in their first hour: words of other programs, no root, no state folder, whose
anchors are trusted, what a proof of a failed run is, and machines that give a process too little."""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import edge
import project
import storage
import targets
from cases import MACHINE, enter_scratch
from process import missing, run, some

TOP = Path(__file__).parents[3]
EXIT = project.EXIT


def setUpModule():
    enter_scratch().chmod(0o755)  # another user looks in, too
    MACHINE["state"] = project.State(MACHINE["folder"] / "state")


class Case(cases.Case):
    def erased(self, name, **more):
        """The bundle of a file that was erased by an order."""
        disk = self.folder / f"{name}.img"
        targets.fill_with_marks(disk, edge.FILE_BYTES)
        order = targets.write_order(self.state, self.folder, targets.order(
            [targets.target(disk)], id=name, **more), name=f"{name}.json")
        return order, Path(targets.erase(self.state, order)[1]["targets"][0]["bundle"])


class Words(Case):
    def test_the_wrong_word_is_named_and_the_hint_is_of_its_command(self):
        for line, word, hint in (
                ("wipe /dev/sdb", "wipe", "efface erase"), ("help", "help", "--help"),
                ("-V", "-V", "--version"), ("erase --dry-run x", "--dry-run", "efface plan"),
                ("list --wait 0", '"0"', "efface list --help"),
                ("list --wait 601", '"601"', "efface list --help"),
                ("list --wait x", '"x"', "efface list --help"),
                ("plan --level medium x", '"medium"', "efface plan --help"),
                ("erase --verify ful x", '"ful"', "efface erase --help"),
                ("erase --min-rate fast x", '"fast"', "efface erase --help"),
                ("keys issue x --role boss", '"boss"', "efface keys issue --help"),
                ("keys issue --role witness", "name", "efface keys issue --help"),
                ("verify", "bundle", "efface verify --help"),
                ("jobs forget", "job", "efface jobs forget --help"),
                ("list --wait", "--wait", "efface list --help"),
                ("list --wait 3 --wait 4", "--wait", "efface list --help"),
                ("show a b", '"b"', "efface show --help"),
                ("list -o nam", '"nam"', "name"), ("certificates -o x", '"x"', "issued"),
                ("plan --max-pending -1 x", '"-1" is no whole number of 0', "efface plan --help"),
                ("plan --max-wear 1.5 x", '"1.5"', "efface plan --help"),
                ("plan --max-hours 99999999999999999999 x", "--max-hours", "efface plan --help"),
                ("plan --min-spare 101 x", "from 0 to 100", "efface plan --help"),
                ("plan --deadline 3x x", "12h", "efface plan --help"),
                ("erase --purge x", "--purge", "--level purge")):
            with self.subTest(line=line):
                done = self.state.run(*line.split(), "--json")
                error = json.loads(done.stdout)["error"]
                self.assertEqual(done.returncode, EXIT["usage"])
                self.assertIn(word, error["message"])
                self.assertIn(hint, error["hint"])
                for foreign in ("required", "not in", "Value", "following argument"):
                    self.assertNotIn(foreign, error["message"])

    def test_a_job_must_be_named(self):
        done = self.state.run("jobs", "forget", "", "--json")
        self.assertEqual(done.returncode, EXIT["usage"])
        self.assertEqual(self.state.run("resume", "").returncode, EXIT["usage"])

    def test_a_state_folder_that_is_not_there_answers_nothing(self):
        for command in (["status"], ["jobs"], ["certificates"], ["resume", "f00"],
                        ["jobs", "forget", "f00"], ["status", "--watch"]):
            done = run(self.state.efface, "--state-dir", self.folder / "absent", *command)
            self.assertEqual(done.returncode, EXIT["usage"], command)
            self.assertIn(b"no such state folder", done.stderr)

    @unittest.skipIf(os.geteuid() != 0 or missing("setpriv"), "needs root to give it up")
    def test_who_is_not_root_is_told_to_be(self):
        program = MACHINE["folder"] / "efface"
        shutil.copy(self.state.efface, program)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program]
        state = ["--state-dir", "/root/efface-nobody"]
        for command in (["keys", "init", "--organization", "a", "--site", "b", "--station", "c"],
                        ["erase", "--order", "/root/order.json"], ["status"]):
            done = run(*nobody, *state, *command, "--json")
            error = json.loads(done.stdout)
            self.assertNotEqual(error["exitCode"], EXIT["internal"], (command, error))
            self.assertIn("as root", error["error"]["hint"], command)
        listed = run(*nobody, *state, "list", "-d", "all", "-o", "luks,used by")
        self.assertEqual(listed.returncode, 0, listed)
        for line in listed.stdout.decode().splitlines()[1:]:
            self.assertFalse(line.startswith("-"), line)  # nobody could look
        document = json.loads(run(*nobody, *state, "list", "--json").stdout)
        self.assertIs(document["examined"], False)


class Trust(Case):
    def verifiers(self, bundle, root, key):
        yield [self.state.efface, "verify", bundle, "--root", root, "--log-key", key]
        yield [TOP / "scripts" / "verify-bundle", bundle, root, key]

    def test_anchors_within_the_bundle_are_trusted_by_nobody(self):
        _, bundle = self.erased("disk")
        keys = self.state.folder / "keys"
        brought = self.folder / "brought"
        shutil.copytree(bundle, brought)
        for name in ("root.pem", "log.vkey"):
            shutil.copy(keys / name, brought / name)
        link = self.folder / "link"
        link.symlink_to(brought / "root.pem")
        own, log = keys / "root.pem", keys / "log.vkey"
        for root, key, code in ((own, log, 0), (brought / "root.pem", log, 2),
                                (own, brought / "log.vkey", 2), (link, log, 2),
                                (brought / "." / "root.pem", brought / "log.vkey", 2)):
            for command in self.verifiers(brought, root, key):
                done = run(*command)
                with self.subTest(command=command):
                    self.assertEqual(done.returncode, code, done)

    def test_the_anchors_that_were_used_are_named(self):
        _, bundle = self.erased("disk")
        keys = self.state.folder / "keys"
        text = self.state.require("verify", bundle).stdout.decode()
        anchors = json.loads(self.state.require("verify", bundle, "--json").stdout)["trustAnchors"]
        self.assertIn(anchors["roots"][0]["sha256"], text)
        self.assertIn(anchors["logKey"]["id"], text)
        self.assertEqual((anchors["rootFile"], anchors["logKeyFile"]),
                         (str(keys / "root.pem"), str(keys / "log.vkey")))
        for path in ("root.pem", "log.vkey"):
            self.assertIn(str(keys / path), text)

    def test_the_record_of_a_failed_run_is_genuine_and_says_so(self):
        _, bundle = self.erased("unread", verification="none")
        self.assertEqual(targets.predicate(bundle)["result"]["status"], "indeterminate")
        done = self.state.run("verify", bundle)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"genuine record of a run that ended as indeterminate", done.stdout)

    def test_a_log_that_was_put_back_is_not_intact(self):
        log, older, newer = self.state.folder / "log", self.folder / "older", self.folder / "newer"
        self.erased("first")
        shutil.copytree(log, older)
        self.erased("second")
        shutil.copytree(log, newer)
        try:
            shutil.rmtree(log)
            shutil.copytree(older, log)
            done = self.state.run("log", "check", "--json")
        finally:
            shutil.rmtree(log)
            shutil.copytree(newer, log)
        self.assertEqual(done.returncode, 20, done)
        self.assertIn("older copy", json.loads(done.stdout)["problems"][0])
        self.assertEqual(self.state.run("log", "check").returncode, 0)

    @unittest.skipIf(os.geteuid() != 0 or not storage.may_use_loops(), "needs a loop device")
    def test_what_was_rejected_is_shown_as_rejected(self):
        image = self.folder / "loop.img"
        targets.fill_with_marks(image, edge.FILE_BYTES)
        with storage.loop_device(image) as device:
            order = targets.write_order(self.state, self.folder, targets.order(
                [targets.target(device, targets.device_size(device))], id="loop"), name="loop.json")
            document = targets.erase(self.state, order)[1]
            self.assertEqual(document["exitCode"], 0, document)
            bundle = document["targets"][0]["bundle"]
            shown = ["list", "-d", "all", "-o", "name,last"]
            name = os.path.basename(device)
            self.assertRegex(self.state.require(*shown).stdout.decode(),
                             rf"(?m)^{name} +sanitized")
            self.state.require("accept", bundle, "--key", "alice", "--reason", "bad", "--reject")
            self.assertRegex(self.state.require(*shown).stdout.decode(), rf"(?m)^{name} +REJECTED")
            storages = json.loads(self.state.require("list", "--json").stdout)["storage"]
            last = next(entry["last"] for entry in storages
                        if entry["identity"]["canonicalPath"] == str(device))
            self.assertEqual((last["rejected"], last["superseded"]), (True, False))


class Scarce(Case):
    @unittest.skipIf(missing("prlimit"), "needs prlimit")
    def test_little_memory_is_said_in_one_document(self):
        for megabytes in some(range(16, 96, 4), 4):
            done = run("prlimit", f"--as={megabytes << 20}",
                       *self.state.command("status", "--json"))
            with self.subTest(megabytes=megabytes):
                if done.returncode in (127, -11, -6) and not done.stdout:
                    continue  # the loader could not even start it
                self.assertEqual(len(edge.documents_in(done.stdout)), 1, done)
                self.assertNotIn(b"standard output cannot be written", done.stderr)

    @unittest.skipIf(missing("prlimit"), "needs prlimit")
    def test_few_descriptors_are_no_damage_to_the_log(self):
        order, _ = self.erased("disk")
        for files in range(4, 40, 3):
            done = run("prlimit", f"--nofile={files}",
                       *self.state.command("erase", "--order", order, "--json"))
            if done.stdout:
                self.assertNotIn(b"log-damaged", done.stdout, files)

    @unittest.skipIf(os.geteuid() != 0 or missing("unshare"), "needs root for a namespace")
    def test_nobody_is_busy_with_himself_in_a_pid_namespace(self):
        disk = self.folder / "disk.img"
        targets.fill_with_marks(disk, edge.FILE_BYTES)
        order = targets.write_order(self.state, self.folder,
                                    targets.order([targets.target(disk)]))
        done = run("unshare", "--pid", "--fork",
                   *self.state.command("erase", "--order", order, "--json"))
        if b"unshare" in done.stderr:
            self.skipTest("this machine gives no namespaces")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(targets.marks_left(disk), [])


if __name__ == "__main__":
    cases.main("openssl", "python3")
