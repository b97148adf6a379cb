# SPDX-License-Identifier: Apache-2.0
"""Mounts in memory that are not as one expects: names, labels, limits, hidden below another mount,
efface's own folders in them, another mount at the same place."""

import array
import itertools
import json
import os
import socket
import subprocess
import sys
import unittest
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import project
import storage
import targets
from process import EXIT_SKIPPED, missing, require, run, scratch, some, strace
from sample import todays

EXIT = project.EXIT
DONE = (EXIT["done"], EXIT["exceptions"])
KIB, MIB = 1 << 10, 1 << 20
MACHINE = {}
NASTY = [b"\xff\xfe", b"latin-\xe9", b"\x1b[2J\x1b[31mred", b"new\nline", b"\r", b"tab\t", b"-rf", b"--",
         b" ", b"  lead", b"trail ", b"'\"`$(x)", b"a" * 255, "\u202etxt.exe".encode(),
         "\u2066\u200b".encode(), "e\u0301\u0301".encode(), b"\xed\xa0\x80", b"%s%n", b"\x7f\x01",
         b"{\"a\":1}", b"back\\slash", b"..."]


def setUpModule():
    MACHINE["scratch"] = scratch()
    MACHINE["folder"] = Path(os.path.realpath(MACHINE["scratch"].__enter__()))
    MACHINE["state"] = project.State(MACHINE["folder"] / "state")


def tearDownModule():
    MACHINE["scratch"].__exit__(None, None, None)


@contextmanager
def mounted(kind, folder, *options):
    os.makedirs(folder, exist_ok=True)
    require("mount", "-t", kind, *options, "efface-test", folder)
    try:
        yield Path(folder)
    finally:
        require("umount", folder)


