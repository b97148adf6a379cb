# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while a run is at work: it is stopped right after a call on its state folder, something
is damaged there, and it goes on. Whatever it answers, the medium is what the answer says; a success whose
record cannot be handed over is 5; and once it is mended, the same command hands it over, once."""

import collections
import shutil
import sys
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import conditions
import scenes
from process import require, run, some

MACHINE = {}
# Of a run that is stopped after these: announced, at work, with a verdict, staged, published.
CALLS = ("fsync", "rename", "renameat")
STOPS_MAX = 200
EVERY = 1601  # of the thousands of cases of each kind: a prime, so that all stops have their turn


def setUpModule():
    MACHINE["scenes"] = scenes.Scenes()


def tearDownModule():
    MACHINE["scenes"].close()


class Damage:
    """Something that happens to the state folder, and its mending: False where what the run did since
    has made it a thing that nobody can mend."""

    def __init__(self, name, make, mend):
        self.name, self.make, self.mend = name, make, mend

    def __str__(self):
        return self.name


def bring_back(kept, path):
    """What was moved away, beside what the run may have made in its place."""
    if not path.exists() or not path.is_dir():
        path.unlink(missing_ok=True)
        kept.rename(path)
        return
    for entry in kept.iterdir():
        if not (path / entry.name).exists():
            entry.rename(path / entry.name)
    shutil.rmtree(kept)


def away(what):
    def make(scene):
        path = scene.state / what
        if path.exists():
            path.rename(scene.place / "away")

    def mend(scene):
        if (scene.place / "away").exists():
            bring_back(scene.place / "away", scene.state / what)
        return True
    return Damage(f"{what} away", make, mend)


def replaced(what, damage):
    """A file of the log damaged; mending puts back what stood there, unless the run went on with it."""
    def content(path):
        return path.read_bytes() if path.is_file() and not path.is_symlink() else path.exists()

    def make(scene):
        path = scene.state / what
        shutil.copy(path, scene.place / "away")
        damage(path)
        scene.damaged = content(path)

    def mend(scene):
        path = scene.state / what
        if content(path) != scene.damaged:
            return path.name == "checkpoint"  # another one has its name now
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        shutil.copy(scene.place / "away", path)
        path.with_name(f"{path.name}.kept").unlink(missing_ok=True)
        # Of a log that grew since, through a file that the run had open, an old copy is no mending.
        return path.name != "entries.jsonl" or not scene.grew()
    return Damage(f"{what} {damage.__name__}", make, mend)


def no_room(pages):
    def make(scene):
        conditions.fill(scene.place, pages)

    def mend(scene):
        (scene.place / "filler").unlink(missing_ok=True)
        return True
    return Damage(f"{pages} pages of room", make, mend)


def read_only():
    # Refused by the kernel while the run has a file there open for writing: then nothing happens.
    return Damage("read-only", lambda scene: run("mount", "-o", "remount,ro", scene.place),
                  lambda scene: run("mount", "-o", "remount,rw", scene.place).returncode == 0)


def a_file(name):
    def make(scene):
        path = scene.state / name
        if path.exists():
            path.rename(scene.place / "away")
        path.write_bytes(b"")

    def mend(scene):
        (scene.state / name).unlink(missing_ok=True)
        if (scene.place / "away").exists():
            (scene.place / "away").rename(scene.state / name)
        return True
    return Damage(f"{name} a file", make, mend)


def damages():
    for pages in (0, 1, 2, 3, 5, 8, 16, 64):
        yield no_room(pages)
    yield read_only()
    for name in ("log", "certificates", "keys", "jobs"):
        yield away(name)
    for name in ("certificates", "log"):
        yield a_file(name)
    for name in ("station.key", "station.pem", "root.pem", "log.key", "log.vkey", "issuer.json"):
        yield away(f"keys/{name}")
    for name in conditions.LOG_FILES:
        for damage in conditions.DAMAGES:
            if damage is not conditions.appended or name != "entries.jsonl":
                yield replaced(f"log/{name}", damage)


class Injected(unittest.TestCase):
    def hit(self, scene, damage, stop):
        """False: the run had ended before that call."""
        with ExitStack() as stack:
            conditions.on_small(scene, stack, "fresh")
            before = scene.digest()
            answer, stopped = scenes.stop_at(scene, *stop, lambda: damage.make(scene))
            if not stopped:
                return False
            found = []
            with self.subTest(kind=scene.kind, damage=str(damage), stop=stop):
                changed = answer.document.get("changed")
                if len(answer.documents) != 1:
                    found.append("not one document")
                if not changed and scene.digest() != before:
                    found.append("changed is false, and the medium differs")
                if answer.code not in (*scenes.DONE, 1, 2, 5, 6, 7):
                    found.append("an exit status that this cannot have")
                if answer.code in (*scenes.DONE, 5) and not scene.erased():
                    found.append("a success, and it is not erased")
                self.assertEqual(found, [], answer)
            if not damage.mend(scene):
                return True
            with self.subTest(kind=scene.kind, damage=str(damage), stop=stop, mended=True):
                self.ends(scene, answer)
        return True

    def ends(self, scene, first):
        again = scene.ask("run")
        self.assertIn(again.code, scenes.DONE, f"{again}\nfirst: {first}")
        self.assertTrue(scene.erased(), again)
        self.assertEqual(len(again.documents), 1, again)
        if first.code in (*scenes.DONE, 5):
            self.assertIs(again.document["changed"], first.code == 5 and again.document["changed"])
        bundles = [path for path in scene.bundles() if path.name not in MACHINE["known"]]
        self.assertEqual(len(bundles), 1, bundles)
        keys = scene.state / "keys"
        done = require(*[str(word) for word in (
            scene.station.state.efface, "verify", bundles[0], "--root", keys / "root.pem",
            "--log-key", keys / "log.vkey", "--log", scene.state / "log")])
        self.assertEqual(done.returncode, 0, done)

    def stops(self, scene):
        """Every such call of a whole run."""
        with ExitStack() as stack:
            conditions.on_small(scene, stack, "fresh")
            MACHINE["known"] = {path.name for path in scene.bundles()}
            scenes.stop_at(scene, ",".join(CALLS), STOPS_MAX, lambda: None)
            trace = (scene.folder / "trace").read_text()
            # strace counts for each thread and each call by itself.
            made = collections.Counter(tuple(line.split("(")[0].split()) for line in
                                       trace.splitlines() if line.split("(")[0][-1:].isalpha())
        return [(call, number + 1) for call in CALLS for number in
                range(max((made[key] for key in made if key[1:] == (call,)), default=0))]

    def check(self, kind):
        scene = MACHINE["scenes"].all[kind]
        stops = self.stops(scene)
        self.assertGreater(len(stops), 12)
        cases = [(damage, stop) for damage in damages() for stop in stops]
        for damage, stop in some(cases, EVERY, scenes.KINDS.index(kind) * 97):
            self.assertTrue(self.hit(scene, damage, stop))


for _kind in scenes.KINDS:
    setattr(Injected, f"test_{_kind}", lambda self, kind=_kind: self.check(kind))


if __name__ == "__main__":
    scenes.main()
