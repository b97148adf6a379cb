// SPDX-License-Identifier: Apache-2.0
// SANITIZE (SBC-4, sections 4.11 and 5.30). It goes on over a loss of power by itself.
#include <fmt/format.h>

#include "erasure.hpp"

namespace efface::method {

namespace {

/// AUSE 0: a failed sanitize must not be left without another one. ZNR 0: on a zoned disk the write
/// pointers are reset too, so that no zone claims content that it no longer has.
ScsiStartCommand sanitize_form(scsi::SanitizeAction action, const Bytes& pattern, bool immediate) {
    scsi::Sanitize sanitize;
    sanitize.action = action;
    sanitize.immediate = immediate;
    ScsiStartCommand form;
    form.immediate = immediate;
    if (!pattern.empty()) {
        scsi::SanitizeOverwrite overwrite;
        overwrite.pattern = pattern;
        form.list = scsi::encode_sanitize_overwrite(overwrite);
        sanitize.list_length = static_cast<std::uint16_t>(form.list.size());
    }
    form.title = fmt::format("SANITIZE ({}, IMMED {}, AUSE 0, ZNR 0{})", to_string(action),
                             immediate ? 1 : 0,
                             pattern.empty() ? std::string()
                                             : fmt::format(", OVERWRITE COUNT 1, a pattern of {} "
                                                           "bytes drawn for the job",
                                                           pattern.size()));
    form.cdb = scsi::sanitize_cdb(sanitize);
    return form;
}

/// As often as a block holds it: some disks take a whole block or nothing.
Bytes whole_block_of(const Bytes& pattern, std::uint64_t block_bytes) {
    Bytes block;
    while (block.size() + pattern.size() <= block_bytes) {
        block.insert(block.end(), pattern.begin(), pattern.end());
    }
    return block;
}

}  // namespace

std::vector<ScsiStartCommand> scsi_sanitize_commands(scsi::SanitizeAction action,
                                                     const ScsiFacts& facts, const Bytes& pattern) {
    std::vector<ScsiStartCommand> forms;
    const bool overwrites = action == scsi::SanitizeAction::overwrite;
    std::vector<Bytes> patterns{overwrites ? pattern : Bytes()};
    if (overwrites && facts.block_bytes() > pattern.size() &&
        facts.block_bytes() % pattern.size() == 0) {
        patterns.push_back(whole_block_of(pattern, facts.block_bytes()));
    }
    for (const bool immediate : {true, false}) {
        for (const auto& one : patterns) {
            forms.push_back(sanitize_form(action, one, immediate));
            if (overwrites && !facts.zoned()) {
                // Behind a reset write pointer there is no pattern to read.
                forms.back().promise = {pattern};
            }
        }
    }
    return forms;
}

}  // namespace efface::method
