#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A ram disk of the kernel: the tests of memory that need /dev/ram0 (tests/unit/method), and what
# another program finds afterwards.
set -euo pipefail
: "${EFFACE_MEMORY_LIVE:?the test program}"
modprobe brd rd_nr=1 rd_size=16384 max_part=0
[ -b /dev/ram0 ] || { echo "skipped: this kernel has no ram disks"; exit 77; }
"$EFFACE_MEMORY_LIVE" '[brd]' | tee "$TMPDIR/out"
grep -q 'All tests passed' "$TMPDIR/out"
! grep -q skipped "$TMPDIR/out"
# The pattern does not compress: neither zeros nor the old text are left anywhere.
size=$(dd if=/dev/ram0 iflag=direct bs=1M status=none | gzip -1 | wc -c)
[ "$size" -gt $((16 << 20)) ] || { echo "FAIL: 16 MiB compress to $size bytes"; exit 1; }
