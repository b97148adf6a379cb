# SPDX-License-Identifier: Apache-2.0
"""Names: one storage by two of them, two jobs that meet, what is no storage, what a person or an order
releases, and what a run writes itself."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from case import BUSY, MACHINE, SAFETY, USAGE, Case, main, setUpModule
import blocks
import ondisk
import project
import storage
import targets
import ways
from process import require, run, undo
from sample import todays


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
        for name, make in todays({**ways.DEVICE_NAMES, **ways.FILE_NAMES}.items(), 2):
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

    def test_of_two_jobs_that_meet_at_most_one_erases_and_whoever_does_not_is_busy(self):
        other_state = project.State(self.folder() / "state")
        rows = itertools.product(
            ("itself", "another loop", "loop over all of it", "the file", "a hard link"),
            ((self.state, self.state), (self.state, other_state)))
        for name, states in todays(rows, 3):
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
            for state in set(states):
                jobs = json.loads(state.run("jobs", "--json").stdout)["jobs"]
                self.assertEqual([job for job in jobs if job["resumable"]], [], told)


class Outputs(Case):
    def test_no_run_writes_its_own_output_onto_its_target(self):
        rows = itertools.product(("file", "loop", "loop above", "partition"),
                                 ("path", "descriptor", "standard output", "standard error"))
        for name, way in todays(rows, 3):
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

    def test_descriptors_that_are_closed_or_die_steer_no_run(self):
        closed = itertools.chain.from_iterable(
            itertools.combinations((0, 1, 2), count) for count in range(4))
        for (number, closed), dying in todays(
                itertools.product(enumerate(closed), (False, True)), 3):
            with self.subTest(closed=closed, dying=dying):
                self.check_descriptors(closed, dying, number)

    def check_descriptors(self, closed, dying, number):
        """Each of these descriptors is closed or a pipe without a reader."""
        folder = self.folder()
        image = self.image(folder)
        before = blocks.digest(image)
        order = targets.write_order(self.state, folder, targets.order(
            [self.entry(image)], id=f"d-{number}-{'dying' if dying else 'closed'}"))
        redirects = [f"{one}{'<' if one == 0 else '>'}&{'9' if dying else '-'}" for one in closed]
        command = " ".join(self.state.command("erase", "--order", order, "--json", "--events",
                                              folder / "events"))
        # Descriptor 9: the end of a pipe whose other end is closed.
        pipe = "exec 8<>pipe 9>pipe 8>&-; " if dying and closed else ""
        os.mkfifo(folder / "pipe")
        done = run("bash", "-c", f"cd {folder}; {pipe}{command} {' '.join(redirects)}")
        self.assertEqual(done.returncode, 0, done)
        self.assertNotEqual(blocks.digest(image), before)
        self.assertNotIn(b"efface", image.read_bytes())
        last = json.loads((folder / "events").read_text(encoding="utf-8").splitlines()[-1])
        self.assertEqual(last["event"], "evidence", last)
        self.assertEqual(self.state.run("verify", last["bundle"]).returncode, 0, last)
        self.assertEqual(self.state.run("log", "check").returncode, 0)


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

    def test_an_order_or_its_approvals_would_be_lost_with_the_target(self):
        folder = self.folder()
        mount = folder / "mnt"
        mount.mkdir()
        require("mount", "-t", "tmpfs", "-o", "size=4m,noswap", "efface-test", mount)
        self.addCleanup(undo, "umount", mount)
        size = 4 << 20
        order = targets.write_order(self.state, folder, targets.order(
            [{"target": f"memory:tmpfs:{mount}", "size_bytes": size}]))
        approvals = order.with_name(order.name + ".p7s")
        inside = mount / "order.json"
        linked = folder / "linked.json"
        linked.symlink_to(inside)
        for named, named_approvals in ((inside, approvals), (order, mount / "order.p7s"),
                                       (linked, approvals), (linked, mount / "order.p7s")):
            inside.write_bytes(order.read_bytes())
            (mount / "order.p7s").write_bytes(approvals.read_bytes())
            done = run(*self.state.command("erase", "--order", named, "--approval",
                                           named_approvals))
            self.assertEqual(done.returncode, USAGE, done)
            self.assertIn(b"would be lost with it", done.stderr)
            self.assertEqual(inside.read_bytes(), order.read_bytes())
        done = run(*self.state.command("erase", "--order", order))
        self.assertEqual(done.returncode, 0, done)

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

    def test_files_that_the_kernel_makes_up_are_no_storage(self):
        for place in ("/proc/kmsg", "/proc/version", "/sys/power/state",
                      "/sys/kernel/mm/transparent_hugepage/enabled"):
            if os.path.exists(place):
                done = run(*self.state.command("plan", place), seconds=60)
                self.assertEqual(done.returncode, project.EXIT["usage"], done)

    def test_events_into_a_pipe_that_nobody_reads_do_not_wait(self):
        folder = self.folder()
        image = self.image(folder)
        os.mkfifo(folder / "pipe")
        order = targets.write_order(self.state, folder, targets.order([self.entry(image)]))
        before = blocks.digest(image)
        code, _, errors = targets.erase(self.state, order, "--events", folder / "pipe", seconds=60)
        self.assertEqual(code, project.EXIT["usage"], errors)
        self.assertEqual(blocks.digest(image), before)

    def test_pipes_and_folders_are_refused_without_waiting(self):
        folder = self.folder()
        os.mkfifo(folder / "pipe")
        for place in (folder / "pipe", folder):
            done = run(*self.state.command("plan", place), seconds=60)
            self.assertEqual(done.returncode, project.EXIT["usage"], done)
        done = run(*self.state.command("plan", "--order", folder / "pipe"), seconds=60)
        self.assertEqual(done.returncode, project.EXIT["usage"], done)


if __name__ == "__main__":
    main()
