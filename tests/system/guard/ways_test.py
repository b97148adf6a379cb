# SPDX-License-Identifier: Apache-2.0
"""Every way to be in use x overwriting and a project's erasure: exit 7 or 75, a reason by its code,
not one byte of the storage changed. And what must not be refused."""

import concurrent.futures
import contextlib
import itertools
import os
import shutil
import sys
import time
import unittest
import uuid
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib"),
                str(Path(__file__).parents[1] / "erase"), str(Path(__file__).parents[1] / "luks")]

# pylint: disable=wrong-import-position
import blocks
import generators
import ondisk
import project
import storage
import targets
import ways
from process import EXIT_SKIPPED, missing, require, run, scratch

MACHINE = {}
SAFETY, BUSY = project.EXIT["safety"], project.EXIT["busy"]
LUKS1_HEADER_BYTES = 592
SIDE_BY_SIDE = 1 if ways.ONLY else 6  # rows; those of the rig share names in configfs
ROWS_MIN = 60  # of those that this machine can do


def setUpModule():
    MACHINE["scratch"] = scratch()
    folder = MACHINE["folder"] = MACHINE["scratch"].__enter__()
    MACHINE["state"] = project.State(folder / "state")
    (folder / "luks1").mkdir()
    image = generators.make("luks1-xts-512", folder / "luks1")
    ways.HEADER["bytes"] = ondisk.read_at(image.target, 0, LUKS1_HEADER_BYTES)
    MACHINE["uuid"] = image.uuid


def tearDownModule():
    MACHINE["scratch"].__exit__(None, None, None)


class Case(unittest.TestCase):
    def setUp(self):
        self.state = MACHINE["state"]
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.numbers = itertools.count(1)

    def folder(self, stack=None):
        path = MACHINE["folder"] / f"{self._testMethodName[5:15]}-{next(self.numbers):06}"
        path.mkdir()
        (stack or self.stack).callback(shutil.rmtree, path, True)
        return path

    def image(self, folder, name="a.img", size=ways.SIZE):
        path = folder / name
        if size != ways.SIZE:
            targets.fill_with_marks(path, size)
            return path
        marks = MACHINE["folder"] / "marks.img"
        if not marks.exists():
            targets.fill_with_marks(marks, size)
        return Path(shutil.copyfile(marks, path))

    def entry(self, target):
        size = target.stat().st_size if target.is_file() else targets.device_size(target)
        return {"target": str(target), "size_bytes": size}

    def overwrite(self, folder, target, policy=None, **more):
        document = targets.order([{**self.entry(target), **more}],
                                 id=f"g-{folder.name.lower().replace('_', '-')}",
                                 **({"policy": policy} if policy else {}))
        order = targets.write_order(self.state, folder, document)
        code, answer, errors = targets.erase(self.state, order)
        one = (answer.get("targets") or [{}])[0]
        return code, (one.get("error") or {}).get("reason"), one.get("changed"), errors

    def erase_project(self, folder, target):
        manifest = project.write_manifest(
            folder, project.manifest([project.volume("v", target, MACHINE["uuid"])]))
        self.state.approve(manifest)
        done = self.state.erase(manifest)
        error = done.document.get("error") or {}
        return done.code, error.get("reason"), done.document.get("changed", False), done.stderr

    def plan(self, target, *options):
        return run(*self.state.command("plan", target, *options))


