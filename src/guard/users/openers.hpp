// SPDX-License-Identifier: Apache-2.0
// Which processes have which devices and files open, from one pass over /proc.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

struct Opener {
    std::string process;
    std::string program;  ///< comm
    bool efface = false;  ///< the same executable as this one
};

class Openers final {
  public:
    /// Of all processes but this one, its children and theirs.
    [[nodiscard]] static Openers read(const inventory::MachineState& machine);

    [[nodiscard]] std::vector<Opener> of_block(unsigned major, unsigned minor) const;
    [[nodiscard]] std::vector<Opener> of_character(unsigned major, unsigned minor) const;
    /// Whether any of them has a character device open that may lead to a disk.
    [[nodiscard]] bool any_character() const noexcept { return !characters_.empty(); }
    [[nodiscard]] std::vector<Opener> of_file(unsigned major, unsigned minor,
                                              std::uint64_t inode) const;
    /// Of a recording, where links have texts only.
    [[nodiscard]] std::vector<Opener> of_path(const std::string& path) const;
    /// Why some processes could not be looked at; empty: all were.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;
    void read_process(const inventory::Folder& proc, const std::string& process,
                      const std::string& place, bool live);
    /// Those that are not in `seen` yet.
    void read_new(const inventory::Folder& proc, const inventory::Processes& processes,
                  std::set<std::string>& seen);
    [[nodiscard]] std::vector<Opener> named(const std::vector<std::string>& processes) const;

    inventory::SystemView view_;
    std::map<std::uint64_t, std::vector<std::string>> blocks_;
    std::map<std::uint64_t, std::vector<std::string>> characters_;
    std::map<Key, std::vector<std::string>> files_;
    std::map<std::string, std::vector<std::string>> paths_;
    std::string problem_;
};

}  // namespace efface::guard
