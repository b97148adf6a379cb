# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside peers
# hdparm and sg3_utils read the ATA model behind the kernel's own sd and sg, and drive it: what they
# say of it is what the model is. Their words vouch for the model on which efface is tested.
set -euo pipefail
: "${EFFACE_SG_PROBE:?the program rig_sg_probe}"
# shellcheck source=tests/system/rig/lib/scsi_lib.sh
. "$(dirname "$0")/../lib/scsi_lib.sh"
command -v hdparm sg_sat_identify sg_vpd >/dev/null || exit 77
out=$scsi_work/out
danger=--yes-i-know-what-i-am-doing

# says PATTERN COMMAND...: succeeds, and prints a line like this (blanks count as one).
says() {
    local pattern=$1
    shift
    "$@" >"$out" 2>&1 || scsi_fail "$*: exit status $?: $(cat "$out")"
    tr -s ' \t' ' ' <"$out" | grep -Eq -- "$pattern" ||
        scsi_fail "$*: no line like '$pattern': $(cat "$out")"
}

# refuses COMMAND...: the drive aborts it, and hdparm says so.
refuses() {
    if "$@" >"$out" 2>&1 && ! grep -Eqi 'failed|error' "$out"; then
        scsi_fail "$* was not refused: $(cat "$out")"
    fi
}

head -c 4194304 /dev/zero | tr '\0' S >"$scsi_work/secret"
write_secret() {
    dd if="$scsi_work/secret" of="$scsi_disk" bs=1M oflag=direct status=none
    holds_secret || scsi_fail "what was written is not there"
}
holds_secret() {
    dd if="$scsi_disk" bs=1M count=4 iflag=direct status=none | grep -a SSSSSSSS >/dev/null
}
expect_erased() {
    ! holds_secret || scsi_fail "$1 left what was there"
}
sanitize_ended() {
    hdparm --sanitize-status "$scsi_disk" | grep 'Completed Without Error'
}

echo "identity and features"
scsi_model ata RIGATA0001 33554432 sanitize_time=200 encrypts_all=1 \
    protected_area=1 protected_blocks=1024 overlay=1 overlay_blocks=2048
says 'Model Number: EFFACE RIG SSD' hdparm -I "$scsi_disk"
says 'Serial Number: RIGATA0001' hdparm -I "$scsi_disk"
says 'LBA48 user addressable sectors: 62464$' hdparm -I "$scsi_disk"
says 'Nominal Media Rotation Rate: Solid State Device' hdparm -I "$scsi_disk"
says '\* SANITIZE feature set' hdparm -I "$scsi_disk"
says '\* CRYPTO_SCRAMBLE_EXT command' hdparm -I "$scsi_disk"
says '\* BLOCK_ERASE_EXT command' hdparm -I "$scsi_disk"
says '\* OVERWRITE_EXT command' hdparm -I "$scsi_disk"
says '\* Device encrypts all user data' hdparm -I "$scsi_disk"
says '^ ?supported: enhanced erase' hdparm -I "$scsi_disk"
says '2min for SECURITY ERASE UNIT. 2min for ENHANCED' hdparm -I "$scsi_disk"
says 'Logical Unit WWN Device Identifier: 5001405aabbccdd1' hdparm -I "$scsi_disk"
says '^Checksum: correct' hdparm -I "$scsi_disk"
says 'model: EFFACE RIG SSD' sg_vpd -p ai "$scsi_node"
says 'serial number: RIGATA0001' sg_vpd -p ai "$scsi_node"
says '^ 08 0000 0000 5249 4741 5441 3030 3031' sg_sat_identify "$scsi_node"

echo "hidden areas"
says 'max sectors = 62464/63488, HPA is enabled' hdparm -N "$scsi_disk"
says 'Real max sectors: 65536' hdparm --dco-identify "$scsi_disk"
refuses hdparm $danger --dco-restore "$scsi_disk" # as long as a protected area is set
says 'max sectors = 62464/63488' hdparm -N "$scsi_disk"
says 'max sectors = 63488/63488, HPA is disabled' hdparm $danger -N p63488 "$scsi_disk"
refuses hdparm $danger -N p60000 "$scsi_disk" # once in a power cycle
says 'max sectors = 63488/63488' hdparm -N "$scsi_disk"
hdparm $danger --dco-restore "$scsi_disk" >"$out" 2>&1 || scsi_fail "DCO restore: $(cat "$out")"
says 'max sectors = 65536/65536, HPA is disabled' hdparm -N "$scsi_disk"