class InUse(Case):
    def test_every_way(self):
        """Side by side, as most of the time goes into waiting for openers that don't let go."""
        self.image(self.folder())  # the marks, once for all
        rows = list(ways.rows())
        if ways.ONLY and "EFFACE_LONG" not in os.environ:
            rows = rows[::2]  # in the rig a row takes seconds
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            ends = list(pool.map(lambda row: self.end_of(*row), rows))
        left_out = {end for end in ends if isinstance(end, str)}
        for (user, name), end in zip(rows, ends):
            with self.subTest(user=user, name=name):
                if isinstance(end, Exception):
                    raise end
        tried = ends.count(None)
        print(f"{tried} ways, left out: {sorted(left_out)}", file=sys.stderr)
        self.assertGreaterEqual(tried, 1 if ways.ONLY else ROWS_MIN)

    def end_of(self, user, name):
        """None when all is as it should be, why the row can't be had here, or what is wrong."""
        try:
            with contextlib.ExitStack() as stack:
                self.check_row(stack, user, name)
        except ways.Unavailable as why:
            return str(why)
        except Exception as problem:  # pylint: disable=broad-except  # raised again by the caller
            return problem
        return None

    def check_row(self, stack, user, name):
        use, codes = ways.USERS[user]
        make = {**ways.DEVICE_NAMES, **ways.FILE_NAMES}[name]
        folder = self.folder(stack)
        image = self.image(folder)
        target, path, at = make(stack, image)
        use(stack, folder, path)
        if ondisk.read_at(image, at, LUKS1_HEADER_BYTES) != ways.HEADER["bytes"]:
            ondisk.write_at(image, at, ways.HEADER["bytes"])
        require("sync", "-f", folder)
        for technique in (self.overwrite, self.erase_project):
            before = blocks.digest(image)
            code, reason, changed, errors = technique(folder, target)
            told = f"{technique.__name__}: exit {code}, {reason}\n{errors}"
            self.assertEqual(code, BUSY if reason == "busy" else SAFETY, told)
            # The loop device in between is a user itself.
            between = {"loop-backing"} if name in ways.OVER_THE_TARGET else set()
            self.assertIn(reason, codes | between, told)
            self.assertFalse(changed, told)
            self.assertEqual(blocks.digest(image), before, told)


@unittest.skipUnless("EFFACE_PURGE_DISK" in os.environ, "needs a disk model: rig_guard_purge")
class Purge(Case):
    """The same users against a disk's own technique, on the disk that EFFACE_PURGE_DISK names: one
    of a test in the rig, which counts the commands that reached it."""

    TECHNIQUE = "scsi-sanitize-block"

    def test_every_way(self):
        disk = Path(os.environ["EFFACE_PURGE_DISK"])
        generic, = Path(f"/sys/block/{disk.name}/device/scsi_generic").iterdir()
        names = {"itself": lambda stack: disk,
                 "its partition": lambda stack: ways.add_partition(stack, disk, 1, ways.PART,
                                                                   ways.PART),
                 "a loop device above": lambda stack: ways.loop(stack, disk),
                 "its sg node": lambda stack: Path("/dev") / generic.name}
        tried, left_out = 0, set()
        for name, user in itertools.product(names, ways.USERS):
            by_sg = name == "its sg node"
            if by_sg and (not user.startswith("open") or user == "open by another node"):
                continue
            with self.subTest(user=user, name=name), contextlib.ExitStack() as stack:
                try:
                    self.check_purge(stack, disk, names[name], user, name)
                    tried += 1
                except ways.Unavailable as why:
                    left_out.add(str(why))
        print(f"{tried} ways against {self.TECHNIQUE}, left out: {sorted(left_out)}",
              file=sys.stderr)
        self.assertGreaterEqual(tried, 30)

    def check_purge(self, stack, disk, make, user, name):
        use, codes = ways.USERS[user]
        folder = self.folder(stack)
        use(stack, folder, make(stack))
        require("sync", "-f", folder)
        before = blocks.digest(disk)
        code, reason, changed, errors = self.overwrite(folder, disk, policy=self.TECHNIQUE)
        told = f"exit {code}, {reason}\n{errors}"
        self.assertEqual(code, BUSY if reason == "busy" else SAFETY, told)
        between = {"loop-backing"} if name == "a loop device above" else set()
        self.assertIn(reason, codes | between, told)
        self.assertFalse(changed, told)
        self.assertEqual(blocks.digest(disk), before, told)


