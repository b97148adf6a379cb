# SPDX-License-Identifier: Apache-2.0
"""Every place where a run can be hit: the calls of one good run, as strace saw them.

strace counts `when=` for each thread by itself, so a point is named by call, file and how often
this thread had made this call on this file: it then means the same call in every run.
"""

import re
from dataclasses import dataclass

from process import run, strace

CALL = re.compile(r"^(\d+) +(\w+)\((.*)")
NAMED_FD = re.compile(r"^(?:AT_FDCWD|\d+)<([^>]*)>")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
RETURNED = re.compile(r"\) += (-?\d+)")
FLUSHES = ("fsync", "fdatasync", "sync_file_range", "syncfs")
RENAMES = ("rename", "renameat", "renameat2")
WRITES = ("pwrite64", "pwritev", "pwritev2", "write")
READS = ("pread64", "preadv", "preadv2")


@dataclass(frozen=True)
class Point:
    call: str
    path: str
    occurrence: int
    returned: int
    own: bool  # made by efface itself, not by libcryptsetup in its child

    def inject(self, what):
        """strace's options to make this one call fail as `what` says. Only a call of the library
        is looked for in children; efface with one worker makes its own in its first thread."""
        return strace(*["-f"] * (not self.own), "-qq", "-o", "/dev/null", "-P", self.path, "-e",
                      f"trace={self.call}", "-e",
                      f"inject={self.call}:{what}:when={self.occurrence}")

    def __str__(self):
        return f"{self.call} {self.path} #{self.occurrence}"


def _path(call, rest):
    """The file of a call: the first name of a rename, or what the descriptor stands for (of a
    rename within an opened folder: the folder)."""
    match = QUOTED.search(rest) if call in RENAMES else None
    if match and match.group(1).startswith("/"):
        return match.group(1)
    match = NAMED_FD.match(rest)
    return match.group(1) if match else None


def parse(text):
    points = []
    seen = {}
    main = None
    for line in text.splitlines():
        match = CALL.match(line)
        if not match:
            continue
        thread, call, rest = match.groups()
        main = main or thread
        path = _path(call, rest)
        if path is None or not path.startswith("/"):
            continue
        key = (thread, call, path)
        seen[key] = seen.get(key, 0) + 1
        returned = RETURNED.search(line)
        points.append(Point(call, path, seen[key], int(returned.group(1)) if returned else 0,
                            thread == main))
    return points


def record(command, folder, calls=FLUSHES + RENAMES + WRITES + READS):
    """Runs `command` under strace and returns its points in order."""
    trace = folder / "trace"
    done = run(*strace("-f", "-qq", "-y", "-s", "4096", "-e", f"trace={','.join(calls)}", "-o",
                       trace), *command)
    return done, parse(trace.read_text(encoding="utf-8", errors="replace"))


def distinct(points):
    """Each point once: two children may make the same call on the same file."""
    return list({(p.call, p.path, p.occurrence, p.own): p for p in points}.values())
