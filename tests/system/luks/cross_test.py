# SPDX-License-Identifier: Apache-2.0
"""Every damage of a header, alone and in pairs, against every command: generated, not listed.

Volumes of cryptsetup are damaged, planned, erased where the plan has no objection, and declared
gone. Judged are the bytes, by cryptsetup and by our own unlocker, also after the headers were
rebuilt: what ends as sanitized opens nowhere, and keeps no byte of before in front of the payload;
what is refused is untouched; what passes for gone cannot be rebuilt from what stands there.
"""

import itertools
import os
import re
import sys
import uuid
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import cases
import ondisk
import project
import unlocker
from cases import MACHINE, enter_state
from process import require, run, some

PASSPHRASE = b"correct horse battery staple"
KIB = 1 << 10
MIB = 1 << 20
HEADER = 16 * KIB
METADATA = 288 * KIB  # two headers and two key areas of 128 KiB
PAYLOAD = 512 * KIB
GAP_COPY = 400 * KIB  # none of the ten places
SECTOR = 512
BLOCK = 4096
ZEROS = bytes(BLOCK)
BATCH = 60  # volumes of one project, so that the scratch folder stays small
FAR = 140 * MIB  # a payload behind all that metadata can fill
FAR_COPY = 138 * MIB

MAGICS = re.compile(b"|".join(map(re.escape, (ondisk.MAGIC_PRIMARY, ondisk.MAGIC_SECONDARY))))


def setUpModule():
    enter_state()


def base_luks2(path, payload=PAYLOAD):
    """A volume of cryptsetup, and 256 KiB of payload."""
    passphrase = MACHINE["folder"] / "passphrase"
    passphrase.write_bytes(PASSPHRASE)
    with open(path, "wb") as file:
        file.truncate(payload + MIB)
    require("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2",
            "--pbkdf-force-iterations", "1000", "--cipher", "aes-xts-plain64", "--key-size", "256",
            "--luks2-keyslots-size", "256k", "--offset", payload // SECTOR,
            "--key-file", passphrase, path)
    os.truncate(path, payload)
    with open(path, "ab") as file:
        file.write(os.urandom(256 * KIB))


def zero(offset, length):
    return lambda raw: raw.__setitem__(slice(offset, offset + length), bytes(length))


def flip(offset):
    return lambda raw: raw.__setitem__(offset, raw[offset] ^ 1)


def copy_to(offset, start, length):
    return lambda raw: raw.__setitem__(slice(offset, offset + length), raw[start:start + length])


def move(by):
    def change(raw):
        raw[:] = bytes(by) + raw[:len(raw) - by]
    return change


def damages():
    """{name: change of the image's bytes}."""
    found = {}
    for which, at in (("primary", 0), ("secondary", HEADER)):
        found |= {
            f"{which}-magic": zero(at, 6),
            f"{which}-version": flip(at + 7),
            f"{which}-size": flip(at + 13),
            f"{which}-uuid": flip(at + 170),
            f"{which}-checksum": flip(at + 450),
            f"{which}-binary": zero(at, BLOCK),
            f"{which}-json": zero(at + BLOCK, HEADER - BLOCK),
            f"{which}-json-begins-with-zeros": zero(at + BLOCK, 64),
            f"{which}-json-cut": zero(at + BLOCK + 400, HEADER - BLOCK - 400),
            f"{which}-json-bit": flip(at + BLOCK + 100),
        }
    return found | {
        "area-zeroed": zero(2 * HEADER, 128 * KIB),
        "area-flipped": flip(2 * HEADER + 1000),
        "area-cut": zero(2 * HEADER + 64 * KIB, 64 * KIB),
        "copy-in-the-gap": copy_to(GAP_COPY, 0, 2 * HEADER),
        "former-second-header": copy_to(0x20000, HEADER, HEADER),
        "volume-in-the-payload": copy_to(PAYLOAD, 0, 2 * HEADER),
        "foreign-label": zero(0, 4 * SECTOR),
        "moved-by-a-page": move(BLOCK),
        "moved-by-a-header": move(HEADER),
    }