class Members(Case):
    def test_a_returned_member_is_erased_when_the_order_names_it(self):
        folder = self.folder()
        one, two = folder / "one.img", folder / "two.img"
        for file in (one, two):
            with open(file, "wb") as stream:
                stream.truncate(128 * ways.MIB)
        require("mkfs.btrfs", "-q", one, two)
        uuid = require("blkid", "-o", "value", "-s", "UUID", one).stdout.decode().strip()
        code, reason, changed, errors = self.overwrite(self.folder(), one)
        self.assertEqual((code, reason, changed), (SAFETY, "member", False), errors)
        code, reason, _, errors = self.overwrite(self.folder(), one, release_member=["other"])
        self.assertEqual((code, reason), (SAFETY, "member"), errors)
        done = self.plan(one)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(uuid, done.stdout.decode())
        code, _, _, errors = self.overwrite(self.folder(), one, release_member=[uuid.upper()])
        self.assertIn(code, (0, 4), errors)


class Twice(Case):
    """One storage by two names, each way that ways.py knows."""

    def test_one_order_names_it_once(self):
        for name, make in {**ways.DEVICE_NAMES, **ways.FILE_NAMES}.items():
            if make in (ways.itself, ways.file_itself):
                continue
            with self.subTest(name), contextlib.ExitStack() as stack:
                folder = self.folder(stack)
                image = self.image(folder)
                target, other, _ = make(stack, image)
                before = blocks.digest(image)
                order = targets.write_order(self.state, folder, targets.order(
                    [self.entry(target), self.entry(other)]))
                code, _, errors = targets.erase(self.state, order)
                self.assertEqual(code, project.EXIT["usage"], errors)
                self.assertIn("same storage", errors)
                done = self.plan(target, other)
                self.assertEqual(done.returncode, project.EXIT["usage"], done)
                self.assertEqual(blocks.digest(image), before)

    def test_memory_is_named_once_whatever_kind_it_is_called(self):
        folder = self.folder()
        image = self.image(folder)
        swap = ways.loop(self.stack, image)
        mount = self.stack.enter_context(storage.mounted("tmpfs", folder / "mnt2", "-t", "tmpfs",
                                                         "-o", "size=8m"))
        again = self.stack.enter_context(storage.mounted(mount, folder / "bound", "--bind"))
        inner = mount / "inner"
        targets.fill_with_marks(inner, ways.MIB)
        for one, other in ((f"memory:tmpfs:{mount}", f"memory:file:{inner}"),
                           (f"memory:tmpfs:{mount}", inner),
                           (f"memory:tmpfs:{mount}", f"memory:tmpfs:{again}"),
                           (f"memory:file:{inner}", again / "inner"),
                           (f"memory:swap:{swap}", swap), (f"memory:swap:{swap}", image)):
            for pair in ((one, other), (other, one)):
                with self.subTest(pair):
                    done = self.plan(*pair)
                    self.assertEqual(done.returncode, project.EXIT["usage"], done)
                    self.assertIn(b"same storage", done.stderr)

    def test_volumes_of_a_project_are_apart(self):
        for name in ("another loop", "loop above", "loop below", "its partition",
                     "a hard link below"):
            with self.subTest(name), contextlib.ExitStack() as stack:
                folder = self.folder(stack)
                image = self.image(folder)
                ondisk.write_at(image, 0, ways.HEADER["bytes"])
                target, other, at = {**ways.DEVICE_NAMES, **ways.FILE_NAMES}[name](stack, image)
                ondisk.write_at(other, 0, ways.HEADER["bytes"])
                before = blocks.digest(image)
                manifest = project.write_manifest(folder, project.manifest(
                    [project.volume("a", target, MACHINE["uuid"]),
                     project.volume("b", other, str(uuid.uuid4()))]))
                done = self.plan(manifest, "--json")
                self.assertEqual(done.returncode, SAFETY, f"{done} {at}")
                # A loop device in between is a use by itself.
                between = b'"loop-backing"' if name in ("loop above", "loop below",
                                                        "a hard link below") else b"-"
                self.assertTrue(b'"same-storage-twice"' in done.stdout or between in done.stdout,
                                done)
                self.state.approve(manifest)
                self.assertEqual(self.state.erase(manifest).code, SAFETY)
                self.assertEqual(blocks.digest(image), before)

    def test_two_jobs_that_meet_are_busy_and_one_of_them_erases(self):
        other_state = project.State(self.folder() / "state")
        for name in ("itself", "another loop", "loop over all of it", "the file", "a hard link"):
            for states in ((self.state, self.state), (self.state, other_state)):
                with self.subTest(name, one_state=states[0] is states[1]), \
                        contextlib.ExitStack() as stack:
                    self.check_meeting(stack, name, states)

    def check_meeting(self, stack, name, states):
        image = self.image(self.folder(stack))
        if name == "a hard link":
            target, other = image, image.with_name("link.img")
            os.link(image, other)
        else:
            target, other, _ = {**ways.DEVICE_NAMES, **ways.FILE_NAMES}[name](stack, image)
        for target_of_one in (target, other):  # twice: other moments
            orders = []
            for state, path in zip(states, (target_of_one, other)):
                folder = self.folder(stack)
                orders.append((state, targets.write_order(state, folder, targets.order(
                    [self.entry(path)], id=f"m-{folder.name[-6:]}"))))
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                ends = list(pool.map(lambda one: targets.erase(*one), orders))
            codes = [code for code, _, _ in ends]
            told = [(code, [one.get("error") for one in answer.get("targets", [answer])], errors)
                    for code, answer, errors in ends]
            self.assertTrue(set(codes) <= {0, 4, BUSY}, told)
            self.assertTrue(set(codes) & {0, 4} or codes == [BUSY, BUSY], told)