class Case(unittest.TestCase):
    def setUp(self):
        self.state = MACHINE["state"]
        self.folder = MACHINE["folder"] / self.id().rsplit(".", maxsplit=1)[-1]
        self.folder.mkdir()

    def plan(self, name, state=None):
        done = (state or self.state).run("plan", name, "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else {}

    def codes(self, name, state=None):
        """The exit status of a plan and the codes of its objections."""
        code, document = self.plan(name, state)
        entries = document.get("targets", [{}])[0].get("objections", [])
        return code, {entry["code"] for entry in entries}

    def order(self, name, size=None):
        if size is None:
            code, document = self.plan(name)
            self.assertEqual(code, 0, document)
            plan = document["targets"][0]
            size = plan["identity"].get("sizeBytes", plan["sizeBytes"])
        # One order a target: given again it is the same one.
        document = targets.order([{"target": name, "size_bytes": size}])
        return targets.write_order(self.state, self.folder, document)

    def erase(self, name, size=None):
        return targets.erase(self.state, self.order(name, size))

    def check_sanitized(self, answer):
        code, document, words = answer
        self.assertIn(code, DONE, (document, words))
        entry = document["targets"][0]
        verified = self.state.run("verify", entry["bundle"])
        self.assertEqual(verified.returncode, 0, verified)
        return entry

    def check_refused(self, answer, reason):
        code, document, words = answer
        self.assertEqual(code, EXIT["safety"], (document, words))
        self.assertEqual(document["targets"][0]["error"]["reason"], reason, words)
        self.assertFalse(document["targets"][0]["changed"])


class Names(Case):
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


class Hidden(Case):
    KINDS = list(itertools.product(("tmpfs", "ramfs"), ("tmpfs", "ramfs", "bind", "ext4")))

    def check_hidden(self, mount, kind, below, above):
        answer = self.erase(f"memory:{kind}:{mount}", 1)
        self.check_refused(answer, "hidden-mount")
        self.assertEqual(self.codes(f"memory:{kind}:{mount}")[0], EXIT["safety"])
        for path, text in (below, above):
            if path is not None:
                self.assertEqual(path.read_text(), text)

    def test_a_mount_below_another_at_the_same_place(self):
        for kind, top in todays(self.KINDS, 3):
            with self.subTest(kind=kind, top=top):
                mount = self.folder / f"{kind}-{top}"
                with mounted(kind, mount), self.on_top(top, mount) as data:
                    self.check_hidden(mount, kind, (None, ""), (data, "stays"))

    def test_a_mount_below_another_that_hides_its_parent(self):
        for kind, top in todays(self.KINDS, 3):
            with self.subTest(kind=kind, top=top):
                parent = self.folder / f"{kind}-{top}-parent"
                parent.mkdir()
                with mounted(kind, parent / "mnt") as mount:
                    (mount / "data").write_text("below")
                    with self.on_top(top, parent):
                        # Nothing of that name stands above, then another folder.
                        self.check_hidden(mount, kind, (None, ""), (None, ""))
                        mount.mkdir(exist_ok=True)
                        (mount / "data").write_text("stays")
                        self.check_hidden(mount, kind, (None, ""), (mount / "data", "stays"))
                    self.assertEqual((mount / "data").read_text(), "below")

    @contextmanager
    def on_top(self, kind, place):
        """Something else mounted there, with a file in it."""
        if kind == "bind":
            source = self.folder / "source"
            source.mkdir(exist_ok=True)
            options = ["--bind", source]
        elif kind == "ext4":
            image = self.folder / "image"
            with open(image, "wb") as file:
                file.truncate(8 * MIB)
            require("mkfs.ext4", "-q", "-F", image)
            options = ["-o", "loop", image]
        else:
            options = ["-t", kind, "efface-test"]
        require("mount", *options, place)
        try:
            (place / "data").write_text("stays")
            yield place / "data"
        finally:
            require("umount", place)

    def test_a_file_is_what_its_descriptor_says(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            (mount / "data").write_text("below")
            with self.on_top("ext4", mount):
                code, _ = self.plan(f"memory:file:{mount}/data")
                self.assertEqual(code, EXIT["usage"])
            self.assertEqual((mount / "data").read_text(), "below")


class UsedElsewhere(Case):
    """What uses the files of a mount without having them open."""

    def check_kept(self, mount, kept):
        name = f"memory:tmpfs:{mount}"
        code, codes = self.codes(name)
        self.assertEqual((code, codes), (EXIT["safety"], {"mounted"}))
        self.assertTrue(kept.exists())

    def test_a_mount_in_it_that_only_another_namespace_has(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=4m,noswap") as mount:
            inner = mount / "inner"
            inner.mkdir()
            script = (f"mount -t tmpfs none '{inner}' && echo kept >'{inner}/file' && echo ready && "
                      "exec sleep 600")
            with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                   script], stdout=subprocess.PIPE) as process:
                try:
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    self.check_kept(mount, Path(f"/proc/{process.pid}/root{inner}/file"))
                finally:
                    process.kill()

    def test_each_layer_of_an_overlay(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=4m,noswap") as mount, \
                mounted("tmpfs", self.folder / "other", "-o", "size=4m,noswap") as other:
            for role in ("lower", "upper", "middle"):
                with self.subTest(role):
                    for place in (mount, other):
                        for name in ("low", "mid", "up", "work"):
                            (place / name).mkdir(exist_ok=True)
                    at = {"lower": (mount, other, other), "upper": (other, other, mount),
                          "middle": (other, mount, other)}[role]
                    options = (f"lowerdir={at[0]}/low:{at[1]}/mid,upperdir={at[2]}/up,"
                               f"workdir={at[2]}/work")
                    (at[0] / "low" / "file").write_text("kept")
                    (self.folder / "merged").mkdir(exist_ok=True)
                    if run("mount", "-t", "overlay", "none", "-o", options,
                           self.folder / "merged").returncode != 0:
                        self.skipTest("no overlay file system")
                    try:
                        self.check_kept(mount, self.folder / "merged" / "file")
                    finally:
                        require("umount", self.folder / "merged")

    def test_folders_that_can_not_be_walked_are_no_removed_files(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=8m,noswap") as mount:
            here = os.open(mount, os.O_RDONLY)
            for _ in range(300):
                os.mkdir("d", dir_fd=here)
                below = os.open("d", os.O_RDONLY, dir_fd=here)
                os.close(here)
                here = below
            os.close(here)
            code, codes = self.codes(f"memory:tmpfs:{mount}")
            self.assertEqual((code, codes), (EXIT["safety"], {"unreadable-state"}))


class Identity(Case):
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


class OwnState(Case):
    """efface's own folders in the target: an objection beforehand, however they are named."""

    def check_own(self, name, state):
        code, codes = self.codes(name, state)
        self.assertEqual(code, EXIT["safety"])
        self.assertIn("own-document", codes)

    def test_the_state_folder_in_a_mount(self):
        for kind in ("tmpfs", "ramfs"):
            with self.subTest(kind=kind), mounted(kind, self.folder / kind) as mount:
                name = f"memory:{kind}:{mount}"
                state = project.State(mount / "deep" / "state")
                self.check_own(name, state)
                # By a bind mount, by a link, and before it is made.
                bound = self.folder / f"bound-{kind}"
                bound.mkdir()
                require("mount", "--bind", mount, bound)
                try:
                    state.folder = bound / "deep" / "state"
                    self.check_own(name, state)
                finally:
                    require("umount", bound)
                (self.folder / f"link-{kind}").symlink_to(mount)
                state.folder = self.folder / f"link-{kind}" / "deep" / "state"
                self.check_own(name, state)
                state.folder = mount / "not" / "yet"
                self.check_own(name, state)

    def test_only_the_certificates_in_a_mount(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            mount.chmod(0o755)  # what others can write is no part of a state folder
            state = project.State(self.folder / "state")
            for folder in ("certificates", "jobs"):
                (state.folder / folder).symlink_to(mount)
                self.check_own(f"memory:tmpfs:{mount}", state)
                (state.folder / folder).unlink()

    def test_a_file_of_the_state_by_every_name(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            state = project.State(mount / "state")
            file = next(path for path in sorted(state.folder.rglob("*")) if path.is_file())
            os.link(file, mount / "other-name")
            for path in (file, mount / "other-name"):
                self.check_own(f"memory:file:{path}", state)
            order = targets.write_order(self.state, mount, targets.order(
                [{"target": "memory:tmpfs:/nowhere", "size_bytes": 1}]))
            self.check_own(f"memory:file:{order}", self.state)


class Limits(Case):
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
    if project.binary() is None or os.geteuid() != 0 or missing("mount", "umount", "mkfs.ext4"):
        print("skipped: needs root and $EFFACE")
        sys.exit(EXIT_SKIPPED)
    unittest.main()
