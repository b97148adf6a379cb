# SPDX-License-Identifier: Apache-2.0
"""What must never be touched: every refusal names its reason and leaves every byte as it was."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lib")]

# pylint: disable=wrong-import-position
import blocks
import cases
import generators
import ondisk
import project
import storage
from cases import enter_state
from process import require, run

SAFETY = project.EXIT["safety"]
USAGE = project.EXIT["usage"]
VERIFY_BUNDLE = Path(__file__).parents[3] / "scripts" / "verify-bundle"
OTHER_UUID = "00000000-1111-4222-8333-444444444444"


def setUpModule():
    enter_state()


def luks1_over(file, folder):
    """Puts a LUKS1 header into the 1024 bytes that file systems and swap leave for a boot loader.

    So one file is at the same time in use and, for a careless tool, the volume of the manifest.
    """
    folder.mkdir()
    image = generators.make("luks1-xts-512", folder)
    ondisk.write_at(file, 0, ondisk.read_at(image.target, 0, 592))
    return image.uuid


class Case(cases.Case):
    def make(self, name="luks2-header-16k", folder="image"):
        (self.folder / folder).mkdir()
        return generators.make(name, self.folder / folder)

    def write(self, *volumes, **more):
        return project.write_manifest(self.folder, project.manifest(list(volumes), **more))

    def check_refused(self, manifest, files, words, code=SAFETY):
        """Plan and erase refuse alike, with `words` for a person, and `files` stay as they are."""
        digests = [blocks.digest(file) for file in files]
        log = self.state.folder / "log" / "entries.jsonl"
        logged = log.read_bytes()
        planned = self.state.run("plan", manifest)
        self.assertEqual(planned.returncode, code, planned)
        self.state.approve(manifest)
        done = self.state.erase(manifest)
        self.assertEqual(done.code, code, done)
        self.assertRegex(done.stderr, words)
        self.assertNotEqual(done.document.get("status"), "sanitized")
        self.assertNotIn(b"run-intent", log.read_bytes()[len(logged):])
        self.assertEqual([blocks.digest(file) for file in files], digests)
        return done


class Reencrypted(Case):
    """A credential that opens one of a volume's two keys opens it; any other is refused."""

    def test_volumes_that_are_being_reencrypted_take_their_passphrase(self):
        for name in [name for name in generators.names() if name.startswith("luks2-reencrypt-")]:
            with self.subTest(name=name):
                image = self.make(name, name)
                entry = project.volume_of(image, image.target, credential=True)
                planned = self.state.run("plan", self.write(entry), "--json")
                self.assertEqual(planned.returncode, 0, planned)
                self.assertNotIn(b"could not be tried", planned.stdout)
                wrong = self.folder / "wrong"
                wrong.write_bytes(b"not it")
                entry["credential"] = {"passphrase_file": str(wrong)}
                self.check_refused(self.write(entry), [image.metadata_file], "credential")
                entry["credential"] = {"passphrase_file": str(image.passphrase_file)}
                manifest = self.write(entry)
                approvals = manifest.with_name(manifest.name + ".p7s")
                approvals.unlink()  # of the manifest with the other one
                self.state.approve(manifest)
                done = self.state.erase(manifest)
                approvals.unlink()
                self.assertEqual(done.code, 0, done)
                record = json.loads((done.bundle / "certificate.json").read_bytes())
                self.assertEqual(record["predicate"]["volumes"][0]["credential"],
                                 {"declared": True, "openedBefore": True, "refusedAfter": True})

    def test_a_credential_that_there_is_no_memory_for_is_not_called_wrong(self):
        image = self.make()
        require("cryptsetup", "luksConvertKey", "--batch-mode", "--pbkdf", "argon2id",
                "--pbkdf-memory", 1 << 20, "--pbkdf-force-iterations", 4, "--pbkdf-parallel", 1,
                "--key-file", image.passphrase_file, image.target)
        manifest = self.write(project.volume_of(image, image.target, credential=True))
        planned = run("prlimit", f"--as={600 << 20}", *self.state.command("plan", manifest,
                                                                           "--json"))
        self.assertEqual(planned.returncode, 0, planned)
        self.assertIn(b"luks-memory", planned.stdout)
        self.assertNotIn(b"credential-does-not-open", planned.stdout)