class Outputs(Case):
    def test_no_run_writes_its_own_output_onto_its_target(self):
        for name in ("file", "loop", "loop above", "partition"):
            for way in ("path", "descriptor", "standard output", "standard error"):
                with self.subTest(name, way=way), contextlib.ExitStack() as stack:
                    self.check_output(stack, name, way)

    def check_output(self, stack, name, way):
        folder = self.folder(stack)
        image = self.image(folder)
        target = output = image
        if name == "loop":
            target = output = ways.loop(stack, image)
        elif name == "loop above":
            target, output, _ = ways.loop_above(stack, image)
        elif name == "partition":
            target, output, _ = ways.its_partition(stack, image)
        before = blocks.digest(image)
        order = targets.write_order(self.state, folder, targets.order([self.entry(target)]))
        redirect = {"path": f"--events {output}", "descriptor": f"--events fd:9 9>>{output}",
                    "standard output": f">>{output}", "standard error": f"2>>{output}"}[way]
        command = " ".join(self.state.command("erase", "--order", order)) + " " + redirect
        done = run("sh", "-c", command)
        self.assertEqual(done.returncode, project.EXIT["usage"], done)
        if way == "standard error":  # the message itself goes there: that was asked for
            return
        self.assertEqual(blocks.digest(image), before, done)
        self.assertIn(b"its own output", done.stderr)


