# SPDX-License-Identifier: Apache-2.0
"""What the command line says of drives' own commands on storage that has none: loop devices of this
test. Drives that have them are in tests/system/rig."""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import project
import storage
import targets
from cases import enter_state

EXIT = project.EXIT
MIB = 1 << 20


def setUpModule():
    enter_state()


class WithoutCommands(cases.Case):
    def setUp(self):
        super().setUp()
        self.image = self.folder / "disk.img"
        targets.fill_with_marks(self.image, 4 * MIB)
        self.loop = storage.loop_device(self.image)
        self.device = self.loop.__enter__()
        self.addCleanup(self.loop.__exit__, None, None, None)

    def plan(self, *options):
        done = self.state.run("plan", *options, self.device, "--json")
        document = json.loads(done.stdout).get("targets", [{}])[0]
        return done.returncode, document, done.stderr

    def test_a_purge_is_refused_and_nothing_weaker_is_done(self):
        code, plan, _ = self.plan("--level", "purge")
        self.assertEqual(code, EXIT["safety"])
        self.assertEqual("no-drive-commands", plan["objections"][0]["code"])
        code, plan, _ = self.plan("--level", "purge", "--technique", "overwrite-zero")
        self.assertEqual(code, EXIT["safety"])
        self.assertEqual("level-not-reached", plan["objections"][0]["code"])

    def test_a_clear_is_done_by_overwriting(self):
        code, plan, _ = self.plan("--level", "clear")
        self.assertEqual((code, plan["technique"]), (0, "overwrite-random"))

    def test_only_a_fallback_that_was_named_is_taken(self):
        code, plan, _ = self.plan("--technique", "nvme-sanitize-block")
        self.assertEqual(code, EXIT["safety"])
        code, plan, _ = self.plan("--technique", "nvme-sanitize-block",
                                  "--fallback", "ata-sanitize-block",
                                  "--fallback", "overwrite-zero")
        self.assertEqual((code, plan["technique"]), (0, "overwrite-zero"))

    def test_an_order_for_a_purge_is_refused_with_nothing_changed(self):
        order = targets.write_order(
            self.state, self.folder,
            targets.order([targets.target(self.device, 4 * MIB)], minimum_level="purge"))
        code, document, words = targets.erase(self.state, order)
        self.assertEqual(code, EXIT["safety"], (document, words))
        self.assertEqual(len(targets.marks_left(self.image)), 4)

    def test_the_list_says_that_it_does_not_erase_itself(self):
        done = self.state.run("list", "-J")
        found = [entry for entry in json.loads(done.stdout)["storage"]
                 if entry["identity"]["canonicalPath"] == str(self.device)]
        self.assertEqual([entry["erasesItself"] for entry in found], [None])

    def test_wrong_options_are_named(self):
        for options in (["--technique", "nvme-sanitize"], ["--level", "destroy"],
                        ["--technique", "nvme-sanitize-block", "--verify", "representative"],
                        ["--technique", "nvme-sanitize-block", "--pattern", "a5"],
                        ["--fallback", "overwrite-zero"]):
            code, _, words = self.plan(*options)
            self.assertEqual(code, EXIT["usage"], (options, words))


if __name__ == "__main__":
    cases.main("losetup", root=True, loops=True)
