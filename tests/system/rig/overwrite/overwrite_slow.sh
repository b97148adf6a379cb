#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# A device that is too slow, or not done in time: the run stops or goes on as the order says, and
# the certificate tells of it. What was stopped is finished under the same order on a better day.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe dm-delay

mib=96
below=$(marked below $mib)
sectors=$(blockdev --getsz "$below")
slow_table "$below" 0 1500 | dmsetup create slow # about 5 MiB a second: fifteen seconds

# limit FIELD PATTERN: of every limit event that is recorded, and there is one.
limit() {
    local found
    found=$(predicate ".sanitization.limits.events[].$1")
    [ -n "$found" ] && ! grep -Eqvx -- "$2" <<<"$found" || fail "not '$2': '$found'"
}

# stopped CODE LIMIT PATTERN: not sanitized for this reason, not wholly written, and all of it said.
stopped() {
    expect 3 not-sanitized
    same reasons "$(target_field 'reasons[].code')" "$1"
    limit limit "$2"
    limit what "$3"
    limit 'then' stop
    same "verification" "$(predicate .verification.performed)" false
    local written left
    written=$(predicate '.sanitization.passes[0].bytesWritten')
    [ "$written" -lt $((mib << 20)) ] || fail "all was written: the fixture is too fast"
    left=$(old_sectors below.img | awk '{ sum += $2 } END { print sum * 512 }')
    [ "$left" -gt 0 ] && [ $((left + written)) -le $((mib << 20)) ] ||
        fail "$written bytes were written, but $left old ones are left"
}

echo "slower than the least allowed rate: stop"
overwrite /dev/mapper/slow '{"limits": {"bytes_per_second_min": 100000000}}'
stopped too-slow speed '[0-9]+ bytes a second; the minimum is 100000000'

echo "the same order, the device being faster"
retable slow <<<"0 $sectors linear $below 0"
again
expect 0 sanitized
same "old sectors" "$(old_sectors below.img)" ""
same "attempt" "$(predicate .attempts.number)" 2

echo "slower than the least allowed rate: go on"
fill_with_marks below.img $((mib << 20))
blockdev --flushbufs "$below"
slow_table "$below" 0 1500 | retable slow
overwrite /dev/mapper/slow '{"limits": {"bytes_per_second_min": 100000000, "when_slow": "go-on"}}'
expect 0 sanitized
limit what '[0-9]+ bytes a second; the minimum is 100000000'
limit 'then' go-on
same "old sectors" "$(old_sectors below.img)" ""

echo "not done in time: stop"
fill_with_marks below.img $((mib << 20))
blockdev --flushbufs "$below"
overwrite /dev/mapper/slow '{"limits": {"deadline_seconds": 3}}'
stopped deadline-passed deadline 'not finished within 3 seconds'

echo "not done in time: go on"
retable slow <<<"$(slow_table "$below" 0 400)"
overwrite /dev/mapper/slow '{"limits": {"deadline_seconds": 1, "when_late": "go-on"}}'
expect 0 sanitized
limit what 'not finished within 1 seconds'
limit 'then' go-on
same "old sectors" "$(old_sectors below.img)" ""
