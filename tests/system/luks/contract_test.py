# SPDX-License-Identifier: Apache-2.0
"""What a workflow may rely on: exit codes, one document on stdout, events, the same answer again."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import cases
import generators
import project
from cases import MACHINE, enter_state
from process import run

EXIT = project.EXIT
RUN_KEYS = {"schema", "jobId", "runId", "status", "level", "exitCode", "changed", "bundle",
            "certificateSha256", "volumes"}


def setUpModule():
    enter_state()
    MACHINE["state"].require("keys", "issue", "oscar", "--role", "operator",
                             "--no-passphrase")


class Case(cases.Case):
    def setUp(self):
        super().setUp()
        (self.folder / "image").mkdir()
        self.image = generators.make("luks2-header-16k", self.folder / "image")
        self.before = blocks.digest(self.image.target)

    def document(self, **more):
        return project.manifest([project.volume_of(self.image, self.image.target)], **more)

    def write(self, **more):
        return project.write_manifest(self.folder, self.document(**more))

    def check_untouched(self):
        self.assertEqual(blocks.digest(self.image.target), self.before)

    def check_refused(self, manifest, code, words="approv"):
        done = self.state.erase(manifest)
        self.assertEqual(done.code, code, done)
        self.assertRegex(done.stderr, words)
        self.check_untouched()
        return done


class Manifests(Case):
    def check_malformed(self, data):
        path = self.folder / "project.json"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        for command in (("plan", path), ("project", "erase", path)):
            done = self.state.run(*command)
            self.assertEqual(done.returncode, EXIT["usage"], (data[:200], done))
            self.assertTrue(done.stderr)
        self.check_untouched()

    def check_changed(self, change):
        document = self.document()
        change(document)
        self.check_malformed(json.dumps(document))

    def test_unknown_keys_are_errors_at_every_depth(self):
        self.check_changed(lambda d: d.update(colour="red"))
        self.check_changed(lambda d: d["project"].update(colour="red"))
        self.check_changed(lambda d: d["volumes"][0].update(colour="red"))
        self.check_changed(lambda d: d["attestation"].update(colour="red"))
        self.check_changed(lambda d: d["volumes"][0].update(header_backups=[
            {"path": "/x", "colour": "red"}]))

    def test_duplicate_keys_are_errors(self):
        text = json.dumps(self.document())
        self.check_malformed(text[:-1] + ', "ticket": "CHG-2"}')
        self.check_malformed(text.replace('"name":', '"name": "x", "name":', 1))

    def test_what_is_not_utf8_json_is_an_error(self):
        text = json.dumps(self.document())
        self.check_malformed(text.encode().replace(b"Example", b"\xff\xfe", 1))
        self.check_malformed(text.encode("utf-16"))
        self.check_malformed(text[:-1])
        self.check_malformed(text + "x")
        self.check_malformed("")
        self.check_malformed("[]")

    def test_oversized_input_is_an_error(self):
        self.check_malformed(json.dumps(self.document()) + " " * (64 << 20))

    def test_deep_nesting_is_an_error(self):
        self.check_malformed("[" * 100_000 + "]" * 100_000)

    def test_missing_and_mistyped_fields_are_errors(self):
        self.check_changed(lambda d: d.pop("schema"))
        self.check_changed(lambda d: d.update(schema="efface.project/2"))
        self.check_changed(lambda d: d.pop("project"))
        self.check_changed(lambda d: d.pop("volumes"))
        self.check_changed(lambda d: d.update(volumes=[]))
        self.check_changed(lambda d: d["volumes"][0].pop("uuid"))
        self.check_changed(lambda d: d["volumes"][0].update(uuid="no-uuid"))
        self.check_changed(lambda d: d["volumes"][0].update(path="relative.img"))
        self.check_changed(lambda d: d["volumes"][0].update(size_bytes="17"))
        self.check_changed(lambda d: d["volumes"][0].update(size_bytes=-1))
        self.check_changed(lambda d: d["volumes"][0].update(gone="yes"))
        self.check_changed(lambda d: d["volumes"][0].update(name="../../etc"))
        self.check_changed(lambda d: d["volumes"].append(dict(d["volumes"][0])))
        self.check_changed(lambda d: d.update(minimum_level="destroy"))
        self.check_changed(lambda d: d.update(not_before="tomorrow"))

    def test_a_missing_manifest_is_an_error(self):
        self.assertEqual(self.state.run("plan", self.folder / "absent").returncode, EXIT["usage"])

    def test_unknown_options_and_commands_are_errors(self):
        for arguments in (("frobnicate",), ("plan",), ("project", "erase", "--frobnicate"), ()):
            done = self.state.run(*arguments)
            self.assertEqual(done.returncode, EXIT["usage"], (arguments, done))


class Authorisation(Case):
    def test_without_approvals_nothing_happens(self):
        self.check_refused(self.write(), EXIT["authorisation"], "approv")

    def test_one_approval_is_not_enough(self):
        manifest = self.write()
        self.state.approve(manifest, ("alice",))
        self.check_refused(manifest, EXIT["authorisation"])

    def test_the_same_approver_twice_is_one(self):
        manifest = self.write()
        self.state.approve(manifest, ("alice",))
        self.state.run("approve", manifest, "--key", "alice")
        self.check_refused(manifest, EXIT["authorisation"])

    def test_an_operator_can_not_approve(self):
        manifest = self.write()
        self.state.approve(manifest, ("alice",))
        self.state.run("approve", manifest, "--key", "oscar")
        self.check_refused(manifest, EXIT["authorisation"])

    def test_a_manifest_changed_after_the_approvals_is_refused(self):
        manifest = self.write()
        self.state.approve(manifest)
        manifest.write_bytes(manifest.read_bytes() + b"\n")
        self.check_refused(manifest, EXIT["authorisation"])

    def test_approvals_by_people_of_another_root_are_refused(self):
        manifest = self.write()
        other = project.State(self.folder / "other-state")
        other.approve(manifest)
        self.check_refused(manifest, EXIT["authorisation"])

    def test_damaged_approvals_are_refused(self):
        manifest = self.write()
        self.state.approve(manifest)
        signature = Path(f"{manifest}.p7s")
        data = bytearray(signature.read_bytes())
        data[len(data) // 2] ^= 1
        signature.write_bytes(data)
        self.check_refused(manifest, EXIT["authorisation"])

    def test_a_customer_who_may_still_export_is_waited_for(self):
        manifest = self.write(not_before="2999-01-01T00:00:00Z")
        self.state.approve(manifest)
        self.check_refused(manifest, EXIT["authorisation"], "2999-01-01")

    def test_an_order_out_of_date_is_refused(self):
        manifest = self.write(not_after="2001-01-01T00:00:00Z")
        self.state.approve(manifest)
        self.check_refused(manifest, EXIT["authorisation"], "2001-01-01")

    def test_without_keys_the_command_to_type_is_named(self):
        done = run(self.state.efface, "--state-dir", self.folder / "empty", "project", "erase",
                   self.write())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"keys init", done.stderr)
        self.check_untouched()


class Output(Case):
    def erase(self, *options):
        manifest = self.write()
        self.state.approve(manifest)
        return manifest, self.state.erase(manifest, *options)

    def test_the_plan_changes_nothing(self):
        manifest = self.write()
        for options in ((), ("--json",)):
            done = self.state.run("plan", manifest, *options)
            self.assertEqual(done.returncode, 0, done)
        self.assertIn("digest", json.loads(done.stdout))
        self.check_untouched()

    def test_json_is_one_document_and_nothing_else(self):
        _, done = self.erase()
        self.assertEqual(done.code, 0, done)
        self.assertEqual(json.loads(done.stdout)["schema"], "efface.run/1")
        self.assertLessEqual(RUN_KEYS, set(done.document))
        self.assertEqual(done.document["exitCode"], 0)

    def test_json_of_a_refusal_is_one_document_too(self):
        done = self.state.erase(self.write())
        self.assertEqual(done.document.get("exitCode"), EXIT["authorisation"], done)
        self.assertIn("message", done.document["error"])

    def test_without_json_the_result_is_for_a_person(self):
        manifest = self.write()
        self.state.approve(manifest)
        done = self.state.run("project", "erase", manifest)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"sanitized", done.stdout)

    def check_events(self, data):
        events = [json.loads(line) for line in data.decode().splitlines()]
        self.assertGreater(len(events), 3)
        numbers = [event["seq"] for event in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        for event in events:
            self.assertLessEqual({"schema", "ts", "seq", "job_id", "event"}, set(event))

    def test_events_go_to_a_file_as_ndjson_with_rising_numbers(self):
        _, done = self.erase("--events", self.folder / "events")
        self.assertEqual(done.code, 0, done)
        self.check_events((self.folder / "events").read_bytes())

    def test_events_go_to_a_descriptor(self):
        manifest = self.write()
        self.state.approve(manifest)
        reader, writer = os.pipe()
        with subprocess.Popen(
                self.state.command("project", "erase", manifest, "--json", "--events",
                                   f"fd:{writer}"),
                pass_fds=[writer], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            os.close(writer)
            with os.fdopen(reader, "rb") as events:
                data = events.read()
            stdout, _ = process.communicate()
        self.assertEqual(process.returncode, 0)
        self.check_events(data)
        self.assertEqual(json.loads(stdout)["schema"], "efface.run/1")

    def test_again_returns_the_same_certificate_and_says_that_nothing_changed(self):
        manifest, first = self.erase()
        again = self.state.erase(manifest)
        self.assertEqual((first.code, again.code), (0, 0))
        self.assertEqual((first.document["changed"], again.document["changed"]), (True, False))
        for key in ("certificateSha256", "jobId", "bundle", "status", "level"):
            self.assertEqual(first.document[key], again.document[key], key)

    def test_two_runs_at_once_give_one_certificate(self):
        manifest = self.write()
        self.state.approve(manifest)
        command = self.state.command("project", "erase", manifest, "--json")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as other:
            done = self.state.erase(manifest)
            stdout, stderr = other.communicate()
        self.assertIn(done.code, (0, EXIT["busy"]), done)
        self.assertIn(other.returncode, (0, EXIT["busy"]), (stdout, stderr))
        self.assertIn(0, (done.code, other.returncode))
        jobs = [path for path in self.state.bundles()
                if self.image.uuid in path.read_text(encoding="utf-8")]
        self.assertEqual(len(jobs), 1)

    def test_a_volume_that_was_gone_before_is_an_exception(self):
        document = self.document()
        document["volumes"].append({**project.volume(
            "old", self.folder / "absent", "00000000-1111-4222-8333-444444444444"), "gone": True})
        manifest = project.write_manifest(self.folder, document)
        self.state.approve(manifest)
        done = self.state.erase(manifest)
        self.assertEqual((done.code, done.verdict[0]),
                         (EXIT["exceptions"], "sanitized-with-exceptions"), done)
        self.assertEqual({entry["name"] for entry in done.document["volumes"]}, {"pg-data", "old"})

    def test_secrets_do_not_appear_in_what_the_run_leaves(self):
        document = self.document()
        document["volumes"][0]["credential"] = {"passphrase_file": str(self.image.passphrase_file)}
        manifest = project.write_manifest(self.folder, document)
        self.state.approve(manifest)
        done = self.state.erase(manifest, "--events", self.folder / "events")
        self.assertEqual(done.code, 0, done)
        salt = next(iter(self.image.saved.document["keyslots"].values()))["kdf"]["salt"]
        secrets = [generators.image.PASSPHRASE, salt.encode(),
                   next(iter(self.image.keys.values())).hex().encode()]
        left = [path for path in self.state.folder.rglob("*") if path.is_file()]
        for path in [*left, self.folder / "events"]:
            data = path.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret, data, path)


if __name__ == "__main__":
    cases.main("cryptsetup")
