# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced inside the rig: waiting for a condition. The limits are for a machine that is many times
# slower than this one: they end a test that cannot succeed, and no test may depend on them.
waits_max=6000 # of 0.05 s each, and what the command takes

# What nap reads from never has anything to read: no process is started for it.
mkfifo "${TMPDIR:-/tmp}/nap.$$"
exec {nap_fd}<>"${TMPDIR:-/tmp}/nap.$$"
rm "${TMPDIR:-/tmp}/nap.$$"

nap() {
    read -rt 0.05 -u "$nap_fd" || true
}

# comes COMMAND...: waits until it succeeds; fails when it never does.
comes() {
    local wait
    for ((wait = 0; wait < waits_max; wait++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        nap
    done
    return 1
}
