#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# efface and SCSI disks behind virtio-scsi, as QEMU emulates them: FORMAT UNIT is answered with
# success and erases nothing.
# shellcheck source=tests/system/qemu/host_lib.sh
. "$(dirname "$0")/host_lib.sh"

image liar 8
image believed 8
image overwritten 8
machine --device virtio-scsi-pci,id=bus \
    --drive a="$work/liar" --device scsi-hd,bus=bus.0,lun=0,drive=a,serial=SN-LIAR \
    --drive b="$work/believed" --device scsi-hd,bus=bus.0,scsi-id=1,drive=b,serial=SN-BELIEVED \
    --drive c="$work/overwritten" --device scsi-hd,bus=bus.0,scsi-id=2,drive=c,serial=SN-OVERWRITTEN \
    -- bash "$here/inside/scsi.sh"
[ "$(old_pieces liar)" -eq 8 ] || fail "the fixture is wrong: FORMAT UNIT erased something"
[ "$(old_pieces believed)" -eq 8 ] || fail "the fixture is wrong: sg_format erased something"
gone overwritten 8
