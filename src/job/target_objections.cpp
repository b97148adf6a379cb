// SPDX-License-Identifier: Apache-2.0
#include "target_objections.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "efface/device/memory/memory_filesystem.hpp"
#include "efface/mandate/identity.hpp"
#include "efface/method/memory.hpp"

namespace efface::job {

const mandate::OrderTarget& target_in(const mandate::Order& order, const std::string& name) {
    const auto found =
        std::find_if(order.targets.begin(), order.targets.end(),
                     [&](const mandate::OrderTarget& target) { return target.name == name; });
    if (found == order.targets.end()) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_in_order,
                    printable(name) + " does not stand in the order",
                    "add it to the order and have that approved");
    }
    return *found;
}

namespace {

bool is_mount_without_size(const TargetPlan& plan, const std::string& name) {
    return inventory::parse_memory_target(name) && plan.identity.contains("rootInode") &&
           !plan.identity.contains("sizeBytes");
}

}  // namespace

void object_to_order(TargetPlan& plan, const mandate::Order& order, const std::string& name,
                     bool again) {
    const auto& target = target_in(order, name);
    const auto text = [&](const char* key) { return plan.identity.value(key, ""); };
    const auto size = plan.identity.value("sizeBytes", plan.size_bytes);
    // While another efface works on it, its size may be one in between. A mount without a size of
    // its own has the one of its content, which a standing order finds changed.
    const bool varies = only_busy(plan) || (again && is_mount_without_size(plan, name));
    const mandate::Found found{text("serial"), text("wwid"),
                               varies ? std::nullopt : std::optional(size)};
    for (const auto& one : mandate::differences(target, found)) {
        const std::string_view key = one.key;
        plan.objections.push_back(
            {{ReasonCode::other_identity, fmt::format("its {} is \"{}\", the order says \"{}\"",
                                                      key == "serial" ? "serial number"
                                                      : key == "wwid" ? "WWID"
                                                                      : "size",
                                                      printable(one.found), printable(one.said))}});
    }
    for (auto& member : guard::unreleased_members(plan.destroys, target.release_members)) {
        plan.objections.push_back({std::move(member)});
    }
    if (plan.level < order.terms.minimum_level) {
        plan.objections.push_back(
            {{ReasonCode::level_not_reached,
              fmt::format("the order asks for {}, only {} can be claimed",
                          to_string(order.terms.minimum_level), to_string(plan.level))}});
    }
    if (!target.asset_tag.empty()) {
        plan.found["assetTag"] = target.asset_tag;
    }
}

void object_to_level(TargetPlan& plan, method::Level wanted) {
    if (plan.level < wanted && plan.objections.empty()) {
        plan.objections.push_back(
            {{ReasonCode::level_not_reached,
              fmt::format("{} was asked for, {} can only claim {}", to_string(wanted),
                          plan.technique, to_string(plan.level))}});
    }
}

namespace {

/// What a target or an output is, to be compared with others.
struct Place {
    std::string name;  ///< printable
    inventory::Identity identity;
    /// st_dev, of a mount all of whose files are erased; then there is no identity.
    std::optional<std::uint64_t> filesystem;
};

/// nullopt for what is not there, or no storage: its own run says why.
std::optional<Place> place_of(Host& host, const std::string& name) {
    Place place{printable(name), {}, {}};
    auto path = name;
    if (name.starts_with("memory:")) {
        const auto memory = inventory::parse_memory_target(name);
        const auto& kind = memory->kind;
        path = memory->place;
        if (kind == "tmpfs" || kind == "ramfs" || kind == "hugetlbfs") {
            struct stat status {};
            struct statfs filesystem {};
            // Something else may be mounted over it: then its own run says so.
            if (::stat(path.c_str(), &status) != 0 || ::statfs(path.c_str(), &filesystem) != 0 ||
                device::memory_filesystem(static_cast<std::uint64_t>(filesystem.f_type)) != kind) {
                return std::nullopt;
            }
            place.filesystem = status.st_dev;
            return place;
        }
        if (kind == "zram" || kind == "brd" || kind == "pmem") {
            path = "/dev/" + path;
        } else if (kind != "file" && kind != "swap") {
            return std::nullopt;
        }
    }
    try {
        place.identity = host.identify(path);
    } catch (const Error&) {
        return std::nullopt;
    }
    return place;
}

std::vector<Place> places_of(Host& host, const std::vector<std::string>& names) {
    std::vector<Place> places;
    for (const auto& name : names) {
        if (auto place = place_of(host, name)) {
            places.push_back(std::move(*place));
        }
    }
    return places;
}

bool lies_in(const Place& inner, const Place& outer) {
    if (!outer.filesystem) {
        return false;
    }
    const auto of_file = makedev(inner.identity.major, inner.identity.minor);
    return inner.filesystem
               ? inner.filesystem == outer.filesystem
               : inner.identity.kind == inventory::Kind::file && of_file == *outer.filesystem;
}

/// Pairs that share storage, the one named first in front.
std::vector<std::pair<const Place*, const Place*>> shared(Host& host,
                                                          const std::vector<Place>& places) {
    std::vector<std::pair<const Place*, const Place*>> pairs;
    std::vector<inventory::Identity> identities;
    std::vector<const Place*> whose;
    for (const auto& place : places) {
        for (const auto* other = places.data(); other != &place; ++other) {
            if (lies_in(place, *other) || lies_in(*other, place)) {
                pairs.emplace_back(other, &place);
            }
        }
        if (!place.filesystem) {
            identities.push_back(place.identity);
            whose.push_back(&place);
        }
    }
    for (const auto& [one, other] : host.overlapping(identities)) {
        pairs.emplace_back(whose[one], whose[other]);
    }
    return pairs;
}

}  // namespace

