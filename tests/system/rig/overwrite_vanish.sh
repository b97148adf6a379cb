#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A device that becomes another one while it is overwritten or read back: smaller, larger, dead, or
# the same in size only. Never sanitized; what is no longer the ordered size is not touched again.
. "$(dirname "$0")/overwrite_lib.sh"
modprobe dm-delay

mib=64
fill_with_marks marks.img $((mib << 20))
for name in below other; do
    truncate -s ${mib}M $name.img
done
below=$(losetup -f --show below.img)
other=$(losetup -f --show other.img)
sectors=$(blockdev --getsz "$below")
slow_table "$below" 800 800 | dmsetup create slow
slow_table "$other" 800 800 | dmsetup create slow-other

# starts: marks everywhere, and a run on the device that will change.
starts() {
    local name
    for name in below other; do
        dd if=marks.img of=$name.img bs=1M conv=notrunc status=none
    done
    blockdev --flushbufs "$below"
    blockdev --flushbufs "$other"
    dmsetup create fickle --table "0 $sectors linear /dev/mapper/slow 0"
    overwrite_in_background /dev/mapper/fickle
}

# changes WHEN TABLE: as soon as the run is there.
changes() {
    case $1 in
    writing) event '"phase":"writing pass 1 of 1"' ;;
    reading) event '"phase":"reading back"' ;;
    esac
    retable fickle <<<"$2"
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
    starts
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
    starts
    changes $moment "0 $sectors linear /dev/mapper/slow 0
$sectors 2048 linear $other 0"
    not_plain
    same "old sectors of what came behind" "$(old_sectors other.img)" "0 $sectors"
    dmsetup remove fickle

    echo "dead, while $moment"
    starts
    changes $moment "0 $sectors error"
    not_plain
    dmsetup remove fickle
done

echo "another one of the same size, while writing"
starts
changes writing "0 $sectors linear /dev/mapper/slow-other 0"
not_plain
[ "$(predicate .verification.mismatches)" -gt 0 ] || fail "no mismatch is counted"
[ -n "$(old_sectors below.img)" ] || fail "the fixture is wrong: it changed too late"
dmsetup remove fickle
