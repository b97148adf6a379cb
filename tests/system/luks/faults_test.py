# SPDX-License-Identifier: Apache-2.0
"""The real binary on a medium that fails or lies, and killed at every step.

strace hits one call of a run at a time; the run is then repeated without a fault until it ends.
At no moment may anything say `sanitized` while an old block is left, no bundle may be half there,
no volume lost from the account, and no intent in the log without exactly one outcome.

A normal run takes some of the points, EFFACE_LONG=1 takes all.
"""

import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import cases
import generators
import project
import strace_points
from cases import MACHINE, enter_scratch
from process import LONG, run

RERUNS_MAX = 4
KILLED = (-9, 128 + 9)
VOLUMES = 2


class Fixture:
    """A project of small volumes and a state folder, put back for every point at the same paths."""

    def __init__(self, folder):
        self.folder = folder
        self.state = project.State(folder / "state")
        self.images = []
        for number in range(VOLUMES):
            place = folder / f"volume-{number}"
            place.mkdir()
            self.images.append(generators.make("luks2-header-16k", place))
        self.old = [blocks.collect(image.metadata_places()) for image in self.images]
        self.manifest = project.write_manifest(folder, project.manifest(
            [project.volume_of(image, image.target, name=f"volume-{number}")
             for number, image in enumerate(self.images)]))
        self.state.approve(self.manifest)
        shutil.copytree(folder / "state", folder / "kept-state")
        for image in self.images:
            shutil.copy(image.target, f"{image.target}.kept")

    def reset(self):
        """Everything as before the first run; the files keep their inodes."""
        shutil.rmtree(self.folder / "state")
        shutil.copytree(self.folder / "kept-state", self.folder / "state")
        for image in self.images:
            with open(f"{image.target}.kept", "rb") as kept, open(image.target, "r+b") as file:
                shutil.copyfileobj(kept, file)

    def command(self):
        return self.state.command("project", "erase", self.manifest, "--json", "--workers", "1")

    def erase(self, wrapper=()):
        return project.Run(run(*wrapper, *self.command()))

    def old_blocks(self):
        return [len(blocks.remaining(image.target, old))
                for image, old in zip(self.images, self.old)]


def setUpModule():
    folder = enter_scratch()
    MACHINE["fixture"] = Fixture(folder)
    done, points = strace_points.record(MACHINE["fixture"].command(), folder)
    assert done.returncode == 0, done
    MACHINE["points"] = points


def chosen(points, most):
    """All points in the long form; otherwise at most `most`, spread from the first to the last."""
    points = strace_points.distinct(points)
    if LONG or len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


class Case(unittest.TestCase):
    def setUp(self):
        self.fixture = MACHINE["fixture"]
        self.targets = {str(image.target) for image in self.fixture.images}

    def points(self, calls, on_target, most=2):
        return chosen([point for point in MACHINE["points"] if point.call in calls
                       and (point.path in self.targets) == on_target
                       and (on_target or point.path.startswith(str(self.fixture.state.folder)))],
                      most)

    def check_claims(self, done):
        """Whoever says sanitized has nothing left."""
        says = [entry.get("status") for entry in done.document.get("volumes", [])]
        for status, left in zip(says, self.fixture.old_blocks()):
            if status in ("sanitized", "sanitized-with-exceptions"):
                self.assertEqual(left, 0, done)
        if done.code in (0, 4) or done.document.get("status") == "sanitized":
            self.assertEqual(self.fixture.old_blocks(), [0] * VOLUMES, done)

    def check_bundles(self):
        """What has a bundle's name is a bundle that verifies, and claims only what is true."""
        folder = self.fixture.state.folder / "certificates"
        bundles = [p for p in folder.iterdir() if not p.name.startswith(".")] \
            if folder.is_dir() else []
        keys = self.fixture.state.folder / "keys"
        for bundle in bundles:
            verified = self.fixture.state.run("verify", bundle, "--root", keys / "root.pem",
                                              "--log-key", keys / "log.vkey")
            self.assertEqual(verified.returncode, 0, verified)
            predicate = json.loads((bundle / "certificate.json").read_bytes())["predicate"]
            names = json.dumps(predicate)
            for number in range(VOLUMES):
                self.assertIn(f'"volume-{number}"', names)
            if predicate["result"]["status"] == "sanitized":
                self.assertEqual(self.fixture.old_blocks(), [0] * VOLUMES)
        return len(bundles)

    def check_log(self):
        checked = self.fixture.state.run("log", "check")
        self.assertEqual(checked.returncode, 0, checked)
        entries = [json.loads(line) for line in (
            self.fixture.state.folder / "log" / "entries.jsonl").read_text().splitlines()]
        intents = [entry["runId"] for entry in entries if entry["type"] == "run-intent"]
        outcomes = [entry["runId"] for entry in entries if entry["type"] == "run-outcome"]
        self.assertEqual(sorted(intents), sorted(outcomes))
        self.assertEqual(len(set(intents)), len(intents))
        return len(outcomes)

    def finish(self, first):
        """Runs again until it ends well; every claim on the way is checked."""
        self.check_claims(first)
        self.check_bundles()
        done = first
        for _ in range(RERUNS_MAX):
            if done.code == 0:
                break
            done = self.fixture.erase()
            self.check_claims(done)
            self.check_bundles()
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.document["status"], "sanitized")
        self.assertEqual(len(done.document["volumes"]), VOLUMES)
        self.assertEqual(self.fixture.old_blocks(), [0] * VOLUMES)
        self.assertEqual(self.check_log(), self.check_bundles())

    def hit(self, point, what):
        self.fixture.reset()
        return self.fixture.erase(point.inject(what))


