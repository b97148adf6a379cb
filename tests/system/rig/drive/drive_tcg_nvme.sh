#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside modules=nvme long
# efface and self-encrypting NVMe drives: Security Send and Receive through the kernel's own NVMe
# host. nvme-cli reads the same Level 0 Discovery before and after.
set -euo pipefail
command -v nvme >/dev/null || { echo "skipped: nvme-cli is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "$0")/../lib/drive_lib.sh"
# shellcheck source=tests/system/rig/lib/tcg_lib.sh
. "$(dirname "$0")/../lib/tcg_lib.sh"
# shellcheck source=tests/system/rig/lib/nvme_lib.sh
. "$(dirname "$0")/../lib/nvme_lib.sh"

# drive NAME [OPTION=VALUE...]: a self-encrypting one with these options of the model: $disk,
# $controller.
drive() {
    local name=$1 option options=()
    shift
    for option; do options+=(--tcg "$option"); done
    nvme_start "$name" --serial "SN-$name" --namespace 4096 --spare 64 --tcg tcg=opal2 "${options[@]}"
    nvme_connect "$name"
    controller=/dev/$nvme_controller
    comes nvme_place "$name" 1 || fail "namespace 1 does not appear"
    disk=$(nvme_place "$name" 1)
    old_data "$disk"
}
medium() {
    nvme_control "$1" media "$PWD/$2" >/dev/null
}
came() {
    nvme_control "$1" count "$2"
}
# locking: byte 4 of feature 0002h, as nvme-cli reads it (Opal 2.30, 3.1.1.3).
locking() {
    nvme security-recv "$controller" -p 1 -s 1 -t 512 -x 512 -b | tail -c 512 >discovery
    od -An -tx1 -j 64 -N 5 discovery | tr -d ' \n'
}

echo "== reverted with the PSID; killed while the drive is at it"
drive good tcg_removal_feature=1 tcg_removal_time=1000
same "Locking feature" "$(locking)" 0002200c0b
same "tcg-psid-revert" \
    "$(ability "$disk" '.techniques[] | select(.name == "tcg-psid-revert") | .whyNot')" \
    "needs the PSID: 32 characters on the drive's label"
nvme_hold good
revert_in_background "$disk" tcg-psid-revert "$psid"
erases
medium good before
killed
again_in_background
erases
nvme_release good
overwrite_ends
ended 0 sanitized purge
medium good after
all_changed before after
no_old_data "$disk"
rm before after now
told_nowhere "$psid"
same Reverts "$(came good $reverts)" 1
same interruptions "$(predicate .sanitization.interruptions)" 1
same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
same "Locking feature" "$(locking)" 0002200c09
revert "$disk" tcg-psid-revert "$psid"
refused "the Locking SP is not active"
nvme_stop good

echo "== new keys alone, a wrong password"
drive keys
medium keys before
revert "$disk" tcg-genkey "$locking_admin"
concluded 4 sanitized-with-exceptions none
medium keys after
all_changed before after
revert "$disk" tcg-genkey wrong
concluded 3 not-sanitized none
same "wrong passwords" "$(came keys wrong)" 1
nvme_stop keys

echo "== a drive that lies, and one whose answer is lost with its connection"
drive liar tcg_keeps_data=1
revert "$disk" tcg-psid-revert "$psid"
concluded 3 not-sanitized none
medium liar left
medium_holds_old_data left
nvme_stop liar
drive lost tcg_loses_answer=1
medium lost before
revert "$disk" tcg-psid-revert "$psid"
concluded 0 sanitized purge
medium lost after
all_changed before after
same state "$(predicate .sanitization.operation.finalState.detail)" \
    "the answer is lost, but the Locking SP, which was active, is inactive now: the Revert took place"
nvme_stop lost
echo "every drive has the verdict that it earns"
