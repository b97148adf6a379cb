# SPDX-License-Identifier: Apache-2.0
"""What the first hour left open: whose later run a machine knows of, who wrote storage since, which column
was asked for, in which order jobs are told, and what a plan says of a file on each file system."""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase")]

# pylint: disable=wrong-import-position
import project
import storage
import targets
from process import EXIT_SKIPPED, missing, require, run, scratch

MACHINE = {}
EXIT = project.EXIT
QUALIFIED = 22
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def setUpModule():
    MACHINE["scratch"] = scratch()
    MACHINE["folder"] = MACHINE["scratch"].__enter__()
    MACHINE["folder"].chmod(0o755)


def tearDownModule():
    MACHINE["scratch"].__exit__(None, None, None)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = MACHINE["folder"] / self.id().rsplit(".", maxsplit=1)[-1]
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = project.State(self.folder / "state")
        self.keys = self.state.folder / "keys"

    def order(self, name, path):
        return targets.write_order(self.state, self.folder, targets.order(
            [targets.target(path)], id=name), name=f"{name}.json")

    def disk(self, name="disk"):
        path = self.folder / f"{name}.img"
        targets.fill_with_marks(path, 64 * 1024)
        return path

    def erased(self, name, path):
        """The order, and the answer about its target."""
        order = self.order(name, path)
        document = targets.erase(self.state, order)[1]
        self.assertEqual(document["exitCode"], 0, document)
        return order, document["targets"][0]

    def asked(self, *command):
        done = self.state.run(*command, "--json")
        return done.returncode, json.loads(done.stdout)


class LaterRuns(Case):
    def superseded(self):
        disk = self.disk()
        order, first = self.erased("first", disk)
        _, second = self.erased("second", disk)
        return order, first, second

    def test_the_machine_that_erased_it_knows_of_a_later_run(self):
        _, first, second = self.superseded()
        code, answer = self.asked("verify", first["bundle"])
        self.assertEqual((code, answer["verified"]), (QUALIFIED, True))
        self.assertEqual([run["runId"] for run in answer["laterRuns"]], [second["runId"]])
        text = self.state.run("verify", first["bundle"]).stdout.decode()
        self.assertIn("superseded by a later run", text)
        self.assertEqual(self.asked("verify", second["bundle"])[0], 0)
        listed = {entry["bundle"]: entry for entry in self.asked("certificates")[1]["certificates"]}
        self.assertEqual([(listed[one["bundle"]]["superseded"], listed[one["bundle"]]["exitCode"],
                           listed[one["bundle"]]["order"]) for one in (first, second)],
                         [(True, QUALIFIED, "first"), (False, 0, "second")])
        # Who gives the anchors asks about the bundle alone.
        anchors = ["--root", self.keys / "root.pem", "--log-key", self.keys / "log.vkey"]
        code, answer = self.asked("verify", first["bundle"], *anchors)
        self.assertEqual((code, "laterRuns" in answer), (0, False))

    def test_a_damaged_log_does_not_spoil_what_the_bundle_proves(self):
        _, first, _ = self.superseded()
        entries = self.state.folder / "log" / "entries.jsonl"
        entries.write_bytes(entries.read_bytes().replace(b"first", b"First").replace(b"0", b"1", 1))
        done = self.state.run("verify", first["bundle"], "--json")
        self.assertEqual((done.returncode, "laterRuns" in json.loads(done.stdout)), (0, False))
        self.assertIn(b"log was not looked into", done.stderr)
        self.assertEqual(self.state.run("verify", first["bundle"], "--log",
                                        self.state.folder / "log").returncode, 20)

    def test_the_job_that_wrote_it_since_is_named(self):
        order, _, second = self.superseded()
        for command in (["erase", "--order", order], ["plan", "--order", order]):
            code, answer = self.asked(*command)
            told = answer["targets"][0]
            reason = told.get("error") or told["objections"][0]
            self.assertEqual((code, reason["code"]), (EXIT["safety"], "written-since"))
            self.assertIn(second["jobId"], reason.get("message") or reason["text"])
        disk = Path(json.loads(Path(order).read_text(encoding="utf-8"))["targets"][0]["target"])
        third, _ = self.erased("third", disk)
        disk.write_bytes(b"x" * disk.stat().st_size)
        reason = self.asked("erase", "--order", third)[1]["targets"][0]["error"]
        self.assertIn("something was written", reason["message"])

    def test_jobs_of_one_second_are_told_in_their_order(self):
        begun = [self.erased(f"job-{number}", self.disk(f"disk-{number}"))[1]["jobId"]
                 for number in range(6)]
        self.assertEqual([job["id"] for job in self.asked("jobs")[1]["jobs"]], begun[::-1])


