# SPDX-License-Identifier: Apache-2.0
"""`efface erase` of what it was at before: a run that was stopped or killed goes on, and what came of
earlier attempts stands in the record."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import project
import targets
from device_case import MIB, DeviceCase, main, setUpModule  # pylint: disable=unused-import
from process import SECONDS_MAX, run
from storage import loop_device

EXIT = project.EXIT


class EarlierAttempts(DeviceCase):
    """A loop device has no name of its own: what it was erased as before stands in the record, whatever
    became of the name of the file below it."""

    def check_attempts(self, name, target, first_run):
        code, document, words = self.erase(target, id="second-" + name)
        self.assertIn(code, (0, EXIT["exceptions"]), words)
        bundle = document["targets"][0]["bundle"]
        attempts = targets.predicate(bundle)["attempts"]
        self.assertEqual([one["runId"] for one in attempts["previous"]],
                         [first_run] if first_run else [])
        self.assertEqual(attempts["number"], 2 if first_run else 1)
        keys, log = self.state.folder / "keys", self.state.folder / "log"
        script = Path(__file__).parents[3] / "scripts" / "verify-bundle"
        for command in (self.state.command("verify", bundle, "--log", log),
                        [script, bundle, keys / "root.pem", keys / "log.vkey", log]):
            done = run(*command)
            self.assertEqual(done.returncode, 0, done)

    def failed(self, name, meanwhile=None):
        """A run on a loop device over the file that ended without success; the file's name then."""
        self.image = self.folder / name / "disk.img"
        self.image.parent.mkdir()
        self.make(MIB)
        with loop_device(self.image) as device:
            code, document, words = self.erase(device, id="first-" + name, verification="none")
            self.assertEqual(code, EXIT["not-sanitized"], words)
            run_id = document["targets"][0]["runId"]
            if meanwhile:
                meanwhile()
                self.check_attempts(name, device, run_id)
        return run_id

    def test_what_stays_of_the_file(self):
        moved = self.folder / "moved.img"
        for name, change, options, stays in (
                ("as-it-was", lambda: None, {}, True),
                ("renamed", lambda: self.image.rename(moved), {}, True),
                ("grown", lambda: os.truncate(self.image, 2 * MIB), {}, True),
                ("other-sectors", lambda: None, {"sector_bytes": 4096}, True),
                ("within", lambda: None, {"offset": 4096}, False),
                ("copied", lambda: (self.image.rename(moved), self.make(MIB)), {}, False)):
            with self.subTest(name=name):
                run_id = self.failed(name)
                change()
                image = self.image if self.image.exists() else moved
                with loop_device(image, **options) as device:
                    self.check_attempts(name, device, run_id if stays else None)

    def test_renamed_below_the_device(self):
        self.failed("renamed-below", lambda: self.image.rename(self.folder / "renamed.img"))

    def test_the_file_itself(self):
        run_id = self.failed("file")
        self.check_attempts("file", self.image, run_id)


class Interruptions(DeviceCase):
    SIZE = 256 * MIB

    def start(self, order, events):
        command = self.state.command("erase", "--order", order, "--events", events)
        # pylint: disable=consider-using-with
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL)

    def wait_for(self, events, word, process):
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline and process.poll() is None:
            if Path(events).exists() and word in Path(events).read_text(encoding="utf-8"):
                return
            time.sleep(0.01)

    def order_for(self, device, **more):
        return targets.write_order(self.state, self.folder, targets.order(
            [targets.target(device, self.SIZE)], **more))

    def jobs(self, command="jobs"):
        return json.loads(self.state.require(command, "--json").stdout)["jobs"]

    def test_killed_and_run_again_it_goes_on_under_the_same_run(self):
        self.make(self.SIZE)
        events = self.folder / "events"
        with loop_device(self.image) as device:
            order = self.order_for(device)
            process = self.start(order, events)
            self.wait_for(events, '"event":"started"', process)
            process.kill()
            process.communicate()
            waiting = [job for job in self.jobs("status") if job["resumable"]]
            self.assertEqual(len(waiting), 1)
            self.assertEqual(self.state.bundles(), [])
            done = self.state.run("resume", waiting[0]["id"][:12], "--json")
            self.assertEqual(done.returncode, 0, done)
            entry = json.loads(done.stdout)["targets"][0]
            self.assertEqual(entry["status"], "sanitized")
            again = targets.erase(self.state, order)
        self.assertEqual(again[0], 0)
        self.assertFalse(again[1]["targets"][0]["changed"])
        self.assertEqual(again[1]["targets"][0]["certificateSha256"], entry["certificateSha256"])
        self.assertEqual(targets.marks_left(self.image), [])
        record = targets.predicate(entry["bundle"])
        self.assertEqual(record["sanitization"]["interruptions"], 1)
        self.assertEqual(self.jobs("status"), [])
        self.check_verifies(entry["bundle"])
        self.assertEqual(self.state.run("log", "check").returncode, 0)

    def test_terminated_it_stops_safely_with_exit_8(self):
        self.make(self.SIZE)
        events = self.folder / "events"
        with loop_device(self.image) as device:
            order = self.order_for(device)
            process = self.start(order, events)
            self.wait_for(events, '"event":"started"', process)
            process.send_signal(signal.SIGUSR1)
            process.send_signal(signal.SIGTERM)
            _, words = process.communicate(timeout=SECONDS_MAX)
            if process.returncode == 0:
                self.skipTest("it ended before the signal came")
            self.assertEqual(process.returncode, EXIT["interrupted"], words)
            self.assertIn(b"efface resume", words)
            code, document, words = targets.erase(self.state, order)
        self.assertEqual(code, 0, words)
        self.assertTrue(document["targets"][0]["changed"])
        self.assertEqual(targets.marks_left(self.image), [])

    def test_a_running_job_is_busy_for_a_second_process(self):
        self.make(self.SIZE)
        events = self.folder / "events"
        with loop_device(self.image) as device:
            order = self.order_for(device)
            process = self.start(order, events)
            self.wait_for(events, '"event":"started"', process)
            process.send_signal(signal.SIGSTOP)
            try:
                running = [job for job in self.jobs() if job["running"]]
                code, _, words = targets.erase(self.state, order)
            finally:
                process.send_signal(signal.SIGCONT)
                process.communicate(timeout=SECONDS_MAX)
        if not running:
            self.skipTest("it ended before it could be stopped")
        self.assertEqual(code, EXIT["busy"], words)

    def test_another_disk_at_the_same_path_is_not_resumed(self):
        self.make(self.SIZE)
        other = self.folder / "other.img"
        targets.fill_with_marks(other, self.SIZE)
        events = self.folder / "events"
        link = self.folder / "bay-3"
        with loop_device(self.image) as a, loop_device(other) as b:
            link.symlink_to(a)
            order = self.order_for(link)
            process = self.start(order, events)
            self.wait_for(events, '"event":"started"', process)
            process.kill()
            process.communicate()
            link.unlink()
            link.symlink_to(b)
            # The job's own path is canonical: the link no longer leads there.
            code, document, words = targets.erase(self.state, order)
            self.assertIn(code, (0, EXIT["safety"]), (document, words))
        self.assertNotEqual(targets.marks_left(other), [])
        other.unlink()


if __name__ == "__main__":
    main()
