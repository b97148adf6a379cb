#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M long
# What only a machine of its own has, killed at every step and run again: a swap area in use, zram, a RAM
# disk, free memory. Huge pages and hugetlbfs are the host's (erase_memory_kill): this kernel has none.
set -euo pipefail
: "${EFFACE:?the program under test}"
tests=$(cd "$(dirname "$0")/../.." && pwd)
modprobe -a loop zram
modprobe brd rd_nr=1 rd_size=4096 max_part=0
cd "$(mktemp -d)"
truncate -s 4M area
EFFACE_KILL_SWAP=$(losetup -f --show area)
export EFFACE_KILL_SWAP EFFACE_KILL_BRD=ram0 EFFACE_KILL_FREE=1
export EFFACE_KILL_AT=${EFFACE_KILL_AT:-fsync write io_uring_enter swapoff}
exec python3 "$tests/erase/memory/kill_test.py" Killed.test_swap_in_use Killed.test_zram \
    Killed.test_brd Killed.test_free
