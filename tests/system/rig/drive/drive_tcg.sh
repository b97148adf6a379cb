#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# efface and self-encrypting disks behind the kernel's own SCSI stack, as a technician uses them: the
# list, the plan, a Revert with the PSID from a file, killed and gone on with; what is refused, and
# disks that lie. All that stands on a medium is looked at behind the disk's back.
set -euo pipefail
command -v sg_raw >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_tcg_lib.sh
. "$(dirname "$0")/../lib/drive_tcg_lib.sh"

keys # a plan says what a run would need
echo "== the list and the plan"
drive scsi GOOD tcg=opal2 tcg_removal_feature=1 tcg_removal_time=1000 tcg_crypto_time=3 spare_blocks=64
technique_says() {
    ability "$scsi_disk" ".techniques[] | select(.name == \"$1\") | \"\(.level) \(.whyNot)\""
}
same "tcg-psid-revert" "$(technique_says tcg-psid-revert)" \
    "purge needs the PSID: 32 characters on the drive's label"
same "tcg-revert" "$(technique_says tcg-revert)" "purge "
"$EFFACE" plan --technique tcg-psid-revert --credential-file "$PWD/none" "$scsi_disk" \
    >plan.out 2>&1 && fail "a plan without the file of the PSID"
printf '%s\n' "$psid" >password
"$EFFACE" plan --technique tcg-psid-revert --credential-file "$PWD/password" "$scsi_disk" >plan.out
for step in "StartSession (Admin SP, PSID)" "Revert (Admin SP)" "level if verified: purge" "6 s"; do
    grep -qF "$step" plan.out || fail "the plan does not say '$step': $(cat plan.out)"
done
same "sessions for it" "$(came GOOD $start_sessions)" 0

echo "== reverted with the PSID; killed while the disk is at it"
scsi_event GOOD hold
revert_in_background "$scsi_disk" tcg-psid-revert "$psid"
erases
medium GOOD before
killed
again_in_background
erases
told_nowhere "$psid"
reads="$(came GOOD 28) $(came GOOD 88)"
same "the list meanwhile" "$(ability "$scsi_disk" .running)" "an erase whose technique it does not report"
"$EFFACE" plan --technique scsi-sanitize-block "$scsi_disk" >plan.out 2>&1 &&
    fail "a plan for another command set meanwhile"
grep -q "an erase by tcg commands is running on the drive" plan.out || fail "it does not say why: $(cat plan.out)"
same "blocks read for it" "$(came GOOD 28) $(came GOOD 88)" "$reads"
scsi_event GOOD release
overwrite_ends
verdict 0 sanitized purge
medium GOOD after
all_changed before after
no_old_data "$scsi_disk"
rm before after now
told_nowhere "$psid"
same Reverts "$(came GOOD $reverts)" 1
same interruptions "$(predicate .sanitization.interruptions)" 1
same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
same state "$(predicate .sanitization.operation.finalState.phase)" succeeded
same commands "$(predicate '[.sanitization.operation.commands[].name] | join(", ")')" \
    "Get (ActiveDataRemovalMechanism), StartSession (Admin SP, PSID), Revert (Admin SP)"

echo "== its Locking SP is inactive now: a Revert would erase nothing"
revert "$scsi_disk" tcg-psid-revert "$psid"
refused "the Locking SP is not active"
same Reverts "$(came GOOD $reverts)" 1

echo "== a wrong PSID costs one try, too many lock it out; after a power cycle the same order succeeds"
drive scsi WRONG tcg=opal2 tcg_tries=2
for tries in 1 2; do
    revert "$scsi_disk" tcg-psid-revert "${psid/P/Q}"
    verdict 3 not-sanitized none
    grep -q "NOT_AUTHORIZED: the password is wrong" run.err || fail "it does not say why"
    same "tries" "$(came WRONG wrong)" $tries
done
revert "$scsi_disk" tcg-psid-revert "$psid"
verdict 3 not-sanitized none
grep -q "AUTHORITY_LOCKED_OUT.*switch the drive off and on" run.err || fail "it does not say why"
same Reverts "$(came WRONG $reverts)" 0
has_old_data "$scsi_disk"
scsi_event WRONG power-cycle
again
verdict 0 sanitized purge
no_old_data "$scsi_disk"

echo "== one credential, one authority; what is typed wrongly costs no try"
drive scsi OTHERS tcg=opal2
purge "$scsi_disk" tcg-psid-revert "$(with_password "${psid/P/Q}" |
    jq '. + {fallbacks: ["tcg-revert", "tcg-genkey", "scsi-sanitize-crypto"]}')"
verdict 0 sanitized purge
same technique "$(predicate .sanitization.technique)" scsi-sanitize-crypto
same tries "$(came OTHERS tries)" 1
drive scsi WHOSE tcg=opal2
for whose in sid admin erase-master; do
    purge "$scsi_disk" tcg-psid-revert \
        "$(with_password "$psid" | jq --arg whose "$whose" '. + {credential_authority: $whose}')"
    refused "is not tried here"
done
revert "$scsi_disk" tcg-psid-revert "$psid"$'\r'
refused "nothing was sent"
same tries "$(came WHOSE tries)" 0
printf '%s\n' "${psid,,}" >password
"$EFFACE" plan --technique tcg-psid-revert --credential-file "$PWD/password" \
    --credential-authority psid "$scsi_disk" >plan.out
grep -q "not of the usual form" plan.out || fail "the plan does not say so: $(cat plan.out)"

echo "== Pyrite does not encrypt: refused"
drive scsi PYRITE tcg=pyrite2
revert "$scsi_disk" tcg-psid-revert "$psid"
refused Pyrite
same sessions "$(came PYRITE $start_sessions)" 0

echo "== disks that lie"
drive scsi LIAR tcg=opal2 tcg_keeps_data=1
revert "$scsi_disk" tcg-psid-revert "$psid"
ended 3 not-sanitized none
medium LIAR left
medium_holds_old_data left
drive scsi ACTIVE tcg=opal2 tcg_stays_active=1
revert "$scsi_disk" tcg-psid-revert "$psid"
verdict 3 not-sanitized none
grep -q "its Locking SP is still active" run.err || fail "it does not say why"
echo "every disk has the verdict that it earns"
