// SPDX-License-Identifier: Apache-2.0
#include "medium_map.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>

#include "efface/device/linux_target.hpp"
#include "efface/inventory/hardware.hpp"

namespace efface::guard {

using inventory::BlockNode;
using inventory::Kind;

namespace {

constexpr std::uint64_t kSectorBytes = 512;
constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();

bool is_one_to_one(const std::string& dm_type) {
    static constexpr std::array<std::string_view, 10> kOthers = {
        "thin", "snapshot", "snapshot-origin", "snapshot-merge",
        "zero", "error",    "writecache",      "cache",
        "vdo",  "clone"};
    return std::find(kOthers.begin(), kOthers.end(), dm_type) == kOthers.end();
}

/// [begin, end) of a place.
Place slice(const Place& place, std::uint64_t begin, std::uint64_t end) {
    Pieces result;
    std::uint64_t at = 0;
    for (const auto& piece : place.exact) {
        const std::uint64_t length = piece.end - piece.begin;
        const std::uint64_t from = std::max(begin, at);
        const std::uint64_t to = length > kEnd - at ? end : std::min(end, at + length);
        if (from < to) {
            result.push_back({piece.medium, piece.begin + (from - at), piece.begin + (to - at)});
        }
        if (length > kEnd - at) {
            break;
        }
        at += length;
    }
    return {std::move(result), place.coarse};
}

std::uint64_t end_of(std::uint64_t begin, std::uint64_t length) {
    return length > kEnd - begin ? kEnd : begin + length;
}

/// "START LENGTH TYPE WORDS..." for each line: how a recording keeps a table.
std::vector<device::DmTarget> recorded_table(const std::string& text) {
    std::vector<device::DmTarget> targets;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        device::DmTarget target;
        words >> target.start_sectors >> target.length_sectors >> target.type;
        device::DmTarget::Place place;
        char colon = '\0';
        if (target.type == "linear" &&
            words >> place.major >> colon >> place.minor >> place.offset_sectors) {
            target.place = place;
        }
        targets.push_back(std::move(target));
    }
    return targets;
}

}  // namespace

