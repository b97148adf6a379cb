#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside peers modules=sed
# Others meet the self-encrypting models: the kernel's own Opal support (block/sed-opal.c of the same
# kernel, unchanged, through the SCSI disk driver) and sg3_utils. What they read is asserted; what
# they set up efface finds, and what efface leaves they see.
set -euo pipefail
command -v sg_raw >/dev/null || { echo "skipped: sg3_utils is not installed"; exit 77; }
modprobe -a -q t10-pi scsi_mod scsi_common || true
insmod "${EFFACE_RIG_MODULES:?scripts/rig --modules sed}/sd_mod.ko"
# shellcheck source=tests/system/rig/lib/drive_tcg_lib.sh
. "$(dirname "$0")/../lib/drive_tcg_lib.sh"
owner=password-of-the-owner-0123456789

# opal COMMAND [PASSWORD]: of the kernel's support; prints its flags or what the drive returned.
opal() {
    printf %s "${2:-}" | python3 "$(dirname "$0")/sed_opal.py" "$scsi_disk" "$1"
}

# receive PROTOCOL SPECIFIC COUNT BYTES FIRST LAST: SECURITY PROTOCOL IN with the length as it is
# counted (8000 and blocks, or 0000 and bytes); prints bytes FIRST to LAST in hexadecimal.
receive() {
    sg_raw -r "$4" -o received "$scsi_node" a2 "$1" "${2:0:2}" "${2:2:2}" "${3:0:2}" 00 \
        "${3:4:2}" "${3:6:2}" "${3:8:2}" "${3:10:2}" 00 00 >/dev/null 2>sg_raw.err ||
        fail "sg_raw: $(cat sg_raw.err)"
    od -An -v -tx1 -j "$5" -N "$(($6 - $5 + 1))" received | tr -d ' \n'
}

echo "== sg3_utils: the commands are listed, and discovery says what it should"
drive scsi OPAL tcg=opal2 tcg_locking_active=0
sg_opcodes "$scsi_node" >opcodes
grep -Eq '^ *a2 .*Security protocol in' opcodes || fail "A2h is not listed: $(cat opcodes)"
grep -Eq '^ *b5 .*Security protocol out' opcodes || fail "B5h is not listed: $(cat opcodes)"
# SPC-5, table 447: the protocols 00h, 01h and 02h.
same "protocols" "$(receive 00 0000 800000000001 512 6 10)" 0003000102
# zeros COUNT: so many bytes.
zeros() { printf '00%.0s' $(seq "$1"); }
# Opal 2.30, 3.1.1, Block SID 1.01: TPer with Sync and Streaming, Locking supported and encrypting,
# Opal 2 with one ComID from 1004h, Block SID; then nothing.
discovery=0001100c11$(zeros 11)0002200c09$(zeros 11)0203201010040001$(zeros 12)0402100c$(zeros 12)$(
    zeros 4)
same "its length" "$(receive 01 0001 800000000001 512 0 7)" 0000007000000001
same "discovery in blocks" "$(receive 01 0001 800000000001 512 48 119)" "$discovery"
same "discovery in bytes" "$(receive 01 0001 000000000200 512 48 119)" "$discovery"
same "a part of it" "$(receive 01 0001 000000000034 52 48 51)" 0001100c
same "no ComID beside its own" "$(sg_raw -r 512 "$scsi_node" \
    a2 01 10 05 80 00 00 00 00 01 00 00 2>&1 | grep -c 'Invalid field in cdb')" 1

echo "== the kernel: takes the drive into use, locks it; efface reverts it with the password of SID"
same flags "$(opal status)" "supported locking-supported"
same "take ownership" "$(opal own "$owner")" 0
same "a wrong password of SID" "$(opal activate wrong)" 1
same activate "$(opal activate "$owner")" 0
same flags "$(opal status)" "supported locking-supported locking-enabled"
same lock "$(opal lock "$owner")" 0
same flags "$(opal status)" "supported locking-supported locking-enabled locked"
! dd if="$scsi_disk" of=/dev/null iflag=direct count=1 2>/dev/null || fail "a locked drive was read"
same unlock "$(opal unlock "$owner")" 0
purge "$scsi_disk" tcg-revert
refused "needs the password of SID"
revert "$scsi_disk" tcg-revert "$owner"
verdict 0 sanitized purge
told_nowhere "$owner"
no_old_data "$scsi_disk"
same flags "$(opal status)" "supported locking-supported"
same "the owner's password is gone" "$(opal activate "$owner")" 1
same "the one of the factory is back" "$(opal activate "$msid")" 0

echo "== the kernel: what GenKey leaves set up is still there; its own Revert with the PSID"
old_data "$scsi_disk"
revert "$scsi_disk" tcg-genkey "$msid"
concluded 4 sanitized-with-exceptions none
no_old_data "$scsi_disk"
same flags "$(opal status)" "supported locking-supported locking-enabled"
same "lock as before" "$(opal lock "$msid")" 0
same "a wrong PSID" "$(opal psid-revert "${psid/P/Q}")" 1
before=$(came OPAL $reverts)
same "psid revert" "$(opal psid-revert "$psid")" 0
same Reverts "$(came OPAL $reverts)" $((before + 1))
same flags "$(opal status)" "supported locking-supported"

echo "== the kernel's Revert while its data removal goes on: efface waits for no stranger"
drive scsi REMOVES tcg=opal2 tcg_removal_feature=1 tcg_removal_time=1000
scsi_event REMOVES hold
same "psid revert" "$(opal psid-revert "$psid")" 0
revert "$scsi_disk" tcg-psid-revert "$psid"
refused "a data removal is running"
same Reverts "$(came REMOVES $reverts)" 1
scsi_event REMOVES release

echo "== the kernel: no Opal on others"
not_supported="errno 524" # ENOTSUPP of the kernel
drive scsi PYRITE tcg=pyrite2
same "Pyrite" "$(opal status)" "$not_supported"
drive scsi PLAIN
same "without TCG" "$(opal status)" "$not_supported"
echo "all readings as expected"
