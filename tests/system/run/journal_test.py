# SPDX-License-Identifier: Apache-2.0
"""Interrupted jobs whose journal was edited, through the binary: as it was found, by its seal, and sealed
again as no program of ours would. Never an abort, never work on the medium by a damaged journal, never a
bundle that a verifier does not prove."""

import copy
import hashlib
import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import scenes
from process import run, some

MACHINE = {}
VERIFIER = Path(__file__).parents[3] / "scripts" / "verify-bundle"
EVERY = 353  # of the cases of each kind: a prime, so that all edits have their turn
REMOVED = object()


def setUpModule():
    MACHINE["scenes"] = scenes.Scenes()
    MACHINE["known"] = {path.parent.name for path in MACHINE["scenes"].station.state.bundles()}
    for scene in MACHINE["scenes"].all.values():
        scene.interrupt("interrupted", scenes.at_work)


def tearDownModule():
    MACHINE["scenes"].close()


def places(value, at=()):
    """The path of every value below."""
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*at, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from places(below, (*at, index))


def flipped(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, str) and value:
        middle = len(value) // 2
        return value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1:]
    return None


def edits(value):
    """(name, new value) of every way to edit this value."""
    yield "removed", REMOVED
    yield "null", None
    yield "other type", 7 if isinstance(value, str) else "text"
    yield "negative", -1
    yield "huge", 2**64 - 1
    yield "large", 2**40
    yield "empty", type(value)() if isinstance(value, (str, list, dict)) else 0
    yield "flipped", flipped(value)


def sealed(document):
    """With the digest of the rest, as efface writes it."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**rest, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def edited(document, place, value):
    result = copy.deepcopy(document)
    above = result
    for key in place[:-1]:
        above = above[key]
    if value is REMOVED:
        del above[place[-1]]
    else:
        above[place[-1]] = value
    return result


class Edited(unittest.TestCase):
    def cases(self, scene):
        scene.reset("interrupted")
        for file in sorted((scene.state / "jobs" / scene.interrupted_job).glob("*.json")):
            document = json.loads(file.read_text())
            self.assertEqual(sealed(document), document, "the test seals as efface does")
            for place in places(document):
                value = document
                for key in place:
                    value = value[key]
                for name, new in edits(value):
                    if place != ("sha256",) and new != value:
                        yield file, place, name, edited(document, place, new)

    def proved(self, scene):
        for bundle in scene.bundles():
            keys = scene.state / "keys"
            if bundle.name in MACHINE["known"]:
                continue
            for command in ((scene.station.state.efface, "verify", bundle, "--root",
                             keys / "root.pem", "--log-key", keys / "log.vkey"),
                            (VERIFIER, bundle, keys / "root.pem", keys / "log.vkey")):
                done = run(*command)
                self.assertEqual(done.returncode, 0, done)

    def check(self, kind):
        scene = MACHINE["scenes"].all[kind]
        for file, place, name, document in some(self.cases(scene), EVERY):
            for seal in (False, True):
                scene.reset("interrupted")
                file.write_text(json.dumps(sealed(document) if seal else document))
                before = scene.digest()
                listed = run(scene.station.state.efface, "--state-dir", scene.state, "jobs", "--json")
                answer = scene.ask("run")
                with self.subTest(kind=kind, file=file.name, place=place, edit=name, seal=seal):
                    self.assertEqual(listed.returncode, 0, listed)
                    self.assertGreaterEqual(answer.code, 0, answer)
                    self.assertEqual(scenes.wrongs(scene, answer, before), [], answer)
                    if not seal:
                        self.assertEqual(answer.code, 1, answer)
                        self.assertEqual(answer.reasons(), ["journal-damaged"], answer)
                        self.assertIn(f"efface jobs forget {scene.interrupted_job}",
                                      answer.stdout.decode())
                    if "journal-damaged" in answer.reasons() and answer.code == 1:
                        self.assertEqual(scene.digest(), before, answer)
                    self.proved(scene)


for _kind in scenes.KINDS:
    setattr(Edited, f"test_{_kind}", lambda self, kind=_kind: self.check(kind))


if __name__ == "__main__":
    scenes.main()
