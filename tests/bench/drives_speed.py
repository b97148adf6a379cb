# SPDX-License-Identifier: Apache-2.0
"""What efface adds to drives that erase themselves: 64 of them in `efface list`, from a drive's end
to the finished record beside sg_sanitize, which asks once a minute, and the CPU time of waiting.

The drives are models of ours in a User Mode Linux (scripts/rig): system calls and input cost more
there than on a real machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 1800
MEMORY = "2G"  # 64 models, each with its ring
# 0.5 s of CPU where starting the program alone cost 0.09 s; the rig's system calls cost three times as
# much on some machines as on others.
LIST_STARTS_MAX = 0.5 / 0.09
WAIT_SHARE_MAX = 0.001
EXIT_SKIPPED = 77


POLL_FIRST_S, POLL_GROWTH, POLL_MAX_S = 0.25, 1.5, 60  # src/method/drive/watch.cpp
POLLS_PER_ESTIMATE = 100


def in_rig(*arguments):
    """The lines that the rig prints; None where there is none."""
    binary = Path(os.environ["EFFACE"]).resolve()
    target = os.environ.get("EFFACE_SCSI_TARGET") or str(
        binary.parents[2] / "tests" / "system" / "rig" / "drives" / "rig_scsi_target")
    rig = _ROOT / "scripts" / "rig"
    environment = {**os.environ, "EFFACE": str(binary), "EFFACE_RIG": str(rig),
                   "EFFACE_SCSI_TARGET": target}
    done = subprocess.run([rig, *arguments], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode == EXIT_SKIPPED:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"the rig ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout.splitlines()


def figures():
    """Every figure that drives_rig.sh prints, by its name: of several the one with the median CPU
    time, and the CPU times of all as "rounds". None where there is no rig."""
    lines = in_rig("--memory", MEMORY, "--timeout", str(SECONDS_MAX), "--", "bash",
                   str(Path(__file__).with_name("drives_rig.sh")))
    found = {}
    for figure in (json.loads(line) for line in lines or [] if line.startswith("{")):
        found.setdefault(figure["name"], []).append(figure)
    for name, rounds in found.items():
        rounds.sort(key=lambda figure: figure["cpu"])
        found[name] = {**rounds[len(rounds) // 2], "rounds": [figure["cpu"] for figure in rounds]}
    return found or None


def polling_interval(seconds, estimate):
    """What lies between two looks at a drive that has been at it for so long."""
    longest = min(max((estimate or 1e9) / POLLS_PER_ESTIMATE, 4 * POLL_FIRST_S), POLL_MAX_S)
    pause, passed = POLL_FIRST_S, POLL_FIRST_S
    while passed < seconds:
        pause = min(pause * POLL_GROWTH, longest)
        passed += pause
    return pause


def judged(good):
    return "within" if good else "OVER"


def main():
    found = figures()
    if found is None:
        print("drives: skipped, there is no rig on this machine (scripts/setup rig)")
        return EXIT_SKIPPED
    for name in ("list", "list, one hangs"):
        cost = found[name]
        start = found["start"]["cpu"]
        spread = f"{cost['rounds'][0]:.2f} to {cost['rounds'][-1]:.2f}"
        note = f", {cost['silent']} said to give no answer" if "silent" in cost else f" ({spread})"
        print(f"  efface {name + ' of 64 drives':34} {cost['cpu']:6.2f} s CPU {cost['wall']:6.2f} s: "
              f"{cost['cpu'] / start:.1f} x of starting the program ({start:.2f} s), "
              f"{judged(cost['cpu'] <= LIST_STARTS_MAX * start)} the target of "
              f"{LIST_STARTS_MAX:.1f} x{note}")
    mine, theirs = found["efface erase"], found["sg_sanitize"]
    interval = polling_interval(mine["ms"] / 1000, mine["estimate"])
    print(f"  after the drive's end ({mine['ms'] / 1000:.0f} s)     efface, verified and certified "
          f"{mine['after']:6.2f} s, a polling interval being {interval:.2f} s; sg_sanitize "
          f"{theirs['after']:.2f} s: {theirs['after'] / max(mine['after'], 1e-3):.1f} x")
    share = found["waiting"]["cpu"] / found["waiting"]["wall"]
    print(f"  CPU while a drive sanitizes        {share * 100:6.2f} % of one core over "
          f"{found['waiting']['wall']:.0f} s: {judged(share <= WAIT_SHARE_MAX)} the target of "
          f"{WAIT_SHARE_MAX * 100:.1f} %")
    crowd = [line for line in in_rig("drive_many") if line.startswith("peak memory")]
    print(f"  32 drives at once in one process   {crowd[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
