#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside modules=nvme
# efface and NVMe drives behind the kernel's own NVMe host: a technique of each kind, and what becomes
# of it when the drive lies, is used, or was at it already. The rest: drive_nvme_all.
set -euo pipefail
# shellcheck source=tests/system/rig/lib/drive_nvme_lib.sh
. "$(dirname "$0")/../lib/drive_nvme_lib.sh"

echo "== what the list says"
drive good
same best "$(ability "$first" '.techniques[0] | "\(.name) \(.level) \(.whyNot)"')" \
    "nvme-sanitize-block purge "
"$EFFACE" list >list.out
grep -q "purge: nvme-sanitize-block" list.out || fail "the list does not show it: $(cat list.out)"
"$EFFACE" list -t >list.out
grep -q "nvme-format-user-data *clear" list.out || fail "no techniques: $(cat list.out)"

echo "== a technique of each kind, both namespaces"
each_technique nvme-sanitize-block nvme-format-crypto

echo "== the order asks for a level, not for a technique"
old_data "$first" "$second"
order "$first" '{"minimum_level": "purge"}'
again
ended 0 sanitized purge
same technique "$(predicate .sanitization.technique)" nvme-sanitize-block

nvme_stop good

echo "== blocks that cannot be read after the erasure prove nothing"
drive mute --leaves unreadable
old_data "$first" "$second"
purge "$first" nvme-sanitize-crypto
ended 4 sanitized-with-exceptions none
same canaries "$(predicate '.verification.canaries | .placed > 0 and .unreadable == .placed')" true
same reset "$(predicate '.verification.recheck | "\(.reset) \(.written > 0)"')" "done true"
same reasons "$(predicate '[.result.exceptions[].code] | unique | tojson')" \
    '["no-evidence-read","unreadable-blocks"]'
same statuses "$(predicate '[.verification.unreadableStatuses[].expected] | unique | tojson')" '[true]'
nvme_stop mute

echo "== another namespace of the drive is in use"
drive shared
mkfs.ext4 -q "$second"
mkdir -p there && mount "$second" there
purge "$first" nvme-sanitize-block
refused "on the same drive"
umount there

echo "== somebody else's sanitize is adopted, never called more than the drive's word"
nvme_stop shared
drive adopted
nvme_hold adopted
nvme sanitize "$controller" --sanact=2 >/dev/null
purge "$first" nvme-sanitize-crypto
[ "$status" -eq 7 ] || [ "$status" -eq 3 ] || fail "another technique was adopted: $status"
in_background "$first" nvme-sanitize-block
adopts
nvme_release adopted
overwrite_ends
ended 4 sanitized-with-exceptions none
same adopted "$(predicate .sanitization.operation.adopted)" true

echo "== killed while the drive is at it"
nvme_stop adopted
drive killed
nvme_hold killed
in_background "$first" nvme-sanitize-block
erases
killed
again_in_background
erases
nvme_release killed
overwrite_ends
ended 0 sanitized purge
no_old_data "$first" "$second"
same begun "$(nvme_control killed sanitizes | tail -n 1)" 1
same interruptions "$(predicate .sanitization.interruptions)" 1

nvme_stop killed

echo "== a drive that lies"
drive liar --lie erases-nothing
purge "$first" nvme-sanitize-block
ended 3 not-sanitized none
has_old_data "$first"
nvme_stop liar
