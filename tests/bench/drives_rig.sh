#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inside the rig, for drives_speed.py: what efface costs beside drives that erase themselves. Lines
# of JSON come out, one for each figure.
set -euo pipefail
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../system/rig/lib/drive_scsi_lib.sh"
many=64
list_rounds=5
short_ms=8000
watch_s=120

# measured NAME COMMAND...: wall, CPU seconds, KiB, exit status, and the CLOCK_MONOTONIC at its end.
# CPU is of the whole tree: what the command leaves behind becomes a child of the one that measures.
measured() {
    python3 - "$@" <<'PYTHON'
import ctypes, json, os, resource, subprocess, sys, time
PR_SET_CHILD_SUBREAPER = 36
LEFT_S_MAX = 60
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
began = time.monotonic()
with open("measured.out", "wb") as out, open("measured.err", "wb") as err:
    code = subprocess.call(sys.argv[2:], stdout=out, stderr=err)
ended = time.monotonic()
try:
    while time.monotonic() < ended + LEFT_S_MAX:
        if os.waitpid(-1, os.WNOHANG)[0] == 0:
            time.sleep(0.05)
    sys.exit("it left a process behind: its CPU time cannot be told")
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"name": sys.argv[1], "wall": ended - began, "code": code,
                  "cpu": used.ru_utime + used.ru_stime, "kib": used.ru_maxrss, "ended": ended}))
PYTHON
}

# begun NAME: CLOCK_MONOTONIC of the last SANITIZE that the model got.
begun() {
    came "$1" 48 >/dev/null
    grep "^count 48 " "$scsi_work/$1/log" | tail -n 1 | cut -d ' ' -f 4
}

drive scsi WATCHED sanitize_time=$short_ms
watched=$scsi_disk
watched_node=$scsi_node
order "$watched" '{"policy": "scsi-sanitize-block"}'
measured "efface erase" "$EFFACE" erase --order order.json --json >one
jq -c --argjson begun "$(begun WATCHED)" --argjson ms $short_ms \
    --argjson estimate "$(jq -r '.targets[0].bundle' measured.out | sed 's|$|/certificate.json|' |
        xargs jq '.predicate.sanitization.operation.estimateSeconds')" \
    '. + {after: (.ended - $begun - $ms / 1000), ms: $ms, estimate: $estimate}' one
measured "sg_sanitize" sg_sanitize --block --quick "$watched_node" >one
jq -c --argjson begun "$(begun WATCHED)" --argjson ms $short_ms \
    '. + {after: (.ended - $begun - $ms / 1000), ms: $ms}' one

# Held: it is at it as long as we look.
drive scsi LONG sanitize_time=1000
scsi_event LONG hold
in_background "$scsi_disk" scsi-sanitize-block
erases
# Its own process alone.
python3 - "$runner" "$watch_s" <<'PYTHON'
import json, os, sys, time
def ticks():
    with open(f"/proc/{sys.argv[1]}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
began, used = time.monotonic(), ticks()
time.sleep(float(sys.argv[2]))
wall = time.monotonic() - began
print(json.dumps({"name": "waiting", "wall": wall, "cpu": ticks() - used}))
PYTHON
scsi_event LONG release
overwrite_ends

for ((number = drives; number < many; number++)); do
    scsi_model scsi "LIST$number" $mib "naa=$(printf '0x5000c500a0001%03x' "$number")"
done
"$EFFACE" list >/dev/null
for ((round = 0; round < list_rounds; round++)); do
    measured start "$EFFACE" --version
    measured list "$EFFACE" list
done
scsi_event "LIST$((many - 1))" hang
measured "list, one hangs" "$EFFACE" list >one
jq -c --argjson silent "$(grep -c 'no answer' measured.out || true)" '. + {silent: $silent}' one
scsi_event "LIST$((many - 1))" resume
