#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# efface and SCSI disks behind the kernel's own SCSI stack: every technique, and what becomes of it
# when the disk lies, fails, is used, is reset or switched off, or when efface is killed.
set -euo pipefail
command -v sg_requests >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../lib/drive_scsi_lib.sh"
model=scsi
sanitizes=48 # operation codes
starts=$sanitizes
formats=04

echo "== what the list says"
drive scsi GOOD sanitize_time=100 format_time=100
same best "$(ability "$scsi_disk" '.techniques[0] | "\(.name) \(.level) \(.whyNot)"')" \
    "scsi-sanitize-block purge "
"$EFFACE" list -t >list.out
grep -q "scsi-format-unit *clear" list.out || fail "no techniques in the list: $(cat list.out)"
same "commands that erase" "$(came GOOD $sanitizes) $(came GOOD $formats)" "0 0"

echo "== each technique"
for technique in scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite \
    scsi-format-unit scsi-write-same; do
    case $technique in *sanitize*) level=purge ;; *) level=clear ;; esac
    erased_by $technique $level
    same state "$(predicate .sanitization.operation.finalState.phase)" succeeded
    sg_turs "$scsi_node" || fail "$technique left a disk that is not ready"
done
same "commands that erased" "$(came GOOD $sanitizes) $(came GOOD $formats)" "3 1"

echo "== the order asks for a level, not for a technique"
old_data "$scsi_disk"
purge "$scsi_disk" auto '{"minimum_level": "purge"}'
ended 0 sanitized purge
same technique "$(predicate .sanitization.technique)" scsi-sanitize-block

echo "== mounted: not touched"
mkfs.ext4 -q -O ^has_journal "$scsi_disk"
mkdir -p there && mount "$scsi_disk" there
before=$(came GOOD $sanitizes)
purge "$scsi_disk" scsi-sanitize-block
refused mounted
same "commands that erased" "$(came GOOD $sanitizes)" "$before"
umount there

echo "== a capacity that was reduced is opened first"
drive scsi REDUCED sanitize_time=100 reduced_blocks=1536
same size "$(blockdev --getsize64 "$scsi_disk")" $((mib * 3 / 4))
purge "$scsi_disk" scsi-sanitize-block
verdict 0 sanitized purge
same opened "$(predicate '.target.hiddenAreas.areas[0] | "\(.kind) \(.opened)"')" "reduced-capacity true"
same size "$(blockdev --getsize64 "$scsi_disk")" $mib
no_old_data "$scsi_disk"
drive scsi KEEPSHIDDEN sanitize_time=100 reduced_blocks=1536 keeps_share=0.1
purge "$scsi_disk" scsi-sanitize-block
verdict 3 not-sanitized none

echo "== a bus reset in the middle: a sanitize goes on, a format is over"
drive scsi RESET sanitize_time=100 format_time=100 resets=1
purge "$scsi_disk" scsi-sanitize-crypto
verdict 0 sanitized purge
no_old_data "$scsi_disk"
same "sanitize commands" "$(came RESET $sanitizes)" 1
purge "$scsi_disk" scsi-format-unit
# Whether it was seen in the middle or only at its end: level none, or nothing is left.
case $status in
3) same level "$(target_field level)" none ;;
*) verdict 0 sanitized clear && no_old_data "$scsi_disk" ;;
esac

echo "== a power cycle in the middle"
power_cycled scsi-sanitize-block format_time=100
old_data "$scsi_disk"
scsi_event CYCLED hold
in_background "$scsi_disk" scsi-format-unit
erases
scsi_event CYCLED power-cycle
scsi_event CYCLED release
overwrite_ends
[ "$status" -eq 3 ] || fail "a format without power: $status"
[ "$(target_field level)" = none ] || fail "a format without power has a level"
again
verdict 0 sanitized clear
no_old_data "$scsi_disk"

echo "== killed while the disk is at it"
killed_midway scsi-sanitize-overwrite

echo "== somebody else's sanitize is adopted, never called more than the disk's word"
adopted_from scsi-sanitize-block sg_sanitize --block --quick --early

