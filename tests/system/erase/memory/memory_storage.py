# SPDX-License-Identifier: Apache-2.0
"""Targets in memory that a test makes, fills with marks and looks at again. Each has a name for efface
(`target`), `fill()` puts old content into it, `gone()` says whether none is left."""

import ctypes
import mmap
import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cases
import targets
from process import require

KIB = 1 << 10
MIB = 1 << 20
HUGE_BYTES = 2 * MIB
ZRAM_CONTROL = Path("/sys/class/zram-control")
HUGE_POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


class Case(cases.Case):
    """With a stack of what is undone at its end."""

    def setUp(self):
        super().setUp()
        self.stack = ExitStack()
        self.addCleanup(self.stack.close)


class Tree:
    """A mount with some files, one of them with an odd size and one with holes."""

    def __init__(self, kind, mount):
        self.target, self.mount = f"memory:{kind}:{mount}", Path(mount)

    def fill(self):
        (self.mount / "folder").mkdir(exist_ok=True)
        for number, size in enumerate((300 * KIB + 17, 5, 0, 64 * KIB)):
            targets.fill_with_marks(self.mount / "folder" / f"file-{number}", size)
        with open(self.mount / "sparse", "wb") as file:
            file.seek(8 * MIB)
            file.write(b"OLD-DATA")
        (self.mount / "link").unlink(missing_ok=True)
        (self.mount / "link").symlink_to("folder")

    def gone(self):
        return not list(self.mount.iterdir())


class File:
    """One file that is no whole number of pages long."""

    size = 300 * KIB + 17

    def __init__(self, path):
        self.target, self.path = f"memory:file:{path}", Path(path)
        targets.fill_with_marks(self.path, self.size)

    def fill(self):
        targets.fill_with_marks(self.path, self.size)

    def gone(self):
        return targets.marks_left(self.path) == [] and self.path.stat().st_size == self.size


class Swap:
    """An area that is not in use, with old content behind its header."""

    size = 4 * MIB

    def __init__(self, device):
        self.target, self.device = f"memory:swap:{device}", device

    def fill(self):
        targets.fill_with_marks(self.device, self.size)
        require("mkswap", "--force", "-U", "11111111-2222-4333-8444-555555555555", self.device)

    def gone(self):
        return targets.marks_left(self.device) == []


class ActiveSwap(Swap):
    """An area in use: only in a machine of its own (tests/system/rig/memory/memory_kill.sh)."""

    def fill(self):
        if self.active():
            require("swapoff", self.device)
        super().fill()
        require("swapon", self.device)

    def active(self):
        return str(self.device) in Path("/proc/swaps").read_text()

    def gone(self):
        return not self.active() and super().gone()


class Zram:
    def __init__(self, name):
        self.target, self.name = f"memory:zram:{name}", name

    def fill(self):
        size = Path("/sys/block", self.name, "disksize")
        if size.read_text().strip() == "0":
            size.write_text("4M")
        targets.fill_with_marks(f"/dev/{self.name}", MIB)

    def gone(self):
        return Path("/sys/block", self.name, "disksize").read_text().strip() == "0"


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmdt.argtypes = [ctypes.c_void_p]


class Segment:
    """A System V segment, made anew (with another id) for each run."""

    size = 300 * KIB
    removed = True  # erasing takes it away
    ident = -1

    @property
    def target(self):
        return f"memory:sysv:{self.ident}"

    def fill(self):
        self.remove()
        self.ident = LIBC.shmget(0, self.size, 0o1600)
        address = LIBC.shmat(self.ident, None, 0)
        assert self.ident >= 0 and address not in (None, ctypes.c_void_p(-1).value)
        ctypes.memset(address, 0x55, self.size)
        LIBC.shmdt(address)

    def remove(self):
        LIBC.shmctl(self.ident, 0, None)  # IPC_RMID

    def gone(self):
        return LIBC.shmctl(self.ident, 2, ctypes.create_string_buffer(256)) != 0  # IPC_STAT


