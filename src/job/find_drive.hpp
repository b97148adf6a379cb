// SPDX-License-Identifier: Apache-2.0
// Finds a drive again that the kernel may have given another name since.
#pragma once

#include <string>

#include "efface/job/host.hpp"

namespace efface::job {

struct FoundDrive {
    std::string path;     ///< canonical; empty when it was not found
    std::string why_not;  ///< then
    explicit operator bool() const noexcept { return !path.empty(); }
};
/// `path` where the drive of this target_identity() still stands there; else the only disk of this
/// machine with its model, serial number and WWID. None, several, or a drive that has neither
/// serial number nor WWID and is not at its place: not found.
[[nodiscard]] FoundDrive find_drive(Host& host, const std::string& path, const Json& identity);

}  // namespace efface::job
