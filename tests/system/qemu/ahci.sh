#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# efface and a SATA disk behind AHCI and libata, as QEMU emulates it: what it cannot do, and
# overwriting it.
# shellcheck source=tests/system/qemu/host_lib.sh
. "$(dirname "$0")/host_lib.sh"

image disk 8
machine --drive a="$work/disk" \
    --device ide-hd,bus=ide.0,drive=a,serial=SN-ATA,model=EXAMPLE-DISK,wwn=0x5000c500a0000001 \
    -- bash "$here/inside/ahci.sh"
gone disk 8
