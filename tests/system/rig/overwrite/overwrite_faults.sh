#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# Devices that refuse some sectors, lie about what they wrote, or hand out something else: what
# could not be reached is named sector by sector, everything else is new, and no lie is believed.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe -a dm-flakey dm-dust dm-delay

marked_disk
echo "sectors that can be neither written nor read: in the middle, odd ones, the last"
last=$((sectors - 1))
bad="20480 8
40961 1
$last 1"
dmsetup create worn <<TABLE
0 20480 linear $below 0
20480 8 error
20488 20473 linear $below 20488
40961 1 error
40962 $((last - 40962)) linear $below 40962
$last 1 error
TABLE
refill
overwrite /dev/mapper/worn
expect 4 sanitized-with-exceptions
same "sectors not written" "$(sectors_of '.sanitization.passes[0].writeFaults.areas')" "$bad"
same "bytes written" "$(predicate '.sanitization.passes[0].bytesWritten')" $(((sectors - 10) * 512))
same "unreadable among them" "$(predicate '.verification.unwrittenAreas.bytesUnreadable')" 5120
same "bytes compared" "$(predicate '.verification.bytesCompared')" $(((sectors - 10) * 512))
[ "$(target_field 'exceptions | length')" -gt 0 ] || fail "no exception is given"
same "old sectors" "$(old_sectors below.img)" "$bad"

echo "the same where bad sectors are not accepted"
refill
overwrite /dev/mapper/worn '{"bad_blocks": "fail"}'
expect 3 not-sanitized
same "sectors not written" "$(sectors_of '.sanitization.passes[0].writeFaults.areas')" "$bad"
[ "$(target_field 'reasons | length')" -gt 0 ] || fail "no reason is given"
same "old sectors" "$(old_sectors below.img)" "$bad"
dmsetup remove worn

echo "sectors that fail twice and are written at the third attempt"
dmsetup create dusty --table "0 $sectors dust $below 0 512"
for sector in 100 30000; do
    dmsetup message dusty 0 addbadblock $sector 2
done
dmsetup message dusty 0 enable
refill
overwrite /dev/mapper/dusty
expect 0 sanitized
[ "$(predicate '.sanitization.passes[0].retries')" -gt 0 ] || fail "no retry is counted"
same "old sectors" "$(old_sectors below.img)" ""
dmsetup remove dusty

echo "sectors that were written and cannot be read back"
slow_table "$below" $held_ms 0 | dmsetup create slow
dmsetup create dusty --table "0 $sectors dust /dev/mapper/slow 0 512"
dmsetup message dusty 0 enable
refill
overwrite_in_background /dev/mapper/dusty
held slow read
for sector in $((sectors - 40)) $((sectors - 39)) $((sectors - 1)); do
    dmsetup message dusty 0 addbadblock $sector
done
retable slow <<<"0 $sectors linear $below 0"
overwrite_ends
expect 4 sanitized-with-exceptions
same "sectors not read" "$(sectors_of '.verification.readFaults.areas')" "$((sectors - 40)) 2
$((sectors - 1)) 1"
same "sectors not written" "$(predicate '.sanitization.passes[0].writeFaults.count')" 0
same "mismatches" "$(predicate '.verification.mismatches')" 0
same "old sectors" "$(old_sectors below.img)" ""
dmsetup remove dusty
dmsetup remove slow

echo "a device that says it wrote and did not"
dmsetup create liar --table "0 $sectors flakey $below 0 0 1 1 drop_writes"
refill
overwrite /dev/mapper/liar
expect 3 not-sanitized
same "mismatches" "$(predicate '.verification.mismatches')" "$sectors"
same "result of the verification" "$(predicate '.verification.result')" fail
same "old sectors" "$(old_sectors below.img)" "0 $sectors"

echo "a device that drops only what goes to eight sectors"
retable liar <<TABLE
0 70000 linear $below 0
70000 8 flakey $below 70000 0 1 1 drop_writes
70008 $((sectors - 70008)) linear $below 70008
TABLE
refill
overwrite /dev/mapper/liar
expect 3 not-sanitized
same "mismatches" "$(predicate '.verification.mismatches')" 8
same "where" "$(predicate '.verification.differences[0].offset')" $((70000 * 512))
same "old sectors" "$(old_sectors below.img)" "70000 8"

echo "a device that changes one byte of each transfer"
refill
retable liar <<<"0 $sectors flakey $below 0 0 1 5 corrupt_bio_byte 32 w 255 0"
overwrite /dev/mapper/liar
expect 3 not-sanitized
[ "$(predicate '.verification.mismatches')" -gt 0 ] || fail "no mismatch is counted"
same "old sectors" "$(old_sectors below.img)" ""
dmsetup remove liar

echo "a device that wraps: its second half is its first"
half=$((sectors / 2))
dmsetup create wrapping <<TABLE
0 $half linear $below 0
$half $half linear $below 0
TABLE
refill
overwrite /dev/mapper/wrapping
expect 3 not-sanitized
same "mismatches" "$(predicate '.verification.mismatches')" $half
same "old sectors" "$(old_sectors below.img)" "$half $half"
dmsetup remove wrapping

echo "a device that hands out other sectors than were asked for"
dmsetup create mixed --table "0 $sectors linear $below 0"
slow_table /dev/mapper/mixed $held_ms 0 | dmsetup create slow
refill
overwrite_in_background /dev/mapper/slow
held slow read
retable mixed <<TABLE
0 $((sectors - 64)) linear $below 0
$((sectors - 64)) 8 linear $below 1024
$((sectors - 56)) 56 linear $below $((sectors - 56))
TABLE
retable slow <<<"0 $sectors linear /dev/mapper/mixed 0"
overwrite_ends
expect 3 not-sanitized
same "mismatches" "$(predicate '.verification.mismatches')" 8
dmsetup remove slow
dmsetup remove mixed
