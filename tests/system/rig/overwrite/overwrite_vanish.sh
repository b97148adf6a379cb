#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A device that becomes another one while it is overwritten or read back: smaller, larger, dead, or
# the same in size only. Never sanitized; what is no longer the ordered size is not touched again.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe dm-delay

mib=64
fill_with_marks marks.img $((mib << 20))
for name in below other; do
    truncate -s ${mib}M $name.img
done
below=$(losetup -f --show below.img)
other=$(losetup -f --show other.img)
sectors=$(blockdev --getsz "$below")
for name in slow slow-other; do
    dmsetup create $name --table "0 $(blockdev --getsz "$below") error"
done

# starts WHEN: marks everywhere, and a run on the device that will change, held in the middle.
starts() {
    local name holds=(0 "$held_ms")
    [ "$1" = writing ] || holds=("$held_ms" 0)
    slow_table "$below" "${holds[@]}" | retable slow
    slow_table "$other" "${holds[@]}" | retable slow-other
    for name in below other; do
        dd if=marks.img of=$name.img bs=1M conv=notrunc status=none
    done
    blockdev --flushbufs "$below"
    blockdev --flushbufs "$other"
    dmsetup create fickle --table "0 $sectors linear /dev/mapper/slow 0"
    overwrite_in_background /dev/mapper/fickle
}

# sleeps PID NAME: that process has become NAME and waits for something.
sleeps() {
    local name state
    # PID (NAME) STATE
    read -r _ name state _ <"/proc/$1/stat"
    [ "$name $state" = "($2) S" ] || [ "$name $state" = "($2) D" ]
}

# changes WHEN TABLE: as soon as the run is there. The other table waits for what is held; each turn
# lets that go and nothing else, as from then on the device takes nothing new.
changes() {
    local change table
    case $1 in
    writing) held slow write ;;
    reading) held slow read ;;
    esac
    table=$(dmsetup table slow)
    dmsetup load fickle --table "$2"
    dmsetup resume fickle &
    change=$!
    comes sleeps $change dmsetup || fail "the table is not changed"
    while kill -0 $change 2>/dev/null; do
        retable slow <<<"$table"
        nap
    done
    wait $change
    slow_table "$below" 0 0 | retable slow
    slow_table "$other" 0 0 | retable slow-other
    overwrite_ends
}

not_plain() {
    [ "$status" -eq 3 ] || fail "exit status $status, not 3"
    case $(target_field status) in
    not-sanitized | indeterminate) expect 3 "$(target_field status)" ;;
    *) fail "$(target_field status)" ;;
    esac
    [ "$(target_field 'reasons | length')" -gt 0 ] || fail "no reason is given"
}

for moment in writing reading; do
    echo "smaller, while $moment"
    starts $moment
    changes $moment "0 $((sectors / 2)) linear /dev/mapper/slow 0"
    not_plain
    before=$(sha256sum <below.img)
    again
    [ "$status" -eq 7 ] || fail "exit status $status, not 7, for a device of another size"
    [ "$(sha256sum <below.img)" = "$before" ] || fail "it was written to"
    retable fickle <<<"0 $sectors linear $below 0"
    again
    expect 0 sanitized
    same "old sectors" "$(old_sectors below.img)" ""
    dmsetup remove fickle

    echo "larger, while $moment"
    starts $moment
    changes $moment "0 $sectors linear /dev/mapper/slow 0
$sectors 2048 linear $other 0"
    not_plain
    same "old sectors of what came behind" "$(old_sectors other.img)" "0 $sectors"
    dmsetup remove fickle

    echo "dead, while $moment"
    starts $moment
    changes $moment "0 $sectors error"
    not_plain
    dmsetup remove fickle
done

echo "another one of the same size, while writing"
starts writing
changes writing "0 $sectors linear /dev/mapper/slow-other 0"
not_plain
[ "$(predicate .verification.mismatches)" -gt 0 ] || fail "no mismatch is counted"
[ -n "$(old_sectors below.img)" ] || fail "the fixture is wrong: it changed too late"
dmsetup remove fickle