class Volume:
    """One damaged image, and what an attacker kept of it: the headers from before the damage."""

    def __init__(self, folder, name, raw, changes):
        self.name = name
        self.path = folder / f"{name}.img"
        self.uuid = str(uuid.uuid4())
        whole = bytearray(raw)
        self.path.write_bytes(whole)
        ondisk.set_uuid(self.path, self.uuid)
        whole = bytearray(self.path.read_bytes())
        self.saved_bytes = bytes(whole[:2 * HEADER])
        self.saved = ondisk.load(self.path)
        for change in changes:
            change(whole)
        self.path.write_bytes(whole)
        self.before = bytes(whole)

    def unlock(self, path):
        return unlocker.volume_keys(self.saved, path, [PASSPHRASE])

    def entry(self, **more):
        return project.volume(self.name, self.path, self.uuid, **more)


class Detached(Volume):
    """The damaged image is a header file; its payload lies on another device."""

    def __init__(self, folder, name, raw, changes):
        self.data = folder / f"{name}.data"
        self.data.write_bytes(bytes(PAYLOAD) + os.urandom(256 * KIB))
        super().__init__(folder, name, raw, changes)

    def entry(self, **more):
        return project.volume(self.name, self.data, self.uuid, header=str(self.path), **more)


def cryptsetup_opens(path):
    return run("cryptsetup", "open", "--test-passphrase", "--disable-locks", "--key-file", "-",
               path, input=PASSPHRASE).returncode == 0


