#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside peers
# The SCSI model behind the kernel's own SCSI stack: what sg3_utils read and do there is what a real
# disk would show them, and efface's command set meets the same disk through SG_IO.
set -euo pipefail
: "${EFFACE_SG_PROBE:?the program rig_sg_probe}"
for peer in sg_inq hdparm; do
    command -v $peer >/dev/null || { echo "skipped: $peer is not installed"; exit 77; }
done
# shellcheck source=tests/system/rig/lib/scsi_lib.sh
. "$(dirname "$0")/../lib/scsi_lib.sh"
cd "$scsi_work"
mib=$((1 << 20))

# has WHAT TEXT COMMAND...: the command succeeds and its output has the text.
has() {
    local what=$1 text=$2 output
    shift 2
    output=$("$@" 2>&1) || scsi_fail "$what: status $? of $*: $output"
    grep -qF -- "$text" <<<"$output" || scsi_fail "$what: no '$text' in: $output"
    echo "$what: $text"
}
# ends STATUS COMMAND...: with this status.
ends() {
    local wanted=$1 status=0
    shift
    "$@" >output 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || scsi_fail "status $status, not $wanted, of $*: $(cat output)"
    echo "status $status: $*"
}
# sent CDB COMMAND...: the peer sends just these bytes (its -vv).
sent() {
    local cdb=$1
    shift
    "$@" >output 2>&1 || true
    tr '\n' ' ' <output | tr -s ' []' ' ' | grep -qi -- "$cdb" ||
        scsi_fail "$* does not send $cdb: $(cat output)"
    echo "sends $cdb: ${*:1:2}"
}
old_data() {
    yes OLD-DATA | head -c $mib >old || true
    dd if=old of="$1" bs=64k oflag=direct conv=fsync status=none
    dd if="$1" bs=64k count=16 iflag=direct status=none | cmp - old
}
still_there() {
    local lines # counted to the end: a reader that left early would look like a failure
    lines=$(dd if="$1" bs=64k count=16 iflag=direct status=none | grep -ac OLD-DATA || true)
    [ "$lines" -gt 0 ]
}
zeros() {
    dd if="$1" bs=64k count=16 iflag=direct status=none | cmp -n $mib - /dev/zero
}

scsi_model scsi HONEST $((8 * mib)) sanitize_time=200 format_time=200 self_test_seconds=60
disk=$scsi_disk
node=$scsi_node
old_data "$disk"

# Who it is.
has INQUIRY "Product identification: MODEL DISK" sg_inq "$node"
has "VPD 80h" "Unit serial number: HONEST" sg_vpd -p sn "$node"
has "VPD 83h" "0x5000c500a1b2c3d4" sg_vpd -p di "$node"
has "VPD B1h" "Non-rotating medium" sg_vpd -p bdc "$node"
has "VPD B0h" "Maximum write same length: 0 blocks" sg_vpd -p bl "$node"
has capacity "Number of logical blocks=16384" sg_readcap --16 "$node"
has modes "8a 0a 00 00 00 00 00 00  00 00 00 3c" sg_modes --page=0xa "$node"
has opcodes "Sanitize, overwrite" sg_opcodes "$node"
has "one opcode" "Sanitize, block erase" sg_opcodes --opcode=0x48,0x2 "$node"
ends 0 sg_turs "$node"
has sense "No Sense" sg_requests "$node"

# The bytes that the peers send are ours (tests/unit/scsi).
sent "48 82 00 00 00 00 00 00 00 00" sg_sanitize --block --quick --early -vv "$node"

scsi_until sg_turs "$node"
still_there "$disk" && scsi_fail "BLOCK ERASE left old data"
zeros "$disk"

old_data "$disk"
sent "48 03 00 00 00 00 00 00 00 00" sg_sanitize --crypto --quick --wait -vv "$node"
still_there "$disk" && scsi_fail "CRYPTOGRAPHIC ERASE left old data"
old_data "$disk"
sent "48 01 00 00 00 00 00 00 08 00" sg_sanitize --overwrite --zero --quick --wait -vv "$node"
zeros "$disk"
old_data "$disk"
sent "04 10 00 00 00 00" sg_format --format --cmplst=0 --quick --early -vv "$node"
scsi_until sg_turs "$node"
zeros "$disk"

