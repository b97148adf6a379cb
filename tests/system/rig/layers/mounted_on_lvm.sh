#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A file system mounted four layers above the volume (disk, LUKS, physical volume, logical volume)
# protects it, and so does one right above a LUKS volume that lies on LVM.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

device=$(disk one 96)
luks "$device"
cryptsetup open --key-file passphrase "$device" outer
pvcreate -qq /dev/mapper/outer
vgcreate -qq vg /dev/mapper/outer
lvcreate -qq -y -Zn -l 100%FREE -n data vg 2>/dev/null
mkfs.ext4 -q /dev/vg/data
mkdir mnt
mount /dev/vg/data mnt
project "$device"
expect_refused "$device" "mounted.*$work/mnt|$work/mnt.*mounted"
umount mnt
vgchange -qq -an vg
cryptsetup close outer

below=$(disk two 96)
pvcreate -qq "$below"
vgcreate -qq below "$below"
lvcreate -qq -y -Zn -l 100%FREE -n data below 2>/dev/null
luks /dev/below/data
cryptsetup open --key-file passphrase /dev/below/data inner
mkfs.ext4 -q /dev/mapper/inner
mount /dev/mapper/inner mnt
project /dev/below/data
expect_refused /dev/below/data "mounted.*$work/mnt|$work/mnt.*mounted"