class Table(cases.Case):
    maxDiff = None

    def write(self, entries, name, **more):
        (self.folder / f"{name}.p7s").unlink(missing_ok=True)
        return project.write_manifest(self.folder, project.manifest(entries, **more), name)

    def objections(self, manifest):
        """{volume: [codes]} of the plan."""
        done = self.state.run("plan", manifest, "--json")
        self.assertIn(done.returncode, (0, project.EXIT["safety"]), done)
        document = project.Run(done).document
        return {volume["name"]: [objection["code"] for objection in volume["objections"]]
                for volume in document["volumes"]}

    def check_nothing_opens(self, volume, payload=PAYLOAD):
        after = volume.path.read_bytes()
        for at in range(0, payload, BLOCK):
            block = volume.before[at:at + BLOCK]
            if block != ZEROS:
                self.assertNotEqual(after[at:at + BLOCK], block,
                                    f"{volume.name}: as before at {at}")
        self.assertEqual(volume.unlock(volume.path), {}, volume.name)
        trial = self.folder / "trial.img"
        places = [found.start() for found in MAGICS.finditer(after) if found.start() % SECTOR == 0]
        self.assertEqual(places, [], f"{volume.name}: headers are left")
        for at in (0, BLOCK, HEADER, GAP_COPY, FAR_COPY, payload):  # rebuilt where one stood
            areas = after[at + 2 * HEADER:at + METADATA]
            trial.write_bytes(volume.saved_bytes + areas + bytes(MIB))
            self.assertFalse(cryptsetup_opens(trial), f"{volume.name}: rebuilt at {at}")

    def check_gone(self, volume):
        """The binary headers made again, as anybody can: nothing of it opens."""
        raw = bytearray(volume.path.read_bytes())
        for at in (0, HEADER):
            raw[at:at + BLOCK] = volume.saved_bytes[at:at + BLOCK]
            size = raw[at:at + HEADER]
            raw[at:at + HEADER] = ondisk.seal(bytes(size))
        trial = self.folder / "trial.img"
        trial.write_bytes(raw + bytes(MIB))
        self.assertFalse(cryptsetup_opens(trial), f"{volume.name} passed for gone")

    def check_batch(self, volumes, payload=PAYLOAD):
        """Returns how many were erased and how many refused."""
        found = self.objections(self.write([each.entry() for each in volumes], "plan.json"))
        gone = self.objections(self.write([each.entry(gone=True) for each in volumes], "gone.json"))
        taken = [each for each in volumes if not found[each.name]]
        for each in volumes:
            self.assertEqual(each.path.read_bytes(), each.before, each.name)
            self.assertNotIn("internal", found[each.name] + gone[each.name])
            if not gone[each.name]:
                self.check_gone(each)
        if taken:
            manifest = self.write([each.entry() for each in taken], "erase.json")
            self.state.approve(manifest)
            done = self.state.erase(manifest)
            self.assertIn(done.code, (0, project.EXIT["exceptions"]), done)
            for entry in done.document["volumes"]:
                self.assertIn(entry["status"], ("sanitized", "sanitized-with-exceptions"), entry)
            for each in taken:
                self.check_nothing_opens(each, payload)
        for each in volumes:
            if each not in taken:
                self.assertEqual(each.path.read_bytes(), each.before, each.name)
                self.assertTrue(gone[each.name] or "header-not-found" in found[each.name] or
                                not each.unlock(each.path), each.name)
        return len(taken), len(volumes) - len(taken)

    def check_all(self, combinations):
        raw_path = self.folder / "base.img"
        base_luks2(raw_path)
        raw = raw_path.read_bytes()
        return self.check_combinations(
            lambda name, changes: Volume(self.folder, name, raw, changes), list(combinations))

    def test_every_damage_alone(self):
        names = list(damages())
        erased, refused = self.check_all([()] + [(name,) for name in names])
        self.assertGreaterEqual(erased, len(names) - 2)  # moved by a page, foreign
        self.assertEqual(erased + refused, len(names) + 1)

    def test_every_pair_of_damages(self):
        pairs = some(itertools.combinations(damages(), 2), 32)
        erased, refused = self.check_all(pairs)
        self.assertGreater(erased, len(pairs) // 2)
        self.assertGreater(refused, 0)

    def check_combinations(self, make, combinations, payload=PAYLOAD, batch=BATCH):
        """make(name, changes) gives a Volume; counts as check_batch."""
        all_damages = damages()
        erased, refused = 0, 0
        for start in range(0, len(combinations), batch):
            volumes = [make("--".join(names) or "whole", [all_damages[name] for name in names])
                       for names in combinations[start:start + batch]]
            one, two = self.check_batch(volumes, payload)
            erased, refused = erased + one, refused + two
            for each in volumes:
                each.path.unlink()
        print(f"{len(combinations)} damaged volumes: {erased} erased, {refused} refused")
        return erased, refused

    def test_every_damage_before_a_gap_beyond_all_metadata(self):
        """The payload begins behind 136 MiB; whole copies with their key areas stand before it."""
        path = self.folder / "far.img"
        base_luks2(path, FAR)
        raw = bytearray(path.read_bytes())
        raw[FAR_COPY:FAR_COPY + METADATA] = raw[:METADATA]
        path.unlink()
        names = sorted({*some(damages(), 16), "primary-json"})
        erased, _ = self.check_combinations(
            lambda name, changes: Volume(self.folder, name, raw, changes),
            [()] + [(name,) for name in names], FAR, 1)
        self.assertGreaterEqual(erased, len(names) - 1)

    def test_every_damage_of_a_detached_header(self):
        raw_path = self.folder / "base.img"
        base_luks2(raw_path)
        raw = raw_path.read_bytes()[:PAYLOAD]
        names = some(damages(), 2)
        erased, refused = self.check_combinations(
            lambda name, changes: Detached(self.folder, name, raw, changes),
            [()] + [(name,) for name in names])
        self.assertEqual(erased + refused, len(names) + 1)
        self.assertGreaterEqual(erased, len(names) - 4)

    def test_a_first_header_without_its_binary_part_goes_with_a_detached_one(self):
        raw_path = self.folder / "base.img"
        base_luks2(raw_path)
        for name in ("primary-binary", "primary-json", "primary-uuid", "primary-magic"):
            header = self.folder / f"{name}.hdr"
            volume = Volume(self.folder, name, raw_path.read_bytes(),
                            [damages()[name], damages()[name.replace("primary", "secondary")]])
            header.write_bytes(volume.saved_bytes + volume.before[2 * HEADER:PAYLOAD])
            manifest = self.write([volume.entry(header=str(header))], "detached.json")
            self.state.approve(manifest)
            done = self.state.erase(manifest)
            self.assertEqual(done.code, 0, done)
            self.check_nothing_opens(volume)
            self.assertFalse(cryptsetup_opens(header))


if __name__ == "__main__":
    cases.main("cryptsetup")
