# SPDX-License-Identifier: Apache-2.0
"""Media that one command erases, at fixed places: put back as they were for every case, with the state
folder, so that a case costs a copy of some small files. All mounts are of the test's own namespace."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("lib", "erase", "luks", "cli")]

# pylint: disable=wrong-import-position
import blocks
import cases
import edge
import project
import storage
import targets
from process import run, scratch, strace

KINDS = ("erase", "loop", "project", "memory")
DONE = (0, project.EXIT["exceptions"])
IN_NAMESPACE = "EFFACE_TEST_IN_NAMESPACE"
RENAMES = "rename,renameat,renameat2"
KILLS_FIRST = 5  # before, nothing is at work
KILLS_MAX = 40


def enter_namespace():
    """Starts this program again with mounts of its own, which end with it."""
    if os.environ.get(IN_NAMESPACE) != "1":
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              *sys.argv])


def main():
    cases.skip_where_lacking("cryptsetup", "strace", "unshare", "setpriv", "prlimit", "openssl",
                             root=True, loops=True)
    enter_namespace()
    cases.main()


class Answer:
    """One finished command."""

    def __init__(self, done):
        self.code = done.returncode
        self.stdout, self.words = done.stdout, done.stderr.decode(errors="replace")
        try:
            self.documents = edge.documents_in(done.stdout)
        except ValueError:
            self.documents = []
        self.document = self.documents[0] if self.documents else {}

    def reasons(self):
        """Codes of the error and of the objections of a plan."""
        parts = [self.document, *self.document.get("targets", [])]
        found = [part["error"]["code"] for part in parts if part.get("error")]
        return found + [entry["code"] for part in parts for entry in part.get("objections", [])]

    def __str__(self):
        return f"exit {self.code}\nstdout: {self.stdout.decode(errors='replace')[:3000]}\n" \
               f"stderr: {self.words[:2000]}"


class Scene(edge.World):
    """One kind of target. `state` is where its state folder stands, for a case to damage."""

    def __init__(self, station, kind, folder):
        super().__init__(station, kind, folder)
        self.place = self.folder / "place"     # holds the state folder; cases mount on it
        self.place.mkdir()
        self.state = self.place / "state"
        self.current, self.interrupted_job = "fresh", None
        self.tail = self.command[3:]           # without program and --state-dir DIR
        self.kept = {"fresh": self.keep("fresh", station.state.folder)}
        shutil.rmtree(self.kept["fresh"] / "state" / "jobs")  # of the station's first run

    def make_loop(self):
        self.backing = self.folder / "backing.img"
        targets.fill_with_marks(self.backing, 128 * edge.KIB)
        self.medium = self.stack.enter_context(storage.loop_device(self.backing))
        return "erase", "--order", self.order(targets.target(self.medium, 128 * edge.KIB))

    def erased(self):
        if self.kind == "loop":
            return targets.marks_left(self.medium) == []
        return super().erased()

    def files(self):
        return [self.medium / "file"] if self.kind == "memory" else [self.medium]

    def digest(self):
        if self.kind == "loop":
            return blocks.digest(self.medium)
        return edge.tree_digest(self.medium)

    def keep(self, name, state):
        """Copies the medium and a state folder away; reset(name) brings both back."""
        folder = self.folder / f"kept-{name}"
        folder.mkdir()
        shutil.copytree(state, folder / "state")
        for number, file in enumerate(self.files()):
            if file.exists():
                shutil.copyfile(file, folder / f"medium-{number}")
        return folder

    def reset(self, name="fresh", place=None):
        folder = self.kept[name]
        self.current = name
        self.state = (place or self.place) / "state"
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(folder / "state", self.state)
        for number, file in enumerate(self.files()):
            kept = folder / f"medium-{number}"
            if not kept.exists():
                file.unlink(missing_ok=True)
                continue
            with open(kept, "rb") as source, open(file, "r+b" if file.exists() else "wb") as into:
                shutil.copyfileobj(source, into)  # the inode is part of what the order names
                into.flush()
                os.fsync(into.fileno())

    def arguments(self, what):
        program = [project.binary(), "--state-dir", str(self.state)]
        if what == "plan":
            named = self.tail[self.tail.index("erase") + 1:]
            return [*program, "plan", *named]
        if what == "resume":
            return [*program, "resume", self.interrupted_job, "--json"]
        return [*program, *self.tail]

    def ask(self, what, wrapper=()):
        return Answer(run(*wrapper, *self.arguments(what)))

    def grew(self):
        """Whether the log has more entries by its checkpoint than in its file."""
        said = int((self.state / "log" / "checkpoint").read_text().splitlines()[1])
        return said != (self.state / "log" / "entries.jsonl").read_bytes().count(b"\n")

    def journals(self):
        """The run.json of every job here."""
        return [json.loads(path.read_text()) for path in (self.state / "jobs").glob("*/run.json")]

    def bundles(self):
        return [path.parent for path in (self.state / "certificates").rglob("certificate.json")]

    def interrupt(self, name, wanted):
        """Keeps what a run leaves that is killed when its journal stands as `wanted` says."""
        for count in range(KILLS_FIRST, KILLS_MAX):
            self.reset()
            run(*strace("-f", "-qq", "-o", "/dev/null", "-e", f"trace={RENAMES}", "-e",
                        f"inject={RENAMES}:signal=SIGKILL:when={count}"), *self.arguments("run"))
            if any(wanted(journal) for journal in self.journals()):
                self.kept[name] = self.keep(name, self.state)
                self.interrupted_job = next((self.state / "jobs").glob("*/run.json")).parent.name
                return
        raise AssertionError(f"{self.kind}: no run could be interrupted like that")


def at_work(journal):
    return journal["phase"] == "running" and journal["workBegan"]


class Scenes:
    """All kinds below one folder, with a station whose log has entries."""

    def __init__(self, kinds=KINDS):
        self.stack = ExitStack()
        folder = Path(os.path.realpath(self.stack.enter_context(scratch())))
        self.folder = folder
        self.station = edge.Station(folder / "station")
        self.other = project.State(folder / "other", approvers=())
        self.all = {}
        for kind in kinds:
            scene = Scene(self.station, kind, folder / kind)
            self.stack.callback(scene.close)
            self.all[kind] = scene

    def close(self):
        self.stack.close()


def wrongs(scene, answer, before, status=None):
    """What is wrong with the answer, the medium and what they say of each other."""
    found = []
    now = scene.digest()
    changed = answer.document.get("changed")
    if len(answer.documents) != 1:
        found.append(f"{len(answer.documents)} documents")
    elif answer.document.get("exitCode") != answer.code:
        found.append("the document names another exit status")
    if status is not None and answer.code not in status:
        found.append(f"exit {answer.code}, not one of {status}")
    if not changed and now != before:
        found.append("changed is false, and the medium differs")
    if changed and not any(journal["workBegan"] for journal in scene.journals()):
        found.append("changed is true, and no work had begun")
    said = [answer.document.get("status"),
            *[entry.get("status") for entry in answer.document.get("targets", [])]]
    if (answer.code in (*DONE, 5) and answer.document.get("schema") != "efface.plan/1"
            and not scene.erased()):
        found.append("a success, and it is not erased")
    if answer.code == 5 and not any(text and text.startswith("sanitized") for text in said):
        found.append("5 without a success")
    return found


def stop_at(scene, calls, count, then, what="run"):
    """Runs it, stops it right after its `count`th such call, and goes on after then(). Whether it
    was stopped is the second value: else it had ended before."""
    trace = scene.folder / "trace"
    trace.unlink(missing_ok=True)
    with subprocess.Popen(
            [str(word) for word in strace("-f", "-qq", "-o", trace, "-e", f"trace={calls}", "-e",
                                          f"inject={calls}:signal=SIGSTOP:when={count}",
                                          *scene.arguments(what))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        stopped, output = False, []
        while process.poll() is None and not stopped:
            stopped = trace.exists() and "stopped by SIGSTOP" in trace.read_text()
            time.sleep(0.002)
        try:
            if stopped:
                then()
        except BaseException:
            process.kill()
            raise
        reader = threading.Thread(target=lambda: output.append(process.communicate()))
        reader.start()
        while reader.is_alive():  # another thread of it may make its own such call
            for child in children_of(process.pid):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(child, signal.SIGCONT)
            reader.join(0.02)
        out, err = output[0]
        return Answer(subprocess.CompletedProcess((), process.returncode, out, err)), stopped


def children_of(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
