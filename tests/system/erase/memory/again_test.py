# SPDX-License-Identifier: Apache-2.0
"""The same order given again, and a job resumed: on the same memory, and on what stands in its place."""

import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position,unused-import
import storage
import targets
from mount_case import DONE, EXIT, KIB, MIB, MountCase, main, mounted, setUpModule
from process import missing, require, run, some, strace


class Identity(MountCase):
    """The kernel uses mount ids and device numbers again."""

    # As a mount whose file system has a size, and one whose order says how much was in it.
    MOUNTS = (("tmpfs", "size=8m"), ("tmpfs", "size=0"), ("ramfs", "rw"), ("hugetlbfs", "rw"),
              ("hugetlbfs", "size=8m"))
    WRITES = {
        "file": lambda mount: (mount / "b").touch(),
        "folder": lambda mount: (mount / "c").mkdir(),
        "written and removed": lambda mount: ((mount / "d").touch(), (mount / "d").unlink()),
        "much": lambda mount: (mount / "e").write_bytes(b"OLD-DATA" * (MIB // 8)),
    }

    def check_again(self, order, mount, first):
        done = self.check_sanitized(targets.erase(self.state, order))
        self.assertTrue(done["changed"])
        self.assertNotEqual(done["bundle"], first["bundle"])
        self.assertEqual(list(mount.iterdir()), [])
        again = self.check_sanitized(targets.erase(self.state, order))
        self.assertEqual((again["changed"], again["bundle"]), (False, done["bundle"]))

    def test_an_order_given_again_runs_again_when_something_was_written(self):
        for number, (kind, options) in enumerate(self.MOUNTS):
            mount = self.folder / str(number)
            name = f"memory:{kind}:{mount}"
            with mounted(kind, mount, "-o", options):
                (mount / "a").touch()
                if kind != "hugetlbfs":
                    (mount / "a").write_text("OLD-DATA")
                order = self.order(name)
                first = self.check_sanitized(targets.erase(self.state, order))
                again = self.check_sanitized(targets.erase(self.state, order))
                self.assertEqual((again["changed"], again["bundle"]), (False, first["bundle"]))
                for what, write in some(self.WRITES.items(), 4, number % 4):
                    if kind == "hugetlbfs" and what == "much":
                        continue  # it takes no write(2), and its pages are the machine's
                    with self.subTest(kind=kind, options=options, written=what):
                        write(mount)
                        planned = self.state.run("plan", "--order", order, "--json")
                        self.assertEqual(planned.returncode, 0, planned)
                        self.check_again(order, mount, first)
            # A new mount at the same place, maybe with the same ids: empty, and with something in it.
            for content in ("nothing", "file"):
                with self.subTest(kind=kind, options=options, anew=content), \
                        mounted(kind, mount, "-o", options):
                    if content == "file":
                        (mount / "new").touch()
                    self.check_again(order, mount, first)
            other = "ramfs" if kind == "tmpfs" else "tmpfs"
            with self.subTest(kind=kind, options=options, other=other), mounted(other, mount):
                (mount / "new").write_text("stays")
                code, document, words = targets.erase(self.state, order)
                self.assertEqual(code, EXIT["usage"], (document, words))
                self.assertEqual((mount / "new").read_text(), "stays")

    def test_one_file_runs_again_when_its_content_is_another(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            targets.fill_with_marks(mount / "data", 100 * KIB + 7)
            order = self.order(f"memory:file:{mount}/data")
            self.check_sanitized(targets.erase(self.state, order))
            again = self.check_sanitized(targets.erase(self.state, order))
            self.assertFalse(again["changed"])
            with open(mount / "data", "r+b") as file:
                file.seek(50 * KIB)
                file.write(b"OLD-DATA")
            done = self.check_sanitized(targets.erase(self.state, order))
            self.assertTrue(done["changed"])
            self.assertEqual(targets.marks_left(mount / "data"), [])

    def restarted(self, *arguments):
        """efface in a machine whose kernel says that it was started anew."""
        boot = self.folder / "boot-id"
        boot.write_text("00000000-1111-4222-8333-444444444444\n")
        script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
        return run("unshare", "--mount", "sh", "-c", script, boot, *self.state.command(*arguments))

    def swap_image(self, name, uuid):
        image = self.folder / name
        targets.fill_with_marks(image, 4 * MIB)
        if uuid:
            require("mkswap", "--force", "-U", uuid, image)
        return image

    # Whether the job had written, which image stands there after the restart, whether it goes on.
    AFTER_RESTART = [(written, then, then == "same") for written in (True, False)
                     for then in ("same", "zeros", "another area")]

    @unittest.skipIf(missing("strace", "mkswap", "losetup", "unshare"), "no strace")
    def test_swap_goes_on_after_a_restart_where_it_is_known_again(self):
        for number, (written, then, goes_on) in enumerate(self.AFTER_RESTART):
            with self.subTest(written=written, then=then):
                uuid = "11111111-2222-4333-8444-55555555555"
                image = self.swap_image(f"image-{number}", f"{uuid}{number}")
                place = self.folder / f"area-{number}"
                name = f"memory:swap:{place}"
                # Before the first write, or at the flush of all.
                call = "fsync,fdatasync" if written else "io_uring_setup"
                with storage.loop_device(image) as device:
                    place.symlink_to(device)
                    order = self.order(name)
                    done = run(*strace("-f", "-qq", "-o", "/dev/null",
                                       *(("-P", place, "-P", device) if written else ()),
                                       "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL"),
                               *self.state.command("erase", "--order", order, "--json"))
                    self.assertIn(done.returncode, (-9, 137), done)
                    self.assertEqual(any(image.read_bytes()[:512]), written)
                    jobs = json.loads(self.state.run("jobs", "--json").stdout)["jobs"]
                    job = next(job["id"] for job in jobs
                               if job["resumable"] and job["subject"] == name)
                if then != "same":
                    image.rename(self.folder / f"kept-{number}")
                    image = self.swap_image(f"image-{number}", None)
                    image.write_bytes(bytes(4 * MIB))
                if then == "another area":
                    require("mkswap", "--force", image)
                before = image.read_bytes()
                with storage.loop_device(image) as device:
                    place.unlink()
                    place.symlink_to(device)
                    done = self.restarted("resume", job, "--json")
                    document = json.loads(done.stdout)["targets"][0]
                    if goes_on:
                        self.assertIn(done.returncode, DONE, done)
                        self.assertEqual(targets.marks_left(device), [])
                        verified = self.state.run("verify", document["bundle"])
                        self.assertEqual(verified.returncode, 0, verified)
                    else:
                        self.assertEqual(done.returncode, EXIT["safety"], done)
                        self.assertEqual(document["error"]["reason"], "other-identity")
                if not goes_on:
                    self.assertEqual(image.read_bytes(), before)

    def killed_job(self, name, file):
        """The id of a job that was killed when it wrote to the file."""
        order = self.order(name)
        done = run(*strace("-f", "-qq", "-o", "/dev/null", "-P", file, "-e", "trace=pwrite64",
                           "-e", "inject=pwrite64:signal=SIGKILL:when=2"),
                   *self.state.command("erase", "--order", order, "--json"))
        self.assertIn(done.returncode, (-9, 137), done)
        jobs = json.loads(self.state.run("jobs", "--json").stdout)["jobs"]
        return next(job["id"] for job in jobs if job["resumable"] and job["subject"] == name)

    @unittest.skipIf(missing("strace"), "no strace")
    def test_a_killed_job_does_not_go_on_with_another_mount(self):
        for kind in ("tmpfs", "ramfs"):
            mount = self.folder / kind
            with self.subTest(kind=kind):
                with mounted(kind, mount, "-o", "size=8m" if kind == "tmpfs" else "rw"):
                    targets.fill_with_marks(mount / "data", MIB)
                    job = self.killed_job(f"memory:{kind}:{mount}", mount / "data")
                with mounted(kind, mount, "-o", "size=8m" if kind == "tmpfs" else "rw"):
                    (mount / "new").write_text("stays")
                    done = self.state.run("resume", job, "--json")
                    document = json.loads(done.stdout)["targets"][0]
                    self.assertEqual(done.returncode, EXIT["safety"], done)
                    self.assertEqual(document["error"]["reason"], "other-identity")
                    self.assertEqual((mount / "new").read_text(), "stays")


if __name__ == "__main__":
    main()
