// SPDX-License-Identifier: Apache-2.0
// FORMAT UNIT (SBC-4, section 5.4). It does not survive a loss of power, leaves grown defects where
// they are, and what it writes is the disk's own affair: nothing is promised of the content.
#include <fmt/format.h>

#include <algorithm>

#include "efface/scsi/erase.hpp"

#include "erasure.hpp"

namespace efface::method {

/// The type can be kept without a list where PROTECTION FIELD USAGE is 0.
std::vector<ScsiStartCommand> scsi_format_commands(const ScsiFacts& facts) {
    constexpr std::uint8_t kProtectionTypeMax = 3;
    const std::uint8_t type = facts.capacity
                                  ? std::min(facts.capacity->protection_type, kProtectionTypeMax)
                                  : std::uint8_t{0};
    std::vector<ScsiStartCommand> forms;
    for (const bool immediate : {true, false}) {
        ScsiStartCommand form;
        form.title = fmt::format("FORMAT UNIT (FMTDATA 1, CMPLST 0, IMMED {}, protection type {})",
                                 immediate ? 1 : 0, type);
        form.cdb = scsi::format_unit_cdb(type, true);
        form.list = scsi::encode_format_unit(type, immediate);
        form.immediate = immediate;
        forms.push_back(std::move(form));
    }
    if (type < kProtectionTypeMax) {
        ScsiStartCommand plain;
        plain.title = fmt::format("FORMAT UNIT (FMTDATA 0, protection type {})", type);
        plain.cdb = scsi::format_unit_cdb(type, false);
        plain.immediate = false;
        forms.push_back(std::move(plain));
    }
    return forms;
}

}  // namespace efface::method
