#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# One half of a running mirror is refused. With metadata 1.0 the array's superblock is at the end,
# so that the half looks like the LUKS volume itself.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

modprobe raid1
one=$(disk one 64)
two=$(disk two 64)
mdadm --quiet --create /dev/md0 --run --level 1 --metadata 1.0 --assume-clean --raid-devices 2 \
    "$one" "$two"
luks /dev/md0
cryptsetup isLuks "$one" || fail "the fixture is wrong: no header at the start of the half"
project "$one"
expect_refused "$one" 'md0|raid|member'
cmp "$one" "$two" -n $((metadata_mib << 20)) || fail "the halves differ"