class Killed(Case):
    """SIGKILL just before a call; the next point is just after it."""

    def check(self, points):
        self.assertTrue(points, "the trace must have such calls")
        for point in points:
            with self.subTest(point=str(point)):
                done = self.hit(point, "signal=SIGKILL")
                if point.own:
                    self.assertIn(done.code, KILLED, "the kill must have hit")
                self.finish(done)

    def test_killed_at_every_flush_of_the_account(self):
        self.check(self.points(strace_points.FLUSHES, False))

    def test_killed_at_every_rename_of_the_account(self):
        self.check(self.points(strace_points.RENAMES, False))

    def test_killed_at_every_write_of_the_account(self):
        self.check(self.points(strace_points.WRITES, False))

    def test_killed_at_every_write_and_flush_of_a_target(self):
        self.check(self.points(strace_points.WRITES + strace_points.FLUSHES, True, most=4))


class Failing(Case):
    """A call returns an error: the run may not end well unless everything is gone."""

    def check(self, points, what, must_fail=False):
        self.assertTrue(points, "the trace must have such calls")
        for point in points:
            with self.subTest(point=str(point), fault=what):
                done = self.hit(point, what)
                if must_fail and point.own:
                    self.assertNotEqual(done.code, 0, done)
                self.finish(done)

    def test_a_failed_flush_of_a_target_is_a_failed_erase(self):
        # Of a failure in the library only the record speaks: the overwrite follows it.
        self.check(self.points(strace_points.FLUSHES, True, most=4), "error=EIO", must_fail=True)

    def test_failed_writes_of_a_target_never_end_as_sanitized_with_old_blocks(self):
        self.check(self.points(("pwrite64", "pwritev"), True), "error=EIO")

    def test_failed_reads_of_a_target_never_end_as_sanitized_with_old_blocks(self):
        self.check(self.points(strace_points.READS, True), "error=EIO")

    def test_failed_flushes_of_the_account_fail_the_run(self):
        self.check(self.points(strace_points.FLUSHES, False), "error=EIO", must_fail=True)

    def test_failed_renames_of_the_account_fail_the_run(self):
        self.check(self.points(strace_points.RENAMES, False), "error=EIO", must_fail=True)

    def test_a_full_disk_under_the_account_fails_the_run(self):
        self.check(self.points(("write", "pwrite64"), False), "error=ENOSPC",
                   must_fail=True)


class Lying(Case):
    """A call returns success and did nothing: only reading back can tell."""

    def writes(self, most=4):
        return self.points(("pwrite64", "pwritev"), True, most)

    def test_a_dropped_write_is_noticed(self):
        for point in self.writes(most=2):
            with self.subTest(point=str(point)):
                done = self.hit(point, f"retval={point.returned}")
                self.assertEqual(done.code, project.EXIT["not-sanitized"], done)
                self.finish(done)

    def test_all_writes_dropped_are_noticed(self):
        point = self.writes()[0]
        self.fixture.reset()
        wrapper = point.inject(f"retval={point.returned}")
        wrapper[-1] = wrapper[-1].replace("when=1", "when=1+")
        done = self.fixture.erase(wrapper)
        self.assertEqual(done.code, project.EXIT["not-sanitized"], done)
        self.finish(done)

    def test_a_write_that_claims_more_than_it_did_is_noticed(self):
        for point in self.writes(most=2):
            with self.subTest(point=str(point)):
                done = self.hit(point, f"retval={max(512, point.returned // 2 // 512 * 512)}")
                self.assertEqual(done.code, project.EXIT["not-sanitized"], done)
                self.finish(done)

    def test_a_write_without_progress_is_not_taken_for_done(self):
        done = self.hit(self.writes()[0], "retval=0")
        self.finish(done)

    def test_a_dropped_flush_changes_nothing_that_can_be_read(self):
        for point in self.points(strace_points.FLUSHES, True, most=2):
            with self.subTest(point=str(point)):
                self.finish(self.hit(point, "retval=0"))


if __name__ == "__main__":
    cases.main("cryptsetup", "strace")
