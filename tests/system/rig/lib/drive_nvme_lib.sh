# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that have efface erase NVMe models behind the kernel's own NVMe host.
command -v nvme >/dev/null || { echo "skipped: nvme-cli is not installed"; exit 77; }
# shellcheck source=tests/system/rig/lib/drive_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/drive_lib.sh"
# shellcheck source=tests/system/rig/lib/nvme_lib.sh
. "$here/nvme_lib.sh"

# drive NAME [OPTION...]: one with two namespaces: $first and $second, $controller.
drive() {
    local name=$1
    shift
    nvme_start "$name" --serial "SN-$name" --namespace 4096 --namespace 4096 --spare 64 \
        --block-ms 100 --crypto-ms 100 --overwrite-ms 100 --block-estimate 1 --deallocation-ms 100 \
        "$@"
    nvme_connect "$name"
    controller=/dev/$nvme_controller
    comes nvme_place "$name" 1 || fail "namespace 1 does not appear"
    comes nvme_place "$name" 2 || fail "namespace 2 does not appear"
    first=$(nvme_place "$name" 1)
    second=$(nvme_place "$name" 2)
    old_data "$first" "$second"
}

# each_technique TECHNIQUE...: each erases both namespaces of the drive, wholly.
each_technique() {
    local technique
    for technique; do
        old_data "$first" "$second"
        purge "$first" "$technique"
        case $technique in *sanitize*) ended 0 sanitized purge ;; *) ended 0 sanitized clear ;; esac
        no_old_data "$first" "$second"
        same canaries "$(predicate '.verification.canaries | .placed > 0 and .intact == 0')" true
        same surfaces "$(predicate '.verification.canaries.surfaces | length')" 2
        case $technique in
        nvme-sanitize-overwrite) holds_pattern "$first" && holds_pattern "$second" ;;
        esac
        case $technique in
        *sanitize*)
            same state "$(predicate .sanitization.operation.finalState.phase)" succeeded
            nvme sanitize-log "$controller" | grep -Eq '\(SSTAT\) *: *0x[0-9a-f]*1$' ||
                fail "nvme-cli does not see the success"
            ;;
        esac
    done
}
