#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long memory=1G
# One process has 32 drives sanitize themselves at once: each has its own verdict and its own bundle,
# in bounded memory. That they are at it together is seen, not timed: all of them are held.
set -euo pipefail
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "$0")/../lib/drive_scsi_lib.sh"
many=32
rss_kib_max=$((128 << 10))
drive_bytes=$((128 << 10)) # the fewer blocks, the fewer canaries: what is shown here is the crowd

disks=()
for ((number = 0; number < many; number++)); do
    drive scsi "MANY$number" sanitize_time=100
    disks+=("$scsi_disk")
    scsi_event "MANY$number" hold
done
echo "== $many drives"
targets=$(printf '%s\n' "${disks[@]}" |
    jq -R --argjson size $drive_bytes '{target: ., size_bytes: $size}' | jq -s .)
order "${disks[0]}" "$(jq -n --argjson targets "$targets" \
    '{policy: "scsi-sanitize-block", targets: $targets}')"
: >events
python3 - "$EFFACE" >cost 2>cost.err <<'PYTHON' &
import resource, subprocess, sys, time
began = time.monotonic()
with open("run.json", "wb") as out, open("run.err", "wb") as err:
    status = subprocess.call([sys.argv[1], "erase", "--order", "order.json", "--json", "--events",
                              "events"], stdout=out, stderr=err)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, f"{used.ru_utime:.2f} {used.ru_stime:.2f}",
      f"{time.monotonic() - began:.2f}")
sys.exit(status)
PYTHON
runner=$!
at_it() {
    [ "$(grep '"phase":"the drive erases"' events | grep -o '"name":"[^"]*"' | sort -u | wc -l)" \
        -eq $many ]
}
at_it_or_over() { ! kill -0 "$runner" 2>/dev/null || at_it; }
comes at_it_or_over || fail "not all are at it: $(tail -n 3 events)"
at_it || fail "the run ended: $(cat cost.err)"
echo "== all at it at once"
for ((number = 0; number < many; number++)); do
    scsi_event "MANY$number" release
done
overwrite_ends
[ "$status" -eq 0 ] || fail "exit status $status, not 0: $(cat cost.err cost)"
same sanitized "$(jq '[.targets[] | select(.status == "sanitized" and .level == "purge")] | length' \
    run.json)" $many
same bundles "$(jq -r '.targets[].bundle' run.json | sort -u | wc -l)" $many
for ((number = 0; number < many; number++)); do
    same "sanitize commands of $number" "$(came "MANY$number" 48)" 1
done
no_old_data "${disks[@]}"
read -r rss user system wall <cost
[ "$rss" -le "$rss_kib_max" ] || fail "$rss KiB of memory for $many drives"
polls=$(jq -r '.targets[].bundle' run.json | sed 's|$|/certificate.json|' | xargs jq -s \
    'map(.predicate.sanitization.operation.polls) | add')
echo "peak memory $rss KiB, $user s user and $system s system CPU, $wall s in all, $polls polls"
echo "== each bundle verifies"
while read -r bundle; do
    "$EFFACE" verify "$bundle" >verify.out 2>&1 || fail "$bundle: $(cat verify.out)"
done < <(jq -r '.targets[].bundle' run.json)
