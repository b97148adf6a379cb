#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# Devices that refuse for a while: what was refused is tried again, and named where it stayed.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe -a dm-flakey dm-delay

marked_disk
echo "a while in which every write fails, shorter than the retries last"
dmsetup create flaky --table "0 $sectors linear $below 0"
slow_table /dev/mapper/flaky 0 $held_ms | dmsetup create slow
refill
overwrite_in_background /dev/mapper/slow
held slow write
edge_written() { [ "$(transfers slow 7)" -ge 16384 ]; } # what slow_table does not hold
comes edge_written || fail "the first 8 MiB are not written"
retable flaky <<<"0 $sectors flakey $below 0 0 1 1 error_writes"
slow_table /dev/mapper/flaky 0 $held_ms | retable slow # what was held fails, the retries are held
held slow write
retable flaky <<<"0 $sectors linear $below 0"
retable slow <<<"0 $sectors linear /dev/mapper/flaky 0"
overwrite_ends
expect 0 sanitized
[ "$(predicate '.sanitization.passes[0].retries')" -gt 0 ] || fail "the fixture is wrong: no retry"
same "old sectors" "$(old_sectors below.img)" ""
dmsetup remove slow

echo "a while in which some sectors refuse to be written; they can be read all the time"
dmsetup create part --table "0 2048 flakey $below 49152 0 1 1 error_writes"
refusing() {
    echo "0 49152 linear $below 0"
    echo "49152 2048 linear $1"
    echo "51200 $((sectors - 51200)) linear $below 51200"
}
refusing "/dev/mapper/part 0" | retable flaky
# What comes behind is held, so that the run does not end before the sectors can be written.
dmsetup create slow <<TABLE
0 53248 linear /dev/mapper/flaky 0
53248 12288 delay /dev/mapper/flaky 53248 0 /dev/mapper/flaky 53248 $held_ms
65536 $((sectors - 65536)) linear /dev/mapper/flaky 65536
TABLE
refill
overwrite_in_background /dev/mapper/slow
# Two pieces at most lie there: so many attempts, and a block has been given up.
given_up() { [ "$(transfers part 5)" -gt 60 ]; }
comes given_up || fail "nothing was refused"
refusing "$below 49152" | retable flaky
retable slow <<<"0 $sectors linear /dev/mapper/flaky 0"
overwrite_ends
expect 3 not-sanitized
failed=$(sectors_of '.sanitization.passes[0].writeFaults.areas')
same "old sectors" "$(old_sectors below.img)" "$failed"
same "old blocks that can be read" "$(predicate '.verification.unwrittenAreas.blocksDifferent')" \
    "$(awk '{ sum += $2 } END { print sum }' <<<"$failed")"

echo "the same for ever: then the flush fails too"
refusing "/dev/mapper/part 0" | retable flaky
refill
overwrite /dev/mapper/slow
expect 3 not-sanitized
[[ $(target_field 'reasons[].code') == *flush-failed* ]] || fail "the flush is not the reason"
dmsetup remove slow
dmsetup remove flaky
dmsetup remove part
