// SPDX-License-Identifier: Apache-2.0
// SANITIZE (SBC-4, sections 4.11 and 5.30). It goes on over a loss of power by itself.
#include "erasure.hpp"

namespace efface::method {

/// AUSE 0: a failed sanitize must not be left without another one. ZNR 0: on a zoned disk the write
/// pointers are reset too, so that no zone claims content that it no longer has.
ScsiStartCommand scsi_sanitize_command(scsi::SanitizeAction action, const ScsiFacts& facts,
                                       const Bytes& pattern) {
    scsi::Sanitize sanitize;
    sanitize.action = action;
    ScsiStartCommand command;
    if (action == scsi::SanitizeAction::overwrite) {
        scsi::SanitizeOverwrite overwrite;
        overwrite.pattern = pattern;
        command.list = scsi::encode_sanitize_overwrite(overwrite);
        sanitize.list_length = static_cast<std::uint16_t>(command.list.size());
        if (!facts.zoned()) {
            // Behind a reset write pointer there is no pattern to read.
            command.promise = {pattern};
        }
    }
    command.title =
        std::string("SANITIZE (") + to_string(sanitize.action) + ", IMMED 1, AUSE 0, ZNR 0" +
        (command.list.empty() ? ")" : ", OVERWRITE COUNT 1, a pattern drawn for the job)");
    command.cdb = scsi::sanitize_cdb(sanitize);
    return command;
}

}  // namespace efface::method
