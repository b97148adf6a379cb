#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# efface and ATA drives behind a translation layer and the kernel's own SCSI stack: every technique,
# hidden areas, and what becomes of a run when the drive or what stands before it is not honest.
set -euo pipefail
command -v hdparm >/dev/null || { echo "skipped: hdparm is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../lib/drive_scsi_lib.sh"
model=ata
# Command and feature: BLOCK ERASE EXT, SECURITY SET PASSWORD.
block_erase=atab412
starts=$block_erase
set_password=ataf100

# no_password: hdparm says that the drive has none.
no_password() {
    hdparm -I "$scsi_disk" | tr -s ' \t' ' ' >hdparm.out
    grep -q '^ \?not enabled$' hdparm.out || fail "a password is left: $(cat hdparm.out)"
    grep -q '^ \?not locked$' hdparm.out || fail "the drive is locked: $(cat hdparm.out)"
}

# sectors VISIBLE/NATIVE: what hdparm says of the drive's size.
sectors() {
    hdparm -N "$scsi_disk" | tr -s ' \t' ' ' >hdparm.out
    grep -q "max sectors = $1\b" hdparm.out || fail "not $1 sectors: $(cat hdparm.out)"
}

echo "== what the list says"
drive ata GOOD sanitize_time=100 erase_time=100
same best "$(ability "$scsi_disk" '.techniques[0] | "\(.name) \(.level) \(.whyNot)"')" \
    "ata-sanitize-block purge "
"$EFFACE" list -t >list.out
grep -q "ata-security-normal *clear" list.out || fail "no techniques in the list: $(cat list.out)"
same "SCSI techniques" "$(ability "$scsi_disk" '[.techniques[]
    | select(.name | startswith("scsi-")) | select(.whyNot == "")] | length')" 0

echo "== each technique"
for technique in ata-sanitize-block ata-sanitize-crypto ata-sanitize-overwrite \
    ata-security-enhanced ata-security-normal; do
    # The enhanced erase of a flash drive changes what is on the flash, or only a key: clear.
    case $technique in *sanitize*) level=purge ;; *) level=clear ;; esac
    erased_by $technique $level
    no_password
done
same "SECURITY SET PASSWORD" "$(came GOOD $set_password)" 2
drive ata DISK rotation=7200 erase_time=100
purge "$scsi_disk" ata-security-enhanced
verdict 0 sanitized purge
no_password

echo "== the order asks for a level, not for a technique"
purge "$scsi_disk" auto '{"minimum_level": "purge"}'
ended 0 sanitized purge

echo "== a protected area is opened, and what was written there is gone"
drive ata PROTECTED sanitize_time=100 protected_area=1 protected_blocks=512
sectors 1536/2048
purge "$scsi_disk" ata-sanitize-block
verdict 0 sanitized purge
same opened "$(predicate '.target.hiddenAreas.areas[0] | "\(.kind) \(.opened)"')" "hpa true"
same size "$(blockdev --getsize64 "$scsi_disk")" $mib
same "canaries in it" "$(predicate '.verification.canaries.surfaces[0].sizeBytes')" $mib
sectors 2048/2048
drive ata KEEPSHIDDEN sanitize_time=100 protected_area=1 protected_blocks=512 keeps_blocks=64
purge "$scsi_disk" ata-sanitize-block
verdict 3 not-sanitized none

echo "== an overlay that opens only after the power was away"
drive ata OVERLAY sanitize_time=100 protected_area=1 protected_blocks=256 overlay=1 \
    overlay_blocks=256 restore_needs_power_cycle=1
purge "$scsi_disk" ata-sanitize-block
[ "$status" -eq 8 ] || fail "exit status $status, not 8"
same "BLOCK ERASE EXT" "$(came OVERLAY $block_erase)" 0
"$EFFACE" jobs >jobs.out
scsi_event OVERLAY power-cycle
again
verdict 0 sanitized purge
sectors 2048/2048
no_old_data "$scsi_disk"
same opened "$(predicate '[.target.hiddenAreas.areas[] | select(.opened) | .kind] | sort | join(" ")')" \
    "dco hpa"