class InUse(Case):
    def file_with(self, *mkfs):
        file = self.folder / "used.img"
        file.write_bytes(bytes(16 << 20))
        require(*mkfs, file)
        return file, luks1_over(file, self.folder / "luks1")

    def test_a_mounted_loop_device_and_the_file_below_it_are_refused(self):
        file, uuid = self.file_with("mkfs.ext4", "-q", "-F")
        with storage.loop_device(file) as device:
            with storage.mounted(device, self.folder / "mount", "-t", "ext4"):
                run("sync")
                for path in (device, file):
                    manifest = self.write(project.volume("db", path, uuid))
                    self.check_refused(manifest, [file], "mounted")
                    os.remove(f"{manifest}.p7s")

    def test_an_active_swap_file_is_refused(self):
        file, uuid = self.file_with("mkswap", "-q")
        os.chmod(file, 0o600)
        if run("swapon", file).returncode != 0:
            self.skipTest("swapon is not possible here")
        try:
            self.check_refused(self.write(project.volume("db", file, uuid)), [file], "swap")
        finally:
            require("swapoff", file)

    def test_a_file_held_by_a_loop_device_is_refused(self):
        image = self.make()
        with storage.loop_device(image.target) as device:
            self.check_refused(self.write(project.volume_of(image, image.target)),
                               [image.target], device.name)

    def test_a_header_file_held_by_a_loop_device_is_refused(self):
        image = self.make("luks2-detached-header")
        with storage.loop_device(image.header) as device:
            self.check_refused(self.write(project.volume_of(image, image.target)),
                               [image.target, image.header], device.name)

    def test_a_data_device_in_use_is_refused_although_its_header_lies_elsewhere(self):
        image = self.make("luks2-detached-header")
        with storage.loop_device(image.target) as device:
            self.check_refused(self.write(project.volume_of(image, image.target)),
                               [image.target, image.header], device.name)

    def test_a_disk_whose_partition_is_mounted_is_refused(self):
        image = self.make("luks2-on-partition")
        require("mkfs.ext4", "-q", "-F", "-E", f"offset={image.base}", image.target, "16M")
        with storage.attached(image) as node:
            disk = Path(str(node)[:-2])
            with storage.mounted(node, self.folder / "mount"):
                uuid = luks1_over(image.target, self.folder / "luks1")
                self.check_refused(self.write(project.volume("db", disk, uuid)),
                                   [image.target], "mounted")

    def test_the_disk_of_the_root_file_system_is_refused_by_the_plan(self):
        source = run("findmnt", "-no", "SOURCE", "/").stdout.decode().strip()
        if not Path(source).is_block_device():
            self.skipTest("the root file system lies on no block device")
        # Only ever planned, never erased.
        planned = self.state.run(
            "plan", self.write(project.volume("root", os.path.realpath(source), OTHER_UUID)))
        self.assertEqual(planned.returncode, SAFETY, planned)
        self.assertRegex((planned.stdout + planned.stderr).decode(), "root|mounted")


