// SPDX-License-Identifier: Apache-2.0
#include "efface/job/places.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <filesystem>

#include "efface/device/memory/memory_filesystem.hpp"
#include "efface/inventory/memory_name.hpp"

namespace efface::job {

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
            return "part of efface's own state";
        }
    }
    for (const auto& folder : {state.keys(), state.keys() / "people", state.log()}) {
        for (auto at = fs::directory_iterator(folder, error);
             !error && at != fs::directory_iterator(); at.increment(error)) {
            std::error_code other;
            if (fs::equivalent(at->path(), output, other)) {
                return "part of efface's own state";
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Places::Places(Host& host, const std::vector<std::string>& targets)
    : host_(host), targets_(places_of(host, targets)) {}

/// nullopt for what is not there, or no storage: its own run says why.
std::optional<Places::Place> Places::place_of(Host& host, const std::string& name) {
    Place place;
    place.name = printable(name);
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

std::vector<Places::Place> Places::places_of(Host& host, const std::vector<std::string>& names) {
    std::vector<Place> places;
    for (const auto& name : names) {
        if (auto place = place_of(host, name)) {
            places.push_back(std::move(*place));
        }
    }
    return places;
}

bool Places::lies_in(const Place& inner, const Place& outer) {
    if (!outer.filesystem) {
        return false;
    }
    const auto of_file = makedev(inner.identity.major, inner.identity.minor);
    return inner.filesystem
               ? inner.filesystem == outer.filesystem
               : inner.identity.kind == inventory::Kind::file && of_file == *outer.filesystem;
}

/// Pairs that share storage, the one named first in front.
std::vector<std::pair<const Places::Place*, const Places::Place*>> Places::shared(
    Host& host, const std::vector<Place>& places) {
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

void Places::check_distinct() const {
    for (const auto& [one, other] : shared(host_, targets_)) {
        throw Error(ErrorCode::usage, ReasonCode::same_storage_twice,
                    fmt::format("{} and {} are the same storage, or one is part of the other",
                                one->name, other->name),
                    "name it once");
    }
}

/// The first of the targets that one of these files lies on, and that file.
std::optional<Places::OnTarget> Places::on_target(const std::vector<std::string>& files) const {
    auto places = places_of(host_, files);
    const auto count = places.size();
    if (count == 0) {
        return std::nullopt;  // a terminal or pipes, as most often
    }
    places.insert(places.end(), targets_.begin(), targets_.end());
    const auto* first = places.data() + count;
    for (const auto& [file, target] : shared(host_, places)) {
        if (file < first && target >= first) {
            return OnTarget{target->name, printable(file->identity.canonical_path)};
        }
    }
    return std::nullopt;
}

void Places::refuse_own_files(const StateDirectory& state, const std::vector<std::string>& outputs,
                              const std::vector<std::string>& documents) const {
    for (const auto& output : outputs) {
        if (const auto over = written_over(state, output, documents)) {
            throw Error(
                ErrorCode::usage, ReasonCode::own_document,
                fmt::format("{}: output would be written over {}", printable(output), *over),
                "send events and output to another file, or to a pipe");
        }
    }
    if (const auto found = on_target(outputs)) {
        throw Error(ErrorCode::usage, ReasonCode::own_document,
                    fmt::format("{}: this run would write its own output there ({})", found->target,
                                found->file),
                    "send events and output to another file, or to a pipe");
    }
    if (const auto found = on_target(documents)) {
        throw Error(
            ErrorCode::usage, ReasonCode::own_document,
            fmt::format("{} is on {} and would be lost with it", found->file, found->target),
            "copy it to other storage and name that copy");
    }
}

}  // namespace efface::job
