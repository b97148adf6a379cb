#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# Members of arrays and volume groups: what runs refuses, also where nothing of it lies on this
# member; what does not run is shown, refused without a word in the order, and erased with one.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "$0")/../lib/overwrite_lib.sh"
modprobe raid1

# expect_refused_for CODE DEVICE [MEMBER]: an order, which releases MEMBER, is refused for CODE.
expect_refused_for() {
    echo "refused: $1 $2"
    ordered "$2" "${3:-}"
    [ "$status" -eq 7 ] || fail "exit status $status, not 7: $(cat run.err)"
    same "reason" "$(jq -r '.targets[0].error.reason' run.json)" "$1"
    same "changed" "$(jq -r '.targets[0].changed' run.json)" false
}

# ordered DEVICE [MEMBER]
ordered() {
    order "$1"
    if [ -n "${2:-}" ]; then
        jq --arg member "$2" '.targets[0].release_member = [$member]' order.json >with.json
        mv with.json order.json
        rm -f order.json.p7s
        "$EFFACE" approve order.json --key alice >>setup.out
        "$EFFACE" approve order.json --key bob >>setup.out
    fi
    again
}

# shown DEVICE TEXT: the plan of DEVICE is good and says so.
shown() {
    keys
    "$EFFACE" plan "$1" >plan.out || fail "the plan of $1 is refused: $(cat plan.out)"
    grep -q -- "$2" plan.out || fail "the plan does not show $2: $(cat plan.out)"
}

one=$(disk one 16)
two=$(disk two 16)
mdadm --quiet --create /dev/md0 --run --level 1 --metadata 1.2 --assume-clean --raid-devices 2 \
    --name returned "$one" "$two"
mdadm --quiet --wait-clean /dev/md0 || true
expect_refused_for md-member "$one"
expect_refused_for md-member "$one" returned
mdadm --quiet --stop /dev/md0
uuid=$(blkid -p -s UUID -o value "$one")
shown "$one" linux_raid_member
expect_refused_for member "$one"
expect_refused_for member "$one" another
ordered "$one" "$uuid"
expect 0 sanitized
mdadm --quiet --zero-superblock "$two"
ordered "$two" # an array that is long gone
expect 0 sanitized

left=$(disk left 32)
right=$(disk right 32)
pvcreate -qq "$left" "$right"
vgcreate -qq vg "$left" "$right"
lvcreate -qq -y -Zn -l 2 -n data vg "$left" 2>/dev/null
expect_refused_for lvm-member "$left"
expect_refused_for lvm-member "$right" # nothing of the volume lies on it
vgchange -qq -an vg
shown "$right" '"vg"'
expect_refused_for member "$right"
ordered "$right" vg
expect 0 sanitized
