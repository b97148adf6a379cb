#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A device that anything uses is refused, whatever stands between: exit 7, a reason, not one byte
# written to what lies below, no certificate. Of two equal devices only the ordered one changes.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe raid1

digest() {
    sync
    sha256sum <"$1"
}

certificates() {
    mkdir -p state/certificates
    find state/certificates -name certificate.json | wc -l
}

# expect_kept DEVICE IMAGE PATTERN: an order to overwrite it is refused for such a reason.
expect_kept() {
    local before certified
    echo "refused: $3"
    before=$(digest "$2")
    certified=$(certificates)
    overwrite "$1"
    [ "$status" -eq 7 ] || fail "exit status $status, not 7"
    [ "$(target_field status)" = none ] || fail "status $(target_field status)"
    [ "$(target_field changed)" = false ] || fail "it says that something was changed"
    target_field error.message >reason
    grep -Eqi -- "$3" reason || fail "no reason like '$3' was given: $(cat reason)"
    [ "$(digest "$2")" = "$before" ] || fail "a refused device was written to"
    [ "$(certificates)" -eq "$certified" ] || fail "there is a certificate of nothing"
}

device=$(disk mounted 16)
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$device"
mkdir mnt
mount "$device" mnt
expect_kept "$device" mounted.img "mounted.*$work/mnt"
expect_kept "$work/mounted.img" mounted.img "loop"
fill_with_marks mnt/swap.img $((4 << 20))
mkswap -q mnt/swap.img
chmod 600 mnt/swap.img
swapon mnt/swap.img
expect_kept "$work/mnt/swap.img" mnt/swap.img swap
swapoff mnt/swap.img
umount mnt
overwrite "$device"
expect 0 sanitized # the fixture: nothing else kept it

device=$(disk swap 16)
mkswap -q "$device"
swapon "$device"
expect_kept "$device" swap.img swap
swapoff "$device"

truncate -s 32M parts.img
printf '2048,20480\n22528,\n' | sfdisk -q parts.img
device=$(losetup -f -P --show parts.img)
[ -b "${device}p2" ] || fail "the fixture is wrong: no partition"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "${device}p2"
mount "${device}p2" mnt
expect_kept "${device}p2" parts.img "mounted.*$work/mnt"
expect_kept "$device" parts.img "partition.*${device##*/}p2"
expect_kept "$work/parts.img" parts.img loop
fill_with_marks "${device}p1" $((20480 << 9))
sync
overwrite "${device}p1"
expect 0 sanitized # the other partition is nobody's
same "old sectors" "$(old_sectors parts.img)" ""
e2fsck -fn "${device}p2" >fsck.out 2>&1 || fail "the partition beside it was hurt: $(cat fsck.out)"
umount mnt

device=$(disk physical 32)
pvcreate -qq "$device"
vgcreate -qq vg "$device"
lvcreate -qq -y -Zn -l 50%FREE -n data vg 2>/dev/null
expect_kept "$device" physical.img 'lvm'
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vg/data
mount /dev/vg/data mnt
expect_kept "$device" physical.img "mounted.*$work/mnt"
expect_kept "$(realpath /dev/vg/data)" physical.img "mounted.*$work/mnt"
umount mnt
vgchange -qq -an vg

one=$(disk one 16)
two=$(disk two 16)
mdadm --quiet --create /dev/md0 --run --level 1 --metadata 1.2 --assume-clean --raid-devices 2 \
    "$one" "$two"
mdadm --quiet --wait-clean /dev/md0
expect_kept "$one" one.img 'md0|raid'
expect_kept "$two" two.img 'md0|raid'
mdadm --quiet --stop /dev/md0
expect_kept "$one" one.img 'raid' # the array may be assembled again

device=$(disk held 16)
dmsetup create holder --table "0 8192 linear $device 4096"
expect_kept "$device" held.img 'holder'
dmsetup create upper --table "0 8192 linear /dev/mapper/holder 0"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/upper
mount /dev/mapper/upper mnt
expect_kept "$device" held.img "mounted.*$work/mnt"
umount mnt
dmsetup remove upper
dmsetup remove holder

device=$(disk looped 16)
upper=$(losetup -f --show -o 1048576 "$device")
expect_kept "$device" looped.img "${upper##*/} is a loop device"
losetup -d "$upper"

echo "two equal devices"
one=$(marked left 8)
two=$(marked right 8)
before=$(digest right.img)
overwrite "$one"
expect 0 sanitized
same "old sectors" "$(old_sectors left.img)" ""
[ "$(digest right.img)" = "$before" ] || fail "the other device was written to: $two"
