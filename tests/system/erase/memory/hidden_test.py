# SPDX-License-Identifier: Apache-2.0
"""Mounts in memory that are not what their name says, or of use elsewhere: hidden below another mount,
of another namespace, in a layer of an overlay, with efface's own folders in them."""

import itertools
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "lib")]

# pylint: disable=wrong-import-position,unused-import
import project
import targets
from mount_case import EXIT, MIB, MountCase, main, mounted, setUpModule
from process import require, run
from sample import todays


class Hidden(MountCase):
    KINDS = list(itertools.product(("tmpfs", "ramfs"), ("tmpfs", "ramfs", "bind", "ext4")))

    def check_hidden(self, mount, kind, below, above):
        answer = self.erase(f"memory:{kind}:{mount}", 1)
        self.check_refused(answer, "hidden-mount")
        self.assertEqual(self.codes(f"memory:{kind}:{mount}")[0], EXIT["safety"])
        for path, text in (below, above):
            if path is not None:
                self.assertEqual(path.read_text(), text)

    def test_a_mount_below_another_at_the_same_place(self):
        for kind, top in todays(self.KINDS, 3):
            with self.subTest(kind=kind, top=top):
                mount = self.folder / f"{kind}-{top}"
                with mounted(kind, mount), self.on_top(top, mount) as data:
                    self.check_hidden(mount, kind, (None, ""), (data, "stays"))

    def test_a_mount_below_another_that_hides_its_parent(self):
        for kind, top in todays(self.KINDS, 3):
            with self.subTest(kind=kind, top=top):
                parent = self.folder / f"{kind}-{top}-parent"
                parent.mkdir()
                with mounted(kind, parent / "mnt") as mount:
                    (mount / "data").write_text("below")
                    with self.on_top(top, parent):
                        # Nothing of that name stands above, then another folder.
                        self.check_hidden(mount, kind, (None, ""), (None, ""))
                        mount.mkdir(exist_ok=True)
                        (mount / "data").write_text("stays")
                        self.check_hidden(mount, kind, (None, ""), (mount / "data", "stays"))
                    self.assertEqual((mount / "data").read_text(), "below")

    @contextmanager
    def on_top(self, kind, place):
        """Something else mounted there, with a file in it."""
        if kind == "bind":
            source = self.folder / "source"
            source.mkdir(exist_ok=True)
            options = ["--bind", source]
        elif kind == "ext4":
            image = self.folder / "image"
            with open(image, "wb") as file:
                file.truncate(8 * MIB)
            require("mkfs.ext4", "-q", "-F", image)
            options = ["-o", "loop", image]
        else:
            options = ["-t", kind, "efface-test"]
        require("mount", *options, place)
        try:
            (place / "data").write_text("stays")
            yield place / "data"
        finally:
            require("umount", place)

    def test_a_file_is_what_its_descriptor_says(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            (mount / "data").write_text("below")
            with self.on_top("ext4", mount):
                code, _ = self.plan(f"memory:file:{mount}/data")
                self.assertEqual(code, EXIT["usage"])
            self.assertEqual((mount / "data").read_text(), "below")


class UsedElsewhere(MountCase):
    """What uses the files of a mount without having them open."""

    def check_kept(self, mount, kept):
        name = f"memory:tmpfs:{mount}"
        code, codes = self.codes(name)
        self.assertEqual((code, codes), (EXIT["safety"], {"mounted"}))
        self.assertTrue(kept.exists())

    def test_a_mount_in_it_that_only_another_namespace_has(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=4m,noswap") as mount:
            inner = mount / "inner"
            inner.mkdir()
            script = (f"mount -t tmpfs none '{inner}' && echo kept >'{inner}/file' && echo ready && "
                      "exec sleep 600")
            with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                   script], stdout=subprocess.PIPE) as process:
                try:
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    self.check_kept(mount, Path(f"/proc/{process.pid}/root{inner}/file"))
                finally:
                    process.kill()

    def test_each_layer_of_an_overlay(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=4m,noswap") as mount, \
                mounted("tmpfs", self.folder / "other", "-o", "size=4m,noswap") as other:
            for role in ("lower", "upper", "middle"):
                with self.subTest(role):
                    for place in (mount, other):
                        for name in ("low", "mid", "up", "work"):
                            (place / name).mkdir(exist_ok=True)
                    at = {"lower": (mount, other, other), "upper": (other, other, mount),
                          "middle": (other, mount, other)}[role]
                    options = (f"lowerdir={at[0]}/low:{at[1]}/mid,upperdir={at[2]}/up,"
                               f"workdir={at[2]}/work")
                    (at[0] / "low" / "file").write_text("kept")
                    (self.folder / "merged").mkdir(exist_ok=True)
                    if run("mount", "-t", "overlay", "none", "-o", options,
                           self.folder / "merged").returncode != 0:
                        self.skipTest("no overlay file system")
                    try:
                        self.check_kept(mount, self.folder / "merged" / "file")
                    finally:
                        require("umount", self.folder / "merged")

    def test_folders_that_can_not_be_walked_are_no_removed_files(self):
        with mounted("tmpfs", self.folder / "mnt", "-o", "size=8m,noswap") as mount:
            here = os.open(mount, os.O_RDONLY)
            for _ in range(300):
                os.mkdir("d", dir_fd=here)
                below = os.open("d", os.O_RDONLY, dir_fd=here)
                os.close(here)
                here = below
            os.close(here)
            code, codes = self.codes(f"memory:tmpfs:{mount}")
            self.assertEqual((code, codes), (EXIT["safety"], {"unreadable-state"}))


class OwnState(MountCase):
    """efface's own folders in the target: an objection beforehand, however they are named."""

    def check_own(self, name, state):
        code, codes = self.codes(name, state)
        self.assertEqual(code, EXIT["safety"])
        self.assertIn("own-document", codes)

    def test_the_state_folder_in_a_mount(self):
        for kind in ("tmpfs", "ramfs"):
            with self.subTest(kind=kind), mounted(kind, self.folder / kind) as mount:
                name = f"memory:{kind}:{mount}"
                state = project.State(mount / "deep" / "state")
                self.check_own(name, state)
                # By a bind mount, by a link, and before it is made.
                bound = self.folder / f"bound-{kind}"
                bound.mkdir()
                require("mount", "--bind", mount, bound)
                try:
                    state.folder = bound / "deep" / "state"
                    self.check_own(name, state)
                finally:
                    require("umount", bound)
                (self.folder / f"link-{kind}").symlink_to(mount)
                state.folder = self.folder / f"link-{kind}" / "deep" / "state"
                self.check_own(name, state)
                state.folder = mount / "not" / "yet"
                self.check_own(name, state)

    def test_only_the_certificates_in_a_mount(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            mount.chmod(0o755)  # what others can write is no part of a state folder
            state = project.State(self.folder / "state")
            for folder in ("certificates", "jobs"):
                (state.folder / folder).symlink_to(mount)
                self.check_own(f"memory:tmpfs:{mount}", state)
                (state.folder / folder).unlink()

    def test_a_file_of_the_state_by_every_name(self):
        with mounted("tmpfs", self.folder / "mnt") as mount:
            state = project.State(mount / "state")
            file = next(path for path in sorted(state.folder.rglob("*")) if path.is_file())
            os.link(file, mount / "other-name")
            for path in (file, mount / "other-name"):
                self.check_own(f"memory:file:{path}", state)
            order = targets.write_order(self.state, mount, targets.order(
                [{"target": "memory:tmpfs:/nowhere", "size_bytes": 1}]))
            self.check_own(f"memory:file:{order}", self.state)


if __name__ == "__main__":
    main()
