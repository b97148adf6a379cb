# SPDX-License-Identifier: Apache-2.0
"""Overwriting and verifying against fio, shred and nwipe, on loop devices of our own.

Every figure of one table comes from one run, all sides in turn on the same device; medians of the
rounds. Write and read rates stand beside fio's (same block size and depth, O_DIRECT, a flush at
the end, buffers left alone: it only moves data); `efface erase` (write, verify, certify) beside
shred -n1, which verifies nothing, and nwipe. CPU seconds are those of the process, without the kernel's workers below the loop device.

overwrite_speed.py [MIB [ROUNDS [NWIPE_MIB]]]
"""

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "lib"), str(_SYSTEM / "erase")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import project
import targets
from process import EXIT_SKIPPED, missing, require, run, scratch
from storage import may_use_loops

MIB = 1 << 20
MIB_DEFAULT = 1024
ROUNDS_DEFAULT = 5
NWIPE_MIB_DEFAULT = 512  # it takes ten times as long
DEVICES = 8
SECONDS_MAX = 3600
BLOCK = "1M"
DEPTH = 8
RSS_MIB = (16, 32)  # a device, and once


@dataclass
class Cost:
    seconds: float
    cpu: float
    size: int
    rss: int = 0

    @property
    def rate(self):
        return self.size / self.seconds / 1e6

    @property
    def cpu_per_gib(self):
        return self.cpu / (self.size / (1 << 30))


def timed(command, size):
    """Wall and CPU time and peak memory of one program; it has to succeed."""
    started = time.monotonic()
    with subprocess.Popen([str(a) for a in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} failed ({child.returncode}): "
                           f"{output[-2000:].decode(errors='replace')}")
    cost = Cost(time.monotonic() - started, usage.ru_utime + usage.ru_stime, size,
                usage.ru_maxrss * 1024)
    return cost, output


def fio(devices, direction, size):
    """All devices at once, one job each; fio's own runtime, without its start."""
    command = ["fio", f"--rw={direction}", f"--bs={BLOCK}", f"--iodepth={DEPTH}", "--direct=1",
               "--ioengine=io_uring", "--end_fsync=1", "--scramble_buffers=0",
               f"--size={size}", "--output-format=json"]
    for number, device in enumerate(devices):
        command += [f"--name=job{number}", f"--filename={device}"]
    cost, output = timed(command, size * len(devices))
    jobs = json.loads(output[output.index(b"{"):])["jobs"]
    cost.seconds = max(job["job_runtime"] for job in jobs) / 1e3
    cost.cpu = sum(job["job_runtime"] / 1e3 * (job["usr_cpu"] + job["sys_cpu"]) / 100
                   for job in jobs)
    return cost


def one_pass(program, what, devices, size):
    """The engine alone: bench_pass_speed fill or check."""
    cost, output = timed([program, what, *devices], size * len(devices))
    answer = json.loads(output)
    assert answer["good"] and answer["bytes"] == cost.size, answer
    cost.seconds, cost.cpu = answer["seconds"], answer["user"] + answer["system"]
    return cost


def erase(state, folder, devices, size, number):
    """The whole command: overwrite, verify, certify. The order is made before the clock starts."""
    document = targets.order([targets.target(device, size) for device in devices])
    document["id"] = f"bench-{number}-{time.monotonic_ns()}"
    order = targets.write_order(state, folder, document)
    return timed(state.command("erase", "--order", order, "--json"), size * len(devices))[0]


def nwipe(device, size):
    assert str(device).startswith("/dev/loop"), device
    return timed(["nwipe", "--nogui", "--autonuke", "-m", "random", "-p", "isaac64",
                  "--verify=last", "--noblank", "--nousb", "--nowait", device], size)[0]


def shred(device, size):
    return timed(["shred", "-n1", device], size)[0]


@contextmanager
def loops(folder, count, size, direct):
    """`count` loop devices over files whose blocks are all there."""
    with ExitStack() as stack:
        devices = []
        for number in range(count):
            image = Path(folder) / f"disk-{number}.img"
            stack.callback(image.unlink, missing_ok=True)
            require("dd", "if=/dev/zero", f"of={image}", "bs=1M", f"count={size // MIB}",
                    "conv=fsync", "status=none")
            option = ["--direct-io=on"] if direct else []
            device = require("losetup", "--find", "--show", *option,
                             image).stdout.decode().strip()
            stack.callback(require, "losetup", "--detach", device)
            devices.append(device)
        yield devices


def median(costs):
    return Cost(statistics.median(c.seconds for c in costs),
                statistics.median(c.cpu for c in costs), costs[0].size,
                max(c.rss for c in costs))


