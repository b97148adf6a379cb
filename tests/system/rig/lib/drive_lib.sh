# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that have efface erase drive models behind the kernel's own stacks: orders for
# drives, old data that can be found again, and what a run must look like from outside.
# shellcheck source=tests/system/rig/lib/overwrite_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/overwrite_lib.sh"

# old_data DEVICE...: fills each with blocks that say where they stand, through the kernel.
old_data() {
    local device size
    for device; do
        size=$(blockdev --getsize64 "$device")
        [ -e "old-$size" ] || fill_with_marks "old-$size" "$size"
        dd if="old-$size" of="$device" bs=1M oflag=direct status=none
    done
}

# no_old_data DEVICE...: what can be read of each holds nothing of it.
no_old_data() {
    local device
    : >now
    for device; do
        dd if="$device" bs=1M iflag=direct conv=noerror,sync status=none >>now 2>/dev/null || true
    done
    [ -z "$(old_sectors now)" ] || fail "$* still hold old data: $(old_sectors now | head -3)"
}

# has_old_data DEVICE
has_old_data() {
    dd if="$1" of=now bs=1M iflag=direct status=none
    [ -n "$(old_sectors now)" ] || fail "$1 holds no old data: the fixture is wrong"
}

# purge DEVICE TECHNIQUE [JSON]: one order for it, carried out wholly.
purge() {
    order "$1" "$(jq -n --arg policy "$2" --argjson more "${3:-{\}}" '{policy: $policy} + $more')"
    again
}

# holds_pattern DEVICE: all of it is what the certificate says that the overwrite left there.
holds_pattern() {
    python3 - "$1" "$(predicate .verification.expected.content)" <<'PYTHON' || fail "$1 does not hold the pattern"
import sys
pattern, piece = bytes.fromhex(sys.argv[2]), 1 << 20
if len(pattern) != 4 or len(set(pattern)) != 2:
    sys.exit(f"no pattern: {sys.argv[2]}")
with open(sys.argv[1], "rb") as disk:
    while data := disk.read(piece):
        if data != pattern * (len(data) // 4):
            sys.exit(1)
PYTHON
}

# in_background DEVICE TECHNIQUE: the run goes on beside the test until overwrite_ends.
in_background() {
    overwrite_in_background "$1" "$(jq -n --arg policy "$2" '{policy: $policy}')"
}

# erases, adopts: wait until the run in the background says that the drive is at it, for us or for
# somebody else. With a model that is held it says so as long as it takes.
erases() {
    event '"phase":"the drive erases"'
}
adopts() {
    event '"phase":"watching an erase that was already running"'
}

# killed: as by the kernel when memory is short.
killed() {
    kill -9 "$runner"
    wait "$runner" 2>/dev/null || true
}

# ended STATUS VERDICT LEVEL: how the run ended; its bundle verifies (the first also in Python).
ended() {
    concluded "$@"
    # Slow where every process costs as much as here: once.
    [ ! -e verified-twice ] || return 0
    touch verified-twice
    "$(dirname "$EFFACE_RIG")/verify-bundle" "$(target_field bundle)" \
        "$EFFACE_STATE_DIR/keys/root.pem" "$EFFACE_STATE_DIR/keys/log.vkey" >verify.out 2>&1 ||
        fail "verify-bundle does not accept the bundle: $(cat verify.out)"
}

# refused TEXT: nothing was done, for this reason.
refused() {
    [ "$status" -eq 7 ] || fail "exit status $status, not 7"
    grep -q -- "$1" run.err || grep -q -- "$1" run.json || fail "it does not say '$1'"
}

# ability DEVICE FILTER: of `efface list -J`.
ability() {
    "$EFFACE" list -J | jq -r --arg path "$1" \
        ".storage[] | select(.identity.canonicalPath == \$path) | .erasesItself | $2"
}