namespace {

bool meet(const Pieces& one, const Pieces& other) {
    return std::any_of(one.begin(), one.end(), [&](const Piece& a) {
        return std::any_of(other.begin(), other.end(), [&](const Piece& b) {
            return a.medium == b.medium && a.begin < b.end && b.begin < a.end;
        });
    });
}

bool share(const Pieces& one, const Pieces& other) {
    return std::any_of(one.begin(), one.end(), [&](const Piece& a) {
        return std::any_of(other.begin(), other.end(),
                           [&](const Piece& b) { return a.medium == b.medium; });
    });
}

void append(Pieces& to, const Pieces& from) {
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

bool overlap(const Place& one, const Place& other) {
    if (meet(one.exact, other.exact) || meet(one.exact, other.coarse) ||
        meet(one.coarse, other.exact)) {
        return true;
    }
    return !share(one.exact, other.exact) && meet(one.coarse, other.coarse);
}

bool share_a_medium(const Place& one, const Place& other) {
    return share(one.exact, other.exact) || share(one.exact, other.coarse) ||
           share(one.coarse, other.exact) || share(one.coarse, other.coarse);
}

bool within(const Place& inner, const Place& outer) {
    const auto lies_in = [](const Piece& a, const Pieces& pieces) {
        return std::any_of(pieces.begin(), pieces.end(), [&](const Piece& b) {
            return a.medium == b.medium && b.begin <= a.begin && a.end <= b.end;
        });
    };
    return std::all_of(inner.exact.begin(), inner.exact.end(), [&](const Piece& a) {
        return lies_in(a, outer.exact) || lies_in(a, outer.coarse);
    });
}

std::size_t MediumMap::medium(const std::string& key) {
    return media_.emplace(key, media_.size()).first->second;
}

Place MediumMap::whole(const std::string& key) {
    return {{{medium(key), 0, kEnd}}, {}};
}

const Place& MediumMap::place_of(std::size_t node) {
    const auto known = known_.find(node);
    return known != known_.end() ? known->second : known_[node] = find(node, 0);
}

Place MediumMap::place_of_file(unsigned major_number, unsigned minor_number, std::uint64_t inode,
                               const std::string& path) {
    // A recording has no inodes: there the path names the file.
    const auto key = state_.view().live
                         ? fmt::format("file {}:{} {}", major_number, minor_number, inode)
                         : "file " + inventory::without_deleted_mark(path);
    auto place = whole(key);
    files_.try_emplace(place.exact.front().medium,
                       FileBelow{major_number, minor_number, inode, path});
    return place;
}

std::vector<MediumMap::FileBelow> MediumMap::files_below(const Place& place) const {
    std::vector<FileBelow> files;
    for (const auto* pieces : {&place.exact, &place.coarse}) {
        for (const auto& piece : *pieces) {
            const auto file = files_.find(piece.medium);
            if (file != files_.end()) {
                files.push_back(file->second);
            }
        }
    }
    return files;
}

Place MediumMap::find(std::size_t index, std::size_t depth) {
    const BlockNode& node = state_.graph().at(index);
    const auto itself = "device " + node.name;
    if (depth >= inventory::kDepthMax) {
        problems_.insert(fmt::format("what lies below {}: too many layers", node.name));
        return whole(itself);
    }
    if (node.kind == Kind::partition) {
        const auto disk = state_.graph().find_name(node.parent);
        return disk ? slice(find(*disk, depth + 1), node.start_bytes,
                            end_of(node.start_bytes, node.size_bytes))
                    : whole(itself);
    }
    if (node.kind == Kind::loop) {
        return of_loop(node, depth);
    }
    if (node.kind == Kind::device_mapper) {
        return of_device_mapper(node, depth);
    }
    if (!node.below.empty() && node.kind != Kind::zram) {
        return of_layer(node, depth);
    }
    if (node.kind == Kind::disk) {
        const auto known = units_.find(index);
        const auto unit = known != units_.end() ? known->second
                                                : inventory::same_unit_key(class_block_, node.name);
        return whole(unit.empty() ? itself : "unit " + unit);
    }
    return whole(itself);
}

void MediumMap::know(std::size_t node, const inventory::Identity& identity) {
    units_[node] = inventory::same_unit_key(class_block_, state_.graph().at(node).name, identity);
}

Place MediumMap::of_loop(const BlockNode& node, std::size_t depth) {
    if (node.backing_file.empty() && node.below.empty()) {
        return whole("device " + node.name);
    }
    std::uint64_t offset = 0;
    std::uint64_t limit = 0;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    std::uint64_t inode = 0;
    if (state_.view().live) {
        try {
            const auto backing =
                device::loop_backing(inventory::device_path(state_.view(), node.name));
            if (!backing) {
                return whole("device " + node.name);  // detached since its name was read
            }
            offset = backing->offset_bytes;
            limit = backing->size_limit_bytes;
            major_number = major(backing->device);
            minor_number = minor(backing->device);
            inode = backing->inode;
        } catch (const Error& error) {
            problems_.insert(inventory::safe_text(error.what()));
        }
    }
    const std::uint64_t length = limit != 0 ? limit : kEnd;
    auto below = node.below.empty()
                     ? place_of_file(major_number, minor_number, inode, node.backing_file)
                     : find(node.below.front(), depth + 1);
    return slice(below, offset, end_of(offset, length));
}

Place MediumMap::of_layer(const BlockNode& node, std::size_t depth) {
    auto place = whole("device " + node.name);
    for (const auto lower : node.below) {
        const auto below = find(lower, depth + 1);
        append(place.coarse, below.exact);
        append(place.coarse, below.coarse);
    }
    return place;
}

Place MediumMap::of_device_mapper(const BlockNode& node, std::size_t depth) {
    std::vector<device::DmTarget> table;
    try {
        table =
            state_.view().live
                ? device::dm_table(node.major, node.minor)
                : recorded_table(inventory::Folder::open(state_.view().sysfs / "class" / "block")
                                     .enter(node.name)
                                     .read("dm/table")
                                     .text);
    } catch (const Error& error) {
        problems_.insert(inventory::safe_text(error.what()));
    }
    Place place;
    for (const auto& target : table) {
        if (!is_one_to_one(target.type)) {
            return whole("device " + node.name);
        }
        const auto lower = target.place
                               ? state_.graph().find(target.place->major, target.place->minor)
                               : std::nullopt;
        if (!lower) {
            return of_layer(node, depth);
        }
        const auto begin = target.place->offset_sectors * kSectorBytes;
        const auto part = slice(find(*lower, depth + 1), begin,
                                end_of(begin, target.length_sectors * kSectorBytes));
        append(place.exact, part.exact);
        append(place.coarse, part.coarse);
    }
    return place.exact.empty() ? whole("device " + node.name) : place;
}

}  // namespace efface::guard
