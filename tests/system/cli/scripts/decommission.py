#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""decommission.py ORDER...: the same as decommission.sh, for who writes workflows in Python. One JSON
object per order on standard output; follows the events of a run meanwhile."""

import json
import os
import subprocess
import sys
import time

ACTIONS = {0: "release", 1: "repair-station", 2: "fix-order", 3: "keep",
           4: "release-with-exceptions", 5: "deliver", 6: "ask-people", 7: "in-use",
           8: "again", 75: "again"}
BETTER_BY_ITSELF = {8, 75}


def efface(*arguments, **options):
    return subprocess.Popen(["efface", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)


def erase(order):
    """Exit status, the one document, and how many events told of progress."""
    reader, writer = os.pipe()
    process = efface("erase", "--order", order, "--json", "--events", f"fd:{writer}",
                     pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader, encoding="ascii") as events:
        progress = sum(json.loads(line)["event"] == "progress" for line in events)
    output, _ = process.communicate()
    return process.returncode, json.loads(output), progress


def proved(document):
    bundles = [target["bundle"] for target in document["targets"] if target["bundle"]]
    if not bundles:
        return False
    process = efface("verify", *bundles, "--json")
    output, _ = process.communicate()
    return process.returncode == 0 and json.loads(output)["exitCode"] == 0


def decommission(order):
    for _ in range(int(os.environ.get("TRIES", "3"))):
        status, document, progress = erase(order)
        if status not in BETTER_BY_ITSELF:
            break
        time.sleep(float(os.environ.get("PAUSE", "1")))
    action = ACTIONS.get(status, "keep")  # a number that nobody knows is a failure
    if action.startswith("release") and not proved(document):
        action = "keep"
    error = document.get("error") or next(
        (target["error"] for target in document.get("targets", []) if "error" in target), {})
    return {"order": os.path.basename(order), "status": status, "action": action,
            "changed": document["changed"], "reason": error.get("reason", "-"),
            "progress": progress}


if __name__ == "__main__":
    RESULTS = [decommission(order) for order in sys.argv[1:]]
    for result in RESULTS:
        print(json.dumps(result))
    sys.exit(0 if all(result["action"].startswith("release") for result in RESULTS) else 1)