class Copies(Case):
    """Storage with the volume's header that the manifest does not list: a copy of its keys."""

    def copies(self, image):
        """Name, how it is attached, what it holds."""
        whole = image.target.read_bytes()
        header = whole[:16 << 20]
        second = bytes(0x4000) + whole[0x4000:]
        paged_out = bytes(0x10000) + whole[0x4000:0x8000] + bytes(1 << 20)
        yield "a whole device", 0, whole, True
        yield "a saved header on a device", 0, header, True
        yield "the second header only", 0, second, True
        yield "a partition", 1, bytes(1 << 20) + whole + bytes(1 << 20), True
        yield "a header that is paged out", 0, paged_out, False
        yield "other data", 0, bytes(1 << 20), False

    def test_a_copy_that_is_attached_refuses_the_run(self):
        image = self.make()
        entry = project.volume_of(image, image.target)
        for name, partition, content, refused in self.copies(image):
            with self.subTest(name):
                file = self.folder / "copy.img"
                file.write_bytes(content)
                if partition:
                    require("sh", "-c", f"echo 'start=2048, size={len(content) // 512 - 4096}' | "
                                        f"sfdisk -q --label dos {file}")
                wish = SimpleNamespace(target=file, loop=generators.LoopWish(partition=partition))
                manifest = self.write(entry)
                with storage.attached(wish) as node:
                    if refused:
                        self.check_refused(manifest, [image.target, file], str(node))
                        os.remove(f"{manifest}.p7s")
                    else:
                        planned = self.state.run("plan", manifest)
                        self.assertEqual(planned.returncode, 0, planned)

    def check_judges(self, bundle):
        done = self.state.run("verify", bundle)
        self.assertEqual(done.returncode, 0, done)
        keys = self.state.folder / "keys"
        done = run(VERIFY_BUNDLE, bundle, keys / "root.pem", keys / "log.vkey")
        self.assertEqual(done.returncode, 0, done)

    def test_a_copy_that_is_listed_is_erased(self):
        for role in ("volume", "backup"):
            with self.subTest(role):
                image = self.make(folder=role)
                file = self.folder / f"{role}.img"
                file.write_bytes(image.target.read_bytes())
                with storage.loop_device(file) as device:
                    entry = project.volume_of(image, image.target)
                    clone = {**entry, "name": "clone", "path": str(device)}
                    if role == "backup":
                        entry["header_backups"] = [{"path": str(device)}]
                    manifest = self.write(entry, *[clone] * (role == "volume"))
                    self.state.approve(manifest)
                    done = self.state.erase(manifest)
                    self.assertIn(done.code, (0, 4), done)
                    self.check_judges(done.bundle)
                    os.remove(f"{manifest}.p7s")
                for erased in (file, image.target):
                    self.assertNotIn(image.uuid.encode(), erased.read_bytes())


