#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nvme.sh, inside: $1 is the bad sector of the third drive.
set -euo pipefail
command -v nvme >/dev/null || { echo "skipped: nvme-cli is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "$0")/../../rig/lib/drive_lib.sh"
# shellcheck source=tests/system/qemu/inside/lib.sh
. "$(dirname "$0")/lib.sh"
load nvme

# by_serial NUMBER: sets $controller and $drive.
by_serial() {
    local folder
    for folder in /sys/class/nvme/nvme*; do
        [ "$(tr -d ' ' <"$folder/serial")" = "$1" ] || continue
        controller=/dev/${folder##*/}
        drive=${controller}n1
        [ -b "$drive" ] && return 0
    done
    return 1
}

echo "== what the list says, and nvme-cli"
for serial in SN-OVERWRITTEN SN-BAD SN-FORMATTED; do until_true by_serial $serial; done
by_serial SN-FORMATTED
nvme id-ctrl "$controller" -o json >ctrl.json
nvme id-ns "$drive" -o json >ns.json
told() { jq -r "$1 | if type == \"string\" then sub(\" +\$\"; \"\") else . end" ctrl.json; }
same serial "$(listed "$drive" .identity.serialNumber)" "$(told .sn)"
same model "$(listed "$drive" .identity.model)" "$(told .mn)"
same transport "$(listed "$drive" .identity.transport)" nvme
same size "$(listed "$drive" .identity.sizeBytes)" "$(jq '.nsze * 512' ns.json)"
same error "$(listed "$drive" .erasesItself.error)" ""
# SANICAP 2:0 are the kinds, OACS bit 1 is Format NVM, FNA bit 2 its cryptographic erase.
same "sanitize kinds" $(($(told .sanicap) & 7)) 0
for kind in block crypto overwrite; do
    same $kind "$(why_not "$drive" nvme-sanitize-$kind)" \
        "the drive has no Sanitize command (SANICAP 0)"
done
[ $(($(told .oacs) & 2)) -ne 0 ] || fail "this QEMU has no Format NVM"
same "format" "$(why_not "$drive" nvme-format-user-data)" ""
same "cryptographic format" $(($(told .fna) & 4)) 0
case $(why_not "$drive" nvme-format-crypto) in
*"no cryptographic erase"*) ;;
*) fail "the list says something else of nvme-format-crypto" ;;
esac
purge "$drive" nvme-sanitize-block
refused SANICAP

echo "== Format NVM"
holds_old "$drive"
purge "$drive" nvme-format-user-data
ended 0 sanitized clear
no_old_data "$drive"
same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
same serial "$(predicate .target.identity.serialNumber)" "$(told .sn)"
nvme id-ns "$drive" -o json | cmp - ns.json || fail "Format changed the namespace"

echo "== overwritten"
by_serial SN-OVERWRITTEN
holds_old "$drive"
overwrite "$drive"
expect 0 sanitized
no_old_data "$drive"

echo "== a block that can be neither written nor read"
by_serial SN-BAD
overwrite "$drive"
expect 4 sanitized-with-exceptions
same exception "$(predicate '.result.exceptions | map(.text) | join("; ")')" \
    "512 bytes in 1 places could not be written: 512 bytes at $(($1 * 512))"
