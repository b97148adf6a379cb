#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the golden bundles of one version of the record with the program that was released with it:
#   EFFACE=... EFFACE_NVME_TARGET=... scripts/rig -m 1G --modules nvme --timeout 1700 -- \
#       bash tests/data/golden/make.sh | base64 -d | tar -xz -C tests/data/golden/VERSION
# Runs in a machine of the rig, so that nothing in them tells of the one that they were made on.
# "expected" is written by hand.
set -euo pipefail
rig=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../system/rig")
hostname station-1
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
mkdir -p /srv/golden
mount -t tmpfs tmpfs /srv/golden
exec 9>&1 1>/srv/golden/told 2>&1 # the archive alone goes out, or what went wrong
trap 'status=$?; [ "$status" -eq 0 ] || cat /srv/golden/told >&9' EXIT
export TMPDIR=/srv/golden EFFACE_RIG=$rig/../../../scripts/rig
# shellcheck source=tests/system/rig/drive_lib.sh
. "$rig/drive_lib.sh"
# shellcheck source=tests/system/rig/nvme_lib.sh
. "$rig/nvme_lib.sh"
modprobe dm-delay
cd /srv/golden
export EFFACE_STATE_DIR=/srv/golden/state
printf %s "$passphrase" >passphrase

# Of memory, too, of which only the plan knows how much there is.
size_of() {
    case $1 in
    memory:*) "$EFFACE" plan "$1" --json | jq '.targets[0] | .identity.sizeBytes // .sizeBytes' ;;
    *) if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -c %s "$1"; fi ;;
    esac
}

# keep NAME STATUS BUNDLE: under its name in golden/, with what it said.
keep() {
    [ "$status" -eq "$2" ] || fail "$1: exit status $status, not $2"
    mkdir -p golden
    cp -r "$3" "golden/$1"
    echo "== $1"
}
keep_target() { keep "$1" "$2" "$(target_field bundle)"; }

# drive NAME [OPTION...]: of one namespace, in $first.
drive() {
    local name=$1
    shift
    nvme_start "$name" --serial "SN-$name" --namespace 4096 --spare 64 --block-ms 100 \
        --crypto-ms 100 --overwrite-ms 100 --block-estimate 1 --deallocation-ms 100 "$@"
    nvme_connect "$name"
    comes nvme_place "$name" 1 || fail "no namespace"
    first=$(nvme_place "$name" 1)
    old_data "$first"
}

# A project: three volumes, one of them LUKS1, one with a cipher of old.
volumes=()
for format in "luks1 aes-xts-plain64 512" "luks2 aes-xts-plain64 512" \
    "luks2 aes-cbc-essiv:sha256 256"; do
    read -r type cipher bits <<<"$format"
    device=$(disk "volume-${#volumes[@]}" 24)
    luks "$device" --type "$type" --cipher "$cipher" --key-size "$bits"
    cryptsetup open --key-file passphrase "$device" volume
    dd if=/dev/urandom of=/dev/mapper/volume bs=1M count=4 oflag=direct status=none
    cryptsetup close volume
    volumes+=("$device")
done
project "${volumes[@]}"
erase
keep project 0 "$(jq -r .bundle run.json)"

# A disk; one that two people had approved, and that was killed in the middle.
overwrite "$(marked disk 8)"
keep_target disk 0
below=$(marked below 64)
sectors=$(blockdev --getsz "$below")
slow_table "$below" 0 "$held_ms" | dmsetup create slow
overwrite_in_background /dev/mapper/slow
held slow write || fail "nothing was written"
killed
retable slow <<<"0 $sectors linear $below 0"
again
keep_target resumed 0
jq -e '.predicate.sanitization.interruptions == 1' golden/resumed/certificate.json
cp -r golden/disk golden/accepted
"$EFFACE" accept golden/accepted --key alice --reason "as ordered"
overwrite "$(marked sampled 96)" '{"verification": "representative"}'
keep_target sampled 0

# An order of which every date counts.
overwrite "$(marked dated 8)" '{"not_before": "2026-01-01T00:00:00Z", "not_after": "2036-01-01T00:00:00Z",
    "retention_until": "2046-01-01T00:00:00Z", "confidentiality": "secret", "minimum_level": "clear"}'
keep_target order 0

# A file on a file system, one file in memory, a whole memory file system.
truncate -s 32M files.img
mkfs.ext4 -q files.img
mkdir /srv/export /srv/scratch
mount -o loop files.img /srv/export
fill_with_marks /srv/export/customers.db 100077
overwrite /srv/export/customers.db
keep_target file 0
mount -t tmpfs -o size=16m,noswap scratch /srv/scratch 2>/dev/null ||
    mount -t tmpfs -o size=16m scratch /srv/scratch
mkdir /srv/scratch/a
fill_with_marks /srv/scratch/a/data $((1 << 20))
overwrite memory:tmpfs:/srv/scratch
keep_target memory 0

# Drives by their own firmware: well, read wholly, killed, and one that says it failed.
drive good
purge "$first" nvme-sanitize-block
keep_target drive 0
old_data "$first"
purge "$first" nvme-sanitize-overwrite '{"verification": "full"}'
keep_target drive-read-wholly 0
old_data "$first"
nvme_hold good
in_background "$first" nvme-sanitize-crypto
erases
killed
again_in_background
erases
nvme_release good
overwrite_ends
keep_target drive-resumed 0
nvme_stop good
drive fails --lie sanitize-fails
purge "$first" nvme-sanitize-block
keep_target failed 3
nvme_stop fails

cp "$EFFACE_STATE_DIR"/keys/{root.pem,log.vkey} golden/
"$EFFACE" --version >golden/made-by
for bundle in golden/*/; do
    "$EFFACE" verify "$bundle" >/dev/null || fail "$bundle does not verify"
done
tar -C golden --owner=0 --group=0 --mtime=@0 --sort=name -cz . | base64 >&9
