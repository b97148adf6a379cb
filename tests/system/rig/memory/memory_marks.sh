#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M
# What is erased is gone from the physical memory of the machine, looked at from outside: each kind,
# also when its job was killed in the middle and run again.
# shellcheck source=tests/system/rig/lib/memory_lib.sh
. "$(dirname "$0")/../lib/memory_lib.sh"
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

# zram keeps a page that cannot be compressed as it is. The kernel only frees it, and says so; marks
# that are left are in freed pages, which the claim does not reach.
put_raw() {
    python3 - "$1" "$2" "$marks_word" <<'PYTHON'
import mmap, os, sys
path, pages, word = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
file = os.open(path, os.O_RDWR | os.O_DIRECT)
buffer = mmap.mmap(-1, 4096)
for page in range(pages):
    buffer[:] = os.urandom(4096)
    buffer[0:8] = word
    buffer[8:16] = b"%08d" % page
    os.pwritev(file, [buffer], page * 4096)
buffer[:] = bytes(4096)
PYTHON
}
modprobe zram num_devices=1
before=$(marks)
echo 8M >/sys/block/zram0/disksize
put_raw /dev/zram0 $pages
stored=$(($(marks) - before))
[ "$stored" -ge $((pages * 9 / 10)) ] || fail "zram: only $stored of $pages marks stand in memory"
order memory:zram:zram0
erase
same "zram: exit status" "$status" 4
same "zram: level" "$(field level)" none
jq -e '[.targets[0].exceptions[].code] | index("content-only-freed")' run.json >/dev/null ||
    fail "zram: that the content was only freed is not named"
freed=$(marks)
echo "zram: $stored marks stored, $((freed - before)) left after its reset"
verified
# What the reset freed is reached by a sweep.
jq -n '{schema: "efface.order/1", id: "ret-2", owner: "Example Tenant Ltd", ticket: "CHG-1",
    targets: [{target: "memory:free"}]}' >order.json
rm -f order.json.p7s
"$EFFACE" approve order.json --key alice >>setup.out
"$EFFACE" approve order.json --key bob >>setup.out
erase
same "sweep: exit status" "$status" 4
swept=$(marks)
echo "zram: $((swept - before)) left after a sweep"
[ "$swept" -le $((before + stored / 20)) ] || fail "zram: $swept marks are left after a sweep"
verified

# What umount leaves is why this is looked at from outside.
mount -t tmpfs none mnt
put_marks mnt/data $pages
umount mnt
[ "$(marks)" -gt $((pages / 2)) ] || fail "this look does not see freed pages"
