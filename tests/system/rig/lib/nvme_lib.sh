# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by tests inside the rig (scripts/rig --modules nvme): starts models of NVMe subsystems
# (drives/nvme_target) and connects the kernel's own host to them.
# shellcheck source=tests/system/rig/lib/wait_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wait_lib.sh"
: "${EFFACE_NVME_TARGET:?the program nvme_target}" "${EFFACE_RIG_MODULES:?scripts/rig --modules nvme}"
nvme_work=$(mktemp -d)
nvme_host=11111111-2222-3333-4444-555555555555
declare -A nvme_port nvme_pid

nvme_fail() {
    echo "FAIL: $*" >&2
    exit 1
}

nvme_load() {
    local module
    [ ! -e /dev/nvme-fabrics ] || return 0
    modprobe -a -q t10-pi crc64-rocksoft crc32c_generic configfs || true
    for module in nvme-core nvme-fabrics nvme-tcp; do
        insmod "$EFFACE_RIG_MODULES/$module.ko" || nvme_fail "$module does not load"
    done
}

# nvme_start NAME [OPTION...]: a subsystem of its own with these options of nvme_target.
nvme_start() {
    local name=$1
    shift
    nvme_load
    mkfifo "$nvme_work/$name"
    "$EFFACE_NVME_TARGET" --control "$nvme_work/$name" --nqn "nqn.2026-01.example:nvme:$name" "$@" \
        >"$nvme_work/$name.out" 2>"$nvme_work/$name.err" &
    nvme_pid[$name]=$!
    comes grep -q '^port ' "$nvme_work/$name.out" ||
        nvme_fail "the model $name does not start: $(cat "$nvme_work/$name.err")"
    nvme_port[$name]=$(sed -n 's/^port //p' "$nvme_work/$name.out")
}

# nvme_connect NAME: one more controller of it. Its name (nvme0) is in $nvme_controller.
nvme_connect() {
    local answer
    exec 7<>/dev/nvme-fabrics
    echo "nqn=nqn.2026-01.example:nvme:$1,transport=tcp,traddr=127.0.0.1,trsvcid=${nvme_port[$1]}" \
        ",nr_io_queues=1,keep_alive_tmo=120,reconnect_delay=1,ctrl_loss_tmo=600,duplicate_connect" \
        ",hostnqn=nqn.2014-08.org.nvmexpress:uuid:$nvme_host,hostid=$nvme_host" |
        tr -d ' \n' >&7 || nvme_fail "connecting $1: $(dmesg | tail -n 3)"
    read -r answer <&7
    exec 7>&-
    answer=${answer#*instance=}
    nvme_controller=nvme${answer%%,*}
    comes test -c "/dev/$nvme_controller" || nvme_fail "no node for $nvme_controller"
}

# nvme_place NAME NSID: the block device of a namespace, as /dev/nvme0n1.
nvme_place() {
    local node
    for node in /sys/class/block/nvme*; do
        case ${node##*/} in *c*n*) continue ;; esac
        [ "$(cat "$node/nsid")" = "$2" ] || continue
        grep -qx "nqn.2026-01.example:nvme:$1" "$node"/device/{subsysnqn,nvme*/subsysnqn} \
            2>/dev/null || continue
        echo "/dev/${node##*/}"
        return 0
    done
    return 1
}

# nvme_control NAME COMMAND...: prints what the model answers.
nvme_control() {
    local name=$1
    shift
    rm -f "$nvme_work/$name.answer"
    echo "$*" >"$nvme_work/$name"
    comes test -e "$nvme_work/$name.answer" || nvme_fail "the model $name does not answer"
    cat "$nvme_work/$name.answer"
}

# nvme_hold NAME: what the drive does by itself stands still from here on, until nvme_release; it
# goes on answering. nvme_pass NAME MS does so much of it all the same.
nvme_hold() { nvme_control "$1" hold >/dev/null; }
nvme_pass() { nvme_control "$1" pass "$2" >/dev/null; }
nvme_release() { nvme_control "$1" release >/dev/null; }

# nvme_sanitizes NAME TIMES: that many Sanitize commands came to it at least.
nvme_sanitizes() {
    [ "$(nvme_control "$1" sanitizes)" -ge "$2" ]
}

# nvme_stop NAME: disconnects its controllers first, for the host would try for long.
nvme_stop() {
    local controller
    for controller in /sys/class/nvme/nvme*; do
        [ -e "$controller/subsysnqn" ] || continue
        grep -qx "nqn.2026-01.example:nvme:$1" "$controller/subsysnqn" || continue
        echo 1 >"$controller/delete_controller"
    done
    echo quit >"$nvme_work/$1"
    wait "${nvme_pid[$1]}"
}
