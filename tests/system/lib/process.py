# SPDX-License-Identifier: Apache-2.0
"""Running programs, and scratch folders that go away."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

SECONDS_MAX = 1200  # for what cannot come to its end: no test depends on being fast
EXIT_SKIPPED = 77
LONG = os.environ.get("EFFACE_LONG") == "1"


def some(rows, step, first=0):
    """Of a generated table one row in `step`; with EFFACE_LONG=1 all."""
    rows = list(rows)
    return rows if LONG else rows[first::step]


def run(*arguments, seconds=SECONDS_MAX, **options):
    """Runs to the end with output caught; the exit code is an answer, not an error."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if options["stdin"] is None:
        del options["stdin"]
    return subprocess.run([str(a) for a in arguments], capture_output=True, check=False,
                          timeout=seconds, **options)


def require(*arguments, **options):
    """Runs a tool that the test itself needs."""
    done = run(*arguments, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed ({done.returncode}): "
                           f"{done.stderr.decode(errors='replace')}")
    return done


def strace(*options):
    """strace with these options. It and what it traces wake each other at every call, which takes
    several times as long from one processor to another: they stay on one."""
    processor = random.choice(sorted(os.sched_getaffinity(0)))
    return ["taskset", "-c", str(processor), "strace", *options]


def soon(*arguments, seconds=5):
    """Whether it can be done. Whoever looks at each device of the machine for a moment is waited
    for."""
    deadline = time.monotonic() + seconds
    while run(*arguments).returncode != 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def undo(*arguments):
    """Takes back what the test made."""
    if not soon(*arguments, seconds=30):
        require(*arguments)


def missing(*tools):
    """Those of `tools` that this machine lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [tool for tool in tools if shutil.which(tool, path=path) is None]


@contextmanager
def scratch(prefix="efface-test-"):
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
