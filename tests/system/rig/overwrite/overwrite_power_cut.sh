#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: outside long
# The power goes in the middle of overwriting a disk, at several moments: before anything is known
# to be durable, after it, and so on for the read-back. The next boot finds the job, goes on from
# what is durable, with the same stream, and finishes it: no old sector is left, and the certificate
# tells of the interruption. The disk is one image, efface's state (ext4) the other; the first boot
# sees the disk through a delayed device, so that there is a middle to hit.
set -euo pipefail
: "${EFFACE:?}" "${EFFACE_RIG:?}"
mib=96

# Inside: sources the library and brings the state up; nothing survives a cut but the two images.
inside_attach() {
    # shellcheck source=tests/system/rig/lib/overwrite_lib.sh
    . "$1/../lib/overwrite_lib.sh"
    modprobe dm-delay
    mkdir disk
    mount /dev/ubdb disk
    cd disk
    export EFFACE_STATE_DIR=$PWD/state
    mkdir -p state
}

# Inside, first boot: an erasure that will not end. Says when the journal has moved.
inside_begin() {
    inside_attach "$1"
    slow_table /dev/ubda "$2" "$2" | dmsetup create disk --uuid efface-rig-disk
    order /dev/mapper/disk
    sync
    watch_journal &
    "$EFFACE" erase --order order.json --events -
    echo "the erasure ended before the cut"
}

watch_journal() {
    local all=$((mib << 20)) moved
    while sleep 0.2; do
        moved=$("$EFFACE" status --json | jq '[.jobs[].bytesDone] | add // 0')
        [ "$moved" -eq 0 ] || [ "$moved" -ge "$all" ] || echo "a part was written"
        [ "$moved" -le "$all" ] || echo "a part was read back"
    done
}

# Inside, second boot: what is there, then on with it.
inside_finish() {
    inside_attach "$1"
    dmsetup create disk --uuid efface-rig-disk \
        --table "0 $(blockdev --getsz /dev/ubda) linear /dev/ubda 0"
    local bundle job
    for bundle in state/certificates/*; do
        [ ! -e "$bundle" ] || "$EFFACE" verify "$bundle" >&2 || fail "half a bundle is there"
    done
    "$EFFACE" status --json >status.json
    [ "$(jq '.jobs | length' status.json)" -eq 1 ] || fail "not one job: $(cat status.json)"
    [ "$(jq '.jobs[0].resumable' status.json)" = true ] || fail "not resumable: $(cat status.json)"
    [ "$(jq '.jobs[0].running' status.json)" = false ] || fail "it does not run"
    "$EFFACE" status 2>/dev/null | grep -q interrupted || fail "a person is not told"
    job=$(jq -r '.jobs[0].id' status.json)
    status=0
    "$EFFACE" resume "${job:0:12}" --json >run.json 2>run.err || status=$?
    expect 0 sanitized
    same "job" "$(target_field jobId)" "$job"
    same "bytes written" "$(predicate '.sanitization.passes[0].bytesWritten')" $((mib << 20))
    same "bytes compared" "$(predicate .verification.bytesCompared)" $((mib << 20))
    "check_$2" "$(jq '.jobs[0].bytesDone' status.json)" \
        "$(predicate .sanitization.interruptions)" \
        "$(predicate '.sanitization.passes[0].resumedAt | join(" ")')"
    again
    expect 0 sanitized
    same "changed by the same order" "$(target_field changed)" false
    [ "$("$EFFACE" status --json | jq '.jobs | length')" -eq 0 ] || fail "the job is still open"
    "$EFFACE" log check --json >log.json || fail "the log does not check: $(cat log.json)"
    same "runs without an end in the log" "$(jq '.openIntents | length' log.json)" 0
    cd /
    umount "$EFFACE_STATE_DIR/.."
}

# check_MOMENT DONE_BEFORE INTERRUPTIONS RESUMED_AT
check_nothing_durable() {
    same "done before" "$1" 0
    same "interruptions" "$2" 1
    [ -z "$3" ] || same "where it went on" "$3" 0
}
check_part_written() {
    [ "$1" -gt 0 ] && [ "$1" -lt $((mib << 20)) ] || fail "done before: $1"
    same "interruptions" "$2" 1
    same "where it went on" "$3" "$1"
}
check_all_written() {
    same "done before" "$1" $((mib << 20))
    same "interruptions" "$2" 1
    same "where it wrote again" "$3" ""
}
check_part_read() {
    [ "$1" -gt $((mib << 20)) ] && [ "$1" -lt $((mib << 21)) ] || fail "done before: $1"
    same "interruptions" "$2" 1
    same "where it wrote again" "$3" ""
}
check_all_done() { # the erasure itself may have been over
    same "done before" "$1" $((mib << 21))
    [ "$2" -le 1 ] || fail "$2 interruptions"
    same "where it wrote again" "$3" ""
}

if [ "${1:-}" = inside ]; then
    step=$2
    shift 2
    "inside_$step" "$(realpath "$(dirname "$0")")" "$@"
    exit
fi

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
here=$(realpath "$(dirname "$0")")
erase_tests=$(realpath "$here/../../erase")

# marks STEP: fills the disk with marks, or fails when one is left.
marks() {
    PYTHONPATH=$erase_tests PYTHONDONTWRITEBYTECODE=1 python3 - "$1" "$scratch/disk.img" $mib <<'PYTHON'
import sys, targets
step, path, mib = sys.argv[1], sys.argv[2], int(sys.argv[3])
if step == "fill":
    targets.fill_with_marks(path, mib << 20)
elif left := targets.marks_left(path):
    sys.exit(f"old content at {left[:8]}")
PYTHON
}

# cut MOMENT DELAY_MS CHECK: one power cut at the first appearance of this text, and the boot after.
cut() {
    local status=0 disks=(--disk "$scratch/disk.img" --disk "$scratch/state.img")
    echo "cut at: $1"
    rm -f "$scratch"/*.img
    marks fill
    truncate -s 64M "$scratch/state.img"
    mkfs.ext4 -q "$scratch/state.img"
    "$EFFACE_RIG" "${disks[@]}" --power-cut "$1" -- \
        bash "$here/overwrite_power_cut.sh" inside begin "$2" >"$scratch/begin.out" 2>&1 ||
        status=$?
    [ "$status" -ne 77 ] || exit 77
    [ "$status" -eq 137 ] || fail "at '$1' there was no cut (status $status):
$(tail -n 20 "$scratch/begin.out")"
    "$EFFACE_RIG" "${disks[@]}" -- bash "$here/overwrite_power_cut.sh" inside finish "$3" ||
        fail "not finished after a cut at '$1'"
    marks check || fail "after a cut at '$1'"
}

# A watermark is written every ten seconds: with a delay of 1600 ms for each MiB, eight at once, a
# pass takes about sixteen.
cut '"event":"started"' 0 nothing_durable
cut '"event":"progress"' 400 nothing_durable
cut 'a part was written' 1600 part_written
cut '"phase":"reading back"' 400 all_written
cut 'a part was read back' 1600 part_read
cut '"event":"verified"' 100 all_done
