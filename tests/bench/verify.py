# SPDX-License-Identifier: Apache-2.0
"""What it costs to verify: one bundle against a bare `openssl cms -verify` of its signatures, many
in one command, a project of 500 volumes, and a stranger's certificate of 63 MiB.

verify.py [BUNDLES]; $EFFACE in a build folder that has tests/unit/answers/make_bundle.
"""

import calendar
import copy
import json
import os
import shutil
import statistics
import sys
import time
import uuid
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "luks"), str(_SYSTEM / "lib"), str(Path(__file__).parent)]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from luks_speed import measure, measure_with_rss
from process import EXIT_SKIPPED, missing, require, scratch

SOURCE = Path(__file__).resolve().parents[2]
DATA = SOURCE / "tests/data/evidence"
SCRIPT = SOURCE / "scripts/verify-bundle"
ROUNDS = 20
BUNDLES_DEFAULT = 2000
VOLUMES = 500
RATIO_MAX = 2.0
SCRIPT_SECONDS_MAX = 1.0
PROJECT_SECONDS_MAX = 10.0
HOSTILE_BYTES = 63 << 20
NOT_PROVED = 20


def make(helper, folder, predicate):
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(predicate))
    folder.mkdir()
    require(helper, file, folder)
    return folder


def project_of(volumes):
    predicate = json.loads((DATA / "predicate-example.json").read_text())
    (volume,) = predicate["volumes"]
    predicate["volumes"] = []
    for number in range(volumes):
        one = copy.deepcopy(volume)
        one.update(name=f"volume-{number}", uuid=str(uuid.UUID(int=(1 << 100) + number)))
        predicate["volumes"].append(one)
    predicate["projectIdentity"]["volumes"] = [
        {"name": one["name"], "uuid": one["uuid"]} for one in predicate["volumes"]]
    return predicate


def efface(made, *bundles, log=False):
    return [os.environ["EFFACE"], "verify", *(bundles or [made / "bundle"]), "--root",
            made / "keys/root.pem", "--log-key", made / "keys/log.vkey",
            *(["--log", made / "log"] if log else [])]


def script(made):
    return [SCRIPT, made / "bundle", made / "keys/root.pem", made / "keys/log.vkey"]


def openssl(made, name):
    issued = json.loads((made / "bundle/certificate.json").read_text())["predicate"]["issuedAt"]
    at = calendar.timegm(time.strptime(issued, "%Y-%m-%dT%H:%M:%SZ"))
    path = made / "bundle" / name
    return ["openssl", "cms", "-verify", "-cades", "-purpose", "any", "-binary", "-inform", "DER",
            "-in", f"{path}.p7s", "-content", path, "-CAfile", made / "keys/root.pem", "-attime",
            str(at), "-out", "/dev/null"]


def good(cost, code=0):
    assert cost.code == code, cost
    return cost


def verdict(value, limit):
    return "within" if value <= limit else "OVER"


def one_bundle(made):
    """Side by side, in turns."""
    files = ["certificate.json", "evidence/manifest.json"]
    rounds = [(good(measure(efface(made))).wall,
               sum(good(measure(openssl(made, name))).wall for name in files),
               good(measure(script(made))).wall) for _ in range(ROUNDS)]
    ours, theirs, scripts = (statistics.median(column) for column in zip(*rounds))
    print(f"  one bundle: efface verify {ours * 1000:.1f} ms, openssl of its two signatures "
          f"{theirs * 1000:.1f} ms: {ours / theirs:.2f} x, {verdict(ours / theirs, RATIO_MAX)} "
          f"the target of {RATIO_MAX:.0f} x")
    print(f"  verify-bundle: {scripts:.2f} s, {verdict(scripts, SCRIPT_SECONDS_MAX)} the target of "
          f"{SCRIPT_SECONDS_MAX:.0f} s")


def many_bundles(made, folder, count):
    bundles = [folder / str(number) for number in range(count)]
    for bundle in bundles:
        shutil.copytree(made / "bundle", bundle)
    one = good(measure_with_rss(efface(made, *bundles[:2], log=True), folder))
    all_ = good(measure_with_rss(efface(made, *bundles, log=True), folder))
    print(f"  {count} bundles with their log: {all_.wall:.1f} s, {all_.rss / (1 << 20):.1f} MiB at "
          f"most; two of them {one.rss / (1 << 20):.1f} MiB")


def large_project(made):
    ours, stock = good(measure(efface(made))), good(measure(script(made)))
    print(f"  a project of {VOLUMES} volumes: efface verify {ours.wall:.2f} s, verify-bundle "
          f"{stock.wall:.2f} s, {verdict(stock.wall, PROJECT_SECONDS_MAX)} the target of "
          f"{PROJECT_SECONDS_MAX:.0f} s")


def hostile(made, folder):
    unit = b"{},"
    (made / "bundle/certificate.json").write_bytes(
        b"[" + unit * (HOSTILE_BYTES // len(unit)) + b"{}]")
    for name, command in (("efface verify", efface(made)), ("verify-bundle", script(made))):
        cost = good(measure_with_rss(command, folder), NOT_PROVED)
        print(f"  a stranger's certificate of 63 MiB: {name} refuses it in {cost.wall:.2f} s with "
              f"{cost.rss / (1 << 20):.0f} MiB")


def main():
    binary = os.environ.get("EFFACE")
    helper = Path(binary).resolve().parents[2] / "tests/unit/answers/make_bundle" if binary else None
    if helper is None or not helper.exists() or missing("openssl"):
        print("verify: skipped, this machine lacks $EFFACE, make_bundle or openssl")
        return EXIT_SKIPPED
    with scratch("efface-bench-") as folder:
        made = make(helper, folder / "one", project_of(1))
        one_bundle(made)
        (folder / "many").mkdir()
        many_bundles(made, folder / "many", int(sys.argv[1]) if sys.argv[1:] else BUNDLES_DEFAULT)
        large_project(make(helper, folder / "large", project_of(VOLUMES)))
        hostile(made, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
