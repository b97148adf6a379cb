// SPDX-License-Identifier: Apache-2.0
// Whether pages of a file in memory may have gone to swap, where an overwrite of the file does not
// reach the old slot; and who else stands on such a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory_run.hpp"

namespace efface::method {

/// Looks at swap when it is made and again at report(). The kernel counts every page that it ever
/// wrote to a swap device (/proc/vmstat, pswpout): as long as that is 0, no copy can be there. An
/// area that is empty now is no proof: a freed slot keeps what was written to it.
class SwapWatch final {
  public:
    /// `matters` is false for what the kernel never swaps (ramfs, hugetlbfs, noswap).
    SwapWatch(const inventory::SystemView& view, bool matters) : view_(view), matters_(matters) {}
    /// Adds the exception, where one is due, and the step that says what was seen.
    void report(MemoryRun& run) const;

  private:
    const inventory::SystemView& view_;
    bool matters_;
};

/// Loop devices over this file (`inode`) or any file of this file system.
[[nodiscard]] std::vector<Reason> loops_over(std::uint64_t device,
                                             std::optional<std::uint64_t> inode,
                                             const inventory::SystemView& view);

}  // namespace efface::method
