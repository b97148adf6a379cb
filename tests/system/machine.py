# SPDX-License-Identifier: Apache-2.0
"""What the machines of tests/system/rig (User Mode Linux) and tests/system/qemu have in common: one
command runs in a machine that is booted for it, its output comes out as it is written, and its exit
status is ours. A machine that ends without a status is never a pass."""

import os
import pathlib
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time

BOOTS_MAX = 2         # a boot that leaves no status is the rig's failure and is tried once more
POLL_S = 0.02
CONSOLE_LINES = 60
SEEN_BYTES = 65536    # of the output, in which a text is looked for
EXIT_SKIP = 77        # the machine cannot be had here
EXIT_TIMEOUT = 124
EXIT_RIG_FAILED = 125
EXIT_POWER_CUT = 137


def say(text):
    print(f"rig: {text}", file=sys.stderr, flush=True)


def skip(reason):
    say(f"skipped: {reason}")
    sys.exit(EXIT_SKIP)


def need_x86_64(what):
    if platform.machine() != "x86_64":
        skip(f"{what} is packaged for x86_64, this is {platform.machine()}")


def made_by(script, *arguments):
    """The folder that a script of ours makes once and keeps; it prints the place."""
    made = subprocess.run([script, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode != 0:
        sys.exit(EXIT_SKIP if made.returncode == EXIT_SKIP else EXIT_RIG_FAILED)
    return pathlib.Path(made.stdout.strip())


class Machine:
    """One boot in a folder of its own. What its process 1 does with it: it runs `command` with its
    output to `output`, and writes "begun" and then "ended STATUS" to `status`."""

    logs = ("console",)  # in the folder; their ends are shown when it failed

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.seen = b""
        for name in ("output", "status"):
            (folder / name).touch()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in os.environ.items()
                 if name.startswith("EFFACE")]
        lines += [f"export {shlex.quote(pair)}" for pair in self.variables()]
        lines += [f"cd {shlex.quote(os.getcwd())} || exit 1", shlex.join(options.command)]
        (folder / "command").write_text("\n".join(lines) + "\n")
        with open(folder / self.logs[0], "wb") as log:
            self.process = self.start(log)

    def variables(self):
        """NAME=VALUE for the command, beside the variables EFFACE* of this environment."""
        return []

    def start(self, log):
        """The process of the machine, which writes to `log`."""
        raise NotImplementedError

    def serve(self):
        """What the machine asks its host for while it runs."""

    def stop(self):
        """Ends the machine as a power cut would, and waits for that."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pass_on(self, stream):
        chunk = stream.read()
        if chunk:
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            self.seen = (self.seen + chunk)[-SEEN_BYTES:]

    def run(self):
        """The exit status, or None when the machine failed before the command had begun."""
        cut_at = (getattr(self.options, "power_cut", None) or "").encode()
        deadline = time.monotonic() + self.options.timeout
        with open(self.folder / "output", "rb") as stream:
            while self.process.poll() is None:
                self.pass_on(stream)
                self.serve()
                if cut_at and cut_at in self.seen:
                    self.stop()
                    return EXIT_POWER_CUT
                if time.monotonic() > deadline:
                    self.stop()
                    say(f"no end after {self.options.timeout} s; {self.last_words()}")
                    return EXIT_TIMEOUT
                time.sleep(POLL_S)
            self.pass_on(stream)
        words = (self.folder / "status").read_text(errors="replace").split()
        if len(words) == 3 and words[:2] == ["begun", "ended"] and words[2].isdigit():
            return int(words[2])
        say(f"the machine ended without a status; {self.last_words()}")
        # A command that has begun must not be started twice behind its caller's back.
        return EXIT_RIG_FAILED if words else None

    def last_words(self):
        found = ["the end of what it wrote:"]
        for name in self.logs:
            if (self.folder / name).exists():
                text = (self.folder / name).read_text(errors="replace")
                found += text.splitlines()[-CONSOLE_LINES:]
        return "\n".join(found)


def boot(make):
    """Boots what `make` gives for a folder, once more if it fails; the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_RIG_FAILED))
    for attempt in range(BOOTS_MAX):
        with tempfile.TemporaryDirectory(prefix="efface-rig.") as name:
            machine = make(pathlib.Path(name))
            try:
                status = machine.run()
            finally:
                machine.stop()
        if status is not None:
            return status
        if attempt + 1 < BOOTS_MAX:
            say("booting once more")
    return EXIT_RIG_FAILED
