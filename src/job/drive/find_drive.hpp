// SPDX-License-Identifier: Apache-2.0
// Finds a drive again that the kernel may have given another name since.
#pragma once

#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/job/host.hpp"
#include "efface/method/outcome.hpp"

namespace efface::job {

struct FoundDrive {
    std::string path;     ///< canonical; empty when it was not found
    std::string why_not;  ///< then
    ReasonCode code = ReasonCode::target_absent;
    std::optional<inventory::Identity> identity;  ///< of what is there, when it was found
    explicit operator bool() const noexcept { return !path.empty(); }
};
/// `path` where the drive of this target_identity() still is there; else the only disk of this
/// machine with its model, serial number and WWID. None, several, or a drive that has neither
/// serial number nor WWID and is not at its place: not found.
[[nodiscard]] FoundDrive find_drive(Host& host, const std::string& path, const Json& identity);
/// What is observed when it is elsewhere than before.
[[nodiscard]] method::Observation renamed(const Clock& clock, const std::string& before,
                                          const std::string& now);

}  // namespace efface::job
