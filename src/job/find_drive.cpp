// SPDX-License-Identifier: Apache-2.0
#include "find_drive.hpp"

#include <fmt/format.h>

#include "efface/job/guard.hpp"

#include "target_plan.hpp"

namespace efface::job {

FoundDrive find_drive(Host& host, const std::string& path, const Json& identity) {
    std::string there = "it is not there";
    auto code = ReasonCode::target_absent;
    try {
        if (same_drive(target_identity(host.identify(path)), identity)) {
            return {path, {}};
        }
        there = "another target stands there now";
        code = ReasonCode::other_identity;
    } catch (const Error&) {
        // Nothing stands there: perhaps elsewhere.
    }
    if (identity.value("serial", "").empty() && identity.value("wwid", "").empty()) {
        return {{}, there + ", and it has no serial number by which to find it elsewhere", code};
    }
    FoundDrive found{{}, there + ", and no other disk is it: nothing was changed", code};
    for (const auto& disk : host.disks()) {
        if (!same_drive(target_identity(disk), identity)) {
            continue;
        }
        if (!found.path.empty()) {
            return {{},
                    fmt::format("{}, and both {} and {} could be it: nothing was changed", there,
                                found.path, disk.canonical_path),
                    ReasonCode::other_identity};
        }
        found = {disk.canonical_path, {}};
    }
    return found;
}

method::Observation renamed(const Clock& clock, const std::string& before, const std::string& now) {
    return {to_rfc3339(clock.now()), "the drive has another name now",
            ObjectWriter().add("before", before).add("now", now).take()};
}

}  // namespace efface::job
