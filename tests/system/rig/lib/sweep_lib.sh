# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of sweeps: free memory with marks in it, and orders.
# shellcheck source=tests/system/rig/lib/memory_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/memory_lib.sh"
modprobe loop

# freed PAGES: marks in pages that belong to nobody any more.
freed() {
    mkdir -p mnt
    mount -t tmpfs -o size=110m tmpfs mnt
    put_marks mnt/data "$1"
    umount mnt
}

# sweep_order ID [TARGET_JSON]: an order that says "sweep", or one for free memory alone.
sweep_order() {
    local alone='[{"target": "memory:free"}]'
    keys
    jq -n --arg id "$1" --argjson targets "${2:-$alone}" --argjson sweep "${3:-false}" '{
        schema: "efface.order/1", id: $id,
        owner: "Example Tenant Ltd", ticket: "CHG-1", sweep: $sweep, targets: $targets}' >order.json
    rm -f order.json.p7s
    "$EFFACE" approve order.json --key alice >>setup.out
    "$EFFACE" approve order.json --key bob >>setup.out
}

locked_kib() {
    awk '/^Mlocked/ {print $2}' /proc/meminfo
}

sweep_field() {
    jq -r ".predicate.sanitization.sweep.$1" "$(field bundle)/certificate.json"
}
