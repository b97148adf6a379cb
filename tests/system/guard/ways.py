# SPDX-License-Identifier: Apache-2.0
"""Ways to be in use, from two lists: who uses storage, and by which name of it. Each user takes a
path and holds it until the ExitStack ends; each name makes a target and gives both paths."""

import os
import subprocess
import uuid
from pathlib import Path

import ondisk
import storage
from process import missing, require, run, soon, undo

MIB = 1 << 20
SIZE = 16 * MIB
PART = 4 * MIB  # where partitions and overlapping loop devices begin
SECTOR = 512
# Users to try, separated by commas; all where it is not set.
ONLY = [name for name in os.environ.get("EFFACE_WAYS", "").split(",") if name]


class Unavailable(Exception):
    """This machine cannot do that: the row is counted as left out."""


def background(stack, *command):
    """A process that is ended by its number; it says "ready" first."""
    # pylint: disable=consider-using-with
    process = subprocess.Popen([str(a) for a in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stack.callback(lambda: (process.kill(), process.wait(), process.stdout.close()))
    if process.stdout.readline() != b"ready\n":
        raise Unavailable(f"{command[0]} did not begin")
    return process


# A thread that gives up sharing its descriptors (CLONE_FILES) opens the path; the first one stays or
# ends by itself, without the process.
HOLD_IN_THREAD = """
import ctypes, os, sys, threading, time
LIBC = ctypes.CDLL(None)
ready = threading.Event()
def hold():
    assert LIBC.unshare(0x400) == 0
    os.open(sys.argv[1], os.O_RDONLY)
    ready.set()
    if sys.argv[2] == "end":
        time.sleep(0.2)
    print("ready", flush=True)
    time.sleep(3600)
threading.Thread(target=hold).start()
ready.wait()
if sys.argv[2] == "end":
    LIBC.syscall(60, 0)  # exit(2) of this thread alone
time.sleep(3600)
"""
HOLD = ("import os,sys,time\n"
        "fd = os.open(sys.argv[1], eval(sys.argv[2]))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n")


# Who uses it. Each is a function of (stack, folder, path), and the codes that name it.
def mounted(stack, folder, path):
    require("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
    header_again(path)
    stack.enter_context(storage.mounted(path, folder / "mnt", "-t", "ext4"))


def mounted_elsewhere(stack, folder, path):
    """In a mount namespace that only a process of it keeps."""
    require("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
    header_again(path)
    (folder / "mnt").mkdir()
    background(stack, "unshare", "--mount", "sh", "-c",
               'mount -t ext4 "$1" "$2" && echo ready && exec sleep 600', "sh", path, folder / "mnt")


def lazily_unmounted(stack, folder, path):
    """Still active below the working folder of a process, but in no list of mounts."""
    require("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
    header_again(path)
    (folder / "mnt").mkdir()
    require("mount", "-t", "ext4", path, folder / "mnt")
    background(stack, "sh", "-c", 'cd "$1" && echo ready && exec sleep 600', "sh", folder / "mnt")
    require("umount", "--lazy", folder / "mnt")


def swapped_on(stack, _folder, path):
    if path.is_file():
        path.chmod(0o600)
    require("mkswap", "-q", path)
    header_again(path)
    require("swapon", path)
    stack.callback(lambda: undo("swapoff", path))


def opened(stack, _folder, path, flags="os.O_RDWR"):
    background(stack, "python3", "-c", HOLD, path, flags)


def opened_to_read(stack, folder, path):
    opened(stack, folder, path, "os.O_RDONLY")


def opened_exclusively(stack, folder, path):
    opened(stack, folder, path, "os.O_RDWR | os.O_EXCL")


def opened_elsewhere(stack, _folder, path):
    """From other mount and PID namespaces."""
    background(stack, "unshare", "--mount", "--pid", "--fork", "--kill-child", "python3", "-c", HOLD,
               path, "os.O_RDWR")


def opened_by_a_thread(stack, _folder, path):
    """Which has descriptors of its own."""
    background(stack, "python3", "-c", HOLD_IN_THREAD, path, "stay")


def opened_by_what_is_left(stack, _folder, path):
    """By a thread of a process whose first thread has ended."""
    background(stack, "python3", "-c", HOLD_IN_THREAD, path, "end")


def opened_by_another_node(stack, folder, path):
    number = path.stat().st_rdev
    require("mknod", folder / "node", "b", os.major(number), os.minor(number))
    opened(stack, folder, folder / "node")


def looped(stack, _folder, path):
    stack.enter_context(storage.loop_device(path))


def mapped(stack, folder, path):
    """A linear mapping."""
    name = need_dm(folder)
    sectors = blocks_of(path)
    if run("dmsetup", "create", name, "--table", f"0 {sectors} linear {path} 0").returncode != 0:
        raise Unavailable("no linear mapping")
    stack.callback(lambda: undo("dmsetup", "remove", "--retry", name))
    return Path("/dev/mapper") / name


def mapped_and_mounted(stack, folder, path):
    mounted(stack, folder, mapped(stack, folder, path))


def decrypted(stack, folder, path):
    name = need_dm(folder)
    if run("dmsetup", "create", name, "--table",
           f"0 {blocks_of(path)} crypt aes-xts-plain64 {'42' * 32} 0 {path} 0").returncode != 0:
        raise Unavailable("no crypt mapping")
    stack.callback(lambda: undo("dmsetup", "remove", "--retry", name))


def in_an_array(stack, _folder, path):
    if missing("mdadm") or run("modprobe", "linear").returncode != 0:
        raise Unavailable("no md")
    number = next(i for i in range(100, 120) if not Path(f"/sys/block/md{i}").exists())
    node = f"/dev/md{number}"
    if run("mdadm", "--quiet", "--build", node, "--level", "linear", "--force", "--raid-devices",
           "1", path).returncode != 0:
        raise Unavailable("no linear array")
    stack.callback(lambda: undo("mdadm", "--quiet", "--stop", node))


def exported_by_lio(stack, folder, path):
    modules("target_core_mod", "target_core_file")
    core = Path("/sys/kernel/config/target/core")
    plugin = core / "fileio_77"
    backend = plugin / f"x{os.getpid()}{folder.name[-6:]}".replace("-", "")
    backend.mkdir(parents=True)
    stack.callback(plugin.rmdir)
    stack.callback(backend.rmdir)
    size = blocks_of(path) * SECTOR
    (backend / "control").write_text(f"fd_dev_name={path},fd_dev_size={size}", encoding="ascii")
    (backend / "enable").write_text("1", encoding="ascii")


def exported_by_nvmet(stack, folder, path):
    modules("nvmet")
    subsystem = Path("/sys/kernel/config/nvmet/subsystems") / f"nqn.x{folder.name[-8:]}"
    space = subsystem / "namespaces" / "1"
    space.mkdir(parents=True)
    stack.callback(subsystem.rmdir)
    stack.callback(space.rmdir)
    (space / "device_path").write_text(str(path), encoding="ascii")
    (space / "enable").write_text("1", encoding="ascii")
    stack.callback(lambda: (space / "enable").write_text("0", encoding="ascii"))


MOUNT_CODES = {"mounted", "alias-in-use", "partition-in-use"}
HOLD_CODES = {"holder", "active-mapping", "md-member", "alias-in-use", "partition-in-use"}
USERS = {
    "mounted": (mounted, MOUNT_CODES),
    "mounted in another namespace": (mounted_elsewhere, MOUNT_CODES),
    # Who made a namespace in between still has it mounted there.
    "lazily unmounted": (lazily_unmounted, MOUNT_CODES | {"busy"}),
    "swap": (swapped_on, {"swap", "alias-in-use", "partition-in-use"}),
    "open": (opened, {"opened"}),
    "open to read": (opened_to_read, {"opened"}),
    "open O_EXCL": (opened_exclusively, {"opened"}),
    "open in other namespaces": (opened_elsewhere, {"opened"}),
    "open in a thread": (opened_by_a_thread, {"opened"}),
    "open in the threads that are left": (opened_by_what_is_left, {"opened"}),
    "open by another node": (opened_by_another_node, {"opened"}),
    "loop device": (looped, {"loop-backing", "alias-in-use", "partition-in-use"}),
    "mapping": (mapped, HOLD_CODES),
    "mounted mapping": (mapped_and_mounted, MOUNT_CODES | HOLD_CODES),
    "crypt mapping": (decrypted, HOLD_CODES),
    "array": (in_an_array, HOLD_CODES),
    "LIO": (exported_by_lio, {"exported"}),
    "nvmet": (exported_by_nvmet, {"exported"}),
}
FILE_USERS = ("swap", "open", "open to read", "open in other namespaces", "open in a thread",
              "open in the threads that are left", "LIO", "nvmet")


# By which name. Each is a function of (stack, image) that gives (target, path of the user, where
# in the image the target begins).
def loop(stack, file, offset=0, size=0):
    options = ["--offset", offset] if offset else []
    options += ["--sizelimit", size] if size else []
    device = require("losetup", "--find", "--show", *options, file).stdout.decode().strip()
    stack.callback(lambda: undo("losetup", "--detach", device))
    return Path(device)


def itself(stack, image):
    device = loop(stack, image)
    return device, device, 0


def another_loop(stack, image):
    return loop(stack, image), loop(stack, image), 0


def overlapping_loop(stack, image):
    return loop(stack, image), loop(stack, image, PART), 0


def overlapping_loop_reversed(stack, image):
    user = loop(stack, image)
    return loop(stack, image, PART), user, PART


def add_partition(stack, device, number, first, count):
    if not soon("addpart", device, str(number), str(first // SECTOR), str(count // SECTOR)):
        raise Unavailable("no partitions on loop devices")
    stack.callback(lambda: undo("delpart", device, str(number)))
    node = Path(f"{device}{'p' if device.name[-1].isdigit() else ''}{number}")
    if not node.exists():
        text = Path(f"/sys/class/block/{node.name}/dev").read_text(encoding="ascii").strip()
        require("mknod", node, "b", *text.split(":"))
        stack.callback(node.unlink)
    return node


def its_partition(stack, image):
    device = loop(stack, image)
    return device, add_partition(stack, device, 1, PART, PART), 0


def its_disk(stack, image):
    device = loop(stack, image)
    return add_partition(stack, device, 1, PART, PART), device, PART


def overlapping_partition(stack, image):
    """The kernel makes none on one disk; by another loop device over the file it is one."""
    device = loop(stack, image)
    target = add_partition(stack, device, 1, PART, PART)
    return target, loop(stack, image, PART + MIB), PART


def loop_above(stack, image):
    device = loop(stack, image)
    return device, loop(stack, device), 0


def loop_below(stack, image):
    device = loop(stack, image)
    return loop(stack, device), device, 0


def loop_over_the_file(stack, image):
    return image, loop(stack, image), 0


def file_below(stack, image):
    return loop(stack, image), image, 0


def hard_link_below(stack, image):
    link = image.with_name("link.img")
    os.link(image, link)
    stack.callback(link.unlink)
    return loop(stack, image), link, 0


def file_itself(_stack, image):
    return image, image, 0


def hard_link(stack, image):
    _, link, at = hard_link_below(stack, image)
    return image, link, at


DEVICE_NAMES = {
    "itself": itself, "another loop": another_loop, "overlapping loop": overlapping_loop,
    "loop over all of it": overlapping_loop_reversed, "its partition": its_partition,
    "its disk": its_disk, "loop over the partition": overlapping_partition,
    "loop above": loop_above, "loop below": loop_below, "file, by a loop": loop_over_the_file,
}
OTHER_LOOPS = ("another loop", "overlapping loop", "loop over all of it",
               "loop over the partition")
OVER_THE_TARGET = ("loop above", "file, by a loop")
FILE_NAMES = {"the file below": file_below, "a hard link below": hard_link_below,
              "the file": file_itself}


def rows():
    """(user, name) of every way. A loop device that nobody uses is another name, no user."""
    for name in DEVICE_NAMES:
        for user in USERS:
            wanted = not ONLY or user in ONLY
            if wanted and (user != "loop device" or name not in OTHER_LOOPS):
                yield user, name
    for name in FILE_NAMES:
        for user in FILE_USERS:
            if not ONLY or user in ONLY:
                yield user, name


HEADER = {}
UUID_OFFSET, UUID_BYTES = 168, 36  # of a LUKS1 header, which no checksum covers


def fresh_header():
    """The header with a UUID of its own: each image is another volume, not a clone of others."""
    header = bytearray(HEADER["bytes"])
    header[UUID_OFFSET:UUID_OFFSET + UUID_BYTES] = str(uuid.uuid4()).encode()
    return bytes(header)


def uuid_at(path, offset):
    return ondisk.read_at(path, offset + UUID_OFFSET, UUID_BYTES).decode()



def header_again(path):
    """A LUKS1 header in the bytes that file systems and swap leave for a boot loader, so that the
    same storage is in use and a project's volume."""
    ondisk.write_at(path, 0, fresh_header())


def blocks_of(path):
    with open(path, "rb") as file:
        return file.seek(0, os.SEEK_END) // SECTOR


def need_dm(folder):
    if missing("dmsetup") or not Path("/dev/mapper/control").exists():
        raise Unavailable("no device mapper")
    return f"efface-{os.getpid()}-{folder.name[-6:]}"


def modules(*names):
    if any(run("modprobe", name).returncode != 0 for name in names):
        raise Unavailable(f"no {names[0]}")
