#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# efface and self-encrypting disks behind the kernel's own SCSI stack: every technique and class, what
# is refused and the way out, disks that take their time, lose power or answers, and that lie.
set -euo pipefail
command -v sg_raw >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_tcg_lib.sh
. "$(dirname "$0")/../lib/drive_tcg_lib.sh"
owner=password-of-the-owner-0123456789

# erased NAME LEVEL: sanitized, and nothing of the medium as it was in the file before is left.
erased() {
    verdict 0 sanitized "$2"
    medium "$1" after
    all_changed before after
}

# not_erased NAME: no level and no good exit status, whatever else it says; and it is true.
not_erased() {
    [ "$status" -eq 3 ] || fail "$1: exit status $status, not 3"
    same "$1: level" "$(target_field level)" none
    medium "$1" left
    medium_holds_old_data left
}

echo "== with the password of SID: of the factory, then of an owner; other classes"
drive scsi FACTORY tcg=opal2 spare_blocks=64
medium FACTORY before
purge "$scsi_disk" tcg-revert
erased FACTORY purge
same commands "$(predicate '[.sanitization.operation.commands[].name] | join(", ")')" \
    "Get (C_PIN_MSID), StartSession (Admin SP, SID), Revert (Admin SP)"
drive scsi OWNED tcg=ruby tcg_sid="$owner"
medium OWNED before
purge "$scsi_disk" tcg-revert
refused "needs the password of SID"
revert "$scsi_disk" tcg-revert "$owner"
erased OWNED purge
drive scsi OPALITE tcg=opalite
medium OPALITE before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased OPALITE purge

echo "== Enterprise: SID cannot, the PSID and EraseMaster can"
drive scsi ENTERPRISE tcg=enterprise
medium ENTERPRISE before
purge "$scsi_disk" tcg-revert
refused "SID cannot revert the drive"
revert "$scsi_disk" tcg-genkey "$locking_admin"
verdict 4 sanitized-with-exceptions none
no_old_data "$scsi_disk"
old_data "$scsi_disk"
medium ENTERPRISE before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased ENTERPRISE purge

echo "== new keys alone: all ranges, and no level"
drive scsi KEYS tcg=opal2 tcg_range=100,200
medium KEYS before
revert "$scsi_disk" tcg-genkey "$locking_admin"
verdict 4 sanitized-with-exceptions none
medium KEYS after
all_changed before after
same "keys changed" "$(came KEYS $changes_of_keys)" 2
revert "$scsi_disk" tcg-genkey wrong
verdict 3 not-sanitized none
same "wrong passwords" "$(came KEYS wrong)" 1

echo "== an inactive Locking SP: refused, or activated first"
drive scsi INACTIVE tcg=opal2 tcg_locking_active=0
for technique in tcg-psid-revert tcg-revert tcg-genkey; do
    revert "$scsi_disk" $technique "$psid"
    refused "the Locking SP is not active"
done
same sessions "$(came INACTIVE $start_sessions)" 0
medium INACTIVE before
purge "$scsi_disk" tcg-activate-revert
erased INACTIVE none
same Activates "$(came INACTIVE $activates)" 1

echo "== Block SID: the way out is a power cycle, or the PSID"
drive scsi BLOCKED tcg=opal2 tcg_sid_blocked=1
purge "$scsi_disk" tcg-revert
refused "until the drive is switched off and on"
refused "or use tcg-psid-revert"
same sessions "$(came BLOCKED $start_sessions)" 0
scsi_event BLOCKED power-cycle
medium BLOCKED before
purge "$scsi_disk" tcg-revert
erased BLOCKED purge
drive scsi PSIDANYWAY tcg=opal2 tcg_sid_blocked=1
medium PSIDANYWAY before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased PSIDANYWAY purge

echo "== Pyrite with a data removal mechanism: never purge; one that removes nothing: refused"
drive scsi PYRITE tcg=pyrite2 tcg_removal_feature=1 tcg_removal_mechanisms=3 tcg_active_mechanism=1
medium PYRITE before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased PYRITE clear
drive scsi UNMAPS tcg=pyrite2 tcg_removal_feature=1 tcg_removal_mechanisms=11 tcg_active_mechanism=3
revert "$scsi_disk" tcg-psid-revert "$psid"
not_erased UNMAPS
grep -q "the active data removal mechanism is unmap" run.err || fail "it does not say why"
same Reverts "$(came UNMAPS $reverts)" 0

