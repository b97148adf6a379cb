# SPDX-License-Identifier: Apache-2.0
"""A terminal of a certain size, as a technician has it: tmux with a shell in it."""

import itertools
import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

from process import require, run


NUMBERS = itertools.count()
PATIENCE = 120  # for what does not come at all; nothing is timed


class Terminal:
    """One window; `socket` names the tmux server, which is ours alone."""

    def __init__(self, folder, columns, rows, environment):
        self.columns, self.rows = columns, rows
        self.socket = Path(folder) / f"tmux-{next(NUMBERS)}"
        names = [f"{name}={value}" for name, value in environment.items()]
        shell = ["env", "-i", f"PATH={os.environ['PATH']}", "HOME=/", "TERM=screen", "PS1=$ ",
                 *names, "bash", "--norc", "--noprofile"]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, *shell)
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("resize-window", "-x", columns, "-y", rows)
        self.until(r"^\$ ?$")

    def tmux(self, *arguments):
        return require("tmux", "-S", self.socket, *arguments)

    def close(self):
        run("tmux", "-S", self.socket, "kill-server")

    def type(self, text, enter=True):
        """What a person types; a name of tmux (C-c) is a key."""
        if text.startswith("C-"):
            self.tmux("send-keys", text)
            return
        if text:
            self.tmux("send-keys", "-l", text)
        if enter:
            self.tmux("send-keys", "Enter")

    def lines(self, history=False):
        """What the screen shows; with `history` also what has left it, long lines in one piece."""
        more = ["-J", "-S", "-5000"] if history else []
        text = self.tmux("capture-pane", "-p", *more).stdout.decode()
        return text.rstrip("\n").split("\n")

    def until(self, pattern, history=False):
        """Waits until the screen has a line like this, or several that flow so; returns its lines."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = self.lines(history)
            flowing = re.sub(r"\s+", " ", " ".join(lines))
            if any(re.search(pattern, text) for text in (*lines, flowing)):
                return lines
            time.sleep(0.05)
        raise RuntimeError(f"no line like {pattern!r} came:\n" + "\n".join(self.lines(True)))

    def status(self):
        """The exit status of the last command."""
        self.type("echo status=$?")
        found = [re.fullmatch(r"status=(\d+)", line) for line in self.until(r"^status=\d+$")]
        return int([match for match in found if match][-1][1])


@contextmanager
def terminal(folder, columns, rows, environment):
    made = Terminal(folder, columns, rows, environment)
    try:
        yield made
    finally:
        made.close()
