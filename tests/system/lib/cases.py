# SPDX-License-Identifier: Apache-2.0
"""What the test programs have in common: what they need, where they work, how they begin."""

import os
import shutil
import sys
import unittest
from pathlib import Path

import project
from process import EXIT_SKIPPED, missing, scratch
from storage import may_use_loops

MACHINE = {}  # what the module under test made for all of its tests


def enter_scratch():
    """For a setUpModule: a folder for all tests of the module, which goes away with them."""
    folder = MACHINE["folder"] = Path(os.path.realpath(unittest.enterModuleContext(scratch())))
    return folder


def enter_state():
    """The same, with a state folder in it."""
    MACHINE["state"] = project.State(enter_scratch() / "state")


class Case(unittest.TestCase):
    """Each test has a folder of its own; and the module's state folder, where that has one."""

    def setUp(self):
        self.state = MACHINE.get("state")
        self.folder = MACHINE["folder"] / self.id().rsplit(".", maxsplit=1)[-1]
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


def lacking(*tools, efface=True, root=False, loops=False):
    """What of it this machine lacks."""
    found = missing(*tools)
    if efface and project.binary() is None:
        found.append("$EFFACE")
    if root and os.geteuid() != 0:
        found.append("root")
    if loops and not missing("losetup") and not may_use_loops():
        found.append("loop devices")
    return found


def skip_where_lacking(*tools, **needs):
    """Ends the program, as skipped, where this machine lacks something of it."""
    lacks = lacking(*tools, **needs)
    if lacks:
        print(f"skipped: this machine lacks {', '.join(lacks)}")
        sys.exit(EXIT_SKIPPED)


def main(*tools, **needs):
    """Runs the tests of the program, where this machine has all that they need."""
    skip_where_lacking(*tools, **needs)
    unittest.main()
