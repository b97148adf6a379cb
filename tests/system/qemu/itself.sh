#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine of QEMU gives back what happened, dies without passing, and reaches nothing of the host
# but its drive.
# shellcheck source=tests/system/qemu/host_lib.sh
. "$(dirname "$0")/host_lib.sh"

status=0
output=$("$EFFACE_RIG" --qemu -- bash -c 'uname -r; echo to-stderr >&2; exit 42') || status=$?
[ "$status" -ne 77 ] || exit 77
[ "$status" -eq 42 ] || fail "exit status $status, not the command's 42"
case $output in
"$(uname -r)"*) fail "the host's own kernel ran it" ;;
*-amd64$'\n'to-stderr) ;;
*) fail "output is '$output'" ;;
esac

status=0
"$EFFACE_RIG" --qemu -- bash -c 'echo c >/proc/sysrq-trigger; sleep 600' 2>"$work/words" || status=$?
[ "$status" -eq 125 ] || fail "a panic gave status $status, not 125"
grep -q 'sysrq triggered crash' "$work/words" ||
    fail "the console is not shown: $(cat "$work/words")"

# What is written to the host's files stays in the machine's memory; and below that, through 9p, it
# is QEMU that lets nothing through.
blank drive 1
echo before >"$work/file"
machine --drive a="$work/drive" --device virtio-blk-pci,drive=a -- bash -c "
    modprobe virtio_blk
    for ((i = 0; i < 600; i++)); do [ ! -b /dev/vda ] || break; sleep 0.2; done
    echo onto-the-drive | dd of=/dev/vda bs=512 conv=sync oflag=direct status=none
    echo after >'$work/file' && touch '$work/new'
    mount -o remount,rw /run/rig
    grep -q ' /run/rig 9p rw' /proc/mounts || { echo 'the fixture is wrong: read-only inside'; exit 1; }
    ! touch /run/rig/command 2>/dev/null || { echo 'a write reached the host'; exit 1; }"
[ "$(cat "$work/file")" = before ] || fail "a write came through"
[ ! -e "$work/new" ] || fail "a new file came through"
grep -aq onto-the-drive "$work/drive" || fail "the drive was not written"

# A device of this machine is never a drive.
status=0
"$EFFACE_RIG" --qemu --drive a=/dev/null -- true 2>/dev/null || status=$?
[ "$status" -eq 2 ] || fail "a device was taken for an image"
