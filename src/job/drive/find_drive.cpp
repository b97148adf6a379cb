// SPDX-License-Identifier: Apache-2.0
#include "find_drive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "efface/job/guard.hpp"

#include "storage/target_storage.hpp"
#include "work/target/content_sample.hpp"
#include "work/target/plan.hpp"

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
        there = "another target is at this path now";
        code = ReasonCode::other_identity;
    } catch (const Error&) {
        // Nothing is there: perhaps elsewhere.
    }
    if (identity.value("serial", "").empty() && identity.value("wwid", "").empty()) {
        return {{}, there + ", and it has no serial number to find it by", code, {}};
    }
    FoundDrive found{{}, there + ", and no other disk matches", code, {}};
    for (const auto& disk : host.disks()) {
        if (!same_drive(target_identity(disk), identity)) {
            continue;
        }
        if (!found.path.empty()) {
            return {
                {},
                fmt::format("{}, and {} and {} both match", there, found.path, disk.canonical_path),
                ReasonCode::other_identity,
                {}};
        }
        found = found_at(disk.canonical_path, disk);
    }
    return found;
}

namespace {

Standing is_other(ReasonCode code, std::string text) {
    return {Standing::State::is_other, {code, std::move(text)}};
}

/// Where each sample was taken, by what the drive at `path` has now.
std::map<std::uint32_t, std::string> surfaces_now(Host& host, const inventory::Identity& identity,
                                                  const std::vector<SurfaceSample>& left) {
    const bool whole = std::any_of(left.begin(), left.end(),
                                   [](const SurfaceSample& one) { return one.surface != 0; });
    if (!whole) {
        return {{0, identity.canonical_path}};
    }
    std::map<std::uint32_t, std::string> now;
    for (const auto& surface : host.drive_of(identity).surfaces) {
        now[surface.nsid] = surface.path;
    }
    return now;
}

/// The first thing that is not as it was left.
std::optional<Reason> content_changed(Host& host, const inventory::Identity& identity,
                                      const std::vector<SurfaceSample>& left) {
    auto now = surfaces_now(host, identity, left);
    for (const auto& sample : left) {
        const auto found = now.find(sample.surface);
        if (found == now.end()) {
            return Reason{ReasonCode::target_absent,
                          fmt::format("its namespace {} is not there any more", sample.surface)};
        }
        const auto target = host.open(found->second, device::Access::read_only);
        if (const auto offset = changed_since(sample.pieces, target->storage())) {
            return Reason{ReasonCode::written_since,
                          fmt::format("something was written to {} since, at byte {}",
                                      found->second, *offset)};
        }
        now.erase(found);
    }
    if (!left.empty() && !now.empty()) {
        return Reason{ReasonCode::written_since,
                      fmt::format("namespace {} was created since", now.begin()->first)};
    }
    return std::nullopt;
}

}  // namespace

Standing medium_as_left(Host& host, const TargetState& state) {
    const auto& plan = state.plan;
    const Json after = state.outcome.value("identityAfter", Json());
    FoundDrive found;
    found.path = plan.path;
    if (plan.kind == "disk") {
        found = find_drive(host, plan.path, plan.identity);
        if (!found) {
            return is_other(found.code, found.why_not);
        }
    }
    const auto& path = found.path;
    try {
        const auto identity = found.identity ? *found.identity : host.identify(path);
        if (plan.kind != "disk" && target_identity(identity) != plan.identity) {
            return is_other(ReasonCode::other_identity,
                            "another device or file is at this path now");
        }
        const Json now = inventory::to_json(identity);
        auto reason = another_target(after, now, {"kind", "sizeBytes"});
        if (!reason) {
            reason = content_changed(host, identity, state.left);
        }
        return reason ? Standing{Standing::State::is_other, std::move(*reason)} : Standing{};
    } catch (const Error& error) {
        return is_other(
            error.code() == ErrorCode::usage ? ReasonCode::target_absent : error.reason(),
            printable(error.what()));
    }
}

namespace {

SurfaceSample sample_surface(Host& host, const std::string& path, std::uint32_t surface) {
    try {
        return {surface, sample_content(host.open(path, device::Access::read_only)->storage())};
    } catch (const Error&) {
        return {surface, {}};  // the next look has only its identity to go by
    }
}

}  // namespace

std::vector<SurfaceSample> sample_medium(Host& host, const std::string& path) {
    return {sample_surface(host, path, 0)};
}

std::vector<SurfaceSample> sample_drive(Host& host, const std::string& path) {
    try {
        std::vector<SurfaceSample> samples;
        for (const auto& surface : host.drive_of(host.identify(path)).surfaces) {
            samples.push_back(sample_surface(host, surface.path, surface.nsid));
        }
        if (!samples.empty()) {
            return samples;
        }
    } catch (const Error&) {
        // It cannot be looked at: by its name alone.
    }
    return sample_medium(host, path);
}

method::Observation renamed(const Clock& clock, const std::string& before, const std::string& now) {
    return {to_rfc3339(clock.now()), "the drive has another name now",
            ObjectWriter().add("before", before).add("now", now).take()};
}

}  // namespace efface::job
