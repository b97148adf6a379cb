# SPDX-License-Identifier: Apache-2.0
"""Mounts in memory that are not as one expects: names, labels, limits."""

import array
import json
import os
import socket
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position,unused-import
import targets
from mount_case import EXIT, MIB, MountCase, main, mounted, setUpModule
from process import require, run, some
from sample import todays

NASTY = [b"\xff\xfe", b"latin-\xe9", b"\x1b[2J\x1b[31mred", b"new\nline", b"\r", b"tab\t", b"-rf", b"--",
         b" ", b"  lead", b"trail ", b"'\"`$(x)", b"a" * 255, "\u202etxt.exe".encode(),
         "\u2066\u200b".encode(), "e\u0301\u0301".encode(), b"\xed\xa0\x80", b"%s%n", b"\x7f\x01",
         b"{\"a\":1}", b"back\\slash", b"..."]


class Names(MountCase):
    def put(self, mount):
        for number, name in enumerate(NASTY):
            folder = os.fsencode(mount) + b"/folder-%d" % number
            os.mkdir(folder)
            for place in (os.fsencode(mount), folder):
                with open(place + b"/" + name, "wb") as file:
                    file.write(b"OLD-DATA" * 1024)
            os.mkdir(folder + b"/sub")
            os.mkdir(folder + b"/sub/" + name)
            os.symlink(name, folder + b"/link")
            os.symlink(b"/etc/passwd", folder + b"/sub/" + name + b"/" + name)

    def test_content_with_every_nasty_name_is_erased(self):
        for kind in ("tmpfs", "ramfs"):
            with self.subTest(kind=kind), mounted(kind, self.folder / kind) as mount:
                self.put(mount)
                self.check_sanitized(self.erase(f"memory:{kind}:{mount}"))
                self.assertEqual(list(mount.iterdir()), [])

    def test_a_file_of_every_nasty_name_can_be_an_objection(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            for name in todays(NASTY, 4):
                path = os.fsencode(mount) + b"/" + name
                with self.subTest(name=name), open(path, "wb") as file:
                    file.write(b"x")
                    file.flush()
                    done = self.state.run("plan", f"memory:tmpfs:{mount}", "--json")
                    self.assertEqual(done.returncode, EXIT["safety"], done)
                    self.assertTrue(all(0x20 <= byte < 0x7f or byte == 0x0a
                                        for byte in done.stdout + done.stderr), done)
                    self.assertTrue(json.loads(done.stdout)["targets"][0]["objections"])
                os.unlink(path)

    def test_a_mount_point_of_every_nasty_name(self):
        for name in todays(NASTY, 5):
            place = f"{self.folder}/{os.fsdecode(name)}"
            with self.subTest(name=name), mounted("tmpfs", place):
                with open(f"{place}/data", "wb") as file:
                    file.write(b"OLD-DATA" * 1024)
                target = f"memory:tmpfs:{place}"
                try:
                    target.encode()
                except UnicodeEncodeError:  # no record could carry it
                    done = self.state.run("plan", target, "--json")
                    self.assertEqual(done.returncode, EXIT["usage"], done)
                    continue
                if any(byte < 0x20 or byte == 0x7f for byte in name):  # no order may name it
                    with self.assertRaisesRegex(RuntimeError, "control characters"):
                        self.order(target)
                    continue
                order = self.order(target)
                events = self.folder / "events"
                self.check_sanitized(targets.erase(self.state, order, "--events", events))
                for line in events.read_bytes().splitlines():
                    self.assertTrue(all(0x20 <= byte < 0x7f for byte in line), line)
                    json.loads(line)
                self.assertEqual(os.listdir(place), [])


class Limits(MountCase):
    def test_labels_are_no_removed_files(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=16m") as mount:
            for number in range(40):
                path = mount / f"file-{number}"
                path.write_text("OLD-DATA")
                os.setxattr(path, "security.test", b"x" * 200)
                try:
                    os.setxattr(path, "user.test", b"y" * 3000)
                except OSError:
                    pass  # tmpfs has them since Linux 6.6
            (mount / "folder").mkdir()
            os.setxattr(mount / "folder", "security.test", b"z" * 5000)
            os.setxattr(mount, "security.test", b"root")
            code, codes = self.codes(f"memory:tmpfs:{mount}")
            self.assertEqual((code, codes), (0, set()))
            entry = self.check_sanitized(self.erase(f"memory:tmpfs:{mount}"))
            self.assertNotIn("holders-unknown", {one["code"] for one in entry["exceptions"]})

    def in_flight(self, path, names):
        """A file that only a message of a socket holds."""
        ends = socket.socketpair()
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.write(file, b"OLD-DATA")
        ends[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
        os.close(file)
        if not names:
            os.unlink(path)
        return ends

    def test_a_file_that_only_a_message_holds(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=16m") as mount:
            for names in (True, False):
                ends = self.in_flight(mount / "data", names)
                code, codes = self.codes(f"memory:tmpfs:{mount}")
                self.assertEqual((code, codes), (EXIT["safety"], {"opened"}))
                for end in ends:
                    end.close()
            self.assertEqual(self.codes(f"memory:tmpfs:{mount}"), (0, set()))

    def test_a_message_holds_a_removed_file_among_labels(self):
        """It cannot be told before; afterwards it is seen, and nobody says sanitized."""
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=16m") as mount:
            for number in range(10):
                (mount / f"file-{number}").write_text("OLD-DATA")
                os.setxattr(mount / f"file-{number}", "security.test", b"x" * 900)
            ends = self.in_flight(mount / "data", False)
            try:
                code, codes = self.codes(f"memory:tmpfs:{mount}")
                if code == 0:
                    code, document, words = self.erase(f"memory:tmpfs:{mount}")
                    self.assertEqual(code, EXIT["not-sanitized"], (document, words))
                else:
                    self.assertEqual(codes, {"opened"})
            finally:
                for end in ends:
                    end.close()

    def test_a_full_mount(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=2m,nr_inodes=20") as mount:
            (mount / "odd").write_bytes(b"OLD-DATA" * 77 + b"x")
            with self.assertRaises(OSError):
                targets.fill_with_marks(mount / "large", 4 * MIB)
            with self.assertRaises(OSError):
                for number in range(100):
                    (mount / f"n{number}").touch()
            self.check_sanitized(self.erase(f"memory:tmpfs:{mount}"))
            self.assertEqual(list(mount.iterdir()), [])

    def test_a_mount_with_quotas(self):
        mount = self.folder / "mnt"
        mount.mkdir()
        done = run("mount", "-t", "tmpfs", "-o", "size=8m,usrquota,usrquota_block_hardlimit=1m",
                   "efface-test", mount)
        if done.returncode != 0:
            self.skipTest("this kernel has no quotas for tmpfs (Linux 6.6)")
        try:
            (mount / "a").write_bytes(b"OLD-DATA" * 1000)
            os.chown(mount / "a", 12345, 12345)
            self.check_sanitized(self.erase(f"memory:tmpfs:{mount}"))
            self.assertEqual(list(mount.iterdir()), [])
        finally:
            require("umount", mount)

    def test_a_hundred_thousand_files(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=64m,nr_inodes=200k") as mount:
            for folder in some(range(100), 10):
                (mount / str(folder)).mkdir()
                for number in range(1000):
                    with open(mount / str(folder) / str(number), "wb") as file:
                        if number == 0:
                            file.write(b"OLD-DATA")
            self.check_sanitized(self.erase(f"memory:tmpfs:{mount}"))
            self.assertEqual(list(mount.iterdir()), [])


if __name__ == "__main__":
    main()