def line(name, cost, against=None, target=None):
    ratio = f"{cost.rate / against.rate:6.2f} x" if against else f"{'':8}"
    wanted = f"  (target {target})" if target else ""
    rss = f"{cost.rss / MIB:6.0f} MiB" if cost.rss else f"{'':10}"
    print(f"  {name:34} {cost.rate:7.0f} MB/s {cost.cpu_per_gib:6.2f} CPU s/GiB {rss} "
          f"{ratio}{wanted}", flush=True)


class Bench:
    def __init__(self, program, state, folder, rounds):
        self.program, self.state, self.folder, self.rounds = program, state, folder, rounds

    def passes(self, devices, size):
        """Medians of fio and of the engine, write and read."""
        costs = {name: [] for name in ("fio write", "fill", "fio read", "check")}
        for _ in range(self.rounds):
            costs["fio write"].append(fio(devices, "write", size))
            costs["fill"].append(one_pass(self.program, "fill", devices, size))
            costs["fio read"].append(fio(devices, "read", size))
            costs["check"].append(one_pass(self.program, "check", devices, size))
        return {name: median(each) for name, each in costs.items()}

    def table(self, title, devices, size, targets_of):
        print(f"{title}, {len(devices)} x {size // MIB} MiB, load {os.getloadavg()[0]:.1f}")
        cost = self.passes(devices, size)
        line("fio sequential write", cost["fio write"])
        line("random fill", cost["fill"], cost["fio write"], targets_of[0])
        line("fio sequential read", cost["fio read"])
        line("check", cost["check"], cost["fio read"], targets_of[1])
        limit = RSS_MIB[0] * len(devices) + RSS_MIB[1]
        peak = max(cost["fill"].rss, cost["check"].rss) / MIB
        print(f"  {'peak memory':34} {peak:7.0f} MiB  (target below {limit})")

    def whole(self, title, devices, size, peers):
        """`efface erase` against what others take for the same bytes."""
        if self.state is None:
            print(f"{title}: no `efface erase` in this binary: not measured")
            return
        print(f"{title}, {len(devices)} x {size // MIB} MiB, load {os.getloadavg()[0]:.1f}")
        costs = {"efface": [], **{name: [] for name in peers}}
        for number in range(self.rounds):
            costs["efface"].append(erase(self.state, self.folder, devices, size, number))
            for name, (call, _) in peers.items():
                costs[name].append(call(devices[0], size))
        mine = median(costs["efface"])
        line("efface erase (verified)", mine)
        for name, (_, target) in peers.items():
            theirs = median(costs[name])
            line(name, theirs)
            line(f"efface erase / {name}", mine, theirs, target)


def make_state(folder):
    """Keys and approvers, where this binary has `efface erase`."""
    binary = project.binary()
    if binary is None or run(binary, "erase", "--help").returncode != 0:
        return None
    return project.State(folder / "state")


def machine():
    model = next((row.split(":", 1)[1].strip() for row in
                  Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                  if row.startswith("model name")), "unknown")
    print(f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}, "
          f"load {os.getloadavg()[0]:.1f}")


def main():
    sizes = [int(text) for text in sys.argv[1:4]]
    size = (sizes[0] if sizes else MIB_DEFAULT) * MIB
    rounds = sizes[1] if len(sizes) > 1 else ROUNDS_DEFAULT
    nwipe_size = (sizes[2] if len(sizes) > 2 else NWIPE_MIB_DEFAULT) * MIB
    program = Path(os.environ["EFFACE"]).parents[2] / "tests" / "bench" / "bench_pass_speed"
    lacking = missing("fio", "shred", "nwipe", "losetup")
    if os.geteuid() != 0 or not may_use_loops() or lacking or not program.exists():
        print(f"skipped: needs root, loop devices, {program.name}, and: {' '.join(lacking)}")
        return EXIT_SKIPPED
    machine()
    with scratch() as folder, scratch("/dev/shm/efface-bench-") as memory:
        bench = Bench(program, make_state(folder), folder, rounds)
        goals = ("at least 0.95", "at least 0.90")
        peers = {"shred -n1": (shred, "at least 1.0")}
        for place, where, direct in (("disk", folder, True), ("memory", memory, False)):
            with loops(where, 1, size, direct) as devices:
                bench.table(f"one device on {place}", devices, size, goals)
                bench.whole(f"whole run on {place}", devices, size, peers)
            with loops(where, 1, nwipe_size, direct) as devices:
                bench.whole(f"whole run on {place}", devices, nwipe_size,
                            {"nwipe": (nwipe, "at least 8")})
            part = max(size // DEVICES, 64 * MIB)
            with loops(where, DEVICES, part, direct) as devices:
                bench.table(f"{DEVICES} devices at once on {place}", devices, part,
                            ("at least 0.90", "at least 0.90"))
                bench.whole(f"{DEVICES} whole runs at once on {place}", devices, part, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