class Queue:
    """A POSIX message queue with messages."""

    removed = True

    def __init__(self):
        self.name = f"efface-test-{os.getpid()}"
        self.target = f"memory:mqueue:{self.name}"

    def open(self, flags):
        # Flags, mq_maxmsg, mq_msgsize: small, as all processes of the user share one limit.
        attributes = (ctypes.c_long * 8)(0, 4, 512)
        return LIBC.mq_open(f"/{self.name}".encode(), flags, 0o600, attributes)

    def fill(self):
        self.remove()
        queue = self.open(os.O_RDWR | os.O_CREAT | os.O_EXCL)
        assert queue >= 0, os.strerror(ctypes.get_errno())
        for _ in range(4):
            assert LIBC.mq_send(queue, b"OLD-DATA" * 32, 256, 0) == 0
        os.close(queue)

    def remove(self):
        LIBC.mq_unlink(f"/{self.name}".encode())

    def gone(self):
        queue = self.open(os.O_RDONLY)
        if queue >= 0:
            os.close(queue)
        return queue < 0


class HugeTree(Tree):
    """A mount of huge pages: its files are written by mappings only."""

    def __init__(self, mount):
        super().__init__("hugetlbfs", mount)

    def fill(self):
        (self.mount / "folder").mkdir(exist_ok=True)
        with open(self.mount / "folder" / "data", "w+b") as file:
            file.truncate(2 * HUGE_BYTES)
            with mmap.mmap(file.fileno(), 2 * HUGE_BYTES) as memory:
                memory[:] = b"OLD-DATA" * (2 * HUGE_BYTES // 8)


class Brd:
    """A RAM disk: only where the machine is ours (rig)."""

    size = 4 * MIB

    def __init__(self, name):
        self.target, self.device = f"memory:brd:{name}", f"/dev/{name}"

    def fill(self):
        targets.fill_with_marks(self.device, self.size)

    def gone(self):
        return targets.marks_left(self.device) == []


def marks_in_memory(word=b"EFFACEMK"):
    """Marks anywhere in the physical memory, counted by the host: in the rig only (memory_lib.sh). A
    mark is the word and eight digits, which meet in the storage only."""
    ask, answer = Path("/run/rig/memory-ask"), Path("/run/rig/memory-answer")
    ask.with_suffix(".new").write_bytes(word)
    ask.with_suffix(".new").rename(ask)
    for _ in range(600):
        if answer.exists():
            count = int(answer.read_text())
            answer.unlink()
            return count
        time.sleep(0.05)
    raise AssertionError("the host does not answer")


class FreeMemory:
    """What a process had and gave back: in the rig only."""

    target = "memory:free"
    sized = False  # an order for it says none
    marks = 1024

    def fill(self):
        with mmap.mmap(-1, self.marks * 4096) as memory:
            for page in range(self.marks):
                memory[page * 4096:page * 4096 + 8] = b"EFFACEMK"
                memory[page * 4096 + 8:page * 4096 + 16] = b"%08d" % page
        assert marks_in_memory() > self.marks // 2

    def gone(self):
        return marks_in_memory() < self.marks // 10


class HugePages:
    """Free pages of the pool with old content: the kernel clears a page when somebody gets it."""

    target = "memory:hugepages:2048kB"
    pages = 2

    def fill(self):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000  # MAP_HUGETLB
        with mmap.mmap(-1, self.pages * HUGE_BYTES, flags) as memory:
            memory[:] = b"OLD-DATA" * (self.pages * HUGE_BYTES // 8)

    def gone(self):
        """All pages are back; what stands in them nobody sees from here."""
        return int((HUGE_POOL / "free_hugepages").read_text()) >= self.pages


@contextmanager
def memory_mount(kind, folder, options=None):
    """Mounted with these options; a tmpfs has 64 MiB unless they say otherwise."""
    folder.mkdir()
    require("mount", "-t", kind, "-o", options or ("size=64m" if kind == "tmpfs" else "rw"),
            "efface-test", folder)
    try:
        yield folder
    finally:
        require("umount", folder)


@contextmanager
def zram_device(mib=None):
    """Its name; with a size of so many MiB."""
    number = (ZRAM_CONTROL / "hot_add").read_text().strip()
    try:
        if mib:
            (Path("/sys/block") / f"zram{number}" / "disksize").write_text(f"{mib}M")
        yield f"zram{number}"
    finally:
        (ZRAM_CONTROL / "hot_remove").write_text(number)


@contextmanager
def huge_pages(pages=4):
    """So many more of them, as long as it lasts."""
    number = HUGE_POOL / "nr_hugepages"
    before = int(number.read_text())
    number.write_text(str(before + pages))
    try:
        yield int(number.read_text()) >= before + pages
    finally:
        number.write_text(str(before))