class Columns(Case):
    def test_no_column_is_no_answer(self):
        for command in ("list", "certificates"):
            for names in ("", ",", "name,,issued"):
                code, answer = self.asked(command, "-o", names)
                self.assertEqual(code, EXIT["usage"], (command, names))
                self.assertIn(" serial,", answer["error"]["hint"])

    def test_each_is_named_as_it_is_shown_and_as_it_is_typed(self):
        for command, typed, shown in (("list", "used-by,erases-itself", "USED BY  ERASES ITSELF"),
                                      ("list", "used by,Used_By", "USED BY  USED BY"),
                                      ("certificates", "order,project,ticket,approved-by",
                                       "ORDER  PROJECT  TICKET  APPROVED BY")):
            if not self.state.bundles():
                self.erased("ret-1", self.disk())
            head = self.state.require(command, "-o", typed).stdout.decode().splitlines()[0]
            self.assertEqual(head.split(), shown.split())

    def test_order_and_project_are_columns_of_their_own(self):
        self.erased("ret-1", self.disk())
        text = self.state.require("certificates", "-o", "order,project,ticket").stdout.decode()
        self.assertEqual(text.splitlines()[1].split(), ["ret-1", "-", "CHG-2"])

    @unittest.skipIf(missing("strace"), "needs strace")
    def test_certificates_are_read_only_for_columns_that_tell_of_them(self):
        self.erased("ret-1", self.disk())
        for names, wanted in (("name,used-by", False), ("name,last", True), ("certificate", True)):
            trace = self.folder / "trace"
            require("strace", "-f", "-e", "trace=openat", "-o", trace,
                    *self.state.command("list", "-o", names))
            self.assertEqual("certificate.json" in trace.read_text(), wanted, names)

    def test_what_is_wrong_in_a_file_is_said_with_its_name(self):
        for schema, manual in (("order", "efface-order"), ("project", "efface-project")):
            path = self.folder / f"{schema}.json"
            for text in ("{", json.dumps({"schema": f"efface.{schema}/1"})):
                path.write_text(text, encoding="utf-8")
                erase = ["erase", "--order"] if schema == "order" else ["project", "erase"]
                code, answer = self.asked(*erase, path)
                self.assertEqual((code, answer["changed"]), (EXIT["usage"], False))
                self.assertIn(str(path), answer["error"]["message"])
                self.assertIn(manual, answer["error"]["hint"])

    def test_what_keys_of_others_sign_is_no_approval(self):
        self.state.require("keys", "issue", "walter", "--role", "witness",
                           "--no-passphrase")
        order = targets.write_order(self.state, self.folder, targets.order(
            [targets.target(self.disk())], id="ret-1"), approved=False)
        code, answer = self.asked("approve", order, "--key", "walter")
        self.assertEqual((code, answer["error"]["code"]), (EXIT["authorisation"], "not-an-approver"))
        self.assertFalse(Path(f"{order}.p7s").exists())


@unittest.skipIf(os.geteuid() != 0 or not storage.may_use_loops(), "needs loop devices")
class Storage(Case):
    """A file on each file system: what its plan says, and what erasing it does."""

    def codes(self, path):
        plan = self.asked("plan", path)[1]["targets"][0]
        return [entry["code"] for entry in plan["objections"]], plan

    def each(self, kind, check, *options):
        if missing(f"mkfs.{kind}") or kind not in Path("/proc/filesystems").read_text().split():
            self.skipTest(f"needs {kind}")
        image = self.folder / f"{kind}.img"
        image.touch()
        os.truncate(image, 512 << 20)
        require(f"mkfs.{kind}", "-q", *options, image)
        with storage.loop_device(image) as device, \
                storage.mounted(device, self.folder / kind) as folder:
            file = folder / "file"
            targets.fill_with_marks(file, 1 << 20)
            os.sync()
            check(device, file)

    def erases(self, file):
        self.erased(f"on-{file.parent.name}", file)
        self.assertEqual(targets.marks_left(file), [])

    def test_btrfs_is_copy_on_write(self):
        def check(device, file):
            codes, plan = self.codes(file)
            self.assertEqual(codes, ["copy-on-write"])  # once, though file and layer say so
            text = plan["objections"][0]["text"]
            self.assertIn(f"btrfs file system on {device.name}", text)
            self.assertNotIn("unknown", text)
            self.assertIn("shred", text)
            self.assertEqual(self.asked("erase", "--order", self.order("cow", file))[0],
                             EXIT["safety"])
            self.assertNotEqual(targets.marks_left(file), [])
        self.each("btrfs", check)

    def test_xfs_is_written_in_place_until_a_reflink_shares_it(self):
        def check(_, file):
            self.assertEqual(self.codes(file)[0], [])
            require("cp", "--reflink=always", file, file.with_name("copy"))
            self.assertEqual(self.codes(file)[0], ["shared-extents"])
            file.with_name("copy").unlink()
            os.sync()
            self.assertEqual(self.codes(file)[0], [])
            self.erases(file)
        self.each("xfs", check, "-m", "reflink=1")

    def test_ext4_is_written_in_place(self):
        def check(_, file):
            codes, plan = self.codes(file)
            self.assertEqual((codes, plan["level"]), ([], "none"))
            self.erases(file)
        self.each("ext4", check)

    @unittest.skipIf(missing("setpriv"), "needs setpriv")
    def test_what_only_root_may_see_is_unknown_and_one_line(self):
        program = MACHINE["folder"] / "efface"
        shutil.copy(self.state.efface, program)
        images = [self.disk(f"disk-{number}") for number in range(3)]
        with storage.loop_device(images[0]) as device, storage.loop_device(images[1]), \
                storage.loop_device(images[2]):
            done = run(*NOBODY, program, "--state-dir", self.state.folder, "plan", device)
            text = " ".join(done.stdout.decode().split())
            self.assertIn("only root may look", text)
            self.assertEqual(text.count("EACCES"), 0, text)
            self.assertNotRegex(text, r"REFUSED: copy-on-write: an overwrite")
            # As root nothing of it is left.
            self.assertEqual(self.codes(device)[0], [])


if __name__ == "__main__":
    LACKING = missing("jq")
    if project.binary() is None:
        LACKING.append("$EFFACE")
    if LACKING:
        print(f"skipped: this machine lacks {', '.join(LACKING)}")
        sys.exit(EXIT_SKIPPED)
    unittest.main()
