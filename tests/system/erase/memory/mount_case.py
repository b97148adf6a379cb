# SPDX-License-Identifier: Apache-2.0
"""What the tests of mounts in memory share."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position
import cases
import project
import targets
from process import require

EXIT = project.EXIT
DONE = (EXIT["done"], EXIT["exceptions"])
KIB, MIB = 1 << 10, 1 << 20


def setUpModule():
    cases.enter_state()


@contextmanager
def mounted(kind, folder, *options):
    os.makedirs(folder, exist_ok=True)
    require("mount", "-t", kind, *options, "efface-test", folder)
    try:
        yield Path(folder)
    finally:
        require("umount", folder)


class MountCase(cases.Case):
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


def main():
    cases.main("mount", "umount", "mkfs.ext4", root=True)
