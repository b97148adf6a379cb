// SPDX-License-Identifier: Apache-2.0
// Whether pages of a file in memory may have gone to swap, where an overwrite of the file does not
// reach the old slot; and who else is on such a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/memory_facts.hpp"

#include "memory/run.hpp"

namespace efface::method {

/// Looks at swap when it is made and again at report(). The kernel counts every page that it ever
/// wrote to a swap device or took into the compressed pool of zswap (/proc/vmstat: pswpout,
/// zswpout): as long as both are 0, no copy can be there. An area or a pool that is empty now is no
/// proof: a freed slot keeps what was written to it.
class SwapWatch final {
  public:
    /// `matters` is false for what the kernel never swaps (ramfs, hugetlbfs, noswap).
    SwapWatch(const inventory::SystemView& view, bool matters);
    /// Adds the exceptions that are due, the step that says what was seen, and the figures on which
    /// the claim rests.
    void report(MemoryRun& run) const;

  private:
    const inventory::SystemView& view_;
    bool matters_;
    inventory::MemoryFacts before_;
};

/// Loop devices over this file (`inode`) or any file of this file system.
[[nodiscard]] std::vector<Reason> loops_over(std::uint64_t device,
                                             std::optional<std::uint64_t> inode,
                                             const inventory::SystemView& view);

}  // namespace efface::method
