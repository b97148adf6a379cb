# SPDX-License-Identifier: Apache-2.0
"""What `cryptsetup erase` leaves behind, side by side with efface, for every generator.

luks_table.py [GENERATOR...]   ($EFFACE names the binary; without it only cryptsetup is shown)
"""

import sys
from pathlib import Path

_SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(_SYSTEM / "luks"), str(_SYSTEM / "lib")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import generators
import leftover
import project
import storage
from process import run, scratch


def describe(left):
    """The leftovers in words short enough for a table; "nothing" only for nothing."""
    words = []
    if left.keys:
        words.append(f"{left.keys} key{'s' * (left.keys > 1)} recoverable")
    if left.opens:
        words.append("cryptsetup opens it")
    if left.blocks:
        words.append(f"{left.blocks} old blocks")
    if left.tokens:
        words.append(f"{left.tokens} token{'s' * (left.tokens > 1)}")
    if left.plaintext:
        words.append(f"{left.plaintext} plaintext lines")
    if left.luksmeta:
        words.append("luksmeta secret")
    if left.backups:
        words.append("header backup")
    headers = "+".join(name for name, there in (("primary", left.primary),
                                                ("secondary", left.secondary)) if there)
    if headers:
        words.append(f"{headers} header")
    return ", ".join(words) or "nothing"


def with_cryptsetup(name, folder):
    image = generators.make(name, folder)
    before = leftover.remember(image)
    if image.base:
        with storage.attached(image) as path:
            code = run("cryptsetup", "erase", "--batch-mode", path).returncode
    else:
        code = run("cryptsetup", "erase", "--batch-mode", image.metadata_file).returncode
    return code, leftover.examine(image, before)


def with_efface(name, folder, state):
    image = generators.make(name, folder)
    before = leftover.remember(image)
    with storage.attached(image) as path:
        manifest = project.write_manifest(
            folder, project.manifest([project.volume_of(image, path)]))
        state.approve(manifest)
        done = state.erase(manifest)
    return done, leftover.examine(image, before)


def row(name, folder, state):
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    code, left = with_cryptsetup(name, folder / "a")
    print(f"{name:34} cryptsetup  exit {code:<3} {'':28} {describe(left)}")
    if state is None:
        return
    done, left = with_efface(name, folder / "b", state)
    verdict = "/".join(str(word) for word in done.verdict)
    print(f"{'':34} efface      exit {done.code:<3} {verdict:28} {describe(left)}")


def main(arguments):
    chosen = arguments or generators.names()
    with scratch("efface-bench-") as folder:
        state = project.State(folder / "state") if project.binary() else None
        if state is None:
            print("($EFFACE names no binary: cryptsetup alone)")
        for name in chosen:
            with scratch("efface-bench-") as images:
                row(name, images, state)
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
