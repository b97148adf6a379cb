#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scsi.sh, inside.
set -euo pipefail
command -v sg_format >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "$0")/../../rig/lib/drive_lib.sh"
# shellcheck source=tests/system/qemu/inside/lib.sh
. "$(dirname "$0")/lib.sh"
load virtio_scsi sd_mod sg

# by_serial NUMBER: sets $disk and $node.
by_serial() {
    local folder
    for folder in /sys/block/sd*/device; do
        grep -aq "$1" "$folder/vpd_pg80" || continue
        disk=${folder%/device}
        disk=/dev/${disk##*/}
        node=$(echo "$folder"/scsi_generic/sg*)
        node=/dev/${node##*/}
        [ -b "$disk" ] && [ -c "$node" ] && return 0
    done
    return 1
}
for serial in SN-BELIEVED SN-OVERWRITTEN SN-LIAR; do until_true by_serial $serial; done

echo "== what the list says: the disk does not tell what it has"
by_serial SN-LIAR
! sg_opcodes "$node" >/dev/null 2>&1 || fail "this QEMU reports its commands"
same serial "$(listed "$disk" .identity.serialNumber)" SN-LIAR
same error "$(listed "$disk" .erasesItself.error)" ""
for technique in scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite scsi-format-unit \
    scsi-write-same; do
    case $(why_not "$disk" $technique) in
    *"not reported"*) ;;
    *) fail "$technique: '$(why_not "$disk" $technique)'" ;;
    esac
done
purge "$disk" scsi-write-same
refused "not reported"

echo "== FORMAT UNIT by name: success, says the disk"
purge "$disk" scsi-format-unit
ended 3 not-sanitized none
same "what it said" "$(predicate .sanitization.operation.finalState.phase)" succeeded
same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == .placed')" true
holds_old "$disk"

echo "== sg_format believes it"
by_serial SN-BELIEVED
sg_format --format --wait --quick "$node" >format.out 2>&1 || fail "sg_format: $(cat format.out)"
holds_old "$disk"

echo "== nobody names it: the disk is overwritten"
by_serial SN-OVERWRITTEN
order "$disk" '{"policy": "auto", "minimum_level": "clear"}'
again
ended 0 sanitized clear
same technique "$(predicate .sanitization.technique)" overwrite-random
no_old_data "$disk"
