// SPDX-License-Identifier: Apache-2.0
#include "find_drive.hpp"

#include <fmt/format.h>

#include "efface/job/guard.hpp"

#include "content_sample.hpp"
#include "target_plan.hpp"
#include "target_storage.hpp"

namespace efface::job {

namespace {

FoundDrive found_at(const std::string& path, inventory::Identity identity) {
    FoundDrive found;
    found.path = path;
    found.identity = std::move(identity);
    return found;
}

}  // namespace

FoundDrive find_drive(Host& host, const std::string& path, const Json& identity) {
    std::string there = "it is not there";
    auto code = ReasonCode::target_absent;
    try {
        auto now = host.identify(path);
        if (same_drive(target_identity(now), identity)) {
            return found_at(path, std::move(now));
        }
        there = "another target stands there now";
        code = ReasonCode::other_identity;
    } catch (const Error&) {
        // Nothing stands there: perhaps elsewhere.
    }
    if (identity.value("serial", "").empty() && identity.value("wwid", "").empty()) {
        return {
            {}, there + ", and it has no serial number by which to find it elsewhere", code, {}};
    }
    FoundDrive found{{}, there + ", and no other disk is it: nothing was changed", code, {}};
    for (const auto& disk : host.disks()) {
        if (!same_drive(target_identity(disk), identity)) {
            continue;
        }
        if (!found.path.empty()) {
            return {{},
                    fmt::format("{}, and both {} and {} could be it: nothing was changed", there,
                                found.path, disk.canonical_path),
                    ReasonCode::other_identity,
                    {}};
        }
        found = found_at(disk.canonical_path, disk);
    }
    return found;
}

Standing medium_as_left(Host& host, const TargetState& state) {
    const auto other = [](ReasonCode code, std::string text) {
        return Standing{Standing::State::is_other, {code, std::move(text)}};
    };
    const auto& plan = state.plan;
    const Json after = state.outcome.value("identityAfter", Json());
    FoundDrive found;
    found.path = plan.path;
    if (plan.kind == "disk") {
        found = find_drive(host, plan.path, plan.identity);
        if (!found) {
            return other(found.code, found.why_not);
        }
    }
    const auto& path = found.path;
    try {
        const auto identity = found.identity ? *found.identity : host.identify(path);
        if (plan.kind != "disk" && target_identity(identity) != plan.identity) {
            return other(ReasonCode::other_identity, "another one stands there now");
        }
        const Json now = inventory::to_json(identity);
        auto reason = another_target(after, now, {"kind", "sizeBytes"});
        if (reason) {
            return {Standing::State::is_other, std::move(*reason)};
        }
        const auto target = host.open(path, device::Access::read_only);
        if (const auto offset = changed_since(state.left, target->storage())) {
            return other(ReasonCode::written_since,
                         fmt::format("something was written to it since, at byte {}", *offset));
        }
        return {};
    } catch (const Error& error) {
        return other(error.code() == ErrorCode::usage ? ReasonCode::target_absent : error.reason(),
                     printable(error.what()));
    }
}

Json sample_medium(Host& host, const std::string& path) {
    try {
        return sample_content(host.open(path, device::Access::read_only)->storage());
    } catch (const Error&) {
        return nullptr;  // the next look has only its identity to go by
    }
}

method::Observation renamed(const Clock& clock, const std::string& before, const std::string& now) {
    return {to_rfc3339(clock.now()), "the drive has another name now",
            ObjectWriter().add("before", before).add("now", now).take()};
}

}  // namespace efface::job
