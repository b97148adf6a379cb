#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M long
# Pages that the kernel took into the compressed pool of zswap, or wrote to swap, before and while a
# target is erased: what may be claimed, and what is still in memory.
# shellcheck source=tests/system/rig/lib/memory_lib.sh
. "$(dirname "$0")/../lib/memory_lib.sh"
command -v strace >/dev/null || { echo "skipped: strace is not installed"; exit 77; }
zswap=/sys/module/zswap/parameters/enabled
[ -e $zswap ] || { echo "skipped: this kernel has no zswap"; exit 77; }
modprobe brd rd_nr=1 rd_size=65536 max_part=0
pages=2048
mkdir mnt other

# page_out FILE: all of it leaves memory.
page_out() {
    python3 - "$1" <<'PYTHON'
import ctypes, mmap, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(file).st_size
memory = mmap.mmap(file, size)
sum(memory[at] for at in range(0, size, 4096))  # only what was touched is paged out
memory.madvise(21)  # MADV_PAGEOUT
PYTHON
}

counter() {
    awk -v name="$1" '$1 == name {print $2}' /proc/vmstat
}

exceptions() {
    jq -r '[.targets[0].exceptions[].code] | sort | join(" ")' run.json
}

# claims STATUS LEVEL EXCEPTIONS
claims() {
    same "exit status" "$status" "$1"
    same level "$(field level)" "$2"
    same exceptions "$(exceptions)" "$3"
    verified
}

tmpfs() {
    mount -t tmpfs none mnt
    put_marks mnt/data $pages
    order "memory:tmpfs:$work/mnt"
}

# Nothing was ever swapped.
tmpfs
erase
claims 0 clear ""
umount mnt

# An empty area is no reason to doubt.
mkswap -q /dev/ram0
swapon /dev/ram0
tmpfs
erase
claims 0 clear ""
umount mnt

# The pool holds pages of it: written pages, though nothing ever reached the swap device.
echo Y >$zswap
tmpfs
page_out mnt/data
[ "$(counter zswpout)" -gt 0 ] || fail "zswap took nothing"
same pswpout "$(counter pswpout)" 0
same "level of the plan" "$("$EFFACE" plan "memory:tmpfs:$work/mnt" --json |
    jq -r '.targets[0].level')" none
erase
claims 4 none "swap-in-use zswap-pages"
[ "$(marks)" -gt 0 ] || fail "then it could have claimed more"
umount mnt

# An area that may have pages in the pool is worth no level either.
mount -t tmpfs none other
put_marks other/data $pages
page_out other/data
order memory:swap:/dev/ram0
erase
claims 4 none zswap-pages
umount other

# The pool is empty and nothing is swapped on: what was freed there is an exception.
tmpfs
erase
claims 4 clear swapped-before
umount mnt

# Swap that grows during the run.
mkswap -q /dev/ram0
swapon /dev/ram0
echo N >$zswap
tmpfs
mount -t tmpfs none other
put_marks other/data $pages
(
    until grep -q progress events; do sleep 0.05; done
    page_out other/data
    rm other/data
) 2>/dev/null &
status=0
strace -f -qq -o /dev/null -e trace=pwrite64 -P "$work/mnt/data" \
    -e inject=pwrite64:delay_enter=300000 \
    "$EFFACE" erase --order order.json --events events --json >run.json 2>run.err || status=$?
wait
same "exit status" "$status" 4
same level "$(field level)" none
exceptions | grep -q swap-grew || fail "swap grew, and nobody says so: $(exceptions)"
verified
