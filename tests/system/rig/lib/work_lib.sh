# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the libraries of the tests that run inside the rig: a folder to work in, with a state folder,
# and how a test fails.
set -euo pipefail
: "${EFFACE:?the program under test}"
work=$(mktemp -d)
cd "$work"
export EFFACE_STATE_DIR=$work/state

fail() {
    echo "FAIL: $*" >&2
    for file in run.json run.err; do
        [ -s "$file" ] && sed "s/^/  $file: /" "$file" >&2
    done
    exit 1
}
