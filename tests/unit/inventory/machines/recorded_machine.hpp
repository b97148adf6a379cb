// SPDX-License-Identifier: Apache-2.0
// A recorded machine (tests/data/inventory/*.tree) as folders that a SystemView can name.
#pragma once

#include <filesystem>
#include <string>

#include "efface/inventory/inventory.hpp"

namespace efface::test {

/// Lines of a tree: "path/" a folder, "path -> target" a symbolic link, "path" a file whose lines
/// follow, each indented by four blanks; "#" a comment; "@block NAME MAJOR:MINOR SECTORS PLACE" and
/// "@part ..." the link in class/block with dev, size, ro, holders, slaves (and partition, start).
class RecordedMachine final {
  public:
    explicit RecordedMachine(const std::string& tree_name);
    ~RecordedMachine();
    RecordedMachine(const RecordedMachine&) = delete;
    RecordedMachine& operator=(const RecordedMachine&) = delete;

    [[nodiscard]] inventory::SystemView view() const;
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    /// Replaces or adds one file.
    void write(const std::string& path, const std::string& text) const;
    /// A file that is there but cannot be read, not even by root (a link to itself).
    void make_unreadable(const std::string& path) const;

  private:
    std::filesystem::path root_;
};

/// A folder of its own under the temporary folder, for as long as it lives.
class ScratchFolder final {
  public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// "mounted: vda1 mounted at /srv (ext4)\n" for each use.
[[nodiscard]] std::string text_of(const std::vector<inventory::Use>& uses);
[[nodiscard]] std::size_t count_of(const std::vector<inventory::Use>& uses, ReasonCode code);
/// Is there a use of this code whose detail holds the text?
[[nodiscard]] bool has(const std::vector<inventory::Use>& uses, ReasonCode code,
                       const std::string& text = {});

}  // namespace efface::test
