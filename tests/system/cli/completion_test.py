# SPDX-License-Identifier: Apache-2.0
"""Completion as the shells ask for it: every option that the help lists, every technique of the tables,
every name of a key, and what bash, zsh and fish make of it."""

import json
import re
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import project
from cases import MACHINE, enter_scratch
from process import missing, require, run

TOP = Path(__file__).parents[3]
SCRIPTS = TOP / "scripts" / "completions"


def setUpModule():
    folder = enter_scratch()
    MACHINE["state"] = project.State(folder / "state")
    (folder / "bin").mkdir()
    MACHINE["efface"] = folder / "bin" / "efface"
    MACHINE["efface"].symlink_to(MACHINE["state"].efface)


def answers(*typed):
    """What the program offers for the last of these words."""
    text = MACHINE["state"].require("complete", "--", *typed).stdout.decode()
    return [line.split("\t")[0] for line in text.splitlines()]


def commands(*words):
    """Every command, as --help lists them."""
    text = require(MACHINE["state"].efface, *words, "--help").stdout.decode()
    if "Subcommands:" not in text:
        return [words]
    block = text.split("Subcommands:")[1].split("\n\n")[0]
    names = [line.split()[0] for line in block.splitlines() if re.match(r"  \S", line)]
    return [words] + [found for name in names for found in commands(*words, name)]


def techniques():
    """The names in the tables that the techniques are made of."""
    text = (TOP / "src" / "rules" / "tables" / "techniques.json").read_text(encoding="utf-8")
    names = set(re.findall(r'"((?:nvme|ata|scsi|tcg|overwrite|dod|hmg|bsi|block)-[a-z0-9.-]+)"',
                           json.dumps(json.loads(text))))
    listed = set(re.findall(r"(?m)^  ([a-z]+-[a-z0-9.-]+) ",
                            require(MACHINE["state"].efface, "erase", "--help").stdout.decode()))
    return names & listed


class Words(unittest.TestCase):
    def test_every_option_of_every_command(self):
        seen = commands()
        self.assertGreater(len(seen), 17)
        for command in seen:
            text = require(MACHINE["state"].efface, *command, "--help").stdout.decode()
            options = set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)", text))
            self.assertLessEqual({"--help"}, options)
            self.assertEqual(options - set(answers(*command, "-")), set(), command)

    def test_every_command(self):
        for command in commands():
            if command:
                self.assertIn(command[-1], answers(*command[:-1], ""))

    def test_every_technique(self):
        names = techniques()
        self.assertGreater(len(names), 24)
        for option in ("--technique", "--fallback"):
            for command in ("erase", "plan"):
                self.assertEqual(names - set(answers(command, option, "")), set())

    def test_names_of_keys_and_values_of_choices(self):
        for command in (("approve", "x"), ("accept", "x")):
            self.assertEqual(set(answers(*command, "--key", "")), set(project.APPROVERS))
        self.assertEqual(answers("erase", "--when-hot", ""), ["go-on", "pause", "stop"])
        self.assertEqual(answers("keys", "issue", "carol", "--role", "w"), ["witness"])
        self.assertEqual(answers("verify", "--root", ""), [":files"])
        self.assertEqual(answers("verify", ""), [":folders"])

    def test_names_of_columns(self):
        for command in ("list", "certificates"):
            names = answers(command, "-o", "")
            self.assertGreater(len(names), 10)
            MACHINE["state"].require(command, "-o", ",".join(names))  # it takes all that it offers
        self.assertEqual(answers("list", "--columns", "na"), ["name"])
        self.assertEqual(answers("list", "-o", "name,s"), ["name,size", "name,serial"])
        self.assertEqual(answers("list", "-o", "serial,s"), ["serial,size"])  # not again

    def test_what_is_typed_wrong_offers_nothing_and_fails_nothing(self):
        for typed in (["erase", "--technique", "zzz"], ["zzz", ""], ["--zzz", ""], [],
                      ["erase", "--", "--le"], ["resume", "x", "y"], ["\x1b", ""]):
            done = MACHINE["state"].run("complete", "--", *typed)
            self.assertEqual(done.returncode, 0, (typed, done))


def in_bash(line):
    script = f"""source {SCRIPTS / 'efface.bash'}
        COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDS=($1) COMP_CWORD=${{#COMP_WORDS[@]}}
        _efface
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    return run("bash", "--norc", "-c", script, "bash", line).stdout.decode().split()


class Shells(unittest.TestCase):
    def line(self, rest):
        return f"{MACHINE['efface']} --state-dir {MACHINE['state'].folder} {rest}"

    def test_bash(self):
        self.assertIn("--technique", in_bash(self.line("erase --te")))
        self.assertEqual(techniques() - set(in_bash(self.line("erase --technique "))), set())
        self.assertEqual(in_bash(self.line("approve x --key a")), ["alice"])
        self.assertEqual(in_bash(self.line("project ")), ["erase"])
        # What stands before the colon is on the line already.
        self.assertIn("free", in_bash(self.line("erase memory:fr")))
        self.assertEqual(in_bash(self.line("list -o name,us")), ["name,used-by"])
        self.assertIn(str(TOP / "README.md"), in_bash(self.line(f"show {TOP}/READ")))

    def in_fish(self, rest):
        script = f"source {SCRIPTS / 'efface.fish'}; complete -C '{self.line(rest)}'"
        path = f"PATH={MACHINE['efface'].parent}:/usr/bin:/bin"
        home = f"HOME={MACHINE['efface'].parent}"  # fish keeps files there
        done = run("env", path, home, "fish", "--no-config", "-c", script)
        return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]

    @unittest.skipIf(missing("fish"), "needs fish")
    def test_fish(self):
        self.assertEqual(self.in_fish("approve x --key a"), ["alice"])
        self.assertEqual(self.in_fish("list -o name,us"), ["name,used-by"])
        self.assertEqual(techniques() - set(self.in_fish("erase --technique ")), set())

    def in_zsh(self, rest):
        """What the function gives to zsh's own, which are there only while somebody types."""
        words = self.line(rest).split(" ")
        script = f"""_describe() {{ print -rl -- "${{(@P)2}}" }}
            _files() {{ print -r -- ":files $1" }}
            words=("$@"); CURRENT=$#words
            source {SCRIPTS / '_efface'}"""
        done = run("zsh", "-f", "-c", script, "zsh", *words)
        return [line.replace("\\:", "\0").split(":")[0].replace("\0", ":")
                for line in done.stdout.decode().splitlines()]

    @unittest.skipIf(missing("zsh"), "needs zsh")
    def test_zsh(self):
        self.assertEqual(self.in_zsh("approve x --key a"), ["alice"])
        self.assertEqual(self.in_zsh("list -o name,us"), ["name,used-by"])
        self.assertEqual(techniques() - set(self.in_zsh("erase --technique ")), set())
        self.assertIn("memory:free", self.in_zsh("erase memory:fr"))


if __name__ == "__main__":
    cases.main("bash")
