# SPDX-License-Identifier: Apache-2.0
"""`efface erase memory:...` on memory of our own: what was there is gone, and the certificate claims
no more than that."""

import json
import os
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position
import cases
import project
import targets
from cases import enter_state
from memory_storage import (MIB, ZRAM_CONTROL, Queue, memory_mount, zram_device)
from process import missing, require, run

EXIT = project.EXIT


def setUpModule():
    enter_state()


class Memory(cases.Case):
    def erase(self, name, size):
        order = targets.write_order(self.state, self.folder,
                                    targets.order([{"target": name, "size_bytes": size}]))
        return targets.erase(self.state, order)

    def size_of(self, name):
        done = self.state.run("plan", name, "--json")
        plan = json.loads(done.stdout)["targets"][0]
        return plan["identity"].get("sizeBytes", plan["sizeBytes"]), plan

    def check_verifies(self, document):
        done = self.state.run("verify", document["targets"][0]["bundle"])
        self.assertEqual(done.returncode, 0, done)

    def test_a_tmpfs_mount_is_emptied_and_stays(self):
        with memory_mount("tmpfs", self.folder / "mnt", "size=16m,noswap") as mount:
            (mount / "a" / "b").mkdir(parents=True)
            targets.fill_with_marks(mount / "a" / "data", 3 * MIB)
            (mount / "a" / "b" / "key").write_text("secret")
            name = f"memory:tmpfs:{mount}"
            code, document, words = self.erase(name, self.size_of(name)[0])
            self.assertEqual(code, 0, (document, words))
            self.assertEqual(list(mount.iterdir()), [])
            self.assertTrue(os.path.ismount(mount))
        self.check_verifies(document)
        record = targets.predicate(document["targets"][0]["bundle"])
        self.assertEqual(record["certificateType"], "memory")
        self.assertTrue(record["target"]["notReached"])

    def test_a_tmpfs_mount_in_use_is_refused(self):
        with memory_mount("tmpfs", self.folder / "mnt", "size=16m,noswap") as mount:
            targets.fill_with_marks(mount / "data", MIB)
            name = f"memory:tmpfs:{mount}"
            size = self.size_of(name)[0]
            with open(mount / "data", "rb"):
                code, document, words = self.erase(name, size)
            self.assertEqual(code, EXIT["safety"], (document, words))
            self.assertNotEqual(targets.marks_left(mount / "data"), [])

    def test_one_file_in_memory_is_overwritten_and_stays(self):
        with memory_mount("tmpfs", self.folder / "mnt", "size=16m,noswap") as mount:
            targets.fill_with_marks(mount / "data", MIB)
            (mount / "other").write_text("stays")
            name = f"memory:file:{mount}/data"
            code, document, words = self.erase(name, self.size_of(name)[0])
            self.assertEqual(code, 0, (document, words))
            self.assertEqual(targets.marks_left(mount / "data"), [])
            self.assertEqual((mount / "other").read_text(), "stays")
        self.check_verifies(document)

    @unittest.skipUnless((ZRAM_CONTROL / "hot_add").exists(), "no zram here")
    def test_zram_is_reset_and_claims_no_level_unless_freed_pages_are_cleared(self):
        with zram_device(16) as device:
            targets.fill_with_marks(f"/dev/{device}", MIB)
            name = f"memory:zram:{device}"
            code, document, words = self.erase(name, self.size_of(name)[0])
            self.assertIn(code, (0, EXIT["exceptions"]), (document, words))
            self.assertEqual((Path("/sys/block") / device / "disksize").read_text().strip(), "0")
        entry = document["targets"][0]
        record = targets.predicate(entry["bundle"])
        cleared = record["target"]["facts"]["machine"]["initOnFree"]["state"] == "on"
        self.assertEqual(entry["level"], "clear" if cleared else "none")
        self.check_verifies(document)

    def test_overwriting_zram_as_a_device_is_refused(self):
        if not (ZRAM_CONTROL / "hot_add").exists():
            self.skipTest("no zram here")
        with zram_device(16) as device:
            code, document, words = self.erase(f"/dev/{device}", 16 * MIB)
            self.assertEqual(code, EXIT["safety"], (document, words))
            self.assertIn("memory:zram", str(document))

    @unittest.skipIf(missing("ipcmk", "ipcrm"), "needs ipcmk")
    def test_a_segment_of_shared_memory_is_overwritten_and_removed(self):
        made = require("ipcmk", "-M", str(MIB)).stdout.decode()
        ident = made.split()[-1]
        self.addCleanup(run, "ipcrm", "-m", ident)
        code, document, words = self.erase(f"memory:sysv:{ident}", MIB)
        self.assertIn(code, (0, EXIT["exceptions"]), (document, words))
        self.assertEqual(document["targets"][0]["level"], "clear")
        self.assertNotEqual(self.state.run("plan", f"memory:sysv:{ident}").returncode, 0)
        self.check_verifies(document)

    def test_a_message_queue_is_removed_and_claims_no_level_unless_freed_pages_are_cleared(self):
        queue = Queue()
        self.addCleanup(queue.remove)
        with memory_mount("mqueue", self.folder / "queues") as queues:
            queue.fill()
            plan = json.loads(self.state.run("plan", queue.target, "--json").stdout)
            size = plan["targets"][0]["identity"]["sizeBytes"]
            with open(queues / queue.name, "rb"):
                code, document, words = self.erase(queue.target, size)
                self.assertEqual(code, EXIT["safety"], (document, words))
                self.assertEqual(document["targets"][0]["error"]["reason"], "opened")
            code, document, words = self.erase(queue.target, size)
            self.assertIn(code, (0, EXIT["exceptions"]), (document, words))
            self.assertTrue(queue.gone())
            again = self.erase(queue.target, size)
            self.assertEqual((again[0], again[1]["targets"][0]["changed"]), (code, False))
            queue.fill()  # somebody else's, which the order does not mean
            other, refused, words = self.erase(queue.target, size)
            self.assertEqual(other, EXIT["safety"], (refused, words))
            self.assertEqual(refused["targets"][0]["error"]["reason"], "other-identity")
            self.assertFalse(queue.gone())
        entry = document["targets"][0]
        record = targets.predicate(entry["bundle"])
        cleared = record["target"]["facts"]["machine"]["initOnFree"]["state"] == "on"
        self.assertEqual(entry["level"], "clear" if cleared else "none")
        self.check_verifies(document)

    def test_the_plan_of_free_memory_says_how_much_and_its_digest_holds(self):
        plans = [json.loads(self.state.run("plan", "memory:free", "--json").stdout)["targets"][0]
                 for _ in range(2)]
        self.assertGreater(plans[0]["sizeBytes"], 0)
        for key in ("digest", "confirmToken", "identity"):
            self.assertEqual(plans[0][key], plans[1][key], key)
        self.assertIn("kernel-keeps", [reason["code"] for reason in plans[0]["exceptions"]])
        self.assertEqual(self.state.run("plan", "/dev/null", "--sweep").returncode, EXIT["usage"])
        with memory_mount("tmpfs", self.folder / "mnt", "size=1m,noswap") as mount:
            both = json.loads(self.state.run("plan", f"memory:tmpfs:{mount}", "--sweep",
                                             "--json").stdout)["targets"]
        self.assertEqual([plan["target"] for plan in both],
                         [f"memory:tmpfs:{mount}", "memory:free"])

    def test_facts_of_the_machine_are_told_and_stand_in_certificates(self):
        done = self.state.run("plan", "machine", "--json")
        self.assertEqual(done.returncode, 0, done)
        facts = json.loads(done.stdout)["facts"]
        self.assertEqual({fact["state"] for fact in facts} - {"present", "absent", "unknown"},
                         set())
        lines = self.state.run("plan", "machine").stdout.decode().splitlines()
        self.assertEqual([line.split()[:2] for line in lines[1:]],
                         [[fact["fact"], fact["state"]] for fact in facts])
        with memory_mount("tmpfs", self.folder / "mnt", "size=1m,noswap") as mount:
            (mount / "data").write_text("secret")
            _, document, words = self.erase(f"memory:tmpfs:{mount}", MIB)
        record = targets.predicate(document["targets"][0]["bundle"])
        self.assertEqual(set(record["target"]["facts"]["machine"]["states"]),
                         {fact["fact"] for fact in facts}, words)

    def test_what_is_no_memory_target_is_a_usage_error(self):
        for name in ("memory:", "memory:disc:x", "memory:tmpfs:relative", "memory:zram:../sda",
                     "memory:free:", "memory:sysv:x", "memory:mqueue:/a", "memory:hugepages:2M"):
            self.assertEqual(self.state.run("plan", name).returncode, EXIT["usage"], name)
        self.assertEqual(run(*self.state.command("plan", "memory:tmpfs:/", "--technique",
                                                 "overwrite-zero")).returncode, EXIT["usage"])


if __name__ == "__main__":
    cases.main("mount", "umount", root=True)
