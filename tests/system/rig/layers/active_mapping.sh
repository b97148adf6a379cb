#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A volume with an active dm-crypt mapping is refused: its key is in the kernel's memory.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

device=$(disk one 64)
luks "$device"
cryptsetup open --key-file passphrase "$device" pg-data
fill pg-data
project "$device"
expect_refused "$device" 'pg-data|mapping'
[ -b /dev/mapper/pg-data ] || fail "the mapping is gone: efface never closes one by itself"
