// SPDX-License-Identifier: Apache-2.0
// Goes through everything in one mount: never into another one, never along a symbolic link.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/reason.hpp"

namespace efface::method {

/// What statx(2) says of an entry; of the entry itself, never of what a link points to.
struct TreeEntry {
    int folder = -1;   ///< descriptor of the folder it is in, borrowed
    std::string name;  ///< within that folder, as it is
    std::string path;  ///< relative to the mount point, for messages: printable, so not unique
    bool regular = false;
    bool folder_type = false;
    bool immutable = false;  ///< or append-only
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t links = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t allocated_bytes = 0;
};

class TreeVisitor {
  public:
    virtual ~TreeVisitor() = default;
    /// Anything but a folder.
    virtual void entry(const TreeEntry& entry) = 0;
    /// A folder, after all that is in it.
    virtual void folder(const TreeEntry& entry) = 0;
};

constexpr std::size_t kTreeDepthMax = 256;  ///< one descriptor each
constexpr std::size_t kTreeFolderEntriesMax = std::size_t{1} << 22U;

/// Visits everything below the folder. Returns what could not be visited and why: empty when all
/// was. Ends early after a stop.
[[nodiscard]] std::vector<Reason> walk_tree(int root, TreeVisitor& visitor,
                                            const std::stop_token& stop);

}  // namespace efface::method
