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

# What an ATA drive and a SCSI disk do alike. Who uses these sets both: the first word of drive, and the
# command that begins its sanitize, as came counts it.
model=
starts=

# erased_by TECHNIQUE LEVEL: of old data on the drive before nothing is left.
erased_by() {
    old_data "$scsi_disk"
    purge "$scsi_disk" "$1"
    verdict 0 sanitized "$2"
    no_old_data "$scsi_disk"
    same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
    case $1 in ata-sanitize-overwrite | scsi-sanitize-overwrite | scsi-write-same)
        holds_pattern "$scsi_disk"
        ;;
    esac
}

# killed_midway TECHNIQUE: the drive goes on, and the next process watches it to its end.
killed_midway() {
    drive "$model" KILLED sanitize_time=100
    scsi_event KILLED hold
    in_background "$scsi_disk" "$1"
    erases
    killed
    again_in_background
    erases
    scsi_event KILLED release
    overwrite_ends
    verdict 0 sanitized purge
    no_old_data "$scsi_disk"
    same "sanitize commands" "$(came KILLED "$starts")" 1
    same interruptions "$(predicate .sanitization.interruptions)" 1
}

# adopted_from TECHNIQUE COMMAND...: somebody else began the erase with this command on the disk (ata)
# or its node (scsi).
adopted_from() {
    drive "$model" ADOPTED sanitize_time=100
    scsi_event ADOPTED hold
    case $model in scsi) "${@:2}" "$scsi_node" ;; ata) "${@:2}" "$scsi_disk" ;; esac >/dev/null
    in_background "$scsi_disk" "$1"
    adopts
    scsi_event ADOPTED release
    overwrite_ends
    verdict 4 sanitized-with-exceptions none
    same adopted "$(predicate .sanitization.operation.adopted)" true
    same "sanitize commands" "$(came ADOPTED "$starts")" 1
}

# power_cycled TECHNIQUE [OPTION...]: in the middle; it ends all the same.
power_cycled() {
    drive "$model" CYCLED sanitize_time=100 "${@:2}"
    scsi_event CYCLED hold
    in_background "$scsi_disk" "$1"
    erases
    scsi_event CYCLED "pass 40"
    scsi_event CYCLED power-cycle
    scsi_event CYCLED release
    overwrite_ends
    verdict 0 sanitized purge
    no_old_data "$scsi_disk"
    same "sanitize commands" "$(came CYCLED "$starts")" 1
}

# earn: of each line "NAME | TECHNIQUE | OPTION=VALUE... | data": a drive that lies or fails never has
# erased itself. With "data" the old data must be there: else the fixture is wrong. An empty NAME is the
# drive of the line before. after_each, where it is defined, looks further.
earn() {
    local name technique options data
    while IFS='|' read -r name technique options data <&3; do
        # shellcheck disable=SC2086
        [ -z "${name// /}" ] || drive "$model" ${name// /} $options
        # shellcheck disable=SC2086
        purge "$scsi_disk" $technique
        verdict 3 not-sanitized none
        case $data in *data*) has_old_data "$scsi_disk" ;; esac
        ! declare -F after_each >/dev/null || after_each
    done 3<&0 </dev/null
}