echo "sanitize"
says 'SD0 Sanitize Idle' hdparm --sanitize-status "$scsi_disk"
for operation in block-erase crypto-scramble; do
    write_secret
    scsi_event RIGATA0001 hold
    says 'Operation started in background' hdparm $danger --sanitize-$operation "$scsi_disk"
    says 'SD2 Sanitize operation In Process' hdparm --sanitize-status "$scsi_disk"
    # READ (10), past the block device: the kernel would try again for minutes.
    ! sg_raw -r 512 "$scsi_node" 28 00 00 00 00 00 00 00 01 00 >"$out" 2>&1 ||
        scsi_fail "the drive read while it sanitized"
    scsi_event RIGATA0001 "pass 100"
    says 'SD2 Sanitize operation In Process' hdparm --sanitize-status "$scsi_disk"
    says 'Progress: 0x8000 \(50%\)' hdparm --sanitize-status "$scsi_disk"
    scsi_event RIGATA0001 release
    scsi_until sanitize_ended
    expect_erased "$operation"
done
says 'Operation started in background' hdparm $danger --sanitize-overwrite hex:00000000 "$scsi_disk"
scsi_until sanitize_ended
cmp -n 4194304 "$scsi_disk" /dev/zero || scsi_fail "overwriting left something else than zeros"

echo "security"
for erase in security-erase security-erase-enhanced; do
    write_secret
    says 'SECURITY_SET_PASS' hdparm --user-master u --security-set-pass rig "$scsi_disk"
    says '^ enabled' hdparm -I "$scsi_disk"
    says 'SECURITY_ERASE' hdparm --user-master u --$erase rig "$scsi_disk"
    says '^ ?not enabled' hdparm -I "$scsi_disk"
    expect_erased "$erase"
done
says 'SECURITY_SET_PASS' hdparm --user-master u --security-set-pass rig "$scsi_disk"
scsi_event RIGATA0001 power-cycle
locked() { hdparm -I "$scsi_disk" | tr -s ' \t' ' ' | grep '^ locked' >/dev/null; }
scsi_until locked
refuses hdparm --user-master u --security-disable wrong "$scsi_disk"
locked || scsi_fail "a wrong password unlocked the drive"
says 'SECURITY_DISABLE' hdparm --user-master u --security-disable rig "$scsi_disk"
says '^ ?not enabled' hdparm -I "$scsi_disk"
says '^ ?not locked' hdparm -I "$scsi_disk"
hdparm $danger --security-freeze "$scsi_disk" >"$out" 2>&1 || true
says '^ frozen' hdparm -I "$scsi_disk"
refuses hdparm --user-master u --security-set-pass rig "$scsi_disk"
says '^ ?not enabled' hdparm -I "$scsi_disk"

echo "efface's own view of the same drives"
# probe COMMAND-LINE...: its document, whatever its exit status.
probe() { "$EFFACE_SG_PROBE" ata "$@" >"$out" 2>&1; }
field() { jq -r "$1" "$out"; }
is() { [ "$(field "$1")" = "$2" ] || scsi_fail "$1 is not '$2': $(cat "$out")"; }
scsi_find RIGATA0001
probe "$scsi_disk" || scsi_fail "$(cat "$out")"
is '.survey.facts.securityState' frozen
is '.survey.facts.accessibleMaxLba' 65535
is '.survey.facts.encryptsAll' true
for technique in sanitize-block sanitize-crypto sanitize-overwrite; do
    write_secret
    probe "$scsi_disk" ata-$technique || scsi_fail "$technique: $(cat "$out")"
    is '.phases | join(" ")' 'running succeeded'
    expect_erased $technique
done
scsi_model ata RIGATA0004 33554432 protected_area=1 protected_blocks=1024 overlay=1 \
    overlay_blocks=2048
for technique in security-enhanced security-normal; do
    write_secret
    probe "$scsi_disk" ata-$technique || scsi_fail "$technique: $(cat "$out")"
    is '.phases | join(" ")' succeeded
    is .cleanUp ''
    expect_erased $technique
    says '^ ?not enabled' hdparm -I "$scsi_disk"
    says 'max sectors = 65536/65536' hdparm -N "$scsi_disk"
done
scsi_model ata RIGATA0005 8388608 erase_refused=1
! probe "$scsi_disk" ata-security-normal || scsi_fail "a refused erase passed: $(cat "$out")"
is '.phases | join(" ")' failed
says '^ ?not enabled' hdparm -I "$scsi_disk" # the password was taken back
echo "all read as they are"