echo "== a locked disk: reverted, but nothing could be placed to be looked for"
drive scsi LOCKED tcg=opal2
medium LOCKED before
scsi_event LOCKED "tcg tcg_locked=1"
"$EFFACE" plan --technique tcg-psid-revert --credential-file "$PWD/password" "$scsi_disk" >plan.out
grep -q "ranges of the drive are locked" plan.out || fail "the plan does not say so: $(cat plan.out)"
revert "$scsi_disk" tcg-psid-revert "$psid"
verdict 3 indeterminate none
grep -q "erase the drive once more, with another technique" run.err || fail "no next step"
medium LOCKED after
all_changed before after
purge "$scsi_disk" scsi-sanitize-crypto
verdict 0 sanitized purge

echo "== the answer takes its time, and the process dies meanwhile"
drive scsi SLOW tcg=opal2 tcg_answer_after=5000
medium SLOW before
scsi_event SLOW hold
revert_in_background "$scsi_disk" tcg-psid-revert "$psid"
erases
killed
again_in_background
erases
scsi_event SLOW release
overwrite_ends
erased SLOW purge
same Reverts "$(came SLOW $reverts)" 1

echo "== the power goes in a data removal: not sanitized; the same order begins it again, where it can"
for early in 1 0; do
    name=POWER$early
    drive scsi $name tcg=opal2 tcg_removal_feature=1 tcg_removal_time=1000 \
        tcg_reverts_before_removal=$early
    scsi_event $name hold
    revert_in_background "$scsi_disk" tcg-psid-revert "$psid"
    erases
    scsi_event $name power-cycle
    scsi_event $name release
    overwrite_ends
    [ "$status" -eq 3 ] || fail "$name: exit status $status, not 3"
    same level "$(target_field level)" none
    medium $name left
    medium_holds_old_data left
done
medium POWER0 before
again
erased POWER0 purge

echo "== answers and commands that get lost"
drive scsi LOSTANSWER tcg=opal2 tcg_loses_answer=1
medium LOSTANSWER before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased LOSTANSWER purge
same state "$(predicate .sanitization.operation.finalState.detail)" \
    "the answer is lost, but the Locking SP, which was active, is inactive now: the Revert took place"
for fault in loses_command=1 closes_session=1 fails_with=63 fails_with=15 answers_garbage=1; do
    name=$(tr -dc A-Z0-9 <<<"${fault^^}")
    lie=
    # Nothing to read in the answer, and nothing done either.
    [ "$fault" != answers_garbage=1 ] || lie=tcg_stays_active=1
    drive scsi "$name" tcg=opal2 "tcg_$fault" $lie
    revert "$scsi_disk" tcg-psid-revert "$psid"
    not_erased "$name"
done
drive scsi LOSTERASE tcg=enterprise tcg_loses_answer=1
revert "$scsi_disk" tcg-psid-revert "$psid"
verdict 3 indeterminate none

echo "== switched off before it answered"
drive scsi HANGS tcg=opal2 tcg_hangs=1
revert_in_background "$scsi_disk" tcg-psid-revert "$psid"
erases
scsi_event HANGS power-cycle
overwrite_ends
[ "$status" -eq 3 ] || fail "exit status $status, not 3"
same level "$(target_field level)" none

echo "== switched on a moment ago: a unit attention does not make it a disk without TCG"
drive scsi RESET tcg=opal2
scsi_event RESET power-cycle
same "tcg-revert after it" \
    "$(ability "$scsi_disk" '.techniques[] | select(.name == "tcg-revert") | .whyNot')" ""
medium RESET before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased RESET purge

echo "== other forms of honest disks"
drive scsi FORMS tcg=opal2 tcg_numbers_in_sync_header=1 tcg_empty_answers=2 tcg_minimum_transfer=4096 \
    tcg_credit_subpackets=1 tcg_needs_properties=1 tcg_refuses_anybody=1
medium FORMS before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased FORMS purge
same tries "$(came FORMS tries)" 1
same resets "$(came FORMS resets)" 0
drive scsi REVERTSP tcg=enterprise tcg_revert_sp_is_no_function=1
medium REVERTSP before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased REVERTSP purge
same Reverts "$(came REVERTSP $reverts)" 1

echo "== an ATA disk: TRUSTED SEND and RECEIVE through the translation layer"
drive ata ATA tcg=opal2 tcg_removal_feature=1 spare_blocks=64
medium ATA before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased ATA purge
told_nowhere "$psid"
# Properties; StartSession, Get (the removal mechanism), the session's end; StartSession, Revert.
same "TRUSTED SEND" "$(came ATA ata5e01)" 6
drive ata ATALIAR tcg=opal2 tcg_keeps_data=1
revert "$scsi_disk" tcg-psid-revert "$psid"
not_erased ATALIAR
drive ata ATALOST tcg=opal2 tcg_loses_answer=1
medium ATALOST before
revert "$scsi_disk" tcg-psid-revert "$psid"
erased ATALOST purge
echo "every disk has the verdict that it earns"
