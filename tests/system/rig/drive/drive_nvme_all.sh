#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside modules=nvme long
# efface and NVMe drives behind the kernel's own NVMe host: what drive_nvme leaves out. Every other
# technique, drives that lie or fail in each way, and that are switched off.
set -euo pipefail
# shellcheck source=tests/system/rig/lib/drive_nvme_lib.sh
. "$(dirname "$0")/../lib/drive_nvme_lib.sh"

echo "== the other techniques"
drive good
each_technique nvme-sanitize-crypto nvme-sanitize-overwrite nvme-format-user-data

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

echo "== switched off and on while it is at it"
drive killed
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