class Documents(Case):
    def test_a_file_that_nobody_may_write_says_the_way_on(self):
        image = self.image(self.folder())
        image.chmod(0o400)
        code, reason, changed, errors = self.overwrite(self.folder(), image)
        self.assertEqual((code, reason, changed), (SAFETY, "read-only", False), errors)
        self.assertIn("chmod u+w", self.plan(image).stdout.decode())
        image.chmod(0o600)
        code, _, _, errors = self.overwrite(self.folder(), image)
        self.assertEqual(code, 0, errors)

    def test_what_says_what_to_erase_is_no_target(self):
        folder = self.folder()
        order = targets.write_order(self.state, folder, targets.order([self.entry(
            self.image(folder))]))
        code, reason, changed, errors = self.overwrite(self.folder(), order)
        self.assertEqual((code, reason, changed), (SAFETY, "own-document", False), errors)
        manifest = project.write_manifest(folder, project.manifest([]))
        code, reason, _, errors = self.overwrite(self.folder(), manifest)
        self.assertEqual((code, reason), (SAFETY, "own-document"), errors)

    def test_the_own_state_is_no_target_by_any_name(self):
        folder = self.folder()
        key = next(path for path in self.state.folder.rglob("*.key") if path.is_file())
        os.link(key, folder / "link")
        before = blocks.digest(key)
        for name in (key, folder / "link"):
            code, reason, changed, errors = self.overwrite(self.folder(), name)
            self.assertEqual((code, reason, changed), (SAFETY, "own-document", False), errors)
        self.assertEqual(blocks.digest(key), before)

    def test_a_name_that_no_record_can_carry_is_refused_by_the_plan(self):
        image = self.image(self.folder())
        odd = os.fsencode(image) + b"\xff\xfe"
        os.rename(image, odd)
        done = run(*self.state.command("plan", odd))
        self.assertEqual(done.returncode, project.EXIT["usage"], done)

    def test_events_that_can_not_be_written_steer_no_run(self):
        folder = self.folder()
        image = self.image(folder)
        before = blocks.digest(image)
        order = targets.write_order(self.state, folder, targets.order([self.entry(image)]))
        code, _, errors = targets.erase(self.state, order, "--events", "fd:77")
        self.assertEqual(code, project.EXIT["usage"], errors)
        self.assertEqual(blocks.digest(image), before)
        code, _, errors = targets.erase(self.state, order, "--events", "/dev/full")
        self.assertEqual(code, 0, errors)
        self.assertNotEqual(blocks.digest(image), before)

    def test_pipes_and_folders_are_refused_without_waiting(self):
        folder = self.folder()
        os.mkfifo(folder / "pipe")
        for place in (folder / "pipe", folder):
            done = run(*self.state.command("plan", place), seconds=60)
            self.assertEqual(done.returncode, project.EXIT["usage"], done)
        done = run(*self.state.command("plan", "--order", folder / "pipe"), seconds=60)
        self.assertEqual(done.returncode, project.EXIT["usage"], done)


