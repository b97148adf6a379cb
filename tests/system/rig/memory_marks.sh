#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M
# What is erased is gone from the physical memory of the machine, looked at from outside: each kind,
# also when its job was killed in the middle and run again.
. "$(dirname "$0")/memory_lib.sh"
command -v strace >/dev/null || { echo "skipped: strace is not installed"; exit 77; }
modprobe brd rd_nr=2 rd_size=8192 max_part=0
pages=1024

# put_direct DEVICE PAGES OFFSET: marks on a device, past the page cache.
put_direct() {
    python3 - "$1" "$2" "$3" "$marks_word" <<'PYTHON'
import mmap, os, sys
path, pages, start, word = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode()
file = os.open(path, os.O_RDWR | os.O_DIRECT)
buffer = mmap.mmap(-1, 4096)
for page in range(pages):
    buffer[8:16] = b"%08d" % page
    buffer[0:8] = word
    os.pwritev(file, [buffer], start + page * 4096)
    buffer[0:4096] = bytes(4096)
PYTHON
}

# gone KIND MOST: sanitized, and no more marks are left in memory than that.
gone() {
    local left
    same "$1: exit status" "$status" 0
    left=$(marks)
    [ "$left" -le "$2" ] || fail "$1: $left marks are left"
    verified
}

# killed KIND TARGET MOST PUT...: erased by a job that is killed meanwhile and run again.
killed() {
    local kind=$1 target=$2 most=$3
    shift 3
    "$@"
    # Now and then a page of a buffer on the way still holds one more.
    [ "$(marks)" -ge "$pages" ] || fail "$kind: fewer marks before than the $pages that were put"
    order "$target"
    erase strace -f -qq -o /dev/null -e "trace=pwrite64,io_uring_enter" \
        -e "inject=pwrite64,io_uring_enter:signal=SIGKILL:when=3" 2>/dev/null
    same "$kind: killed" "$status" 137
    erase
    gone "$kind, resumed" "$most"
}

put_tree() {
    mkdir -p mnt/folder
    put_marks mnt/folder/data $pages
}

# A swap area that lies in memory: its signature is overwritten first.
put_slots() {
    mkswap -q /dev/ram1
    put_direct /dev/ram1 $pages 65536
}

same "marks at first" "$(marks)" 0
mkdir mnt


for kind in tmpfs ramfs; do
    mount -t $kind none mnt
    killed $kind "memory:$kind:$work/mnt" 0 put_tree
    same "$kind: entries left" "$(find mnt -mindepth 1 | wc -l)" 0
    umount mnt
done
mount -t tmpfs none mnt
put_tree
order "memory:tmpfs:$work/mnt"
erase
gone tmpfs 0
killed file "memory:file:$work/mnt/data" 0 put_marks mnt/data $pages
umount mnt

# Whoever looks at a block device reads its head into the page cache, whose pages are freed.
killed brd memory:brd:ram0 64 put_direct /dev/ram0 $pages 0
killed swap memory:swap:/dev/ram1 64 put_slots

# What umount leaves is why this is looked at from outside.
mount -t tmpfs none mnt
put_marks mnt/data $pages
umount mnt
[ "$(marks)" -gt $((pages / 2)) ] || fail "this look does not see freed pages"
