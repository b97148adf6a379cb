#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A volume whose mapping is swapped on is refused.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

device=$(disk one 64)
luks "$device"
cryptsetup open --key-file passphrase "$device" volume
mkswap -q /dev/mapper/volume
swapon /dev/mapper/volume
project "$device"
expect_refused "$device" swap
