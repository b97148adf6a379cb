#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A disk that says "written" and writes nothing: never sanitized, exit 3, a signed record of it.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

modprobe dm-flakey
below=$(disk below 64)
sectors=$(blockdev --getsz "$below")
dmsetup create lying --table "0 $sectors linear $below 0"
luks /dev/mapper/lying
cryptsetup open --key-file passphrase /dev/mapper/lying volume
fill volume
cryptsetup close volume
project /dev/mapper/lying

# Always "down": every write is dropped, every flush reported good.
dmsetup suspend lying
dmsetup load lying --table "0 $sectors flakey $below 0 0 1 1 drop_writes"
dmsetup resume lying
erase
[ "$status" -eq 3 ] || fail "exit status $status, not 3"
[ "$(volume_field status)" = not-sanitized ] || fail "status is $(volume_field status)"
[ "$(volume_field 'reasons | length')" -gt 0 ] || fail "no reason is given"
opens /dev/mapper/lying || fail "the fixture is wrong: the key is gone after all"
verified
