#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: outside
# The rig gives back what happened, and a machine that dies is never a pass.
set -euo pipefail
: "${EFFACE_RIG:?}"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

status=0
output=$("$EFFACE_RIG" -- bash -c 'echo to-stdout; echo to-stderr >&2; exit 42') || status=$?
[ "$status" -ne 77 ] || exit 77
[ "$status" -eq 42 ] || fail "exit status $status, not the command's 42"
[ "$output" = $'to-stdout\nto-stderr' ] || fail "output is '$output'"

status=0
"$EFFACE_RIG" -- bash -c 'echo c >/proc/sysrq-trigger; sleep 60' 2>/dev/null || status=$?
[ "$status" -eq 125 ] || fail "a panic gave status $status, not 125"

# What a command writes to this machine's files stays in the machine's memory.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo before >"$scratch/file"
"$EFFACE_RIG" -- bash -c "echo after >'$scratch/file'; touch '$scratch/new'"
[ "$(cat "$scratch/file")" = before ] || fail "a write came through"
[ ! -e "$scratch/new" ] || fail "a new file came through"
