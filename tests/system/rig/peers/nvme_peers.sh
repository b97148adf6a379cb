#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside peers modules=nvme
# The NVMe model behind the kernel's own NVMe host: what nvme-cli reads and does there is what a
# real drive would show it, and efface's command set meets the same drive through the kernel.
set -euo pipefail
: "${EFFACE_NVME_PROBE:?the program nvme_probe}"
command -v nvme >/dev/null || { echo "skipped: nvme-cli is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/nvme_lib.sh
. "$(dirname "$0")/../lib/nvme_lib.sh"
cd "$nvme_work"

# is WHAT WANTED IS
is() {
    [ "$2" = "$3" ] || nvme_fail "$1: '$3', not '$2'"
    echo "$1: $3"
}
# field TEXT NAME: of nvme-cli's "name : value" lines.
field() {
    sed -n "s/^$2[[:space:]]*: *//p" <<<"$1" | head -n 1 | sed 's/ *$//'
}
# sanitize_log NAME: SPROG, SSTAT or SCDW10, as nvme-cli reads it.
sanitize_log() {
    nvme sanitize-log "$controller" | sed -n "s/.*($1) *: *//p"
}
# erased: 1 when nothing was written since (GDE).
erased() {
    nvme sanitize-log "$controller" -o json | jq '.[].sstat.global_erased'
}
ended() { [ "$(sanitize_log SPROG)" = 65535 ]; }
old_data() { # on every place, one block that can be found again
    head -c 512 /dev/urandom >old
    local place
    for place; do
        dd if=old of="$place" bs=512 seek=100 oflag=direct status=none
        dd if="$place" bs=512 skip=100 count=1 iflag=direct status=none | cmp - old
    done
}
on_place() {
    dd if="$1" bs=512 skip=100 count=1 iflag=direct status=none | cmp -s - old
}

nvme_start one --serial PEERS-1 --namespace 32768 --namespace 16384 --spare 64 \
    --sanicap 0x4000000f --fna 0x04 --controllers 2 --unallocated 2048 \
    --block-ms 200 --crypto-ms 200 --block-estimate 2 --deallocation-ms 200
nvme_connect one
controller=/dev/$nvme_controller
comes nvme_place one 1 || nvme_fail "namespace 1 does not appear"
comes nvme_place one 2 || nvme_fail "namespace 2 does not appear"
first=$(nvme_place one 1)
second=$(nvme_place one 2)

echo "== what nvme-cli reads"
identity=$(nvme id-ctrl "$controller")
is sn PEERS-1 "$(field "$identity" sn)"
is mn "EFFACE MODEL NVME" "$(field "$identity" mn)"
is sanicap 0x4000000f "$(field "$identity" sanicap)"
is fna 0x4 "$(field "$identity" fna)"
is oacs 0xa "$(field "$identity" oacs)"
is cmic 0x2 "$(field "$identity" cmic)"
is ver 0x20100 "$(field "$identity" ver)"
is tnvmcap $(((32768 + 16384 + 2048) * 512)) "$(field "$identity" tnvmcap)"
is unvmcap $((2048 * 512)) "$(field "$identity" unvmcap)"
space=$(nvme id-ns "$first")
is nsze 0x8000 "$(field "$space" nsze)"
is dlfeat 1 "$(field "$space" dlfeat)"
is nvmcap 16777216 "$(field "$space" nvmcap)"
is lbads "ms:0   lbads:9  rp:0 (in use)" "$(field "$space" 'lbaf  0')"
is "namespaces listed" 2 "$(nvme list -o json | jq '.Devices | length')"
is "list-ns --all" 2 "$(nvme list-ns --all "$controller" | wc -l)"
is "kernel size" 32768 "$(cat "/sys/block/${first##*/}/size")"
is "SMART available spare" 100% "$(field "$(nvme smart-log "$controller")" available_spare)"

echo "== sanitize with media verification, as efface sends it"
old_data "$first" "$second"
"$EFFACE_NVME_PROBE" "$controller" "$first" survey >surveyed
grep -q '^EFFACE MODEL NVME|PEERS-1|1.0|nqn.2026-01.example:nvme:one|$' surveyed || nvme_fail "$(cat surveyed)"
is "techniques without objection" 5 "$(grep -c ': can be used' surveyed)"
grep -q '^hidden unallocated-capacity 1048576$' surveyed || nvme_fail "$(cat surveyed)"
"$EFFACE_NVME_PROBE" "$controller" "$first" run nvme-sanitize-block | tee ran
grep -q '^verifying: 1 Successful Media Verification Read' ran || nvme_fail "no media verification"
grep -q '^succeeded: nvme-sanitize-block' ran || nvme_fail "no success"
is SSTAT 0x1 "$(sanitize_log SSTAT)"
is GDE 1 "$(erased)"
is SCDW10 0x402 "$(sanitize_log SCDW10)"
is "old data anywhere" no "$(nvme_control one holds "$PWD/old")"

echo "== sanitize by nvme-cli, followed by efface"
old_data "$first" "$second"
is "GDE after a write" 0 "$(erased)"
nvme_hold one
nvme sanitize "$controller" --sanact=2
is "SSTAT while it runs" 0x2 "$(sanitize_log SSTAT)"
is SPROG 0 "$(sanitize_log SPROG)"
nvme_pass one 50
is "SPROG at a quarter" 16384 "$(sanitize_log SPROG)"
"$EFFACE_NVME_PROBE" "$controller" "$first" state | tee state
grep -q '^running: nvme-sanitize-block' state || nvme_fail "efface does not see it run"
! dd if="$first" of=/dev/null bs=4096 count=1 iflag=direct status=none 2>/dev/null ||
    nvme_fail "a read during a sanitize succeeded"
"$EFFACE_NVME_PROBE" "$controller" "$first" read 0 | tee reading
grep -q 'Sanitize In Progress (sct 0 sc 1dh)' reading || nvme_fail "no status in words"
if nvme sanitize "$controller" --sanact=4 2>refused; then nvme_fail "two sanitizes at once"; fi
grep -qi 'sanitize' refused || nvme_fail "$(cat refused)"
nvme_pass one 50
is "SPROG at half" 32768 "$(sanitize_log SPROG)"
nvme_release one
comes ended || nvme_fail "it does not end"
is SSTAT 0x1 "$(sanitize_log SSTAT)"
is "old data anywhere" no "$(nvme_control one holds "$PWD/old")"
nvme persistent-event-log "$controller" --action=1 --log_len=4096 >events || true
nvme persistent-event-log "$controller" --action=2 >>events || true
grep -qi 'sanitize' events || nvme_fail "no sanitize in the event log"

echo "== failure modes"
old_data "$first"
nvme_control one lie sanitize-fails
nvme sanitize "$controller" --sanact=4
comes ended
is SSTAT 0x3 "$(sanitize_log SSTAT)"
! nvme sanitize "$controller" --sanact=1 2>/dev/null || nvme_fail "left a restricted failure mode"
"$EFFACE_NVME_PROBE" "$controller" "$first" state | tee state
grep -q '^failed: nvme-sanitize-crypto: failed (SOS 3), restricted failure (SANS 2)' state ||
    nvme_fail "efface does not see the failure"
nvme_control one lie sanitize-fails=0
nvme sanitize "$controller" --sanact=4
comes ended
is SSTAT 0x1 "$(sanitize_log SSTAT)"
nvme_control one lie sanitize-fails
nvme sanitize "$controller" --sanact=4 --ause
comes ended
nvme sanitize "$controller" --sanact=1
is "SSTAT after the exit of an unrestricted failure" 0x3 "$(sanitize_log SSTAT)"
"$EFFACE_NVME_PROBE" "$controller" "$first" state | tee state
grep -q '^failed: ' state || nvme_fail "idle was taken for an end"
nvme_control one lie sanitize-fails=0
nvme sanitize "$controller" --sanact=4
comes ended

echo "== format"
old_data "$first" "$second"
nvme format "$first" --ses=1 --force
! on_place "$first" || nvme_fail "format left the namespace as it was"
on_place "$second" || nvme_fail "format reached another namespace"
old_data "$first" "$second"
"$EFFACE_NVME_PROBE" "$controller" "$first" run nvme-format-crypto | tee ran
grep -q '^succeeded: nvme-format-crypto' ran || nvme_fail "no success"
for place in "$first" "$second"; do
    ! on_place "$place" || nvme_fail "the broadcast left $place out"
done

echo "== a second controller of the subsystem"
was=$nvme_controller
nvme_connect one
[ "$nvme_controller" != "$was" ] || nvme_fail "the same controller again"
is "cntlid of the second" 0x2 "$(field "$(nvme id-ctrl "/dev/$nvme_controller")" cntlid)"
nvme_hold one
"$EFFACE_NVME_PROBE" "/dev/$nvme_controller" "$first" start nvme-sanitize-block
is "SSTAT through the first" 0x2 "$(sanitize_log SSTAT)"
nvme_pass one 100
nvme_control one power-cycle
comes nvme id-ctrl "$controller" || nvme_fail "it does not come back"
is "SSTAT after the power cycle" 0x2 "$(sanitize_log SSTAT)"
is "SPROG after the power cycle" 32768 "$(sanitize_log SPROG)"
nvme_release one
verifying_or_done() { "$EFFACE_NVME_PROBE" "$controller" "$first" state | grep -Eq '^(verifying|succeeded)'; }
comes verifying_or_done || nvme_fail "the power cycle ended the sanitize"
nvme_stop one

echo "== security protocols"
nvme_start locked --serial PEERS-2 --tcg tcg=opal2
nvme_connect locked
nvme security-recv "/dev/$nvme_controller" -p 1 -s 1 -t 512 -x 512 -b | tail -c 512 >discovery
# Level 0 Discovery: its first feature is the TPer's (0001h), at byte 48.
is "first feature" 0001 "$(od -An -tx1 -j48 -N2 discovery | tr -d ' ')"
nvme_stop locked

echo "== refusals of nodes"
! "$EFFACE_NVME_PROBE" /dev/null "$first" survey 2>/dev/null || nvme_fail "/dev/null is no drive"
echo "all readings as expected"
