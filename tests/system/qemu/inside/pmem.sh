#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pmem.sh, inside: $1 is a file of the host with old content for a whole module.
set -euo pipefail
command -v ndctl >/dev/null || { echo "skipped: ndctl is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "$0")/../../rig/lib/drive_lib.sh"
# shellcheck source=tests/system/qemu/inside/lib.sh
. "$(dirname "$0")/lib.sh"
marks=$1
load nfit nd_pmem dax_pmem device_dax

# namespace NUMBER fsdax|devdax
namespace() {
    until_true ndctl create-namespace -f -e "namespace$1.0" -m "$2"
}

# clear_memory KIND:PLACE BYTES: by an order, carried out wholly.
clear_memory() {
    order /dev/null "{\"targets\": [{\"target\": \"memory:$1\", \"size_bytes\": $2}]}"
    again
    ended 0 sanitized clear
}

echo "== fsdax"
until_true test -b /dev/pmem0
namespace 0 fsdax
until_true test -b /dev/pmem0
size=$(blockdev --getsize64 /dev/pmem0)
dd if="$marks" of=/dev/pmem0 bs=1M count=$((size >> 20)) oflag=direct status=none
holds_old /dev/pmem0
mkfs.ext4 -q -b 4096 /dev/pmem0
mkdir -p there && mount -o dax=always /dev/pmem0 there
order /dev/null "{\"targets\": [{\"target\": \"memory:pmem:pmem0\", \"size_bytes\": $size}]}"
again
refused mounted
umount there
clear_memory pmem:pmem0 "$size"
no_old_data /dev/pmem0

echo "== devdax"
namespace 1 devdax
until_true test -c /dev/dax1.0
size=$(cat /sys/bus/dax/devices/dax1.0/size)
# look_at put|find: a character device that takes only mappings.
look_at() {
    python3 - "$1" /dev/dax1.0 "$size" "$marks" <<'PYTHON'
import mmap, os, sys
what, node, size, marks = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
file = os.open(node, os.O_RDWR)
with mmap.mmap(file, size) as memory:
    if what == "put":
        with open(marks, "rb") as stream:
            stream.readinto(memory)
    print(memory.find(b"OLD-DATA"))
PYTHON
}
same "old content" "$(look_at put)" 0
clear_memory devdax:dax1.0 "$size"
same "old content" "$(look_at find)" -1

echo "== raw, as a block device"
dd if="$marks" of=/dev/pmem2 bs=1M oflag=direct status=none
holds_old /dev/pmem2
overwrite /dev/pmem2
ended 0 sanitized clear
no_old_data /dev/pmem2