class Identity(Case):
    def test_another_uuid_is_refused(self):
        image = self.make()
        self.check_refused(self.write(project.volume("db", image.target, OTHER_UUID)),
                           [image.target], OTHER_UUID)

    def test_another_size_is_refused(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target), "size_bytes": 4096}
        self.check_refused(self.write(entry), [image.target], "bytes")

    def test_another_serial_number_is_refused(self):
        image = self.make("luks2-on-loop")
        with storage.attached(image) as device:
            entry = {**project.volume_of(image, device), "serial": "S3RIAL"}
            self.check_refused(self.write(entry), [image.target], "S3RIAL")

    def test_the_right_size_is_accepted(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target),
                 "size_bytes": image.target.stat().st_size}
        self.assertEqual(self.state.run("plan", self.write(entry)).returncode, 0)

    def test_a_missing_file_is_an_error_before_the_other_volume_is_touched(self):
        image = self.make()
        manifest = self.write(project.volume_of(image, image.target),
                              project.volume("gone", self.folder / "absent", OTHER_UUID))
        self.check_refused(manifest, [image.target], "absent", USAGE)

    def test_a_missing_header_backup_is_an_error_before_the_volume_is_touched(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target),
                 "header_backups": [{"path": str(self.folder / "absent")}]}
        self.check_refused(self.write(entry), [image.target], "absent", USAGE)

    def test_one_refused_volume_keeps_the_others_untouched(self):
        good = self.make(folder="good")
        wrong = self.make(folder="wrong")
        manifest = self.write(project.volume_of(good, good.target, name="good"),
                              project.volume("wrong", wrong.target, OTHER_UUID))
        self.check_refused(manifest, [good.target, wrong.target], OTHER_UUID)

    def test_a_volume_declared_as_gone_that_is_there_is_refused(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target), "gone": True}
        self.check_refused(self.write(entry), [image.target], "gone")

    def test_a_header_backup_declared_as_gone_that_is_there_is_refused(self):
        image = self.make("luks2-header-backup")
        entry = project.volume_of(image, image.target)
        entry["header_backups"][0]["gone"] = True
        self.check_refused(self.write(entry), [image.target, image.header_backups[0]], "gone")

    def test_a_header_backup_of_another_volume_is_refused(self):
        image = self.make()
        other = self.make("luks2-header-backup", "other")
        entry = {**project.volume_of(image, image.target),
                 "header_backups": [{"path": str(other.header_backups[0])}]}
        self.check_refused(self.write(entry), [image.target, other.header_backups[0]], other.uuid)

    def test_a_wrong_credential_is_refused(self):
        image = self.make()
        wrong = self.folder / "wrong"
        wrong.write_bytes(b"not it")
        entry = {**project.volume_of(image, image.target),
                 "credential": {"passphrase_file": str(wrong)}}
        manifest = self.write(entry)
        self.state.approve(manifest)
        before = blocks.digest(image.target)
        done = self.state.erase(manifest)
        self.assertEqual(done.code, SAFETY, done)
        self.assertIn("credential", done.stderr)
        self.assertEqual(blocks.digest(image.target), before)

    def test_a_missing_credential_is_refused_by_the_plan(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target),
                 "credential": {"passphrase_file": str(self.folder / "absent")}}
        self.check_refused(self.write(entry), [image.target], "no such credential file", USAGE)

    def test_a_clone_that_is_declared_as_a_backup_is_called_a_clone(self):
        image = self.make()
        clone = self.folder / "clone.img"
        clone.write_bytes(image.target.read_bytes())
        entry = {**project.volume_of(image, image.target),
                 "header_backups": [{"path": str(clone)}]}
        manifest = self.write(entry)
        planned = self.state.run("plan", manifest, "--json")
        self.assertEqual(planned.returncode, 0, planned)
        self.assertIn(b"volume-clone", planned.stdout)
        os.truncate(clone, 300 << 20)
        done = self.check_refused(manifest, [image.target, clone], "clone of the volume")
        self.assertIn("volume-clone", done.stdout)

    def test_the_same_file_under_two_names_is_not_erased(self):
        image = self.make()
        link = self.folder / "link"
        link.symlink_to(image.target)
        manifest = self.write(project.volume_of(image, image.target, name="a"),
                              project.volume_of(image, link, name="b"))
        before = blocks.digest(image.target)
        done = self.state.erase(manifest)
        self.assertIn(done.code, (USAGE, SAFETY), done)
        self.assertEqual(blocks.digest(image.target), before)

    def test_a_header_backup_that_is_the_volume_itself_is_refused(self):
        image = self.make()
        link = self.folder / "link"
        link.symlink_to(image.target)
        entry = {**project.volume_of(image, image.target), "header_backups": [{"path": str(link)}]}
        manifest = self.write(entry)
        self.state.run("approve", manifest, "--key", "alice")
        self.state.run("approve", manifest, "--key", "bob")
        before = blocks.digest(image.target)
        done = self.state.erase(manifest)
        self.assertIn(done.code, (USAGE, SAFETY), done)
        self.assertEqual(blocks.digest(image.target), before)

    def test_a_data_device_that_is_its_own_detached_header_is_refused(self):
        image = self.make()
        entry = {**project.volume_of(image, image.target), "header": str(image.target)}
        manifest = self.write(entry)
        self.state.run("approve", manifest, "--key", "alice")
        self.state.run("approve", manifest, "--key", "bob")
        before = blocks.digest(image.target)
        done = self.state.erase(manifest)
        self.assertIn(done.code, (USAGE, SAFETY), done)
        self.assertEqual(blocks.digest(image.target), before)

    def test_a_link_that_points_elsewhere_after_the_plan_is_refused(self):
        image = self.make(folder="planned")
        other = self.make(folder="other")
        link = self.folder / "link"
        link.symlink_to(image.target)
        manifest = self.write(project.volume_of(image, link))
        self.assertEqual(self.state.run("plan", manifest).returncode, 0)
        link.unlink()
        link.symlink_to(other.target)
        self.check_refused(manifest, [image.target, other.target], other.uuid)


class NotWritable(Case):
    def test_a_read_only_loop_device_is_refused(self):
        image = self.make()
        with storage.loop_device(image.target, read_only=True) as device:
            self.check_refused(self.write(project.volume_of(image, device)),
                               [image.target], "read-only")

    def test_a_file_without_write_permission_is_refused(self):
        image = self.make()
        image.target.chmod(0o400)
        self.check_refused(self.write(project.volume_of(image, image.target)),
                           [image.target], "read-only")

    def test_what_is_no_storage_is_an_error(self):
        (self.folder / "directory").mkdir()
        os.mkfifo(self.folder / "pipe")
        for path in ("/dev/null", self.folder / "directory", self.folder / "pipe"):
            manifest = self.write(project.volume("db", path, OTHER_UUID))
            self.check_refused(manifest, [], str(path), USAGE)
            os.remove(f"{manifest}.p7s")


if __name__ == "__main__":
    cases.main("cryptsetup", "losetup", "mkfs.ext4", "mkswap", "sfdisk", "findmnt", loops=True)
