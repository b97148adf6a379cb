// SPDX-License-Identifier: Apache-2.0
// Which ranges of which media each block device is: two names of one medium overlap.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

/// A range of one medium.
struct Piece {
    std::size_t medium = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};
using Pieces = std::vector<Piece>;

/// Where a device lies.
struct Place {
    /// One behind the other, on the nearest medium where ranges mean something: a disk, a file, or
    /// a layer that moves blocks about (RAID, crypt, multipath).
    Pieces exact;
    /// All of what lies below such a layer.
    Pieces coarse;
};
/// Whether they have a block in common, as far as can be told: two that lie on one layer are
/// compared there, and not by all that is below it.
[[nodiscard]] bool overlap(const Place& one, const Place& other);
/// Whether they lie on a medium in common, if not at the same place.
[[nodiscard]] bool share_a_medium(const Place& one, const Place& other);
/// Whether all of `inner` lies in `outer`.
[[nodiscard]] bool within(const Place& inner, const Place& outer);

/// Follows partitions, loop devices and mappings downward with their ranges. What is not one to one
/// (thin volumes, snapshots, caches) is a medium of its own.
class MediumMap final {
  public:
    /// The state is borrowed.
    explicit MediumMap(const inventory::MachineState& state)
        : state_(state),
          class_block_(inventory::Folder::open(state.view().sysfs / "class" / "block")) {}

    /// What is known of a disk already is not read again.
    void know(std::size_t node, const inventory::Identity& identity);
    [[nodiscard]] const Place& place_of(std::size_t node);
    /// Of a file, from its beginning to its end, however long it grows.
    [[nodiscard]] Place place_of_file(unsigned major, unsigned minor, std::uint64_t inode,
                                      const std::string& path);
    /// Files that it lies on.
    struct FileBelow {
        unsigned major = 0;
        unsigned minor = 0;
        std::uint64_t inode = 0;
        std::string path;
    };
    [[nodiscard]] std::vector<FileBelow> files_below(const Place& place) const;
    /// Ranges that could not be looked at, for a person.
    [[nodiscard]] const std::set<std::string>& problems() const noexcept { return problems_; }

  private:
    Place find(std::size_t node, std::size_t depth);
    Place of_loop(const inventory::BlockNode& node, std::size_t depth);
    Place of_device_mapper(const inventory::BlockNode& node, std::size_t depth);
    /// A layer that moves blocks about.
    Place of_layer(const inventory::BlockNode& node, std::size_t depth);
    Place whole(const std::string& medium);
    std::size_t medium(const std::string& key);

    const inventory::MachineState& state_;
    inventory::Folder class_block_;
    std::map<std::size_t, Place> known_;
    std::map<std::string, std::size_t> media_;
    std::map<std::size_t, std::string> units_;  ///< same_unit_key() of disks that are known
    std::map<std::size_t, FileBelow> files_;    ///< media that are files
    std::set<std::string> problems_;
};

}  // namespace efface::guard
