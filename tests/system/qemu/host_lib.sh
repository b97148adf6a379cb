# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced on the host by the tests that boot a machine in QEMU: the images that are its drives, and
# what is in them afterwards, looked at from outside.
set -euo pipefail
: "${EFFACE_RIG:?}"
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

targets() { # targets EXPRESSION ARGUMENT...: of tests/system/erase/targets.py
    PYTHONPATH=$here/../erase PYTHONDONTWRITEBYTECODE=1 python3 -c \
        "import sys, targets; a = sys.argv[1:]; $1" "${@:2}"
}

# image NAME MIB: $work/NAME, whose every sector says where it stands.
image() {
    targets 'targets.fill_with_marks(a[0], int(a[1]) << 20)' "$work/$1" "$2"
}

# blank NAME MIB
blank() {
    truncate -s "$2M" "$work/$1"
}

# old_pieces NAME: how many MiB of it hold old content somewhere.
old_pieces() {
    targets 'print(len(targets.marks_left(a[0])))' "$work/$1"
}

# gone NAME MIB: no old content, and so many MiB of what does not compress: a key stream.
gone() {
    [ "$(old_pieces "$1")" -eq 0 ] || fail "$1 still holds old content, seen from the host"
    local size
    size=$(gzip -1 <"$work/$1" | wc -c)
    [ "$size" -ge $(($2 << 20)) ] || fail "$1 compresses to $size bytes: it was not overwritten"
}

# machine ARGUMENT...: of scripts/rig --qemu. Its status decides, but for 77.
machine() {
    local status=0
    "$EFFACE_RIG" --qemu "$@" || status=$?
    [ "$status" -ne 77 ] || exit 77
    [ "$status" -eq 0 ] || fail "the machine's command ended with $status"
}
