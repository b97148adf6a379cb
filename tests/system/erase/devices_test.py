# SPDX-License-Identifier: Apache-2.0
"""`efface erase` on real block devices and files: all of it goes, and the wrong one stays."""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import project
import targets
from device_case import MIB, DeviceCase, main, setUpModule  # pylint: disable=unused-import
from process import require, scratch
from storage import loop_device, mounted

EXIT = project.EXIT


class mounted_ext4:  # pylint: disable=invalid-name
    """A file system on a device of ours, mounted while the block runs."""

    def __init__(self, folder, image, device):
        self.mount = None
        self.arguments = (folder, image, device)

    def __enter__(self):
        folder, _, device = self.arguments
        require("mkfs.ext4", "-q", "-F", device)
        self.mount = mounted(device, folder / "mnt")
        return self.mount.__enter__()

    def __exit__(self, *error):
        return self.mount.__exit__(*error)


class WholeTargets(DeviceCase):
    def check_cleared(self, path, size, sector):
        code, document, words = self.erase(path)
        self.assertEqual(code, 0, words)
        entry = document["targets"][0]
        self.assertEqual((entry["status"], entry["level"]), ("sanitized", "clear"))
        record = targets.predicate(entry["bundle"])
        self.assertEqual(record["target"]["sizeBytes"], size)
        self.assertEqual(record["target"]["logicalBlockBytes"], sector)
        self.assertEqual(record["sanitization"]["passes"][0]["bytesWritten"], size)
        self.assertEqual(record["verification"]["bytesCompared"], size)
        self.check_verifies(entry["bundle"])
        return record

    def test_loop_devices_of_any_size_are_cleared_to_the_last_byte(self):
        for sector, size in ((512, 7 * MIB + 512), (4096, 5 * MIB + 4096), (512, 512)):
            with self.subTest(sector=sector, size=size):
                self.make(size)
                with loop_device(self.image, sector) as device:
                    record = self.check_cleared(device, size, sector)
                self.assertEqual(targets.marks_left(self.image), [])
                self.assertIn("io_uring", record["sanitization"]["engine"])
                self.assertFalse(record["target"]["hiddenAreas"]["examined"])

    def test_a_device_on_tmpfs_is_cleared(self):
        with scratch("/dev/shm/efface-test-") as memory:
            image = memory / "disk.img"
            targets.fill_with_marks(image, 3 * MIB)
            with loop_device(image) as device:
                self.check_cleared(device, 3 * MIB, 512)
            self.assertEqual(targets.marks_left(image), [])

    def test_a_file_is_overwritten_in_place_and_claims_no_level(self):
        self.make(MIB + 77)  # no whole sector at the end
        places = require("filefrag", "-v", self.image).stdout
        code, document, words = self.erase(self.image)
        self.assertEqual(code, 0, (document, words))
        entry = document["targets"][0]
        self.assertEqual((entry["status"], entry["level"]), ("sanitized", "none"))
        self.assertEqual(self.image.stat().st_size, MIB + 77)
        self.assertEqual(targets.marks_left(self.image), [])
        self.assertEqual(require("filefrag", "-v", self.image).stdout, places)
        self.check_verifies(entry["bundle"])

    def test_a_multi_pass_policy_makes_each_of_its_passes(self):
        self.make(2 * MIB)
        with loop_device(self.image) as device:
            code, document, words = self.erase(device, policy="dod-5220.22-m")
        self.assertEqual(code, 0, words)
        passes = targets.predicate(document["targets"][0]["bundle"])["sanitization"]["passes"]
        self.assertEqual([p["pattern"] for p in passes],
                         ["repeat:00", "repeat:ff", "aes-256-ctr"])
        self.assertEqual(targets.marks_left(self.image), [])

    def test_zeros_are_zeros(self):
        self.make(MIB)
        with loop_device(self.image) as device:
            code, _, words = self.erase(device, policy="overwrite-zero")
        self.assertEqual(code, 0, words)
        self.assertEqual(self.image.read_bytes(), bytes(MIB))

    def test_what_was_not_verified_is_not_sanitized(self):
        self.make(MIB)
        with loop_device(self.image) as device:
            code, document, _ = self.erase(device, verification="none")
        self.assertEqual(code, EXIT["not-sanitized"])
        self.assertEqual(document["targets"][0]["status"], "indeterminate")
        self.check_verifies(document["targets"][0]["bundle"])

    def test_a_representative_read_back_can_be_repeated_from_its_seed(self):
        self.make(64 * MIB)
        with loop_device(self.image) as device:
            code, document, words = self.erase(device, verification="representative")
        self.assertEqual(code, 0, words)
        check = targets.predicate(document["targets"][0]["bundle"])["verification"]
        self.assertGreaterEqual(check["bytesPlanned"] * 10, 64 * MIB)
        self.assertLess(check["bytesPlanned"], 32 * MIB)
        self.assertEqual(len(check["seed"]), 64)

    def test_several_devices_at_once_have_a_job_and_a_certificate_each(self):
        images = [self.folder / f"disk-{i}.img" for i in range(3)]
        for image in images:
            targets.fill_with_marks(image, 4 * MIB)
        with loop_device(images[0]) as a, loop_device(images[1]) as b, loop_device(images[2]) as c, \
                mounted_ext4(self.folder, images[1], b) as _:
            order = targets.write_order(self.state, self.folder, targets.order(
                [targets.target(device, 4 * MIB) for device in (a, b, c)]))
            code, document, _ = targets.erase(self.state, order)
        self.assertEqual(code, EXIT["safety"])  # b is mounted; the others are done all the same
        entries = document["targets"]
        self.assertEqual([entry["exitCode"] for entry in entries], [0, EXIT["safety"], 0])
        self.assertEqual(len({entries[0]["bundle"], entries[2]["bundle"]}), 2)
        self.assertEqual(targets.marks_left(images[0]), [])
        self.assertEqual(targets.marks_left(images[2]), [])


