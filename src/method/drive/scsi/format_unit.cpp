// SPDX-License-Identifier: Apache-2.0
// FORMAT UNIT (SBC-4, section 5.4). It does not survive a loss of power, leaves grown defects where
// they are, and what it writes is the disk's own affair: nothing is promised of the content.
#include <algorithm>

#include "efface/scsi/erase.hpp"

#include "erasure.hpp"

namespace efface::method {

ScsiStartCommand scsi_format_command(const ScsiFacts& facts) {
    constexpr std::uint8_t kProtectionTypeMax = 3;
    const std::uint8_t type = facts.capacity
                                  ? std::min(facts.capacity->protection_type, kProtectionTypeMax)
                                  : std::uint8_t{0};
    ScsiStartCommand command;
    command.title =
        "FORMAT UNIT (FMTDATA 1, CMPLST 0, IMMED 1, protection type " + std::to_string(type) + ")";
    command.cdb = scsi::format_unit_cdb(type);
    command.list = scsi::encode_format_unit(type);
    return command;
}

}  // namespace efface::method
