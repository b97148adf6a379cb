#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ahci.sh, inside. The kernel's own translation layer stands between efface and the disk here; the
# models of the rig have one of their own.
set -euo pipefail
command -v hdparm >/dev/null || { echo "skipped: hdparm is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "$0")/../../rig/lib/drive_lib.sh"
# shellcheck source=tests/system/qemu/inside/lib.sh
. "$(dirname "$0")/lib.sh"
load ahci sd_mod sg
disk=/dev/sda
until_true test -b $disk

echo "== what the list says, and hdparm"
hdparm -I $disk >hdparm.out
told() { sed -n "s/^[[:space:]]*$1:* *//p" hdparm.out | sed 's/ *$//'; }
same model "$(listed $disk .identity.model)" "$(told 'Model Number')"
same serial "$(listed $disk .identity.serialNumber)" "$(told 'Serial Number')"
same size "$(listed $disk .identity.sizeBytes)" $(($(told 'LBA48  user addressable sectors') * 512))
same transport "$(listed $disk .identity.transport)" sata
# The disk answers; that libata lets no TRUSTED RECEIVE through is no failure of it.
same error "$(listed $disk .erasesItself.error)" ""
! grep -qi sanitize hdparm.out || fail "this QEMU has SANITIZE: the test wants another look"
! grep -q '^Security' hdparm.out || fail "this QEMU has SECURITY: the test wants another look"
for kind in block crypto overwrite; do
    same $kind "$(why_not $disk ata-sanitize-$kind)" \
        "the drive does not support SANITIZE (word 59 bit 12)"
done
for kind in enhanced normal; do
    same $kind "$(why_not $disk ata-security-$kind)" \
        "the drive does not support the SECURITY feature set (word 128 bit 0)"
done
for technique in scsi-sanitize-block scsi-format-unit scsi-write-same; do
    case $(why_not $disk $technique) in
    *"behind a translation layer"*libata*) ;;
    *) fail "$technique is not left to the ATA commands: $(why_not $disk $technique)" ;;
    esac
done
same "hidden areas" "$(listed $disk '.erasesItself.hiddenAreas | length')" 0
purge $disk ata-sanitize-block
refused "word 59"
purge $disk ata-security-normal
refused "word 128"

echo "== overwritten"
holds_old $disk
overwrite $disk
ended 0 sanitized clear
no_old_data $disk
same serial "$(predicate .target.identity.serialNumber)" SN-ATA
