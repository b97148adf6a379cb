# SPDX-License-Identifier: Apache-2.0
"""What can be wanting beside a target, each with the status and code that efface-exit.7, BEFORE ANYTHING IS
ERASED, gives it. A condition is made for one scene, and undone when its stack is left."""

import os
import shutil
from dataclasses import dataclass, field
from typing import Callable

from process import require

MIB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
LOG_FILES = ("entries.jsonl", "hashes", "offsets", "origin", "checkpoint")
WITH_CONTENT = ("entries.jsonl", "origin", "checkpoint")  # of a log with few entries
FINE = (0, None)


@dataclass
class Condition:
    name: str
    status: int                 # 0: it does no harm
    code: str | None
    make: Callable              # (scene, stack, scenes): damages what scene.state holds
    wrapper: list = field(default_factory=list)
    also: tuple = ()            # other codes that say the same
    may_do: bool = False        # whether it is wanting depends on the machine: refused, or done

    def __str__(self):
        return self.name


def nothing(_scene, _stack, _scenes):
    pass


# The log: each file damaged in each way.

def deleted(path):
    path.unlink(missing_ok=True)


def emptied(path):
    path.write_bytes(b"")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def one_bit(path):
    data = bytearray(path.read_bytes())
    if data:
        data[len(data) // 2] ^= 1
    path.write_bytes(data)


def appended(path):
    with open(path, "ab") as file:
        file.write(b'{"seq":1}\n' if path.suffix == ".jsonl" else b"x" * 32)


def folder(path):
    deleted(path)
    path.mkdir()


def pipe(path):
    deleted(path)
    os.mkfifo(path, 0o600)


def link(path):
    kept = path.with_name(f"{path.name}.kept")
    if path.exists():
        path.rename(kept)
    path.symlink_to(kept)


DAMAGES = (deleted, emptied, cut, one_bit, appended, folder, pipe, link)
# Beside the log, where something else than a file may stand under a name that efface writes.
BESIDE = ("checkpoint.new", "unsigned.new")


def expected_of_log(name, damage):
    if damage in (folder, pipe, link) or (damage is deleted and name not in BESIDE):
        return 1, "log-damaged"
    if name in BESIDE:
        return FINE
    if name not in WITH_CONTENT or (name == "entries.jsonl" and damage is appended):
        return FINE                     # what nobody signed is set aside
    return 1, "log-damaged"


def in_log(name, damage):
    return lambda scene, _stack, _scenes: damage(scene.state / "log" / name)


def log_conditions():
    for name in (*LOG_FILES, *BESIDE):
        for damage in DAMAGES:
            if name in BESIDE and damage in (cut, one_bit):
                continue                # nothing stands there
            yield Condition(f"log/{name} {damage.__name__}", *expected_of_log(name, damage),
                            in_log(name, damage))

    def copied(scene, _stack, _scenes):
        for name in ("hashes", "offsets", "origin"):
            (scene.state / "log" / name).unlink()
    yield Condition("log of two files", 1, "log-damaged", copied)
    yield Condition("log missing", 2, "bad-usage", lambda scene, _stack, _scenes:
                    shutil.rmtree(scene.state / "log"))


# Folders.

def as_file(name, mode):
    def make(scene, _stack, _scenes):
        path = scene.state / name
        shutil.rmtree(path, ignore_errors=True)
        path.write_bytes(b"")
        path.chmod(mode)
    return make


def mount(stack, *arguments):
    require("mount", *arguments)
    stack.callback(require, "umount", arguments[-1])


def read_only(name):
    def make(scene, stack, _scenes):
        path = scene.state / name
        path.mkdir(exist_ok=True)
        mount(stack, "--bind", path, path)
        require("mount", "-o", "remount,bind,ro", path)
    return make


def owned_by_nobody(name):
    def make(scene, _stack, _scenes):
        path = scene.state / name
        path.mkdir(exist_ok=True)
        os.chown(path, 65534, 65534)
    return make


def writable(name):
    def make(scene, _stack, _scenes):
        path = scene.state / name
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    return make


def folder_conditions():
    for name in ("jobs", "certificates"):
        for mode in (0o600, 0o755):
            yield Condition(f"{name} a file {mode:o}", 1, "state-unusable", as_file(name, mode))
    for name in ("", "log", "jobs", "certificates"):
        yield Condition(f"{name or 'state'} read-only", 1, "state-unusable", read_only(name))
    for name in ("", "keys", "log", "jobs", "certificates"):
        yield Condition(f"{name or 'state'} of another user", 6, "not-permitted",
                        owned_by_nobody(name))
        yield Condition(f"{name or 'state'} writable by others", 6, "not-permitted",
                        writable(name))


# Keys and certificates.

def without(name):
    return lambda scene, _stack, _scenes: (scene.state / "keys" / name).unlink()


def readable(name):
    return lambda scene, _stack, _scenes: (scene.state / "keys" / name).chmod(0o644)


def of_another_station(*names):
    def make(scene, _stack, scenes):
        for name in names:
            shutil.copy(scenes.other.folder / "keys" / name, scene.state / "keys" / name)
    return make


def reissued(start, end, role=True):
    """The station's certificate again, by the same root, with other dates."""
    def make(scene, _stack, _scenes):
        keys, work = scene.state / "keys", scene.folder / "ca"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "index").touch()
        (work / "serial").write_text("4a01\n")
        (work / "config").write_text(f"""
[ca]
default_ca=one
[one]
database={work}/index
serial={work}/serial
new_certs_dir={work}
default_md=sha384
policy=any
x509_extensions=leaf
string_mask=utf8only
[any]
organizationName=supplied
organizationalUnitName=supplied
commonName=supplied
[leaf]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,nonRepudiation
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always
{"certificatePolicies=2.25.65021332812177502488472365777237670439.1" if role else ""}
[req]
distinguished_name=none
string_mask=utf8only
[none]
""")
        environment = {**os.environ, "OPENSSL_CONF": str(work / "config")}
        require("openssl", "req", "-new", "-utf8", "-key", keys / "station.key", "-subj",
                "/O=Example Erasure Ltd/OU=DC-1/CN=station-7", "-out", work / "csr",
                env=environment)
        require("openssl", "ca", "-batch", "-notext", "-utf8", "-preserveDN", "-startdate", start,
                "-enddate", end, "-cert", keys / "root.pem", "-keyfile", keys / "root.key", "-in",
                work / "csr", "-out", work / "pem", env=environment)
        require("openssl", "x509", "-in", work / "pem", "-out", keys / "station.pem")
    return make


