# SPDX-License-Identifier: Apache-2.0
"""CPU time of `efface list` with 64 loop devices attached.

The loop devices are ours: made here, detached by name at the end.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "luks"), str(_SYSTEM / "lib"), str(Path(__file__).parent)]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import generators
import project
import storage
from luks_speed import measure
from process import EXIT_SKIPPED, missing, scratch

LOOPS = 64
ROUNDS = 10
LIST_SECONDS_MAX = 0.100


def best_cpu(command):
    costs = [measure(command) for _ in range(ROUNDS)]
    assert all(cost.code == 0 for cost in costs), costs
    return min(cost.cpu for cost in costs)


def report(name, seconds, limit):
    verdict = "within" if seconds <= limit else "OVER"
    print(f"  {name:44} {seconds * 1000:7.1f} ms CPU: {verdict} the target of "
          f"{limit * 1000:.0f} ms")


def list_cost(folder, state):
    image = generators.make("luks2-header-16k", folder)
    with ExitStack() as stack:
        for number in range(LOOPS):
            file = folder / f"loop-{number}.img"
            file.write_bytes(image.target.read_bytes())
            stack.enter_context(storage.loop_device(file))
        return best_cpu(state.command("list", "--json"))


def main():
    if project.binary() is None or missing("cryptsetup", "losetup") or \
            not storage.may_use_loops():
        print("cost: skipped, this machine lacks $EFFACE, cryptsetup or loop devices")
        return EXIT_SKIPPED
    with scratch("efface-bench-") as folder:
        state = project.State(folder / "state")
        (folder / "list").mkdir()
        report(f"efface list, {LOOPS} loop devices", list_cost(folder / "list", state),
               LIST_SECONDS_MAX)
    return 0


if __name__ == "__main__":
    sys.exit(main())
