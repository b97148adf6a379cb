# SPDX-License-Identifier: Apache-2.0
"""Conditions × targets × {plan, first run, the same again, resume}: what is wanting is found by the plan
and before the first byte, with the status and code of efface-exit.7, BEFORE ANYTHING IS ERASED; what the plan
finds nothing against is carried out; and the medium, compared by digest, is what the answer says."""

import shutil
import sys
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import conditions
import scenes
from process import some
from sample import Sample

MACHINE = {}


def setUpModule():
    MACHINE["scenes"] = scenes.Scenes()
    for scene in MACHINE["scenes"].all.values():
        scene.interrupt("interrupted", scenes.at_work)


def tearDownModule():
    MACHINE["scenes"].close()


def steps_of(scene, snapshot):
    """A project goes on by its own command only."""
    return "plan", "run", "resume" if snapshot != "fresh" and scene.kind != "project" else "run"


class Preflight(unittest.TestCase):
    def fail_for(self, what, found, answer):
        self.assertEqual(found, [], f"{what}\n{answer}")

    def refusal(self, scene, condition, what, answer, before):
        """It is refused as the manual says, and nothing was touched."""
        self.fail_for(what, scenes.wrongs(scene, answer, before, (condition.status,)), answer)
        # `changed` is of the job, whichever process of it wrote; a plan writes nothing, and an order
        # is checked by the station's keys before its job is looked for.
        unseen = what == "plan" or (what == "run" and "keys/" in condition.name)
        begun = any(journal["workBegan"] for journal in scene.journals())
        self.assertIn(answer.document.get("changed", False), {begun, begun and not unseen}, answer)
        self.assertEqual(scene.digest(), before, answer)
        self.assertTrue({condition.code, *condition.also} & set(answer.reasons()), answer)

    def check(self, scene, condition, snapshot, steps):
        scene.reset(snapshot)
        refused = None
        with ExitStack() as stack:
            condition.make(scene, stack, MACHINE["scenes"])
            before = scene.digest()
            if not (scene.state / "jobs").is_dir():  # there is no job to name
                steps = ["run" if what == "resume" else what for what in steps]
            for what in steps:
                answer = scene.ask(what, condition.wrapper)
                done = condition.code is None or (condition.may_do and answer.code in scenes.DONE)
                with self.subTest(kind=scene.kind, condition=str(condition), what=what,
                                  snapshot=snapshot):
                    if snapshot != "fresh" or refused is None:  # each command opens its own files
                        refused = not done
                    self.assertEqual(not done, refused, f"not what the plan said\n{answer}")
                    if not done:
                        self.refusal(scene, condition, what, answer, before)
                        continue
                    self.fail_for(what, scenes.wrongs(scene, answer, before, scenes.DONE), answer)
                    if what == "plan":
                        self.assertEqual(scene.digest(), before, answer)
                        continue
                    self.assertTrue(scene.erased(), answer)
                    before = scene.digest()
        return refused

    def table(self, rows, step):
        sample = Sample(4)
        for number, scene in enumerate(MACHINE["scenes"].all.values()):
            for snapshot, one_in, first in (("fresh", 2 * step, number),
                                            ("interrupted", 4 * step, number + step)):
                for condition in some(rows, one_in, first % one_in):
                    if sample.has((snapshot, condition.code)):
                        self.check(scene, condition, snapshot, steps_of(scene, snapshot))

    def test_what_was_wanting_is_mended_and_the_same_command_erases(self):
        for scene in MACHINE["scenes"].all.values():
            for snapshot in ("fresh", "interrupted"):
                scene.reset(snapshot)
                before = scene.digest()
                (scene.state / "log" / "origin").rename(scene.state / "kept")
                for what in ("run", *steps_of(scene, snapshot)[-1:]):
                    answer = scene.ask(what)
                    self.assertEqual(answer.code, 1, answer)
                    self.assertEqual(scene.digest(), before)
                (scene.state / "kept").rename(scene.state / "log" / "origin")
                answer = scene.ask("run")
                self.fail_for("mended", scenes.wrongs(scene, answer, before, scenes.DONE), answer)
                self.assertTrue(answer.document["changed"], answer)

    def test_a_log_folder_from_an_older_copy_is_noticed(self):
        for scene in MACHINE["scenes"].all.values():
            scene.reset("interrupted")
            before = scene.digest()
            log, younger = scene.state / "log", scene.state / "younger"
            log.rename(younger)
            shutil.copytree(scene.kept["fresh"] / "state" / "log", log)
            for what in ("plan", "run", *steps_of(scene, "interrupted")[-1:]):
                answer = scene.ask(what)
                self.assertEqual(answer.code, 1, answer)
                self.assertIn("log-damaged", answer.reasons(), answer)
                self.assertEqual(scene.digest(), before)
            shutil.rmtree(log)
            younger.rename(log)
            answer = scene.ask("run")
            self.fail_for("mended", scenes.wrongs(scene, answer, before, scenes.DONE), answer)


for _family, _rows, _step in conditions.all_conditions():
    def _test(self, rows=tuple(_rows), step=_step):
        self.table(rows, step)
    setattr(Preflight, f"test_{_family}", _test)


if __name__ == "__main__":
    scenes.main()
