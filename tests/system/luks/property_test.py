# SPDX-License-Identifier: Apache-2.0
"""Whenever a run says sanitized, nothing of the old metadata is left, and nobody can tell
otherwise: not an attacker with the old header and passphrase, not cryptsetup, not libblkid.

Every generator is run through the real binary ($EFFACE); a run that is refused must have changed
nothing. Names of tests or parts of them may be given as arguments.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import cases
import generators
import leftover
import project
import storage
from cases import enter_state
from process import require, run
from sample import todays

VERIFY_BUNDLE = Path(__file__).parents[3] / "scripts" / "verify-bundle"
FILE_SYSTEM_BYTES = 400 << 20

# What each image must end as: "claim" = sanitized with the level that the storage below allows
# (purge, or clear where it may be flash); "none" = keys destroyed and no level claimed, for the
# reason given.
EXPECTED = {
    "luks2-no-payload": ("none", "payload is too short"),
    "luks2-secondary-only": ("none", "damaged"),
    "luks2-secondary-only-4m": ("none", "damaged"),
    "luks2-primary-checksum": ("none", "damaged"),
    "luks2-both-checksums": ("none", "damaged"),
    "luks2-json-broken": ("none", "damaged"),
    "luks2-lvm-over-primary": ("none", "damaged"),
    "luks1-payload-offset-lies": ("none", "damaged"),
    "luks2-overlapping-areas": ("none", "damaged"),
    "luks2-area-beyond-payload": ("none", "damaged"),
    "luks2-unknown-requirement": ("none", "vendor-feature-9"),
    "luks2-opal-requirement": ("none", "media key"),
    "luks2-opal-segment": ("none", "media key"),
    "luks2-linear-segment": ("none", "plaintext-segment"),
    "luks2-cipher-null": ("none", "not encrypted"),
    "luks2-aes-ecb": ("none", "ECB"),
    "luks1-aes-ecb": ("none", "ECB"),
    "luks2-plaintext-payload": ("none", "not ciphertext"),
    "luks2-reencrypt-encrypt-journal": ("none", "reencryption"),
    "luks2-reencrypt-encrypt-checksum": ("none", "reencryption"),
    "luks2-reencrypt-encrypt-none": ("none", "reencryption"),
    "luks2-reencrypt-datashift": ("none", "reencryption"),
    "luks2-reencrypt-two-keys": ("none", "reencryption"),
    "luks2-reencrypt-decrypt": ("none", "reencryption"),
    "luks2-both-magics-gone": ("none", "damaged"),
    "luks2-unknown-slot-type": ("none", "damaged"),
}
CLAIMED_LEVELS = ("purge", "clear")
# These have a credential, tried before and after wherever cryptsetup can read the header; and
# their bundles are verified with stock tools as well, which takes its time.
WITH_CREDENTIAL = ("luks1-xts-512", "luks2-xts-512", "luks2-essiv-256", "luks2-detached-header",
                   "luks2-on-loop", "luks2-unbound-slot", "luks2-both-checksums")



def setUpModule():
    enter_state()


class Case(cases.Case):
    """Steps that every image goes through."""

    maxDiff = None

    def erase(self, image, path, credential=False, **more):
        manifest = project.write_manifest(self.folder, project.manifest(
            [project.volume_of(image, path, credential=credential)], **more))
        self.state.approve(manifest)
        return manifest, self.state.erase(manifest)

    def check_gone(self, image, before, path):
        """Asked of the bytes, of the attacker, and of stock tools."""
        left = leftover.examine(image, before)
        self.assertTrue(left.nothing, left)
        seen = image.header or path
        if not seen.exists():
            return
        self.assertNotEqual(run("cryptsetup", "isLuks", seen).returncode, 0)
        for passphrase in image.passphrases:
            done = run("cryptsetup", "open", "--test-passphrase", "--key-file", "-", seen,
                       input=passphrase)
            self.assertNotEqual(done.returncode, 0)
        self.assertEqual(run("wipefs", "--noheadings", seen).stdout, b"")
        self.assertEqual(run("blkid", "-p", "-o", "value", "-s", "TYPE", seen).stdout, b"")

    def check_bundle(self, done, stock_tools=True):
        bundle = done.bundle
        self.assertTrue(bundle and bundle.is_dir(), done)
        keys = self.state.folder / "keys"
        verified = self.state.run("verify", bundle, "--root", keys / "root.pem", "--log-key",
                                  keys / "log.vkey", "--log", self.state.folder / "log")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        if stock_tools:
            stock = run(VERIFY_BUNDLE, bundle, keys / "root.pem", keys / "log.vkey")
            self.assertEqual(stock.returncode, 0, stock.stdout + stock.stderr)

    def check_again(self, image, manifest, first):
        """The same project again: the same certificate, and nothing is touched."""
        before = blocks.digest(image.metadata_file) if image.metadata_file.exists() else None
        again = self.state.erase(manifest)
        self.assertEqual(again.code, first.code, again)
        self.assertEqual(again.document["certificateSha256"], first.document["certificateSha256"])
        self.assertIs(again.document["changed"], False)
        if before:
            self.assertEqual(blocks.digest(image.metadata_file), before)

    def check_refused(self, image, done, digests, words):
        self.assertEqual(done.code, project.EXIT["safety"], done)
        self.assertNotIn("sanitized", (done.document.get("status"),), done)
        self.assertIn(words, done.stdout + done.stderr)
        self.assertEqual(self.digests(image), digests)

    def digests(self, image):
        files = [image.target, *([image.header] * bool(image.header)), *image.header_backups]
        return [blocks.digest(path) for path in files]

    def words_of(self, done):
        """Everything that the certificate says, to look for a reason in it."""
        return (done.bundle / "certificate.json").read_text(encoding="utf-8")


class EveryGenerator(Case):
    def check(self, name):
        kind, words = EXPECTED.get(name, ("claim", ""))
        folder = self.folder / "image"
        folder.mkdir()
        image = generators.make(name, folder)
        before = leftover.remember(image)
        with storage.attached(image) as path:
            manifest, done = self.erase(image, path, name in WITH_CREDENTIAL)
            self.assertEqual((done.code, done.verdict[0]), (0, "sanitized"), done)
            if kind == "claim":
                self.assertIn(done.verdict[1], CLAIMED_LEVELS, self.words_of(done))
            else:
                self.assertEqual(done.verdict[1], "none", done)
                self.assertIn(words, self.words_of(done))
            self.assertIs(done.document["changed"], True)
            self.check_gone(image, before, path)
            self.check_bundle(done, stock_tools=name in WITH_CREDENTIAL)
            self.check_again(image, manifest, done)


def _add(name):
    method = "test_" + name.replace("-", "_")
    setattr(EveryGenerator, method, lambda self: self.check(name))


for _name in sorted({*todays(generators.names(), 4), *WITH_CREDENTIAL}):
    _add(_name)


class OnFileSystems(Case):
    """An image file inside a file system of ours: the device below the file system is searched."""

    def backing(self, kind, *options):
        disk = self.folder / "disk.img"
        with open(disk, "wb") as file:
            file.truncate(FILE_SYSTEM_BYTES)
        require(f"mkfs.{kind}", *options, disk)
        return disk

    def check(self, kind, *options):
        disk = self.backing(kind, *options)
        with storage.loop_device(disk) as device:
            with storage.mounted(device, self.folder / "mount") as mount:
                image = generators.make("luks2-xts-512", mount)
                before = leftover.remember(image)
                run("sync", "--file-system", mount)
                self.assertTrue(blocks.remaining(disk, before), "the search must be able to find")
                manifest, done = self.erase(image, image.target)
                self.assertEqual((done.code, done.verdict[0]), (0, "sanitized"), done)
                self.check_gone(image, before, image.target)
                self.check_again(image, manifest, done)
            require("blockdev", "--flushbufs", device)
            self.assertEqual(blocks.remaining(disk, before), [])

    def refuse(self, kind, *options, clone=False):
        disk = self.backing(kind, *options)
        with storage.loop_device(disk) as device:
            with storage.mounted(device, self.folder / "mount") as mount:
                image = generators.make("luks2-header-16k", mount)
                if clone:
                    require("cp", "--reflink=always", image.target, mount / "clone.img")
                run("sync", "--file-system", mount)
                digests = self.digests(image)
                _, done = self.erase(image, image.target)
                self.check_refused(image, done, digests, "old blocks")
                self.assertEqual(self.state.run("plan", self.folder / "project.json").returncode,
                                 project.EXIT["safety"])

    def test_ext4_keeps_no_old_block_on_the_device_below(self):
        self.check("ext4", "-q", "-F", "-b", str(blocks.BLOCK_BYTES))

    def test_xfs_keeps_no_old_block_on_the_device_below(self):
        self.check("xfs", "-q")

    def test_btrfs_is_refused_because_it_would_keep_the_old_blocks(self):
        self.refuse("btrfs", "-q")

    def test_a_reflinked_file_is_refused_because_its_clone_keeps_the_old_blocks(self):
        self.refuse("xfs", "-q", clone=True)


class ByPolicy(Case):
    def make(self, name):
        folder = self.folder / "image"
        folder.mkdir()
        return generators.make(name, folder)

    def test_a_minimum_level_that_can_not_be_claimed_refuses_before_anything_is_destroyed(self):
        image = self.make("luks2-plaintext-payload")
        digests = self.digests(image)
        _, done = self.erase(image, image.target, minimum_level="purge")
        self.check_refused(image, done, digests, "purge")

    def test_without_an_attestation_keys_are_destroyed_and_no_level_is_claimed(self):
        image = self.make("luks2-header-16k")
        before = leftover.remember(image)
        _, done = self.erase(image, image.target, attestation=None)
        self.assertEqual((done.code, done.verdict), (0, ("sanitized", "none")), done)
        self.check_gone(image, before, image.target)

    def test_the_attestation_of_key_copies_alone_claims_no_level(self):
        image = self.make("luks2-header-16k")
        _, done = self.erase(image, image.target, attestation={
            "encrypted_since_first_use": False, "all_key_copies_declared": True, "by": "Carol"})
        self.assertEqual((done.code, done.verdict), (0, ("sanitized", "none")), done)

    def test_three_volumes_of_one_project_get_one_certificate(self):
        images = []
        for name in ("luks1-xts-512", "luks2-xts-512", "luks2-essiv-256"):
            (self.folder / name).mkdir()
            images.append(generators.make(name, self.folder / name))
        before = [leftover.remember(image) for image in images]
        manifest = project.write_manifest(self.folder, project.manifest(
            [project.volume_of(image, image.target, name=image.name) for image in images]))
        self.state.approve(manifest)
        done = self.state.erase(manifest)
        self.assertEqual(done.code, 0, done)
        self.assertEqual({entry["name"] for entry in done.document["volumes"]},
                         {image.name for image in images})
        for image, old in zip(images, before):
            self.check_gone(image, old, image.target)
        self.check_bundle(done)


if __name__ == "__main__":
    cases.main("cryptsetup", "strace", "sfdisk", "losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs",
               "wipefs", "blkid", loops=True)
