// SPDX-License-Identifier: Apache-2.0
// The ranges of a drive that can be marked and looked at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "efface/method/drive/erase.hpp"

#include "canaries.hpp"
#include "drive/record/command_blocks.hpp"

namespace efface::method {

struct Reach {
    std::string name;  ///< of its marks
    device::BlockTarget* storage = nullptr;
    std::string surface;      ///< its name for commands
    std::uint64_t begin = 0;  ///< where it begins there
};

/// The kernel's block devices, then what lies behind their ends. Not to be used once the access has
/// looked for the drive again.
class Reaches final {
  public:
    Reaches(DriveAccess& access, const std::vector<NotShown>& behind);
    [[nodiscard]] auto begin() const { return all_.begin(); }
    [[nodiscard]] auto end() const { return all_.end(); }
    /// nullptr: the drive shows it no longer.
    [[nodiscard]] const Reach* find(const std::string& name) const;

  private:
    std::vector<Reach> all_;
    std::vector<std::unique_ptr<CommandBlocks>> behind_;  ///< of `all_`
};

/// Through the block layer where there is some (not nullptr), else, or where that fails, by
/// command.
[[nodiscard]] PlaceReader reader_of(CommandSet& commands, const Reach& reach);

/// Reads all marks, one entry each. `by_command`: nothing but reads by command is sent, as while a
/// drive verifies its media.
[[nodiscard]] std::vector<MarksSeen> look_at_marks(DriveAccess& access, const EraseState& state,
                                                   bool by_command, const Promise& promise);

}  // namespace efface::method
