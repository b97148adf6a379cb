#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# One unit that the kernel shows as two disks (no multipathd): whoever uses it by the one path keeps
# it by the other. Two jobs that meet by two paths are busy, and one of them sanitizes.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe -a sg sd_mod
modprobe scsi_debug dev_size_mb=16 add_host=2 vpd_use_hostno=0
comes test -e /sys/block/sdb || fail "scsi_debug made no two disks"
one=/dev/sda two=/dev/sdb
same "one unit" "$(cat /sys/block/sda/device/wwid)" "$(cat /sys/block/sdb/device/wwid)"
echo OLD-DATA | dd of=$one bs=512 seek=100 conv=notrunc oflag=sync status=none

# expect_kept CODE: the order for $two is refused for this reason and nothing is changed.
expect_kept() {
    local before
    echo "refused: $1"
    before=$(dd if=$two bs=1M iflag=direct status=none | sha256sum)
    overwrite $two
    [ "$status" -eq 7 ] || fail "exit status $status, not 7"
    same "reason" "$(jq -r '.targets[0].error.reason' run.json)" "$1"
    same "changed" "$(jq -r '.targets[0].changed' run.json)" false
    [ "$(dd if=$two bs=1M iflag=direct status=none | sha256sum)" = "$before" ] ||
        fail "a refused device was written to"
}

mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $one
mkdir mnt
mount $one mnt
expect_kept alias-in-use
umount mnt
mkswap -q $one
swapon $one
expect_kept alias-in-use
swapoff $one
dmsetup create upper --table "0 8192 linear $one 0"
expect_kept alias-in-use
dmsetup remove upper
for node in $one $two /dev/sg0 /dev/sg1; do
    (exec 9<"$node" && echo ready >ready && exec sleep 600) &
    holder=$!
    comes test -s ready || fail "nobody holds $node"
    expect_kept opened
    kill "$holder"
    wait "$holder" 2>/dev/null || true
    rm ready
done

echo "two jobs by two paths"
order $one
cp order.json first.json
cp order.json.p7s first.json.p7s
order $two
"$EFFACE" erase --order first.json --json >first.out 2>first.err &
first=$!
second_status=0
"$EFFACE" erase --order order.json --json >run.json 2>run.err || second_status=$?
first_status=0
wait "$first" || first_status=$?
for status in $first_status $second_status; do
    case $status in
    0 | 4 | 75) ;;
    *) fail "exit statuses $first_status and $second_status: $(cat first.err run.err)" ;;
    esac
done
[ "$first_status" -ne 0 ] || [ "$second_status" -ne 0 ] || echo "one after the other"
overwrite $two
# scsi_debug's page 89h tells of a drive of 80 GB: what the host does not see of it is an exception.
concluded 4 sanitized-with-exceptions none
same "exceptions" "$(jq -c '[.targets[0].exceptions[].code]' run.json)" '["hidden-area"]'
same "old data" "$(dd if=$one bs=1M iflag=direct status=none | grep -c OLD-DATA || true)" 0
