# SPDX-License-Identifier: Apache-2.0
"""`efface project erase` of many LUKS2 volumes against fio, in one run on the same file system.

fio writes and then reads back the same number of bytes (a file of its own). The first round tries a
few sensible settings of fio and keeps the fastest. Then both sides run alternately, equally often,
each with nothing of its files in the page cache; the ratio is that of the medians, and those of the
rounds are printed too.

luks_speed.py [VOLUMES [ROUNDS]]
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "luks"), str(_SYSTEM / "lib")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import generators
import ondisk
import project
from process import EXIT_SKIPPED, missing, require, scratch

VOLUMES_DEFAULT = 200
ROUNDS_DEFAULT = 4
RATIO_MAX = 1.3
RSS_BYTES_MAX = 128 << 20
METADATA_BYTES = 16 << 20
FIO_SETTINGS = [(engine, jobs) for engine in ("io_uring", "libaio") for jobs in (1, 2)]


@dataclass
class Cost:
    wall: float
    cpu: float
    rss: int
    code: int
    stdout: bytes = b""


def measure(command):
    """Runs a command to its end; wall, CPU and largest resident size of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with subprocess.Popen([str(a) for a in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        stdout, stderr = process.communicate()
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        sys.stderr.buffer.write(stderr[-4000:])
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(wall, cpu, 0, process.returncode, stdout)


def measure_with_rss(command, folder):
    """The same, with the peak resident size of this one program as GNU time or wait4 knows it."""
    record = folder / "rss"
    child = ("import os,resource,subprocess,sys;"
             "code=subprocess.call(sys.argv[2:]);"
             "open(sys.argv[1],'w').write("
             "str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024));"
             "sys.exit(code)")
    cost = measure([sys.executable, "-c", child, record, *command])
    cost.rss = int(record.read_text())
    return cost


def drop_cached(file):
    """As a volume that nobody read lately: O_DIRECT has to drop no page of it."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def make_volumes(folder, count):
    """`count` files with a volume of its own UUID each; reflinks would be refused, so real copies."""
    (folder / "first").mkdir()
    first = generators.make("luks2-xts-512", folder / "first")
    volumes = []
    for number in range(count):
        file = folder / f"volume-{number}.img"
        shutil.copyfile(first.target, file)
        identity = str(uuid.uuid4())
        ondisk.set_uuid(file, identity)
        volumes.append(project.volume(f"volume-{number}", file, identity))
    os.sync()
    for volume in volumes:
        drop_cached(volume["path"])
    return volumes


def erase(folder, state, volumes, round_number):
    manifest = project.write_manifest(folder, project.manifest(volumes, ticket=f"R-{round_number}"))
    state.approve(manifest)
    cost = measure_with_rss(state.command("project", "erase", manifest, "--json"), folder)
    document = json.loads(cost.stdout)
    assert cost.code == 0 and document["status"] == "sanitized", document
    return cost


def fio(folder, total, engine, jobs):
    """Write with a final flush, then read back; both O_DIRECT. Wall time of the two together."""
    file = folder / "fio.img"
    common = ["fio", f"--filename={file}", f"--ioengine={engine}", "--bs=1M", "--iodepth=8",
              "--direct=1", "--output-format=json", f"--numjobs={jobs}", "--group_reporting",
              f"--size={total // jobs}", f"--offset_increment={total // jobs}"]
    cost = [measure([*common, "--name=write", "--rw=write", "--end_fsync=1", "--overwrite=0"]),
            measure([*common, "--name=read", "--rw=read"])]
    if any(part.code != 0 for part in cost):
        return None
    return Cost(sum(part.wall for part in cost), sum(part.cpu for part in cost), 0, 0)


def line(name, cost, total):
    rate = total / cost.wall / (1 << 20)
    rss = f"{cost.rss / (1 << 20):7.1f} MiB" if cost.rss else f"{'':11}"
    print(f"  {name:26} {cost.wall:8.2f} s wall {cost.cpu:8.2f} s CPU  {rss}  {rate:8.0f} MiB/s")


def lay_out(file, total):
    """As the volumes' files are laid out: no allocation is measured."""
    require("fio", f"--filename={file}", "--name=lay", "--rw=write", "--bs=1M", f"--size={total}",
            "--direct=1", "--end_fsync=1", "--ioengine=libaio", "--iodepth=8")


def best_setting(place, total):
    """The (engine, jobs) with which fio is fastest here."""
    costs = {}
    for setting in FIO_SETTINGS:
        cost = fio(place, total, *setting)
        if cost:
            costs[setting] = cost.wall
            print(f"  fio {setting[0]}, {setting[1]} jobs: {cost.wall:.2f} s")
    return min(costs, key=costs.get)


def one_round(folder, state, count, number, setting):
    """Fresh files, both sides once; (efface's cost, fio's cost, fio's setting)."""
    total = count * METADATA_BYTES
    place = folder / f"round-{number}"
    place.mkdir()
    lay_out(place / "fio.img", total)
    setting = setting or best_setting(place, total)
    fios = fio(place, total, *setting)
    (place / "fio.img").unlink()
    volumes = make_volumes(place, count)
    ours = erase(place, state, volumes, number)
    last = Path(volumes[-1]["path"])
    assert ondisk.read_at(last, 0, 6) != ondisk.MAGIC_PRIMARY, last
    shutil.rmtree(place)
    return ours, fios, setting


def median_cost(costs):
    return Cost(statistics.median(cost.wall for cost in costs),
                statistics.median(cost.cpu for cost in costs),
                max(cost.rss for cost in costs), 0)


def main(arguments):
    count = int(arguments[0]) if arguments else VOLUMES_DEFAULT
    rounds = int(arguments[1]) if len(arguments) > 1 else ROUNDS_DEFAULT
    lacking = missing("fio", "cryptsetup") + ["$EFFACE"] * (project.binary() is None)
    if lacking:
        print(f"luks-speed: skipped, this machine lacks {', '.join(lacking)}")
        return EXIT_SKIPPED
    total = count * METADATA_BYTES
    print(f"{count} LUKS2 volumes, {total >> 20} MiB of metadata written and read back:")
    efface, fios, setting = [], [], None
    with scratch("efface-bench-") as folder:
        state = project.State(folder / "state")
        for number in range(rounds):
            ours, other, setting = one_round(folder, state, count, number, setting)
            efface.append(ours)
            fios.append(other)
            print(f"  round {number + 1}: efface {ours.wall:.2f} s, fio {other.wall:.2f} s, ratio "
                  f"{ours.wall / other.wall:.2f}, load {os.getloadavg()[0]:.1f}")
    ours = median_cost(efface)
    best = median_cost(fios)
    line("efface project erase", ours, total)
    line(f"fio {setting[0]}, {setting[1]} job{'s' * (setting[1] > 1)}", best, total)
    ratio = ours.wall / best.wall
    for text, value, limit in ((f"wall time, efface : fio = {ratio:.2f}", ratio, RATIO_MAX),
                               (f"peak RSS = {ours.rss / (1 << 20):.1f} MiB", ours.rss,
                                RSS_BYTES_MAX)):
        print(f"  {text}: {'within' if value <= limit else 'OVER'} the target")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
