#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A volume with a snapshot is refused, from both sides: the origin's old blocks are copied to the
# snapshot when they are overwritten, and the snapshot's are still on the origin.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

modprobe dm-snapshot
below=$(disk below 160)
pvcreate -qq "$below"
vgcreate -qq vg "$below"
lvcreate -qq -y -Zn -L 64M -n data vg 2>/dev/null
luks /dev/vg/data
lvcreate -qq -y -s -L 48M -n copy /dev/vg/data 2>/dev/null
opens /dev/vg/copy || fail "the fixture is wrong: the snapshot is no LUKS volume"
project /dev/vg/data
expect_refused /dev/vg/data 'snapshot|copy-on-write|copy on write'
project /dev/vg/copy
expect_refused /dev/vg/copy 'snapshot|copy-on-write|copy on write'
