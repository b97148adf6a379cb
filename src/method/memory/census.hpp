// SPDX-License-Identifier: Apache-2.0
// What is in a mount before it is erased, and afterwards.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "content.hpp"
#include "memory/files/tree_walk.hpp"

namespace efface::method {

/// Counts what is there, and asks the kernel of each file whether somebody has it open: also
/// processes that we may not look into.
class Census final : public TreeVisitor {
  public:
    explicit Census(MemoryFilesystem filesystem) : filesystem_(filesystem) {}
    void entry(const TreeEntry& entry) override;
    void folder(const TreeEntry& entry) override;
    /// The root of the mount, which is not an entry of it.
    void root(int fd);

    std::uint64_t files = 0;
    std::uint64_t folders = 0;
    std::uint64_t others = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> open;
    bool all_asked = true;  ///< the kernel answered for every file
    std::vector<std::string> immutable;
    std::vector<std::string> too_sparse;  ///< see kResidentSearchBytesMax

    /// tmpfs charges an inode for each name, also for a second one of the same file.
    [[nodiscard]] std::uint64_t names() const { return files + folders + others; }
    /// Inodes in use that no name leads to, and that extended attributes cannot stand for either
    /// (tmpfs charges them as inodes since Linux 6.6): so many removed files at least are still
    /// open. The root is one of `inodes_in_use`.
    [[nodiscard]] std::uint64_t removed_files(std::uint64_t inodes_in_use) const;
    /// Whether there may be more than removed_files() says.
    [[nodiscard]] bool may_hide_removed_files(std::uint64_t inodes_in_use) const;

  private:
    void ask_whether_open(const TreeEntry& entry);
    void note_immutable(const TreeEntry& entry);
    void count_attributes(const std::string& path);
    [[nodiscard]] std::uint64_t inodes_of_attributes() const;

    MemoryFilesystem filesystem_;
    std::set<std::uint64_t> seen_;
    std::uint64_t attributes_ = 0;
    std::uint64_t attribute_bytes_ = 0;
    bool attributes_known_ = true;
};

constexpr std::size_t kLinkedInodesMax = std::size_t{1} << 20U;  ///< several names, remembered

}  // namespace efface::method
