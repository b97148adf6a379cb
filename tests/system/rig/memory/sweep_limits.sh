#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=224M long
# What a sweep leaves alone: limits of control groups, swap, other processes; and that nothing stays
# of one that was stopped or killed.
# shellcheck source=tests/system/rig/lib/sweep_lib.sh
. "$(dirname "$0")/../lib/sweep_lib.sh"

echo "== a control group bounds it, and takes the level"
mkdir -p /sys/fs/cgroup
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || true
grep -qw memory /sys/fs/cgroup/cgroup.controllers || fail "this kernel has no memory control groups"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/box
echo 64M >/sys/fs/cgroup/box/memory.max
sweep_order sweep-3
# shellcheck disable=SC2016
erase bash -c 'echo $$ >/sys/fs/cgroup/box/cgroup.procs && exec "$@"' --
same "exit status" "$status" 4
same level "$(field level)" none
[ "$(sweep_field takenBytes)" -lt $((64 << 20)) ] || fail "more than the group's limit"
grep -q 'oom_kill 0' /sys/fs/cgroup/box/memory.events || fail "the group ran out of memory"
jq -e '[.targets[0].exceptions[].code] | index("free-not-taken")' run.json >/dev/null ||
    fail "what the group kept back is not named"
jq -r '.targets[0].exceptions[].text' run.json | grep -q /box || fail "the group is not named"

echo "== stopped and killed, nothing stays locked, and the machine goes on"
for signal in TERM KILL; do
    sweep_order "sweep-$signal"
    "$EFFACE" erase --order order.json --json >run.json 2>run.err &
    pid=$!
    for _ in $(seq 200); do
        [ "$(locked_kib)" -gt 20000 ] && break
        sleep 0.02
    done
    [ "$(locked_kib)" -gt 20000 ] || fail "it never held memory"
    kill -s "$signal" "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$signal" = KILL ] || same "exit status" "$status" 8
    for _ in $(seq 100); do
        [ "$(locked_kib)" -eq 0 ] && break
        sleep 0.05
    done
    same "locked memory" "$(locked_kib)" 0
done

echo "== with swap on, and another process that takes memory meanwhile: it is not ended, and what
was stopped before is no obstacle"
truncate -s 64M swap.img
loop=$(losetup -f --show swap.img)
mkswap -q "$loop" && swapon "$loop"
python3 - <<'PYTHON' &
import time
kept = []
for _ in range(20):
    kept.append(bytearray(b"x" * (4 << 20)))
    time.sleep(0.05)
time.sleep(1)
PYTHON
other=$!
sweep_order sweep-5
swapped_out=$(awk '$1 == "pswpout" {print $2}' /proc/vmstat)
erase
swapped_out=$(($(awk '$1 == "pswpout" {print $2}' /proc/vmstat) - swapped_out))
# At most what the margin holds: the sweep leaves it to others, who may want more at one moment.
[ "$swapped_out" -le 2048 ] || fail "$swapped_out pages were pushed out to swap"
case $status in 3 | 4) ;; *) fail "exit status $status with another process at it" ;; esac
wait "$other" || fail "the other process was ended"
swapoff "$loop" && losetup -d "$loop"
echo "all swept"
