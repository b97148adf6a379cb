#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# Honest disks and bridges that leave out what a vendor may leave out, behind the kernel's own SCSI
# stack: each is erased, or refused with the code that is right for it. The same in process, by the
# thousand: tests/unit/job/variants.
set -euo pipefail
command -v sg_requests >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../lib/drive_scsi_lib.sh"

# erased TECHNIQUE LEVEL
erased() {
    purge "$scsi_disk" "$1"
    verdict 0 sanitized "$2"
    no_old_data "$scsi_disk"
}

echo "== a disk that does not tell what it supports: what is named is tried"
drive scsi SILENT sanitize_time=100 format_time=100 opcodes=1
same why "$(ability "$scsi_disk" '.techniques[0].whyNot | test("name it with --technique")')" true
purge "$scsi_disk" auto '{"minimum_level": "purge"}'
refused level-not-reached
for technique in scsi-sanitize-block scsi-sanitize-overwrite; do
    erased $technique purge
    old_data "$scsi_disk"
done
drive scsi LISTS sanitize_time=100 opcodes=2
purge "$scsi_disk" auto '{"minimum_level": "purge"}'
ended 0 sanitized purge

echo "== forms that are refused: IMMED, a parameter list, a pattern's length, sixteen bytes"
drive scsi PLAIN sanitize_waits=1 format_waits=1 format_without_list=1 pattern_bytes=512 \
    write_same_ten_only=1 write_same_most=100 no_modes=1
for technique in scsi-sanitize-crypto scsi-sanitize-overwrite; do
    old_data "$scsi_disk"
    erased $technique purge
done
for technique in scsi-format-unit scsi-write-same; do
    old_data "$scsi_disk"
    erased $technique clear
done

echo "== sectors of 520 bytes: formatted first, where the order says so"
drives=$((drives + 1))
scsi_model scsi ODD $((2048 * 520)) "naa=$(printf '0x5000c500a0000%03x' "$drives")" block_bytes=520 \
    sanitize_time=100 format_time=300
same size "$(blockdev --getsize64 "$scsi_disk")" 0
same kind "$(ability "$scsi_disk" '.hiddenAreas | map(test("odd-sectors") and test("of 520 bytes")) | any')" true
by_serial='"targets": [{"target": "'$scsi_disk'", "serial": "ODD"}]'  # it has no size
purge "$scsi_disk" scsi-sanitize-overwrite "{$by_serial}"
refused odd-sectors
same formats "$(came ODD 04)" 0
purge "$scsi_disk" scsi-sanitize-overwrite "{$by_serial, \"sector_size\": 512}"
ended 0 sanitized purge
same formats "$(came ODD 04)" 1
same before "$(predicate .sanitization.operation.sectorFormat.before)" 520
same after "$(predicate .sanitization.operation.sectorFormat.after)" 512
same size "$(blockdev --getsize64 "$scsi_disk")" $((2048 * 520 / 512 * 512))
holds_pattern "$scsi_disk"

echo "== SATA behind a USB bridge without page 89h"
drive ata BRIDGE sanitize_time=100 information_page=0 vendor=USBVEND checksum_wrong=1 \
    protected_area_off=1
erased ata-sanitize-block purge
same checksum "$(predicate .target.drive.facts.checksumGood)" false
old_data "$scsi_disk"
erased ata-security-normal clear

echo "== a status that aborts while the drive is at work"
drive ata BUSY sanitize_time=500 status_aborted_at_work=1
erased ata-sanitize-crypto purge

echo "== what a path can not carry is refused before anything is sent"
drive ata NARROW drops_extend=1
purge "$scsi_disk" ata-sanitize-block
refused drive-path
drive ata CLOSED no_pass_through=1 information_page=0 vendor=USBVEND
purge "$scsi_disk" ata-sanitize-block
refused drive-path

echo "== scsi_debug, which nobody here wrote: plain, 4 KiB blocks, protection types 1 to 3"
# Its page 89h tells of an ATA drive of 80 GB, and it rejects ATA PASS-THROUGH: what is named is
# tried, and what the host does not see of the 80 GB is an exception without a level.
find_debug_disk() {
    local node
    for node in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
        [ -e "$node" ] && echo "/dev/${node##*/}"
    done
}
for with in sector_size=512 sector_size=4096 dif=1 dif=2 dif=3; do
    modprobe scsi_debug dev_size_mb=8 "$with"
    comes find_debug_disk || fail "scsi_debug made no disk with $with"
    debug_disk=$(find_debug_disk)
    same path "$(ability "$debug_disk" '.techniques | map(.whyNot | test("rejects ATA PASS-THROUGH")) | any')" true
    purge "$debug_disk" scsi-sanitize-block
    refused drive-lacks-technique
    old_data "$debug_disk"
    purge "$debug_disk" scsi-write-same
    verdict 4 sanitized-with-exceptions none
    no_old_data "$debug_disk"
    rmmod scsi_debug
done

echo "== scsi_debug that fails to read where it was written: blocks nobody read prove nothing"
modprobe scsi_debug dev_size_mb=8 opts=2 medium_error_start=4096 medium_error_count=64
comes find_debug_disk || fail "scsi_debug made no disk with medium errors"
debug_disk=$(find_debug_disk)
purge "$debug_disk" overwrite-random
[ "$status" -eq 3 ] || [ "$status" -eq 4 ] || fail "exit status $status with unreadable blocks"
grep -q read-back-unreadable run.json || fail "the blocks that cannot be read are not named"
rmmod scsi_debug
