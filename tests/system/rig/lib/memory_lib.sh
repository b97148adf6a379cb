# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of memory that run inside the rig. The machine's memory is a file of the host
# (tests/system/rig/boot), which looks into it when we ask: what a kernel forgot is seen there.
# shellcheck source=tests/system/rig/lib/work_lib.sh
. "$(realpath "$(dirname "${BASH_SOURCE[0]}")")/work_lib.sh"
marks_word=EFFACEMK # never written here together with what follows it in memory

# marks: how many marks stand anywhere in the physical memory of this machine.
marks() {
    printf %s "$marks_word" >/run/rig/memory-ask.new
    mv /run/rig/memory-ask.new /run/rig/memory-ask
    for _ in $(seq 600); do
        if [ -e /run/rig/memory-answer ]; then
            cat /run/rig/memory-answer
            rm /run/rig/memory-answer
            return
        fi
        sleep 0.05
    done
    fail "the host does not answer"
}

# put_marks FILE PAGES: a mark at the beginning of each page and random bytes behind it, half of
# them, so that it can be compressed. The two halves of a mark meet in the file only.
put_marks() {
    python3 - "$1" "$2" "$marks_word" <<'PYTHON'
import mmap, os, sys
path, pages, word = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
if os.fstat(file).st_size < pages * 4096 and not os.path.islink(path):
    os.ftruncate(file, pages * 4096)
with mmap.mmap(file, pages * 4096) as memory:
    for page in range(pages):
        memory[page * 4096 + 64:page * 4096 + 2048] = os.urandom(1984)
        memory[page * 4096:page * 4096 + 8] = word
        memory[page * 4096 + 8:page * 4096 + 16] = b"%08d" % page
PYTHON
}

# keys: the station's and two approvers', made once.
keys() {
    [ ! -e "$EFFACE_STATE_DIR/keys" ] || return 0
    "$EFFACE" keys init --organization "Example Cloud" --site rig --station station-1 >setup.out
    "$EFFACE" keys issue alice --role approver --no-passphrase >>setup.out
    "$EFFACE" keys issue bob --role approver --no-passphrase >>setup.out
}

# order TARGET: order.json for it as it is now, approved by two people.
order() {
    local size
    keys
    size=$("$EFFACE" plan "$1" --json | jq '.targets[0] | .identity.sizeBytes // .sizeBytes')
    jq -n --arg target "$1" --argjson size "$size" '{schema: "efface.order/1", id: "ret-1",
        owner: "Example Tenant Ltd", ticket: "CHG-1",
        targets: [{target: $target, size_bytes: $size}]}' >order.json
    rm -f order.json.p7s
    "$EFFACE" approve order.json --key alice >>setup.out
    "$EFFACE" approve order.json --key bob >>setup.out
}

# erase [WRAPPER...]: the order; its document is in run.json, its exit status in $status.
erase() {
    status=0
    "$@" "$EFFACE" erase --order order.json --json >run.json 2>run.err || status=$?
}

field() {
    jq -r ".targets[0].$1" run.json
}

# same WHAT FOUND WANTED
same() {
    [ "$2" = "$3" ] || fail "$1 is $2, not $3"
}

# refused REASON: exit status 7 with this code.
refused() {
    same "exit status" "$status" 7
    same reason "$(field error.reason)" "$1"
}

verified() {
    "$EFFACE" verify "$(field bundle)" >verify.out 2>&1 ||
        fail "the bundle does not verify: $(cat verify.out)"
}
