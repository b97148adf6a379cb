# SPDX-License-Identifier: Apache-2.0
"""Storage that is not as one expects: files with holes, loop devices whose file has no name any more,
devices larger than a record can say, partitions of a table that was erased."""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import project
import targets
from device_case import MIB, DeviceCase, main, setUpModule  # pylint: disable=unused-import
from process import require, run
from storage import loop_device, mounted

SAFETY = project.EXIT["safety"]


class OddStorage(DeviceCase):
    orders = 0

    def erase(self, path, *options, **more):
        OddStorage.orders += 1  # each is a new one, also for a path that had another target
        return super().erase(path, *options, id=f"odd-{OddStorage.orders}", **more)

    def check_refused(self, path, size, reason):
        """By the plan and by the run, for this reason alone."""
        planned = json.loads(self.state.run("plan", path, "--json").stdout)["targets"][0]
        self.assertEqual([one["code"] for one in planned["objections"]], [reason])
        code, document, words = self.erase(path, size=size)
        self.assertEqual(code, SAFETY, words)
        self.assertEqual(document["targets"][0]["error"]["code"], reason)
        self.assertNotEqual(document["targets"][0]["error"]["hint"], "")

    def test_holes_must_fit_into_the_file_system(self):
        for kind in ("ext4", "tmpfs"):
            self.image.write_bytes(bytes(32 * MIB))
            require("mkfs.ext4", "-q", "-F", self.image)
            what = ("-o", "loop", self.image) if kind == "ext4" else ("-t", "tmpfs", "-o", "size=32M", "tmpfs")
            with self.subTest(kind=kind), mounted(what[-1], self.folder / "mnt", *what[:-1]) as mount:
                file = mount / "sparse"
                for size, fits in ((64 * MIB, False), (4 * MIB, True)):
                    with open(file, "wb") as sparse:
                        sparse.write(b"secret")
                        sparse.truncate(size)
                    if not fits:
                        self.check_refused(file, size, "no-room-below")
                        self.assertEqual(file.stat().st_blocks * 512 < MIB, True)
                        self.assertEqual(file.read_bytes()[:6], b"secret")
                    else:
                        code, _, words = self.erase(file)
                        self.assertEqual(code, 0, words)

    def test_a_loop_device_whose_file_was_removed_is_erased(self):
        for kind, level in (("ext4", "clear"), ("btrfs", None)):
            disk = self.folder / f"{kind}.img"
            disk.write_bytes(bytes(160 * MIB))
            require(f"mkfs.{kind}", "-q", disk)
            with self.subTest(kind=kind), mounted(disk, self.folder / "mnt", "-o", "loop") as mount:
                file = mount / "disk.img"
                targets.fill_with_marks(file, MIB)
                with loop_device(file) as device:
                    file.unlink()
                    if level is None:
                        self.check_refused(device, MIB, "copy-on-write")
                    else:
                        code, document, words = self.erase(device)
                        self.assertEqual(code, 0, words)
                        self.assertEqual(document["targets"][0]["level"], level)
                        self.assertEqual(targets.marks_left(device), [])

    def test_what_is_larger_than_a_record_can_say_is_refused(self):
        with mounted("tmpfs", self.folder / "mnt", "-t", "tmpfs") as mount:
            file = mount / "huge"
            for size in (1 << 53, 1 << 60):
                with open(file, "wb") as huge:
                    try:
                        huge.truncate(size)
                    except OSError:
                        self.skipTest("no such file on this tmpfs")
                for path in (file,) if size == 1 << 53 else ():
                    self.refuse_too_large(path)
                with loop_device(file) as device:
                    self.refuse_too_large(device)

    def refuse_too_large(self, path):
        done = self.state.run("plan", path)
        self.assertEqual(done.returncode, SAFETY, done)
        self.assertIn(b"too-large", done.stdout + done.stderr)

    def test_the_kernel_forgets_the_partitions_of_an_erased_disk(self):
        self.image.write_bytes(bytes(16 * MIB))
        require("sh", "-c", f"printf 'label: gpt\\n,4M\\n,\\n' | sfdisk -q {self.image}")
        with loop_device(self.image, partitions=True) as device:
            first = Path(f"{device}p1")
            if not first.exists():
                run("partx", "--add", device)
            if not first.exists():
                self.skipTest("this kernel shows no partitions of loop devices")
            code, _, words = self.erase(device)
            self.assertEqual(code, 0, words)
            run("udevadm", "settle")
            self.assertFalse(first.exists())


if __name__ == "__main__":
    main()