def key_conditions():
    # root.key may be kept elsewhere: no run needs it.
    for name in ("issuer.json", "root.pem", "station.key", "station.pem", "log.key",
                 "log.vkey"):
        yield Condition(f"no keys/{name}", 2, "no-keys" if name == "issuer.json" else "bad-usage",
                        without(name))
    for name in ("root.key", "station.key", "log.key"):
        yield Condition(f"keys/{name} readable", 6, "not-permitted", readable(name))
    for names, status, code in (
            (("station.pem",), 2, "bad-usage"),
            (("root.pem",), 6, "station-certificate"),
            (("station.pem", "station.key"), 6, "station-certificate"),
            (("log.vkey",), 1, "log-damaged"), (("log.key",), 1, "log-damaged"),
            (("log.key", "log.vkey"), 1, "log-damaged")):
        yield Condition(f"keys/{' and '.join(names)} of another station", status, code,
                        of_another_station(*names),
                        also=("bad-approval",) if "root.pem" in names else ())
    yield Condition("certificate reissued", 0, None,
                    reissued("20200101000000Z", "20500101000000Z"))
    yield Condition("certificate expired", 6, "station-certificate",
                    reissued("20200101000000Z", "20210101000000Z"))
    yield Condition("certificate not yet valid", 6, "station-certificate",
                    reissued("20490101000000Z", "20500101000000Z"))
    yield Condition("certificate without a role", 6, "station-certificate",
                    reissued("20200101000000Z", "20500101000000Z", role=False))


# What the machine gives.

def limit(*options):
    return ["prlimit", *options, "--"]


def machine_conditions():
    for count in range(6, 31):
        yield Condition(f"{count} descriptors", 1, "too-few-descriptors", nothing,
                        limit(f"--nofile={count}:{count}"))
    for count in range(32, 96, 4):
        yield Condition(f"{count} descriptors", 1, "too-few-descriptors", nothing,
                        limit(f"--nofile={count}:{count}"), may_do=True)
    for mib in (24, 32, 48, 64, 80, 96, 128, 160, 192, 224, 256, 320, 384, 512, 1024):
        yield Condition(f"{mib} MiB", 1, "no-memory", nothing, limit(f"--as={mib * MIB}"),
                        may_do=True)
    yield Condition("no capability", 6, "no-capability", nothing,
                    ["setpriv", "--inh-caps", "-all", "--bounding-set", "-all"], may_do=True)
    for name in ("sys_admin", "sys_rawio", "sys_ptrace", "dac_override", "dac_read_search",
                 "fowner", "ipc_lock", "ipc_owner", "sys_resource"):
        yield Condition(f"no {name}", 6, "no-capability", nothing,
                        ["setpriv", "--inh-caps", f"-{name}", "--bounding-set", f"-{name}"],
                        may_do=True)


# A full state folder.

SMALL_PAGES = 4 * MIB // PAGE


def fill(place, pages):
    """Takes all room on the tmpfs at `place` but so many pages."""
    left = os.statvfs(place).f_bfree - pages
    if left > 0:
        filler = os.open(place / "filler", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(filler, 0, left * PAGE)
        finally:
            os.close(filler)


def on_small(scene, stack, snapshot):
    """The state folder on a small tmpfs."""
    mount(stack, "-t", "tmpfs", "-o", "size=8m", "efface-test", scene.place)
    scene.reset(snapshot)


def full(pages):
    def make(scene, stack, _scenes):
        on_small(scene, stack, scene.current)
        fill(scene.place, pages)
    return make


def space_conditions():
    for pages in (*range(0, 40), *range(40, 1100, 20)):
        yield Condition(f"{pages} pages of room", 1, "no-space", full(pages), may_do=pages > 30)


def file_size_conditions():
    for size in (0, 1, 511, 4096, 65536, MIB - 1):
        yield Condition(f"files of {size} bytes", 1, "no-space", nothing, limit(f"--fsize={size}"))
    for size in (MIB, 2 * MIB, 4 * MIB, 64 * MIB):
        yield Condition(f"files of {size} bytes", 1, "no-space", nothing, limit(f"--fsize={size}"),
                        may_do=True)


def all_conditions():
    """In the core tests a part of each family, another one for each kind of target."""
    yield "log", list(log_conditions()), 5
    yield "folders", list(folder_conditions()), 4
    yield "keys", list(key_conditions()), 4
    yield "machine", list(machine_conditions()), 12
    yield "space", list(space_conditions()), 24
    yield "files", list(file_size_conditions()), 3
