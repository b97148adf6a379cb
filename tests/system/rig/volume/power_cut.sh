#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: outside
# The power goes in the middle of an erasure, at several moments; the next boot finishes it from
# what is on the disks: same job, nothing lost from the account, never a verdict before its time.
# The volume is on one disk, efface's state (ext4) on the other; a delayed device stands between,
# so that there is a middle to hit.
set -euo pipefail
: "${EFFACE:?}" "${EFFACE_RIG:?}"

# Inside: brings the disks up; nothing of it survives the cut but the two images.
inside_attach() {
    modprobe -a dm-mod dm-delay
    cd /run/scratch
    mkdir -p disk
    mount /dev/ubdb disk
    dmsetup create slow --uuid efface-rig-slow \
        --table "0 $(blockdev --getsz /dev/ubda) delay /dev/ubda 0 0 /dev/ubda 0 150"
    export EFFACE_STATE_DIR=/run/scratch/disk/state
    cd disk
}

# Inside, first boot: a project with two approvals, then the erasure that will not end.
inside_begin() {
    inside_attach
    # shellcheck source=tests/system/rig/lib/lib.sh
    . "$1/../lib/lib.sh"
    export EFFACE_STATE_DIR=/run/scratch/disk/state
    cd /run/scratch/disk
    mkdir -p state
    printf %s "$passphrase" >passphrase
    luks /dev/mapper/slow
    head -c "${metadata_mib}M" /dev/mapper/slow >old
    project /dev/mapper/slow
    sync
    echo "erasing now"
    "$EFFACE" project erase project.json --events -
    echo "the erasure ended before the cut"
}

# Inside, second boot: what is there, then the same command again.
inside_finish() {
    inside_attach
    # shellcheck source=tests/system/rig/lib/lib.sh
    . "$1/../lib/lib.sh"
    cd /run/scratch/disk
    export EFFACE_STATE_DIR=$PWD/state
    fail() { echo "FAIL: $*" >&2; cat run.json run.err >&2; exit 1; }
    local bundle
    for bundle in state/certificates/*; do
        [ ! -e "$bundle" ] || "$EFFACE" verify "$bundle" >&2 || fail "half a bundle is there"
    done
    erase
    [ "$status" -eq 0 ] || fail "resumed run: exit status $status, not 0"
    [ "$(jq '.volumes | length' run.json)" -eq 1 ] || fail "resumed run: not one volume"
    [ "$(volume_field status)" = sanitized ] || fail "resumed run: $(volume_field status)"
    expect_erased /dev/mapper/slow old
    verified
    "$EFFACE" log check >log.out 2>&1 || fail "the log does not check: $(cat log.out)"
}

if [ "${1:-}" = inside ]; then
    "inside_$2" "$(dirname "$0")"
    exit
fi

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The text at whose first appearance the power goes; EFFACE_LONG=1 tries all.
moments=('"event":"progress"')
[ -z "${EFFACE_LONG:-}" ] || moments=('erasing now' '"event":"started"' "${moments[@]}" '"event":"verified"')
for moment in "${moments[@]}"; do
    truncate -s 32M "$scratch/volume.img"
    truncate -s 64M "$scratch/state.img"
    mkfs.ext4 -q "$scratch/state.img"
    disks=(--disk "$scratch/volume.img" --disk "$scratch/state.img")
    status=0
    "$EFFACE_RIG" "${disks[@]}" --power-cut "$moment" -- bash "$(realpath "$0")" inside begin \
        >"$scratch/begin.out" 2>&1 || status=$?
    [ "$status" -ne 77 ] || exit 77
    [ "$status" -eq 137 ] || fail "at '$moment' there was no cut (status $status):
$(tail -n 20 "$scratch/begin.out")"
    "$EFFACE_RIG" "${disks[@]}" -- bash "$(realpath "$0")" inside finish ||
        fail "not finished after a cut at '$moment'"
    rm "$scratch"/*.img
done