echo "== the list: one that sanitizes, one that hangs, and an honest one beside them"
drive scsi BUSY sanitize_time=100
busy=$scsi_disk
drive scsi HANGS
hangs=$scsi_disk
scsi_event BUSY hold
sg_sanitize --block --quick --early "$(generic_of "$busy")" >/dev/null
blocks_read="$(came BUSY 28) $(came BUSY 88)"
scsi_event HANGS hang
"$EFFACE" list -J --wait 20 >list.json
listed() {
    jq -r --arg path "$1" ".storage[] | select(.identity.canonicalPath == \$path) | $2" list.json
}
same "the busy one" "$(listed "$busy" .erasesItself.running)" \
    "an erase whose technique it does not report"
same "why it was not read" "$(listed "$busy" '.uses[].detail')" \
    "not read: it is running an erase whose technique it does not report"
same "blocks read of it" "$(came BUSY 28) $(came BUSY 88)" "$blocks_read"
same "the one that hangs" "$(listed "$hangs" .erasesItself.error)" "no answer in 20 s"
same "why it was not read" "$(listed "$hangs" '.uses[].detail')" "not read: no answer in 20 s"
scsi_find GOOD
same "the honest one" "$(listed "$scsi_disk" '"\(.erasesItself.error)\(.uses | length)"')" 0
scsi_event HANGS resume
scsi_event BUSY release

echo "== one list asks for each page once"
mode_senses=5a # two pages of one survey; the kernel itself sends the short command
before=$(came GOOD $mode_senses)
"$EFFACE" list >/dev/null
same "MODE SENSE (10)" $(($(came GOOD $mode_senses) - before)) 2

echo "== sense data in the other format"
drive scsi DESCRIPTOR sanitize_time=100 descriptor_sense=1
purge "$scsi_disk" scsi-sanitize-block
verdict 0 sanitized purge
no_old_data "$scsi_disk"

echo "== disks that erase nothing, and answer that nothing can be read (3/11/00, 3/11/15)"
for hides in 1 2; do
    drive scsi HIDES$hides sanitize_time=100 erases_nothing=1 hides=$hides
    for technique in scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite; do
        purge "$scsi_disk" $technique
        case $hides$technique in
        # That status is expected where no content is promised: no level for that alone.
        2*block | 2*crypto) ended 4 sanitized-with-exceptions none ;;
        *) ended 3 indeterminate none ;;
        esac
        same compared "$(predicate .verification.canaries.changed)" 0
    done
    drive scsi COMESBACK$hides sanitize_time=100 erases_nothing=1 hides=$hides shows_after_write=1
    purge "$scsi_disk" scsi-sanitize-block
    ended 3 not-sanitized none
    same reasons "$(predicate '[.sanitization.reasons[].code] | unique | tojson')" \
        '["old-data-found"]'
    has_old_data "$scsi_disk"
done

echo "== a disk with blocks of 520 bytes, which the kernel shows nothing of"
scsi_model scsi ODD $((520 * 2048)) naa=0x5000c500a0520001 block_bytes=520
for options in "" "--technique scsi-sanitize-block"; do
    odd=0
    # shellcheck disable=SC2086
    "$EFFACE" plan $options --json "$scsi_disk" >plan.json || odd=$?
    same "exit status" "$odd" 7
    same "reason" "$(jq -r '[.targets[0].objections[].code] | index("no-capacity") != null' plan.json)" true
done

echo "== disks that lie and disks that fail"
earn <<'DISKS'
REFUSES    | scsi-sanitize-block     | sanitize_refused=1                        | data
LIAR       | scsi-sanitize-block     | sanitize_time=100 erases_nothing=1        | data
FORGETS    | scsi-sanitize-overwrite | sanitize_time=100 only_forgets=1          |
FORMATLIAR | scsi-format-unit        | format_time=100 format_erases_nothing=1   | data
PARTLY     | scsi-sanitize-crypto    | sanitize_time=100 keeps_share=0.02        |
FAILS      | scsi-sanitize-block     | sanitize_time=100 fails=1                 |
DISKS
# Not into a pipe that grep closes while the other one still writes.
sg_requests "$scsi_node" >requests.out 2>&1
grep -q "Sanitize command failed" requests.out || fail "the fixture is wrong: $(cat requests.out)"
drive scsi OTHER sanitize_time=100 resets=1 serial_after_reset=SOMEBODY
purge "$scsi_disk" scsi-sanitize-block
[ "$status" -eq 3 ] || fail "another disk answers: $status"
[ "$(target_field level)" = none ] || fail "another disk answers, and has a level"
echo "every disk has the verdict that it earns"
