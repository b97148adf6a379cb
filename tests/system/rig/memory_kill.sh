#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M long
# memory:swap of an area in use, and memory:zram, killed at every step and run again.
set -euo pipefail
: "${EFFACE:?the program under test}"
tests=$(cd "$(dirname "$0")/.." && pwd)
modprobe -a loop zram
cd "$(mktemp -d)"
truncate -s 4M area
EFFACE_KILL_SWAP=$(losetup -f --show area)
export EFFACE_KILL_SWAP
export EFFACE_KILL_AT=${EFFACE_KILL_AT:-fsync write io_uring_enter swapoff}
exec python3 "$tests/erase/memory_kill_test.py" Killed.test_swap_in_use Killed.test_zram
