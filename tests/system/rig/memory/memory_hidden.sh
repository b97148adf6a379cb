#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# A tmpfs that another file system stands above, whatever that is (tests/system/erase tries more of
# them): refused, and nobody's file is touched. What is not hidden any more is erased.
# shellcheck source=tests/system/rig/lib/memory_lib.sh
. "$(dirname "$0")/../lib/memory_lib.sh"
modprobe -a loop btrfs xfs ext4 2>/dev/null || true
mkdir -p place/mnt lower upper space
truncate -s 300M image
keys
jq -n --arg target "memory:tmpfs:$work/place/mnt" '{schema: "efface.order/1", id: "ret-1",
    owner: "Example Tenant Ltd", ticket: "CHG-1", targets: [{target: $target, size_bytes: 4194304}]}' \
    >order.json
"$EFFACE" approve order.json --key alice >>setup.out
"$EFFACE" approve order.json --key bob >>setup.out

# above KIND PLACE: mounts one of this kind there, with a folder mnt and a file in each.
above() {
    case $1 in
        tmpfs) mount -t tmpfs none "$2" ;;
        overlay) mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=space none "$2" ;;
        proc) mount -t proc none "$2" && return ;;
        *)
            command -v "mkfs.$1" >/dev/null || return 1
            "mkfs.$1" -q image -f >/dev/null 2>&1 || "mkfs.$1" -q -F image >/dev/null
            mount -o loop image "$2"
            ;;
    esac
    mkdir -p "$2/mnt"
    echo stays >"$2/data"
    echo stays >"$2/mnt/data"
}

mount -t tmpfs -o size=4m none place/mnt
echo below >place/mnt/data
tried=0
for kind in tmpfs ext4 btrfs xfs overlay proc; do
    for on in place place/mnt; do
        above $kind $on || continue
        erase
        refused hidden-mount
        if [ $kind != proc ]; then
            same "$kind on $on" "$(cat $on/data $on/mnt/data | sort -u)" stays
        fi
        umount $on
        tried=$((tried + 1))
    done
    same "below $kind" "$(cat place/mnt/data)" below
done
[ $tried -ge 6 ] || fail "only $tried ways were tried"
erase
same "exit status" "$status" 0
same "entries left" "$(find place/mnt -mindepth 1 | wc -l)" 0
verified
