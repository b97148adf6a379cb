# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that have efface erase SCSI and ATA models behind the kernel's SCSI stack.
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/drive_lib.sh"
# shellcheck source=tests/system/rig/lib/scsi_lib.sh
. "$here/scsi_lib.sh"
mib=$((1 << 20))
drive_bytes=$mib
drives=0

# drive scsi|ata NAME [OPTION=VALUE...]: one of $drive_bytes with a world wide name of its own and old
# data on it: $scsi_disk, $scsi_node.
drive() {
    local model=$1 name=$2 wwn
    shift 2
    drives=$((drives + 1))
    case $model in
    scsi) wwn=naa=$(printf '0x5000c500a0000%03x' "$drives") ;;
    ata) wwn=wwn=$(printf '0x5001405aa0000%03x' "$drives") ;;
    esac
    scsi_model "$model" "$name" "$drive_bytes" "$wwn" "$@"
    old_data "$scsi_disk"
}

# came NAME COMMAND: how often it came to the drive, by the model's own count.
came() {
    scsi_event "$1" "count $2"
    grep "^count $2 " "$scsi_work/$1/log" | tail -n 1 | cut -d ' ' -f 3
}

# came_at_least NAME COMMAND TIMES
came_at_least() {
    [ "$(came "$1" "$2")" -ge "$3" ]
}

# generic_of DISK: its /dev/sgN.
generic_of() {
    local node
    node=$(echo "/sys/block/${1##*/}/device/scsi_generic"/sg*)
    echo "/dev/${node##*/}"
}

# verdict STATUS VERDICT LEVEL: as ended, by this program's verification alone: the other one takes
# half a minute here.
verdict() {
    concluded "$@"
}
