# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced inside a machine of QEMU: waiting for drives, which no udev brings, and what `efface list`
# says of one.
qemu_waits_max=600 # of 0.2 s each, and what the command takes
: >verified-twice  # the other verifier takes a minute here; the tests of the rig run it

# load MODULE...: of the drivers that the test is about.
load() {
    modprobe -a "$@" || {
        echo "skipped: this kernel has not all of $*"
        exit 77
    }
}

# until_true COMMAND...
until_true() {
    local wait
    for ((wait = 0; wait < qemu_waits_max; wait++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    fail "waited in vain for: $*"
}

# listed DEVICE FILTER: of its entry in `efface list -J`, which is read once.
listed() {
    [ -e listed.json ] || "$EFFACE" list -J >listed.json
    jq -r --arg path "$1" ".storage[] | select(.identity.canonicalPath == \$path) | $2" listed.json
}

# why_not DEVICE TECHNIQUE: empty where it can be used.
why_not() {
    listed "$1" ".erasesItself.techniques[] | select(.name == \"$2\") | .whyNot"
}

# holds_old DEVICE: its first MiB does; has_old_data looks at every sector, which takes long here.
holds_old() {
    dd if="$1" of=now bs=1M count=1 iflag=direct status=none
    grep -aq OLD-DATA now || fail "$1 holds no old data: the fixture is wrong"
}
