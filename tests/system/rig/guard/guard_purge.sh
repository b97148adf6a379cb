#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long memory=1G
# Every way to be in use against a disk that erases itself: no command that erases reaches it.
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../lib/drive_scsi_lib.sh"
modprobe -a loop dm-mod dm-crypt
mkdir -p /sys/kernel/config
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
drive_bytes=$((16 << 20))
drive scsi GUARDED sanitize_time=100
EFFACE_PURGE_DISK=$scsi_disk python3 "$(dirname "$0")/../../guard/ways_test.py" Purge
same "SANITIZE, FORMAT UNIT" "$(came GUARDED 48) $(came GUARDED 04)" "0 0"