# The same disk through efface's eyes.
old_data "$disk"
"$EFFACE_SG_PROBE" scsi "$node" >probe.json || scsi_fail "$(cat probe.json)"
jq -e '.survey | .model == "MODEL DISK" and .serial == "HONEST" and .firmware == "0001"
    and .wwn == "naa.5000c500a1b2c3d4" and .facts.capacityBytes == 8388608
    and all(.techniques[]; . == "") and (.hiddenAreas | length) == 0' probe.json >/dev/null ||
    scsi_fail "the survey says $(cat probe.json)"
for technique in scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite \
    scsi-format-unit scsi-write-same; do
    old_data "$disk"
    "$EFFACE_SG_PROBE" scsi "$disk" $technique >probe.json || scsi_fail "$(cat probe.json)"
    jq -e '.phases[-1] == "succeeded"' probe.json >/dev/null || scsi_fail "$(cat probe.json)"
    still_there "$disk" && scsi_fail "$technique left old data"
    echo "$technique: $(jq -c .phases probe.json)"
done

# A disk that fails: the peer and the program see the same, and sanitizing again leads out.
scsi_model scsi FAILING $((2 * mib)) sanitize_time=200 fails=1
old_data "$scsi_disk"
ends 0 sg_sanitize --block --quick --early "$scsi_node"
said_failed() { sg_requests "$scsi_node" 2>&1 | grep -c "Sanitize command failed"; }
scsi_until said_failed
ends 5 sg_sanitize --fail --quick "$scsi_node" # AUSE was 0: restricted, 5/24/00
ends 1 "$EFFACE_SG_PROBE" scsi "$scsi_node" scsi-sanitize-block
jq -e '.survey.facts.failedSanitize and .phases[-1] == "failed"' output >/dev/null ||
    scsi_fail "the program says $(cat output)"

# Success without erasing: the peer is content, the blocks are not.
scsi_model scsi LIAR $((2 * mib)) sanitize_time=200 erases_nothing=1
old_data "$scsi_disk"
ends 0 sg_sanitize --crypto --quick --wait "$scsi_node"
still_there "$scsi_disk" || scsi_fail "the liar erased"

# Under way, and a power cycle in the middle: SANITIZE goes on.
scsi_model scsi CYCLED $((2 * mib)) sanitize_time=1000
old_data "$scsi_disk"
scsi_event CYCLED hold
ends 0 sg_sanitize --block --quick --early "$scsi_node"
ends 2 sg_turs "$scsi_node"
has sense "sanitize in progress" sg_requests "$scsi_node"
scsi_event CYCLED "pass 250"
has progress "Progress indication: 24" sg_requests "$scsi_node" # 16383 of 65536, rounded down
scsi_event CYCLED power-cycle
has "after the power cycle" "sanitize in progress" sg_requests "$scsi_node"
scsi_event CYCLED "pass 250"
has progress "Progress indication: 49" sg_requests "$scsi_node"
scsi_event CYCLED release
scsi_until sg_turs "$scsi_node"
still_there "$scsi_disk" && scsi_fail "old data after the power cycle"

# An ATA drive behind a translation layer is left to the ATA commands.
scsi_model ata RIGATA1 $((2 * mib))
old_data "$scsi_disk"
has "VPD 89h" "ATA information VPD page" sg_vpd -p ai "$scsi_node"
has hdparm "RIGATA1" hdparm -I "$scsi_disk"
"$EFFACE_SG_PROBE" scsi "$scsi_node" >probe.json || scsi_fail "$(cat probe.json)"
jq -e '.survey.facts.translationLayer
    and all(.survey.techniques[]; contains("use the ATA commands"))' probe.json >/dev/null ||
    scsi_fail "the survey says $(cat probe.json)"
echo "all readings are as they should be"