same "power cycles" "$(predicate '.sanitization.operation.powerCycles | length')" 1

echo "== a shelf that shows half of the drive: the rest is looked at by the drive's own commands"
drive ata SHELF sanitize_time=100 shown_sectors=1024
same "what the host sees" "$(blockdev --getsize64 "$scsi_disk")" $((mib / 2))
old_data "$scsi_disk"
purge "$scsi_disk" ata-sanitize-block
verdict 0 sanitized purge
same area "$(predicate '.target.hiddenAreas.areas[0] | "\(.kind) \(.bytes) \(.opened)"')" \
    "not-shown $((mib / 2)) true"
same surfaces "$(predicate '.verification.canaries.surfaces | length')" 2
drive ata SHELFKEEPS sanitize_time=100 shown_sectors=1024 keeps_blocks=64
purge "$scsi_disk" ata-sanitize-block
verdict 3 not-sanitized none
purge "$scsi_disk" overwrite-random
verdict 4 sanitized-with-exceptions none
same exceptions "$(predicate '[.result.exceptions[].code] | tojson')" '["hidden-area"]'

echo "== killed while the drive is at it"
killed_midway ata-sanitize-block

echo "== somebody else's sanitize is adopted, never called more than the drive's word"
adopted_from ata-sanitize-block hdparm --yes-i-know-what-i-am-doing --sanitize-block-erase

echo "== the power goes while it sanitizes"
power_cycled ata-sanitize-block

echo "== the power goes in a security erase: locked, and the same order frees it"
drive ata LOCKED power_lost_in_erase=1
purge "$scsi_disk" ata-security-normal
[ "$status" -ne 0 ] || fail "an erase without power is called one"
[ "$(target_field level)" = none ] || fail "it has a level"
no_password_or_again() {
    hdparm -I "$scsi_disk" | tr -s ' \t' ' ' >hdparm.out
    grep -q '^ \?not enabled$' hdparm.out
}
if ! no_password_or_again; then again; fi
no_password

echo "== what stands before the drive gives no status: nothing is begun"
for lie in fixed_sense zero_registers no_sense registers_lost no_pass_through; do
    name=$(tr -d _ <<<"${lie^^}")
    drive ata "$name" $lie=1
    purge "$scsi_disk" ata-sanitize-block
    [ "$status" -eq 7 ] || fail "$lie: exit status $status, not 7"
    same "$lie: BLOCK ERASE EXT" "$(came "$name" $block_erase)" 0
    purge "$scsi_disk" ata-security-normal
    [ "$status" -eq 7 ] || fail "$lie: exit status $status, not 7"
    same "$lie: SECURITY SET PASSWORD" "$(came "$name" $set_password)" 0
    has_old_data "$scsi_disk"
done

echo "== a frozen drive: nothing is begun"
drive ata FROZEN frozen_at_power_on=1
purge "$scsi_disk" ata-security-normal
refused frozen

echo "== drives that lie and drives that fail"
after_each() { no_password; }
earn <<'DRIVES'
REFUSES | ata-security-normal    | erase_refused=1                    | data
LIAR    | ata-sanitize-block     | sanitize_time=100 erases_nothing=1 | data
        | ata-security-normal    |                                    | data
NOMAP   | ata-sanitize-overwrite | sanitize_time=100 only_forgets=1   |
PARTLY  | ata-sanitize-crypto    | sanitize_time=100 keeps_blocks=64  |
FAILS   | ata-sanitize-block     | sanitize_time=100 sanitize_fails=1 |
DRIVES
drive ata FORGETS sanitize_time=100 sanitize_forgotten=1
purge "$scsi_disk" ata-sanitize-block
[ "$status" -eq 3 ] || fail "progress that vanished: $status"
[ "$(target_field level)" = none ] || fail "progress that vanished has a level"
echo "every drive has the verdict that it earns"
