# SPDX-License-Identifier: Apache-2.0
"""What the tests of whole devices and files share."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import project
import targets
from process import run

MIB = 1 << 20


def setUpModule():
    cases.enter_scratch()


class DeviceCase(cases.Case):
    """Each test has a state folder, and an image that may become a loop device."""

    def setUp(self):
        super().setUp()
        self.state = project.State(self.folder / "state")
        self.image = self.folder / "disk.img"

    def make(self, size):
        targets.fill_with_marks(self.image, size)
        return self.image

    def erase(self, path, *options, size=None, **more):
        size = targets.device_size(path) if size is None else size
        order = targets.write_order(self.state, self.folder,
                                    targets.order([targets.target(path, size)], **more))
        return targets.erase(self.state, order, *options)

    def check_verifies(self, bundle):
        done = self.state.run("verify", bundle)
        self.assertEqual(done.returncode, 0, done)
        script = Path(__file__).parents[3] / "scripts" / "verify-bundle"
        keys = self.state.folder / "keys"
        done = run(script, bundle, keys / "root.pem", keys / "log.vkey")
        self.assertEqual(done.returncode, 0, done)


def main():
    cases.main("losetup", "mkfs.ext4", "mkfs.btrfs", "filefrag", "findmnt", root=True, loops=True)
