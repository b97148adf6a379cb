# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that have efface erase self-encrypting models behind the kernel's SCSI stack.
# shellcheck source=tests/system/rig/lib/drive_scsi_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/drive_scsi_lib.sh"
# shellcheck source=tests/system/rig/lib/tcg_lib.sh
. "$here/tcg_lib.sh"

# medium NAME FILE: everything that stands on it, spare and retired places too, told by the model
# itself.
medium() {
    rm -f "$2"
    scsi_event "$1" "media $PWD/$2"
}
