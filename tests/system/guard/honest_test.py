# SPDX-License-Identifier: Apache-2.0
"""What must not be refused."""

import contextlib
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# pylint: disable=wrong-import-position,unused-import
from case import Case, main, setUpModule
import generators
import targets
import ways
from process import require


class Honest(Case):
    """What must not be refused, as the plan tells."""

    def check(self, target):
        done = self.plan(target)
        self.assertEqual(done.returncode, 0,
                         done.stdout.decode(errors="replace") + done.stderr.decode())

    def test_each(self):
        cases = sorted(name for name in dir(self) if name.startswith("case_"))
        self.assertGreaterEqual(len(cases), 25)
        for name in cases:
            with self.subTest(name), contextlib.ExitStack() as stack:
                folder = self.folder(stack)
                self.check(getattr(self, name)(stack, folder, self.image(folder)))

    def case_file(self, _stack, _folder, image):
        return image

    def case_loop(self, stack, _folder, image):
        return ways.loop(stack, image)

    def case_partition(self, stack, _folder, image):
        return ways.add_partition(stack, ways.loop(stack, image), 1, ways.PART, ways.PART)

    def case_disk_with_idle_partition(self, stack, _folder, image):
        return ways.its_partition(stack, image)[0]

    def case_loop_on_loop(self, stack, _folder, image):
        return ways.loop(stack, ways.loop(stack, image))

    def case_hard_link_nobody_opens(self, _stack, folder, image):
        os.link(image, folder / "link.img")
        return image

    def case_idle_loop_over_another_loop(self, stack, _folder, image):
        ways.loop(stack, ways.loop(stack, image))
        return ways.loop(stack, image)

    def case_symbolic_link(self, _stack, folder, image):
        (folder / "name").symlink_to(image)
        return folder / "name"

    def case_name_with_blanks(self, _stack, folder, image):
        return image.rename(folder / "a name  with blanks.img")

    def case_file_beside_a_mounted_one(self, stack, folder, image):
        other = self.image(folder, "other.img")
        ways.mounted(stack, folder, ways.loop(stack, other))
        return image

    def case_loop_beside_a_mounted_one(self, stack, folder, image):
        other = self.image(folder, "other.img")
        ways.mounted(stack, folder, ways.loop(stack, other))
        return ways.loop(stack, image)

    def case_loop_beside_swap(self, stack, folder, image):
        ways.swapped_on(stack, folder, ways.loop(stack, self.image(folder, "other.img")))
        return ways.loop(stack, image)

    def case_part_of_a_file_beside_a_mounted_part(self, stack, folder, image):
        ways.mounted(stack, folder, ways.loop(stack, image, ways.PART, ways.PART))
        return ways.loop(stack, image, 0, ways.PART)

    def case_part_of_a_file_behind_swap(self, stack, folder, image):
        ways.swapped_on(stack, folder, ways.loop(stack, image, 0, ways.PART))
        return ways.loop(stack, image, ways.PART)

    def case_partition_beside_a_mounted_one(self, stack, folder, image):
        device = ways.loop(stack, image)
        first = ways.add_partition(stack, device, 1, ways.PART, ways.PART)
        ways.mounted(stack, folder, ways.add_partition(stack, device, 2, 2 * ways.PART, ways.PART))
        return first

    def case_partition_beside_an_open_one(self, stack, folder, image):
        device = ways.loop(stack, image)
        first = ways.add_partition(stack, device, 1, ways.PART, ways.PART)
        ways.opened(stack, folder, ways.add_partition(stack, device, 2, 2 * ways.PART, ways.PART))
        return first

    def case_file_on_a_file_system_of_its_own(self, stack, folder, image):
        ways.mounted(stack, folder, ways.loop(stack, image))
        inner = folder / "mnt" / "inner.img"
        targets.fill_with_marks(inner, ways.MIB)
        return inner

    def case_once_mounted(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.mounted(before, folder, ways.loop(before, image))
        return image

    def case_once_swap(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.swapped_on(before, folder, ways.loop(before, image))
        return image

    def case_once_open(self, _stack, folder, image):
        with contextlib.ExitStack() as before:
            ways.opened(before, folder, image)
        return image

    def case_once_in_another_namespace(self, stack, folder, image):
        device = ways.loop(stack, image)
        with contextlib.ExitStack() as before:
            ways.mounted_elsewhere(before, folder, device)
        time.sleep(0.5)  # the kernel unmounts when the namespace is gone
        return device

    def case_looked_at_for_moments(self, stack, _folder, image):
        """As udev does: each look is short, however many there are."""
        device = ways.loop(stack, image)
        ways.background(stack, "python3", "-c",
                        "import os, sys, time\nprint('ready', flush=True)\n"
                        "while True:\n"
                        "    fd = os.open(sys.argv[1], os.O_RDONLY)\n"
                        "    time.sleep(0.05)\n    os.close(fd)\n    time.sleep(0.1)\n", device)
        return device

    def case_let_go_after_a_second(self, stack, _folder, image):
        device = ways.loop(stack, image)
        ways.background(stack, "python3", "-c",
                        "import os, sys, time\nfd = os.open(sys.argv[1], os.O_RDWR)\n"
                        "print('ready', flush=True)\ntime.sleep(1)\nos.close(fd)\ntime.sleep(60)\n",
                        device)
        return device

    def case_folder_of_the_file_is_a_working_folder(self, stack, folder, image):
        ways.background(stack, "sh", "-c", 'cd "$1" && echo ready && exec sleep 600', "sh", folder)
        return image

    def case_another_file_open(self, stack, folder, image):
        ways.opened(stack, folder, self.image(folder, "other.img", ways.MIB))
        return image

    def case_a_copy_that_was_replaced_is_open(self, stack, folder, image):
        ways.opened(stack, folder, image)
        image.unlink()
        return self.image(folder)

    def case_the_terminal_of_others(self, stack, folder, image):
        ways.opened(stack, folder, "/dev/null")
        return image

    def case_partition_table(self, _stack, _folder, image):
        require("sh", "-c", f"echo 'label: gpt' | sfdisk -q {image}")
        return image

    def case_luks_that_is_closed(self, _stack, folder, _image):
        (folder / "luks").mkdir()
        return generators.make("luks1-xts-512", folder / "luks").target


if __name__ == "__main__":
    main()
