# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that overwrite whole devices: storage of which every sector is
# known, an order with two approvals, and what is left on the storage afterwards, sector by sector.
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
# shellcheck source=tests/system/rig/lib/wait_lib.sh
. "$here/wait_lib.sh"
# shellcheck source=tests/system/rig/lib/lib.sh
. "$here/lib.sh"
orders=0

# marked NAME MIB: a loop device over NAME.img whose every sector says where it stands; prints its
# path.
marked() {
    fill_with_marks "$1.img" "$(($2 << 20))"
    losetup -f --show "$1.img"
}

# fill_with_marks FILE BYTES
fill_with_marks() {
    PYTHONPATH=$here/../../erase PYTHONDONTWRITEBYTECODE=1 python3 -c \
        'import sys, targets; targets.fill_with_marks(sys.argv[1], int(sys.argv[2]))' "$1" "$2"
}

# old_sectors FILE: the sectors that still hold their old content, as "FIRST COUNT" lines.
old_sectors() {
    python3 - "$1" <<'PYTHON'
import sys
sector, first, count = 512, 0, 0
with open(sys.argv[1], "rb") as stream:
    number = 0
    while piece := stream.read(sector << 11):
        any_old = b"OLD-DATA" in piece
        for at in range(0, len(piece), sector):
            old = any_old and b"OLD-DATA" in piece[at:at + sector]
            if old and count == 0:
                first = number
            if old:
                count += 1
            elif count:
                print(first, count)
                count = 0
            number += 1
if count:
    print(first, count)
PYTHON
}

# sectors_of FILTER: byte areas in the certificate's predicate as "FIRST COUNT" lines of sectors,
# neighbours joined.
sectors_of() {
    predicate "$1 | sort_by(.offset) | reduce .[] as \$a ([];
        if length > 0 and .[-1].offset + .[-1].length == \$a.offset
        then .[-1].length += \$a.length else . + [\$a | {offset, length}] end)
        | .[] | \"\(.offset / 512) \(.length / 512)\""
}

# order DEVICE [JSON]: order.json for this device, with JSON's fields added, approved by two people;
# never the same one twice, as what was done once is not done again.
order() {
    orders=$((orders + 1))
    jq -n --arg path "$1" --argjson size "$(size_of "$1")" --argjson more "${2:-{\}}" \
        --arg id "ret-$orders" '{
        schema: "efface.order/1", id: $id, owner: "Example Tenant Ltd", ticket: "CHG-2",
        targets: [{target: $path, size_bytes: $size}]} + $more' >order.json
    rm -f order.json.p7s
    keys
    "$EFFACE" approve order.json --key alice >>setup.out
    "$EFFACE" approve order.json --key bob >>setup.out
}

size_of() {
    if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -c %s "$1"; fi
}

# overwrite DEVICE [JSON]: one whole run; its document is in run.json, its words in run.err, its
# exit status in $status.
overwrite() {
    order "$@"
    again
}

# again: the same order once more.
again() {
    status=0
    "$EFFACE" erase --order order.json --json >run.json 2>run.err || status=$?
}

# overwrite_in_background DEVICE [JSON]: the same, going on beside the test; its events are in the
# file events. Ended by overwrite_ends.
overwrite_in_background() {
    order "$@"
    again_in_background
}

# again_in_background: the same order once more.
again_in_background() {
    : >events
    "$EFFACE" erase --order order.json --json --events events >run.json 2>run.err &
    runner=$!
}

overwrite_ends() {
    status=0
    wait "$runner" || status=$?
}

# event TEXT [COUNT]: waits until the run in the background has said this so often.
event() {
    comes said_or_over "$1" "${2:-1}" || fail "no '$1' came"
    said "$1" "${2:-1}" || fail "the run ended before '$1'"
}

said() {
    [ "$(grep -cs -- "$1" events || true)" -ge "$2" ]
}

said_or_over() {
    ! kill -0 "$runner" 2>/dev/null || said "$@"
}

# retable NAME <TABLE: another table for a device that is in use.
retable() {
    dmsetup load "$1"
    dmsetup resume "$1"
}

# slow_table DEVICE READ_MS WRITE_MS: DEVICE with every transfer delayed, but for its first and last
# 8 MiB, where the survey looks for signatures.
slow_table() {
    local sectors edge=16384
    sectors=$(blockdev --getsz "$1")
    local middle=$((sectors - 2 * edge)) end=$((sectors - edge))
    echo "0 $edge linear $1 0"
    echo "$edge $middle delay $1 $edge $2 $1 $edge $3"
    echo "$end $edge linear $1 $end"
}

# Holds a run in the middle as long as it takes: the delayed transfers of slow_table, with a
# delay that no test outlives. Its next table lets them go at once.
# shellcheck disable=SC2034 # for those that source this
held_ms=36000000

# transfers NAME FIELD: of Linux Documentation/block/stat.rst, of a dm device.
transfers() {
    local fields
    read -ra fields <"/sys/block/dm-$(dmsetup info -c --noheadings -o minor "$1")/stat"
    echo "${fields[$2 - 1]}"
}

# held NAME read|write: waits until such a transfer is delayed by this table of slow_table.
held() {
    comes holds "$1" "$2" || fail "no $2 came to $1"
}

holds() {
    local type reads writes
    # START LENGTH delay READS WRITES FLUSHES: what is being delayed.
    while read -r _ _ type reads writes _; do
        [ "$type" = delay ] || continue
        case $2 in
        read) [ "$reads" -eq 0 ] || return 0 ;;
        write) [ "$writes" -eq 0 ] || return 0 ;;
        esac
    done < <(dmsetup status "$1")
    return 1
}

target_field() {
    jq -r ".targets[0].$1" run.json
}

# predicate FILTER: of the run's certificate.
predicate() {
    jq -r ".predicate | $1" "$(target_field bundle)/certificate.json"
}

# concluded STATUS VERDICT LEVEL: how the run ended, by its document and by its certificate, and the
# bundle verifies. Two calls of jq: every process costs much in the rig.
concluded() {
    local told=()
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1"
    mapfile -t told < <(jq -r '.targets[0] | .status, .level, .bundle' run.json)
    same status "${told[0]}" "$2"
    same level "${told[1]}" "$3"
    same "certificate's status and level" "$(jq -r '.predicate.result | "\(.status) \(.level)"' \
        "${told[2]}/certificate.json")" "$2 $3"
    "$EFFACE" verify "${told[2]}" >verify.out 2>&1 ||
        fail "the bundle does not verify: $(cat verify.out)"
}

# expect STATUS VERDICT: how the run ended; whatever it was, its bundle verifies.
expect() {
    case $2 in
    sanitized*) concluded "$1" "$2" clear ;;
    *) concluded "$1" "$2" none ;;
    esac
}

# same WHAT FOUND WANTED
same() {
    [ "$2" = "$3" ] || fail "$1: '${2:0:300}', not '${3:0:300}'"
}

# marked_disk: such a loop device of 64 MiB: $below, $sectors; refill makes it all old data again.
marked_disk() {
    below=$(marked below 64)
    cp below.img marks.img
    sectors=$(blockdev --getsz "$below")
}
refill() {
    dd if=marks.img of=below.img bs=1M conv=notrunc status=none
    blockdev --flushbufs "$below"
    same "old sectors of the fixture" "$(old_sectors below.img)" "0 $sectors"
}
