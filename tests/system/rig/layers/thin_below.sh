#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A volume on a thin device is refused: with a snapshot in the pool an overwrite goes to new blocks
# and the old ones stay.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

modprobe dm-thin-pool
below=$(disk pool 160)
pvcreate -qq "$below"
vgcreate -qq vg "$below"
lvcreate -qq -y -Zn --type thin-pool -L 120M -n pool vg 2>/dev/null
lvcreate -qq -y -V 64M --thinpool pool -n data vg 2>/dev/null
luks /dev/vg/data
cryptsetup open --key-file passphrase /dev/vg/data volume
fill volume
cryptsetup close volume
project /dev/vg/data
expect_refused /dev/vg/data 'thin|copy-on-write|copy on write'
