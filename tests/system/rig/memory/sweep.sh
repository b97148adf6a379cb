#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=224M long
# Free memory is swept: what was freed is gone from the physical memory, looked at from outside.
# shellcheck source=tests/system/rig/lib/sweep_lib.sh
. "$(dirname "$0")/../lib/sweep_lib.sh"

echo "== what was freed is gone, and the claim says how much was taken"
freed 10240
before=$(marks)
[ "$before" -gt 10000 ] || fail "only $before marks: nothing is proved"
sweep_order sweep-1
erase
same "exit status" "$status" 4
same level "$(field level)" clear
after=$(marks)
echo "$before marks before the sweep, $after after it"
[ "$after" -lt $((before / 100)) ] || fail "$after of $before marks are left"
verified
taken=$(sweep_field takenBytes) free=$(sweep_field freeBytes)
echo "taken $taken of $free free bytes in $(sweep_field passes) passes"
[ $((taken * 10)) -ge $((free * 9)) ] || fail "clear with too little taken"
same "locked memory" "$(locked_kib)" 0

echo "== the same order again: free memory is there again"
freed 4096
erase
same "exit status" "$status" 4
same changed "$(field changed)" true
[ "$(marks)" -lt 100 ] || fail "the second sweep left $(marks) marks"

echo "== only one at a time"
"$EFFACE" plan memory:free >/dev/null
python3 -c "
import fcntl, time
file = open('/run/efface-memory.lock', 'r+')
fcntl.lockf(file, fcntl.LOCK_EX)  # all names at once
print('locked', flush=True)
time.sleep(1000)" >locked &
holder=$!
while [ ! -s locked ]; do sleep 0.1; done
erase
same "exit status" "$status" 75
kill "$holder"
wait "$holder" || true

echo "== it runs by itself after the targets of an order that says so"
mkdir -p mnt
mount -t tmpfs -o size=64m tmpfs mnt
put_marks mnt/data 1024
freed_before=$(marks)
[ "$freed_before" -ge 1024 ] || fail "no marks to begin with"
size=$("$EFFACE" plan "memory:tmpfs:$work/mnt" --json | jq '.targets[0] | .identity.sizeBytes // .sizeBytes')
sweep_order sweep-2 "[{\"target\": \"memory:tmpfs:$work/mnt\", \"size_bytes\": $size}]" true
erase
same "exit status" "$status" 4
same targets "$(jq -r '[.targets[].target] | join(" ")' run.json)" "memory:tmpfs:$work/mnt memory:free"
same records "$(jq '[.targets[].bundle] | unique | length' run.json)" 2
umount mnt

echo "all swept"
