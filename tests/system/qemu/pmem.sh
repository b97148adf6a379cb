#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# efface and persistent memory: NVDIMMs that QEMU emulates, each a file of the host; one as fsdax, one
# as a character device (devdax), one raw.
# shellcheck source=tests/system/qemu/host_lib.sh
. "$(dirname "$0")/host_lib.sh"
mib=32

image marks $mib
for name in first second third; do blank $name $mib; done
machine --machine nvdimm=on --memory-file a="$work/first" --device nvdimm,memdev=a \
    --memory-file b="$work/second" --device nvdimm,memdev=b \
    --memory-file c="$work/third" --device nvdimm,memdev=c \
    -- bash "$here/inside/pmem.sh" "$work/marks"
# Of fsdax and devdax the kernel keeps the first 2 MiB, of which nothing was in use.
for name in first second third; do gone $name $((mib - 2)); done