class Honest(Case):
    """What must not be refused, as the plan tells."""

    def check(self, target):
        done = self.plan(target)
        self.assertEqual(done.returncode, 0,
                         done.stdout.decode(errors="replace") + done.stderr.decode())

    def test_each(self):
        cases = sorted(name for name in dir(self) if name.startswith("case_"))
        self.assertGreaterEqual(len(cases), 25)
        for name in cases:
            with self.subTest(name), contextlib.ExitStack() as stack:
                folder = self.folder(stack)
                self.check(getattr(self, name)(stack, folder, self.image(folder)))

    def case_file(self, _stack, _folder, image):
        return image

    def case_loop(self, stack, _folder, image):
        return ways.loop(stack, image)

    def case_partition(self, stack, _folder, image):
        return ways.add_partition(stack, ways.loop(stack, image), 1, ways.PART, ways.PART)

    def case_disk_with_idle_partition(self, stack, _folder, image):
        return ways.its_partition(stack, image)[0]

    def case_loop_on_loop(self, stack, _folder, image):
        return ways.loop(stack, ways.loop(stack, image))

    def case_hard_link_nobody_opens(self, _stack, folder, image):
        os.link(image, folder / "link.img")
        return image

    def case_idle_loop_over_another_loop(self, stack, _folder, image):
        ways.loop(stack, ways.loop(stack, image))
        return ways.loop(stack, image)

    def case_symbolic_link(self, _stack, folder, image):
        (folder / "name").symlink_to(image)
        return folder / "name"

    def case_name_with_blanks(self, _stack, folder, image):
        return image.rename(folder / "a name  with blanks.img")

    def case_file_beside_a_mounted_one(self, stack, folder, image):
        other = self.image(folder, "other.img")
        ways.mounted(stack, folder, ways.loop(stack, other))
        return image

    def case_loop_beside_a_mounted_one(self, stack, folder, image):
        other = self.image(folder, "other.img")
        ways.mounted(stack, folder, ways.loop(stack, other))
        return ways.loop(stack, image)

    def case_loop_beside_swap(self, stack, folder, image):
        ways.swapped_on(stack, folder, ways.loop(stack, self.image(folder, "other.img")))
        return ways.loop(stack, image)

    def case_part_of_a_file_beside_a_mounted_part(self, stack, folder, image):
        ways.mounted(stack, folder, ways.loop(stack, image, ways.PART, ways.PART))
        return ways.loop(stack, image, 0, ways.PART)

    def case_part_of_a_file_behind_swap(self, stack, folder, image):
        ways.swapped_on(stack, folder, ways.loop(stack, image, 0, ways.PART))
        return ways.loop(stack, image, ways.PART)

    def case_partition_beside_a_mounted_one(self, stack, folder, image):
        device = ways.loop(stack, image)
        first = ways.add_partition(stack, device, 1, ways.PART, ways.PART)
        ways.mounted(stack, folder, ways.add_partition(stack, device, 2, 2 * ways.PART, ways.PART))
        return first

    def case_partition_beside_an_open_one(self, stack, folder, image):
        device = ways.loop(stack, image)
        first = ways.add_partition(stack, device, 1, ways.PART, ways.PART)
        ways.opened(stack, folder, ways.add_partition(stack, device, 2, 2 * ways.PART, ways.PART))
        return first

    def case_file_on_a_file_system_of_its_own(self, stack, folder, image):
        ways.mounted(stack, folder, ways.loop(stack, image))
        inner = folder / "mnt" / "inner.img"
        targets.fill_with_marks(inner, ways.MIB)
        return inner

    def case_once_mounted(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.mounted(before, folder, ways.loop(before, image))
        return image

    def case_once_swap(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.swapped_on(before, folder, ways.loop(before, image))
        return image

    def case_once_open(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.opened(before, folder, image)
        return image

    def case_once_in_another_namespace(self, stack, folder, image):
        device = ways.loop(stack, image)
        with contextlib.ExitStack() as before:
            ways.mounted_elsewhere(before, folder, device)
        time.sleep(0.5)  # the kernel unmounts when the namespace is gone
        return device

    def case_looked_at_for_moments(self, stack, _folder, image):
        """As udev does: each look is short, however many there are."""
        device = ways.loop(stack, image)
        ways.background(stack, "python3", "-c",
                        "import os, sys, time\nprint('ready', flush=True)\n"
                        "while True:\n"
                        "    fd = os.open(sys.argv[1], os.O_RDONLY)\n"
                        "    time.sleep(0.05)\n    os.close(fd)\n    time.sleep(0.1)\n", device)
        return device

    def case_let_go_after_a_second(self, stack, _folder, image):
        device = ways.loop(stack, image)
        ways.background(stack, "python3", "-c",
                        "import os, sys, time\nfd = os.open(sys.argv[1], os.O_RDWR)\n"
                        "print('ready', flush=True)\ntime.sleep(1)\nos.close(fd)\ntime.sleep(60)\n",
                        device)
        return device

    def case_folder_of_the_file_is_a_working_folder(self, stack, folder, image):
        ways.background(stack, "sh", "-c", 'cd "$1" && echo ready && exec sleep 600', "sh", folder)
        return image

    def case_another_file_open(self, stack, folder, image):
        ways.opened(stack, folder, self.image(folder, "other.img", ways.MIB))
        return image

    def case_a_copy_that_was_replaced_is_open(self, stack, folder, image):
        ways.opened(stack, folder, image)
        image.unlink()
        return self.image(folder)

    def case_the_terminal_of_others(self, stack, folder, image):
        ways.opened(stack, folder, "/dev/null")
        return image

    def case_partition_table(self, _stack, _folder, image):
        require("sh", "-c", f"echo 'label: gpt' | sfdisk -q {image}")
        return image

    def case_luks_that_is_closed(self, _stack, folder, _image):
        (folder / "luks").mkdir()
        return generators.make("luks1-xts-512", folder / "luks").target


if __name__ == "__main__":
    lacking = missing("losetup", "mkfs.ext4", "mkfs.btrfs", "mkswap", "swapon", "unshare",
                      "addpart", "sfdisk", "cryptsetup")
    if lacking or os.geteuid() != 0 or not storage.may_use_loops() or project.binary() is None:
        print(f"skipped: lacks {lacking or 'root, loop devices or efface'}", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    unittest.main(verbosity=2)
