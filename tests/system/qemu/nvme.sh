#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# efface and NVMe drives on PCIe, as QEMU emulates them: what they can do, Format NVM, overwriting,
# and a bad block.
# shellcheck source=tests/system/qemu/host_lib.sh
. "$(dirname "$0")/host_lib.sh"
bad_sector=8192

image formatted 8
image overwritten 8
image bad 8
machine --drive a="$work/formatted" --device nvme,drive=a,serial=SN-FORMATTED \
    --drive b="$work/overwritten" --device nvme,drive=b,serial=SN-OVERWRITTEN \
    --drive c="$work/bad" --bad-sector c=$bad_sector --device nvme,drive=c,serial=SN-BAD \
    -- bash "$here/inside/nvme.sh" $bad_sector

[ "$(old_pieces formatted)" -eq 0 ] || fail "Format left old content, seen from the host"
gone overwritten 8
# Around the bad sector nothing is left; it itself could not be written, and that was said.
dd if="$work/bad" of="$work/one" bs=512 skip=$bad_sector count=1 status=none
grep -aq OLD-DATA "$work/one" || fail "the fixture is wrong: the bad sector was written"
dd if=/dev/zero of="$work/bad" bs=512 seek=$bad_sector count=1 conv=notrunc status=none
[ "$(old_pieces bad)" -eq 0 ] || fail "more than the bad sector is left"
