#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside modules=nvme
# efface and NVMe drives behind the kernel's own NVMe host: every technique, and what becomes of it
# when the drive lies, fails, is used, is switched off, or was at it already.
set -euo pipefail
command -v nvme >/dev/null || { echo "skipped: nvme-cli is not installed"; exit 77; }
# shellcheck source=tests/system/rig/drive_lib.sh
. "$(dirname "$0")/drive_lib.sh"
# shellcheck source=tests/system/rig/nvme_lib.sh
. "$(dirname "$0")/nvme_lib.sh"

# drive NAME [OPTION...]: one with two namespaces: $first and $second, $controller.
drive() {
    local name=$1
    shift
    nvme_start "$name" --serial "SN-$name" --namespace 4096 --namespace 4096 --spare 64 \
        --block-ms 100 --crypto-ms 100 --overwrite-ms 100 --block-estimate 1 --deallocation-ms 100 \
        "$@"
    nvme_connect "$name"
    controller=/dev/$nvme_controller
    comes nvme_place "$name" 1 || fail "namespace 1 does not appear"
    comes nvme_place "$name" 2 || fail "namespace 2 does not appear"
    first=$(nvme_place "$name" 1)
    second=$(nvme_place "$name" 2)
    old_data "$first" "$second"
}

echo "== what the list says"
drive good
same best "$(ability "$first" '.techniques[0] | "\(.name) \(.level) \(.whyNot)"')" \
    "nvme-sanitize-block purge "
"$EFFACE" list >list.out
grep -q "purge: nvme-sanitize-block" list.out || fail "the list does not show it: $(cat list.out)"
"$EFFACE" list -t >list.out
grep -q "nvme-format-user-data *clear" list.out || fail "no techniques: $(cat list.out)"

echo "== each technique, both namespaces"
for technique in nvme-sanitize-block nvme-sanitize-crypto nvme-sanitize-overwrite; do
    old_data "$first" "$second"
    purge "$first" "$technique"
    ended 0 sanitized purge
    no_old_data "$first" "$second"
    same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
    case $technique in nvme-sanitize-overwrite) holds_pattern "$first" && holds_pattern "$second" ;; esac
    same surfaces "$(predicate '.verification.canaries.surfaces | length')" 2
    same state "$(predicate .sanitization.operation.finalState.phase)" succeeded
    nvme sanitize-log "$controller" | grep -Eq '\(SSTAT\) *: *0x[0-9a-f]*1$' ||
        fail "nvme-cli does not see the success"
done
for technique in nvme-format-user-data nvme-format-crypto; do
    old_data "$first" "$second"
    purge "$first" "$technique"
    ended 0 sanitized clear
    no_old_data "$first" "$second"
done

echo "== the order asks for a level, not for a technique"
old_data "$first" "$second"
order "$first" '{"minimum_level": "purge"}'
again
ended 0 sanitized purge
same technique "$(predicate .sanitization.technique)" nvme-sanitize-block

echo "== media verification, two controllers, capacity that is in no namespace"
nvme_stop good
drive wide --sanicap 0x4000000f --controllers 2 --unallocated 2048
nvme_connect wide
head -c 512 /dev/urandom >unallocated
same "unallocated capacity" "$(ability "$first" '.hiddenAreas[0]' | cut -d: -f1)" unallocated-capacity
for technique in nvme-sanitize-block nvme-sanitize-crypto; do
    old_data "$first" "$second"
    nvme_control wide put-unallocated "$PWD/unallocated" >/dev/null
    same "before" "$(nvme_control wide holds "$PWD/unallocated")" yes
    purge "$first" $technique
    ended 0 sanitized purge
    no_old_data "$first" "$second"
    same "unallocated, too" "$(nvme_control wide holds "$PWD/unallocated")" no
    same "sent" "$(predicate '[.sanitization.operation.commands[].name] | last')" \
        "Sanitize (exit media verification)"
done
nvme_stop wide

echo "== blocks that can not be read after the erasure prove nothing"
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

echo "== switched off and on while it is at it"
old_data "$first" "$second"
nvme_hold killed
in_background "$first" nvme-sanitize-block
erases
nvme_pass killed 40
nvme_control killed power-cycle >/dev/null
nvme_release killed
overwrite_ends
if [ "$status" -ne 0 ]; then again; fi
ended 0 sanitized purge
no_old_data "$first" "$second"
nvme_stop killed

echo "== drives that erase nothing, and answer that the blocks are deallocated (287h)"
drive hides --lie erases-nothing --lie reads-status=0x4287
for technique in nvme-sanitize-block nvme-format-crypto nvme-sanitize-overwrite; do
    purge "$first" $technique
    ended 3 indeterminate none
    same compared "$(predicate .verification.canaries.changed)" 0
done
nvme_stop hides
drive comesback --lie erases-nothing --lie reads-status=0x4287 --lie reads-until-write
purge "$first" nvme-sanitize-block
ended 3 not-sanitized none
same reasons "$(predicate '[.sanitization.reasons[].code] | unique | tojson')" '["old-data-found"]'
has_old_data "$first"
nvme_stop comesback

echo "== drives that lie"
drive liar --lie erases-nothing
purge "$first" nvme-sanitize-block
ended 3 not-sanitized none
has_old_data "$first"
nvme_stop liar
drive forgets --lie only-forgets
purge "$first" nvme-sanitize-overwrite
ended 3 not-sanitized none
nvme_stop forgets
drive partly --lie keeps-permille=20
purge "$first" nvme-sanitize-crypto
ended 3 not-sanitized none
nvme_stop partly
drive fails --lie sanitize-fails
purge "$first" nvme-sanitize-block
ended 3 not-sanitized none
nvme_stop fails