void check_distinct(Host& host, const std::vector<std::string>& targets) {
    const auto places = places_of(host, targets);
    for (const auto& [one, other] : shared(host, places)) {
        throw Error(ErrorCode::usage, ReasonCode::same_storage_twice,
                    fmt::format("{} and {} are the same storage, or one is a part of the other",
                                one->name, other->name),
                    "name it once");
    }
}

namespace {

/// The first of `targets` that one of these files lies on, and that file.
std::optional<std::pair<std::string, std::string>> file_on_target(
    Host& host, const std::vector<std::string>& targets, const std::vector<std::string>& files) {
    auto places = places_of(host, files);
    const auto count = places.size();
    if (count == 0) {
        return std::nullopt;  // a terminal or pipes, as most often
    }
    for (auto& place : places_of(host, targets)) {
        places.push_back(std::move(place));
    }
    const auto* first = places.data() + count;
    for (const auto& [file, target] : shared(host, places)) {
        if (file < first && target >= first) {
            return std::pair{target->name, printable(file->identity.canonical_path)};
        }
    }
    return std::nullopt;
}

}  // namespace

namespace {

/// What this output would be written over, for people; nullopt: nothing of ours.
std::optional<std::string> written_over(const StateDirectory& state, const std::string& output,
                                        const std::vector<std::string>& documents) {
    namespace fs = std::filesystem;
    std::error_code error;
    for (const auto& document : documents) {
        if (fs::weakly_canonical(output, error) == fs::weakly_canonical(document, error) ||
            fs::equivalent(output, document, error)) {
            return printable(document);
        }
    }
    const auto path = fs::weakly_canonical(output, error).string();
    for (const auto& folder : {state.keys(), state.log(), state.jobs(), state.certificates()}) {
        const auto inside = fs::weakly_canonical(folder, error).string() + "/";
        if (path.starts_with(inside)) {
            return "a part of efface's own state";
        }
    }
    for (const auto& folder : {state.keys(), state.keys() / "people", state.log()}) {
        for (auto at = fs::directory_iterator(folder, error);
             !error && at != fs::directory_iterator(); at.increment(error)) {
            std::error_code other;
            if (fs::equivalent(at->path(), output, other)) {
                return "a part of efface's own state";
            }
        }
    }
    return std::nullopt;
}

}  // namespace

void refuse_own_files(Host& host, const StateDirectory& state,
                      const std::vector<std::string>& targets,
                      const std::vector<std::string>& outputs,
                      const std::vector<std::string>& documents) {
    for (const auto& output : outputs) {
        if (const auto over = written_over(state, output, documents)) {
            throw Error(
                ErrorCode::usage, ReasonCode::own_document,
                fmt::format("{}: output would be written over {}", printable(output), *over),
                "send events and output to another file, or to a pipe");
        }
    }
    if (const auto found = file_on_target(host, targets, outputs)) {
        throw Error(ErrorCode::usage, ReasonCode::own_document,
                    fmt::format("{}: this run would write its own output there ({})", found->first,
                                found->second),
                    "send events and output to another file, or to a pipe");
    }
    if (const auto found = file_on_target(host, targets, documents)) {
        throw Error(
            ErrorCode::usage, ReasonCode::own_document,
            fmt::format("{} lies on {} and would be lost with it", found->second, found->first),
            "copy it to other storage and name that copy");
    }
}

bool only_busy(const TargetPlan& plan) {
    return !plan.objections.empty() &&
           std::all_of(plan.objections.begin(), plan.objections.end(),
                       [](const Objection& one) { return one.reason.code == ReasonCode::busy; });
}

}  // namespace efface::job
