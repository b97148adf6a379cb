# SPDX-License-Identifier: Apache-2.0
"""The generators and the unlocker by themselves, without efface: they must be able to fail."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import cases
import generators
import leftover
import ondisk
import unlocker
from cases import enter_scratch
from process import run


def setUpModule():
    enter_scratch()


class Generators(cases.Case):
    def make(self, name):
        folder = self.folder / name
        folder.mkdir()
        return generators.make(name, folder)

    def erase_with_cryptsetup(self, name):
        image = self.make(name)
        before = leftover.remember(image)
        code = run("cryptsetup", "erase", "--batch-mode", image.metadata_file).returncode
        return code, leftover.examine(image, before)

    def test_the_recovered_key_is_the_one_that_cryptsetup_dumps(self):
        for name in ("luks1-xts-512", "luks1-essiv-256", "luks2-essiv-256", "luks2-argon2id"):
            image = self.make(name)
            dumped = image.folder / "key"
            run("cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key",
                "--volume-key-file", dumped, "--key-file", image.passphrase_file, image.target)
            self.assertEqual(list(image.keys.values()), [dumped.read_bytes()], name)

    def test_another_passphrase_recovers_nothing(self):
        image = self.make("luks2-header-16k")
        self.assertEqual(unlocker.volume_keys(image.saved, image.target, [b"wrong"]), {})

    def test_one_sector_lost_from_the_split_key_recovers_nothing(self):
        image = self.make("luks2-header-16k")
        start = int(image.saved.document["keyslots"]["0"]["area"]["offset"])
        ondisk.write_at(image.target, start + 100 * 512, bytes(512))
        self.assertEqual(image.recover(), {})

    def test_an_untouched_image_shows_everything_as_left(self):
        image = self.make("luks2-token-clevis")
        left = leftover.examine(image, leftover.remember(image))
        self.assertGreater(left.blocks, 60)
        self.assertEqual((left.keys, left.opens, left.tokens, left.primary, left.secondary),
                         (1, 1, 1, True, True))
        self.assertFalse(left.nothing)

    def test_a_random_image_shows_nothing_as_left(self):
        image = self.make("luks2-token-clevis")
        before = leftover.remember(image)
        with open("/dev/urandom", "rb") as random:
            ondisk.write_at(image.target, 0, random.read(image.metadata_bytes))
        self.assertTrue(leftover.examine(image, before).nothing)

    def test_cryptsetup_erase_leaves_the_unbound_slot_usable(self):
        code, left = self.erase_with_cryptsetup("luks2-unbound-slot")
        self.assertEqual((code, left.keys), (0, 1))

    def test_cryptsetup_erase_leaves_plaintext_of_an_interrupted_encryption(self):
        code, left = self.erase_with_cryptsetup("luks2-reencrypt-encrypt-journal")
        self.assertEqual(code, 0)
        self.assertGreater(left.plaintext, 1000)

    def test_cryptsetup_erase_leaves_tokens_and_the_luksmeta_gap(self):
        self.assertEqual(self.erase_with_cryptsetup("luks2-token-clevis")[1].tokens, 1)
        self.assertTrue(self.erase_with_cryptsetup("luks1-luksmeta-gap")[1].luksmeta)

    def test_cryptsetup_erase_fails_under_a_foreign_signature_and_leaves_the_key(self):
        code, left = self.erase_with_cryptsetup("luks2-lvm-over-primary")
        self.assertNotEqual(code, 0)
        self.assertEqual(left.keys, 1)

    def test_an_old_block_is_found_wherever_it_lies(self):
        image = self.make("luks2-header-16k")
        before = leftover.remember(image)
        elsewhere = self.folder / "disk"
        elsewhere.write_bytes(bytes(40960) + ondisk.read_at(image.target, 32768, 4096) + bytes(99))
        self.assertEqual(blocks.remaining(elsewhere, before), [40960])


if __name__ == "__main__":
    cases.main("cryptsetup", "strace", "sfdisk", efface=False)
