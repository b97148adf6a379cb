#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M long
# Two effaces on one target, of the kinds that only a machine of its own has: a swap area in use, a
# RAM disk, free memory.
set -euo pipefail
: "${EFFACE:?the program under test}"
tests=$(cd "$(dirname "$0")/../.." && pwd)
modprobe loop
modprobe brd rd_nr=1 rd_size=4096 max_part=0
cd "$(mktemp -d)"
truncate -s 4M area
EFFACE_KILL_SWAP=$(losetup -f --show area)
export EFFACE_KILL_SWAP EFFACE_KILL_BRD=ram0 EFFACE_KILL_FREE=1
exec python3 "$tests/erase/memory/busy_test.py" Busy.test_swap_in_use Busy.test_brd Busy.test_free
