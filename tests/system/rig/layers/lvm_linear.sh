#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A volume on a plain logical volume, in two pieces on two disks, is erased.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

one=$(disk one 24)
two=$(disk two 96)
pvcreate -qq "$one" "$two"
vgcreate -qq vg "$one" "$two"
# The first piece ends inside the metadata region.
lvcreate -qq -y -Zn -l 3 -n data vg "$one" 2>/dev/null
lvextend -qq -L 64M vg/data "$two" >/dev/null 2>&1
[ "$(dmsetup table vg-data | wc -l)" -eq 2 ] || fail "the fixture is wrong: not two pieces"
luks /dev/vg/data
cryptsetup open --key-file passphrase /dev/vg/data volume
fill volume
cryptsetup close volume
head -c "${metadata_mib}M" /dev/vg/data >old
project /dev/vg/data

erase
[ "$status" -eq 0 ] || fail "exit status $status, not 0"
expect_erased /dev/vg/data old
for disk in "$one" "$two"; do
    [ -z "$(left_of old "$disk")" ] || fail "old metadata is left on the disk $disk"
done
verified