class WrongTargets(DeviceCase):
    def check_refused(self, path, pattern, code="safety", **more):
        before = blocks.digest(self.image)
        got, document, words = self.erase(path, **more)
        self.assertEqual(got, EXIT[code], (document, words))
        self.assertRegex(words + json.dumps(document), pattern)
        self.assertEqual(blocks.digest(self.image), before)

    def test_a_mounted_device_is_refused(self):
        self.make(8 * MIB)
        with loop_device(self.image) as device, mounted_ext4(self.folder, self.image, device):
            before = blocks.digest(self.image)
            code, document, words = self.erase(device)
            self.assertEqual(code, EXIT["safety"], words)
            self.assertIn("mounted", json.dumps(document))
            self.assertEqual(blocks.digest(self.image), before)

    def test_the_file_below_a_loop_device_is_refused(self):
        self.make(MIB)
        with loop_device(self.image):
            self.check_refused(self.image, "loop")

    def test_a_device_below_another_loop_device_is_refused(self):
        self.make(MIB)
        with loop_device(self.image) as device, loop_device(device):
            self.check_refused(device, "loop")

    def test_another_size_than_ordered_is_refused(self):
        self.make(MIB)
        with loop_device(self.image) as device:
            self.check_refused(device, "size", size=2 * MIB)

    def test_another_serial_number_than_ordered_is_refused(self):
        self.make(MIB)
        with loop_device(self.image) as device:
            entry = targets.target(device, MIB, serial="S3Z9NB0K123456")
            order = targets.write_order(self.state, self.folder, targets.order([entry]))
            code, _, words = targets.erase(self.state, order)
        self.assertEqual(code, EXIT["safety"], words)
        self.assertNotEqual(targets.marks_left(self.image), [])

    def test_a_read_only_device_is_refused(self):
        self.make(MIB)
        with loop_device(self.image, read_only=True) as device:
            self.check_refused(device, "read.only")

    def test_a_copy_on_write_file_is_refused(self):
        below = self.folder / "btrfs.img"
        with open(below, "wb") as file:
            file.truncate(128 * MIB)
        require("mkfs.btrfs", "-q", below)
        with loop_device(below) as device, mounted(device, self.folder / "mnt") as mount:
            self.image = mount / "disk.img"
            self.make(MIB)
            self.check_refused(self.image, "old blocks")

    def test_a_file_that_is_open_elsewhere_is_refused(self):
        self.make(MIB)
        with open(self.image, "rb"):
            self.check_refused(self.image, "open")

    def test_the_root_disk_is_refused(self):
        root = require("findmnt", "-no", "SOURCE", "/").stdout.decode().strip()
        if not root.startswith("/dev/"):
            self.skipTest("the root file system has no device")
        done = self.state.run("plan", root)
        self.assertEqual(done.returncode, EXIT["safety"], done)
        self.assertIn(b"REFUSED", done.stdout)

    def test_a_link_that_was_turned_to_another_disk_after_planning_is_refused(self):
        self.make(MIB)
        other = self.folder / "other.img"
        targets.fill_with_marks(other, MIB)
        link = self.folder / "target"
        with loop_device(self.image) as a, loop_device(other) as b:
            link.symlink_to(a)
            order = targets.write_order(self.state, self.folder,
                                        targets.order([targets.target(link, MIB)]))
            plan = json.loads(self.state.require("plan", "--order", order, "--json").stdout)
            link.unlink()
            link.symlink_to(b)
            code, _, words = targets.erase(self.state, order, "--plan",
                                           plan["targets"][0]["digest"])
        self.assertEqual(code, EXIT["safety"], words)
        self.assertNotEqual(targets.marks_left(other), [])
        self.assertNotEqual(targets.marks_left(self.image), [])

    def test_without_terminal_and_order_nothing_happens(self):
        self.make(MIB)
        done = self.state.run("erase", self.image)
        self.assertEqual(done.returncode, EXIT["authorisation"], done)
        self.assertNotEqual(targets.marks_left(self.image), [])

    def test_an_order_with_one_approval_or_another_text_is_refused(self):
        self.make(MIB)
        order = targets.write_order(self.state, self.folder,
                                    targets.order([targets.target(self.image)]), approved=False)
        self.state.approve(order, ("alice",))
        self.assertEqual(targets.erase(self.state, order)[0], EXIT["authorisation"])
        self.state.approve(order, ("bob",))
        order.write_text(order.read_text() + "\n")
        self.assertEqual(targets.erase(self.state, order)[0], EXIT["authorisation"])
        self.assertNotEqual(targets.marks_left(self.image), [])

    def test_malformed_orders_are_usage_errors(self):
        self.make(MIB)
        entry = targets.target(self.image)
        for change in ({"colour": "red"}, {"policy": "gutmann"}, {"pattern": "zz"},
                       {"verification": "maybe"}, {"targets": []}, {"targets": [entry, entry]},
                       {"targets": [{"target": str(self.image)}]},
                       {"targets": [{"target": "disk", "size_bytes": 1}]},
                       {"targets": [{"target": "memory:disc:x", "size_bytes": 1}]},
                       {"limits": {"celsius_max": 1000}}, {"limits": {"when_slow": "pause"}},
                       {"schema": "efface.order/2"}, {"policy": "overwrite-pattern"}):
            path = self.folder / "order.json"
            path.write_text(json.dumps({**targets.order([entry]), **change}))
            code, _, words = targets.erase(self.state, path)
            self.assertEqual(code, EXIT["usage"], (change, words))
        self.assertNotEqual(targets.marks_left(self.image), [])


if __name__ == "__main__":
    main()
