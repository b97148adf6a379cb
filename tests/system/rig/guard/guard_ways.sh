#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=1G
# The table of tests/system/guard with what a machine without device mapper, md and exports lacks:
# mappings, arrays, LIO and nvmet.
set -euo pipefail
: "${EFFACE:?the program under test}"
modprobe -a loop dm-mod dm-crypt
mkdir -p /sys/kernel/config
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
export EFFACE_WAYS="mapping,mounted mapping,crypt mapping,array,LIO,nvmet"
exec python3 "$(dirname "$0")/../../guard/ways_test.py" InUse
