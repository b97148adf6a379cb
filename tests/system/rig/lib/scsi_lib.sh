# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced inside the rig: SCSI and ATA drive models (rig_scsi_target) as disks of the kernel, through
# target_core_user and tcm_loop. Several at once; each in a folder of its own name.
# shellcheck source=tests/system/rig/lib/wait_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wait_lib.sh"
: "${EFFACE_SCSI_TARGET:?the program rig_scsi_target}"

scsi_work=${scsi_work:-$(mktemp -d)}
scsi_config=/sys/kernel/config/target
modprobe -a uio target_core_mod target_core_user tcm_loop sg sd_mod

scsi_fail() {
    echo "FAIL: $*" >&2
    local log
    for log in "$scsi_work"/*/log; do
        [ -s "$log" ] && sed "s|^|  $log: |" "$log" >&2
    done
    exit 1
}

# scsi_until COMMAND...: waits until it succeeds.
scsi_until() {
    comes "$@" || scsi_fail "waited in vain for: $*"
}

# scsi_model scsi|ata NAME BYTES [OPTION=VALUE...]: starts a model of so many bytes, in blocks of
# 512 bytes unless block_bytes= says otherwise, and sets $scsi_disk (/dev/sdX) and $scsi_node
# (/dev/sgN). NAME is its serial number.
scsi_model() {
    local model=$1 name=$2 bytes=$3 block=512 option index uio
    shift 3
    for option; do
        case $option in block_bytes=*) block=${option#*=} ;; esac
    done
    local home=$scsi_work/$name core=$scsi_config/core/user_0/$name
    mkdir "$home" && mkfifo "$home/control"
    index=$(find "$scsi_work" -mindepth 1 -maxdepth 1 -type d | wc -l)
    mkdir -p "$core"
    echo -n "dev_config=efface/$name,dev_size=$bytes,hw_block_size=$block" >"$core/control"
    echo 1 >"$core/enable"
    # A model that hangs must be given up by the initiator, not by the target in between.
    echo 0 >"$core/attrib/cmd_time_out" 2>/dev/null || true
    uio=$(grep -l "/$name\$" /sys/class/uio/uio*/name)
    uio=$(basename "$(dirname "$uio")")
    scsi_until test -c "/dev/$uio"
    local wwn
    wwn=$(printf 'naa.5001405e%08x' "$index")
    "$EFFACE_SCSI_TARGET" "$model" "$uio" "$home/control" "blocks=$((bytes / block))" \
        "serial=$name" "$@" >"$home/log" 2>&1 &
    echo $! >"$home/pid"
    scsi_until grep -q ready "$home/log"
    local port=$scsi_config/loopback/$wwn/tpgt_1
    mkdir -p "$port"
    echo "naa.5001405f$(printf %08x "$index")" >"$port/nexus"
    mkdir -p "$port/lun/lun_0"
    ln -s "$core" "$port/lun/lun_0/unit"
    scsi_until scsi_find "$name"
    scsi_find "$name"
}

# scsi_find NAME: sets $scsi_disk and $scsi_node of the model with this serial number; also after it
# was scanned anew.
scsi_find() {
    local page device
    # One process for all disks: there may be many, and each process costs much here.
    page=$(LC_ALL=C grep -laE "(^|[^A-Za-z0-9])$1 *(\$|[^A-Za-z0-9])" \
        /sys/block/sd*/device/vpd_pg80 2>/dev/null | head -n 1)
    [ -n "$page" ] || return 1
    device=${page%/vpd_pg80}
    scsi_disk=${device%/device}
    scsi_disk=/dev/${scsi_disk##*/}
    scsi_node=$(echo "$device"/scsi_generic/sg*)
    scsi_node=/dev/${scsi_node##*/}
    [ -b "$scsi_disk" ] && [ -c "$scsi_node" ]
}

# scsi_said NAME LINE: sets $scsi_times to how often the model has printed this line.
scsi_said() {
    local line
    scsi_times=0
    while IFS= read -r line; do
        [ "$line" != "$2" ] || scsi_times=$((scsi_times + 1))
    done <"$scsi_work/$1/log"
}

scsi_said_more() {
    scsi_said "$1" "$2"
    [ "$scsi_times" -gt "$3" ]
}

# scsi_event NAME LINE: of the control FIFO of rig_scsi_target; over when the model has done it.
# power-cycle, hang, resume, count COMMAND; hold: what the drive does by itself stands still until
# release, while it goes on answering; pass MS: so much of it is done all the same.
scsi_event() {
    scsi_said "$1" "did $2"
    local before=$scsi_times
    echo "$2" >"$scsi_work/$1/control"
    scsi_until scsi_said_more "$1" "did $2" "$before"
}
