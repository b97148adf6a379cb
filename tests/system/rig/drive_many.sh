#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long memory=1G
# One process has 32 drives sanitize themselves at once: each has its own verdict and its own bundle,
# in bounded memory, and watching them costs next to nothing.
set -euo pipefail
# shellcheck source=tests/system/rig/drive_scsi_lib.sh
. "$(dirname "$0")/drive_scsi_lib.sh"
many=32
rss_kib_max=$((256 << 10))
sanitize_ms=8000

disks=()
for ((number = 0; number < many; number++)); do
    drive scsi "MANY$number" sanitize_time=$sanitize_ms
    disks+=("$scsi_disk")
done
echo "== $many drives"
targets=$(printf '%s\n' "${disks[@]}" | jq -R --argjson size $mib '{target: ., size_bytes: $size}' |
    jq -s .)
order "${disks[0]}" "$(jq -n --argjson targets "$targets" \
    '{policy: "scsi-sanitize-block", targets: $targets}')"
# What the shell has waited for until now is the order; only the run comes after it.
status=0
python3 - "$EFFACE" >cost 2>cost.err <<'PYTHON' || status=$?
import resource, subprocess, sys, time
began = time.monotonic()
with open("run.json", "wb") as out, open("run.err", "wb") as err:
    status = subprocess.call([sys.argv[1], "erase", "--order", "order.json", "--json"], stdout=out,
                             stderr=err)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, f"{used.ru_utime + used.ru_stime:.2f}", f"{time.monotonic() - began:.2f}")
sys.exit(status)
PYTHON
[ "$status" -eq 0 ] || fail "exit status $status, not 0: $(cat cost.err cost)"
same sanitized "$(jq '[.targets[] | select(.status == "sanitized" and .level == "purge")] | length' \
    run.json)" $many
same bundles "$(jq -r '.targets[].bundle' run.json | sort -u | wc -l)" $many
for ((number = 0; number < many; number++)); do
    same "sanitize commands of $number" "$(came "MANY$number" 48)" 1
done
no_old_data "${disks[@]}"
read -r rss cpu wall <cost
[ "$rss" -le "$rss_kib_max" ] || fail "$rss KiB of memory for $many drives"
polls=$(jq -r '.targets[].bundle' run.json | sed 's|$|/certificate.json|' | xargs jq -s \
    'map(.predicate.sanitization.operation.polls) | add')
echo "peak memory $rss KiB, $cpu s CPU and $wall s in all, $polls polls of $many drives"

# They were at it at the same time: one after the other would have taken longer than this.
[ "${wall%.*}" -lt $((many * sanitize_ms / 1000)) ] || fail "one after the other: $wall s"
echo "== each bundle verifies"
while read -r bundle; do
    "$EFFACE" verify "$bundle" >verify.out 2>&1 || fail "$bundle: $(cat verify.out)"
done < <(jq -r '.targets[].bundle' run.json)
