# SPDX-License-Identifier: Apache-2.0
"""Memory: a tmpfs erased against dd writing zeros to it and reading it; the sweep against memset.

Every line is a ratio of one run, both sides in turn; medians of the rounds. The tmpfs is one of our
own. The sweep takes free memory: its worker is told to take so much and no more, and the whole command
runs within a control group of our own, where there can be one, or not at all. memset gets as much memory, fresh from the kernel as the sweep's is.

memory_speed.py [MIB [ROUNDS]]
"""

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "lib"), str(_SYSTEM / "erase")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import project
import targets
from process import EXIT_SKIPPED, missing, require, scratch

MIB = 1 << 20
MIB_DEFAULT = 2048
ROUNDS_DEFAULT = 5
ERASE_TARGET, SWEEP_TARGET = 1.5, 2.0
GROUPS = Path("/sys/fs/cgroup")
GROUP_SPARE = 64 * MIB  # of the limit: the program itself, page tables, what it leaves


def seconds_of(command):
    started = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return time.monotonic() - started, done


@contextmanager
def tmpfs(folder, size):
    mount = folder / "mnt"
    mount.mkdir(exist_ok=True)
    require("mount", "-t", "tmpfs", "-o", f"size={size + 64 * MIB},noswap", "efface-bench", mount)
    try:
        yield mount
    finally:
        require("umount", mount)


def fill(mount, size):
    require("dd", "if=/dev/zero", f"of={mount}/data", "bs=1M", f"count={size // MIB}",
            "status=none")


def by_dd(mount, size):
    """Zeros over what is there, and everything read once."""
    write = seconds_of(["dd", "if=/dev/zero", f"of={mount}/data", "bs=1M", f"count={size // MIB}",
                        "conv=notrunc", "status=none"])
    read = seconds_of(["dd", f"if={mount}/data", "of=/dev/null", "bs=1M", "status=none"])
    assert write[1].returncode == read[1].returncode == 0
    return write[0] + read[0]


def order_for(state, folder, target, number):
    document = targets.order([target])
    document["id"] = f"bench-{number}-{time.monotonic_ns()}"
    return targets.write_order(state, folder, document)


def erase_tmpfs(state, folder, mount, number):
    name = f"memory:tmpfs:{mount}"
    plan = json.loads(state.run("plan", name, "--json").stdout)["targets"][0]
    size = plan["identity"].get("sizeBytes", plan["sizeBytes"])
    order = order_for(state, folder, {"target": name, "size_bytes": size}, number)
    seconds, done = seconds_of(state.command("erase", "--order", order, "--json"))
    assert done.returncode in (0, project.EXIT["exceptions"]), done
    return seconds


@contextmanager
def group(limit):
    """A control group of our own with this limit; None where there can be none."""
    name = f"efface-bench-{os.getpid()}"
    for parent, attribute in ((GROUPS, "memory.max"), (GROUPS / "memory", "memory.limit_in_bytes")):
        folder = parent / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / attribute).exists():
            try:
                (folder / attribute).write_text(str(limit))
                yield folder
            finally:
                folder.rmdir()
            return
        folder.rmdir()
    yield None


def sweep(state, folder, box, number):
    """Bytes and seconds of the take alone, as its steps say when each began and ended."""
    order = order_for(state, folder, {"target": "memory:free"}, number)
    command = " ".join(f"'{word}'" for word in state.command("erase", "--order", order, "--json"))
    seconds, done = seconds_of(["sh", "-c", f"echo $$ >{box}/cgroup.procs && exec {command}"])
    assert done.returncode == project.EXIT["exceptions"], done
    record = targets.predicate(json.loads(done.stdout)["targets"][0]["bundle"])
    return record["sanitization"]["passes"][0]["bytesWritten"], seconds


def by_sweep(program, size):
    _, done = seconds_of([program, "sweep", size])
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def bench_tmpfs(state, folder, size, rounds):
    ours, theirs = [], []
    for number in range(rounds):
        with tmpfs(folder, size) as mount:
            fill(mount, size)
            theirs.append(by_dd(mount, size))
            ours.append(erase_tmpfs(state, folder, mount, number))
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs))
    print(f"tmpfs of {size // MIB} MiB, load {os.getloadavg()[0]:.1f}")
    print(f"  dd zeros, then reading              {statistics.median(theirs):6.2f} s")
    print(f"  efface erase (verified, certified)  {statistics.median(ours):6.2f} s  {ratio:5.2f} x"
          f"  (target at most {ERASE_TARGET})")


def bench_sweep(state, folder, program, size, rounds):
    ratios, rates = [], []
    for _ in range(rounds):
        plain = json.loads(seconds_of([program, "memset", size])[1].stdout)
        swept = by_sweep(program, size)
        rates.append(swept["bytes"] / swept["seconds"] / 1e9)
        ratios.append(swept["seconds"] / plain["seconds"] * plain["bytes"] / swept["bytes"])
    print(f"sweep of {size // MIB} MiB, as many as the worker is told to take")
    print(f"  taken, written, sampled, zeroed     {statistics.median(rates):6.2f} GB/s  "
          f"{statistics.median(ratios):5.2f} x of memset  (target at most {SWEEP_TARGET})")
    with group(size + GROUP_SPARE) as box:
        if box is None:
            print("  efface erase memory:free: no control group of ours here: not measured "
                  "(scripts/rig sweep runs it)")
            return
        taken, seconds = sweep(state, folder, box, 0)
        print(f"  efface erase memory:free            {taken / seconds / 1e9:6.2f} GB/s  "
              f"{taken // MIB} MiB within a control group, {seconds:.2f} s with its record")


def main():
    sizes = [int(text) for text in sys.argv[1:3]]
    size = (sizes[0] if sizes else MIB_DEFAULT) * MIB
    rounds = sizes[1] if len(sizes) > 1 else ROUNDS_DEFAULT
    program = Path(os.environ["EFFACE"]).parents[2] / "tests" / "bench" / "bench_sweep_speed"
    lacking = missing("dd", "mount", "umount")
    if os.geteuid() != 0 or lacking or not program.exists():
        print(f"skipped: needs root, {program.name}, and: {' '.join(lacking)}")
        return EXIT_SKIPPED
    with scratch() as folder:
        state = project.State(folder / "state")
        bench_tmpfs(state, folder, size, rounds)
        bench_sweep(state, folder, program, size, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
