# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that run inside the rig: disks, LUKS volumes, a project with two approvals,
# and what a refusal, an erasure and a failure must look like from outside.
# shellcheck source=tests/system/rig/lib/work_lib.sh
. "$(realpath "$(dirname "${BASH_SOURCE[0]}")")/work_lib.sh"

passphrase=correct-horse-battery
metadata_mib=16 # of a LUKS2 volume as cryptsetup makes it; a LUKS1 header is shorter
printf %s "$passphrase" >passphrase
modprobe -a loop dm-mod dm-crypt

# disk NAME MIB: a zero-filled loop device; prints its path.
disk() {
    truncate -s "$2M" "$1.img"
    losetup -f --show "$1.img"
}

# luks DEVICE [OPTION...]: formats with the passphrase above; options are cryptsetup's.
luks() {
    local device=$1
    shift
    cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
        "$@" "$device" passphrase
}

# fill NAME: file-system data behind a mapping, so that the payload is real ciphertext.
fill() {
    dd if=/dev/urandom of="/dev/mapper/$1" bs=1M count=8 oflag=direct status=none
}

opens() {
    cryptsetup open --test-passphrase --key-file passphrase "$1" 2>/dev/null
}

# keys: the station's and two approvers', made once.
keys() {
    [ ! -e "$EFFACE_STATE_DIR/keys" ] || return 0
    "$EFFACE" keys init --organization "Example Cloud" --site rig --station station-1 >setup.out
    "$EFFACE" keys issue alice --role approver --no-passphrase >>setup.out
    "$EFFACE" keys issue bob --role approver --no-passphrase >>setup.out
}

# project DEVICE...: project.json with these volumes, approved by two people. The owner's
# attestation stands in it, so that a level can be claimed.
project() {
    local device volumes=()
    for device; do
        volumes+=("$(jq -n --arg path "$device" --arg uuid "$(cryptsetup luksUUID "$device")" \
            '{name: ($path | gsub("[^a-z0-9]+"; "-") | ltrimstr("-")), path: $path, uuid: $uuid,
              engine: "postgresql"}')")
    done
    printf '%s\n' "${volumes[@]}" | jq -s '{
        schema: "efface.project/1",
        project: {id: "prj-rig", owner: "Example Tenant Ltd"},
        attestation: {encrypted_since_first_use: true, all_key_copies_declared: true,
                      by: "Example Tenant Ltd"},
        volumes: .}' >project.json
    rm -f project.json.p7s
    keys
    "$EFFACE" approve project.json --key alice >>setup.out
    "$EFFACE" approve project.json --key bob >>setup.out
}

# erase: one run; its document is in run.json, what it says to people in run.err, its exit status
# in $status.
erase() {
    status=0
    "$EFFACE" project erase project.json --json >run.json 2>run.err || status=$?
}

metadata_digest() {
    dd if="$1" bs=1M count="$metadata_mib" iflag=direct status=none | sha256sum
}

# expect_refused DEVICE PATTERN: exit 7, a reason of this form, and not one byte written.
expect_refused() {
    local before
    before=$(metadata_digest "$1")
    erase
    [ "$status" -eq 7 ] || fail "exit status $status, not 7"
    grep -Eqi -- "$2" run.err run.json || fail "no reason like '$2' was given"
    [ "$(metadata_digest "$1")" = "$before" ] || fail "a refused volume was written to"
    opens "$1" || fail "a refused volume no longer opens"
    cat run.err
}

# left_of OLD DEVICE: the numbers of the 4 KiB blocks of DEVICE that equal a block of OLD, a copy of
# the metadata region taken before. Blocks of one repeated byte are no evidence and are left out.
left_of() {
    # What was written through another device over the same blocks is not in this one's cache.
    [ ! -b "$2" ] || blockdev --flushbufs "$2"
    python3 - "$1" "$2" <<'PYTHON'
import sys
block = 4096
def blocks(path):
    with open(path, "rb") as stream:
        while chunk := stream.read(block):
            yield chunk
old = {chunk for chunk in blocks(sys.argv[1]) if len(set(chunk)) > 1}
if not old:
    sys.exit("the copy of the old metadata is empty")
print(*[number for number, chunk in enumerate(blocks(sys.argv[2])) if chunk in old])
PYTHON
}

# expect_erased DEVICE OLD: nothing of OLD is left on DEVICE, and the tools that made the volume no
# longer know it.
expect_erased() {
    ! cryptsetup isLuks "$1" || fail "cryptsetup still finds a header on $1"
    ! opens "$1" || fail "the passphrase still opens $1"
    [ -z "$(blkid -p -s TYPE -o value "$1")" ] || fail "libblkid still finds a signature on $1"
    [ -n "$(left_of "$2" "$2")" ] || fail "the copy of the old metadata proves nothing"
    [ -z "$(left_of "$2" "$1")" ] || fail "old metadata is left on $1"
}

# volume_field FIELD: of the first volume in the run's document.
volume_field() {
    jq -r ".volumes[0].$1" run.json
}

verified() {
    "$EFFACE" verify "$(jq -r .bundle run.json)" >verify.out 2>&1 ||
        fail "the bundle does not verify: $(cat verify.out)"
}
