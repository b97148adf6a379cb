#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=256M long
# Files with holes that are larger than all memory: their holes stay holes. A job that was killed
# does not go on with another mount, on a kernel that numbers mounts anew.
# shellcheck source=tests/system/rig/lib/memory_lib.sh
. "$(dirname "$0")/../lib/memory_lib.sh"
command -v strace >/dev/null || { echo "skipped: strace is not installed"; exit 77; }
mkdir mnt

available_mib() {
    awk '$1 == "MemAvailable:" {print int($2 / 1024)}' /proc/meminfo
}

sparse() {
    truncate -s 2G mnt/hole
    truncate -s 2G mnt/data
    put_marks mnt/small 16
    dd if=mnt/small of=mnt/data bs=4k seek=200000 conv=notrunc status=none
    truncate -s 64G mnt/huge
}

for kind in tmpfs ramfs; do
    for target in mnt mnt/data; do
        [ $kind = ramfs ] || [ $target = mnt ] || continue
        mount -t $kind none mnt
        sparse
        before=$(available_mib)
        if [ $target = mnt ]; then
            order "memory:$kind:$work/mnt"
        else
            order "memory:file:$work/$target"
        fi
        erase
        same "$kind $target: exit status" "$status" 0
        verified
        [ "$(available_mib)" -gt $((before - 64)) ] || fail "$kind: holes became pages"
        written=$(jq '.predicate.sanitization.passes[0].bytesWritten' \
            "$(field bundle)/certificate.json")
        [ "$written" -le $((64 << 10)) ] || [ $target = mnt ] || fail "$kind: $written bytes written"
        umount mnt
    done
done

for kind in tmpfs ramfs; do
    mount -t $kind none mnt
    put_marks mnt/data 64
    order "memory:$kind:$work/mnt"
    erase strace -f -qq -o /dev/null -P "$work/mnt/data" -e trace=pwrite64 \
        -e inject=pwrite64:signal=SIGKILL:when=1 2>/dev/null
    same "$kind: killed" "$status" 137
    umount mnt
    mount -t $kind none mnt
    echo stays >mnt/new
    job=$("$EFFACE" jobs --json | jq -r '[.jobs[] | select(.resumable)][0].id')
    status=0
    "$EFFACE" resume "$job" --json >run.json 2>run.err || status=$?
    refused other-identity
    same "$kind: what was written since" "$(cat mnt/new)" stays
    umount mnt
done
