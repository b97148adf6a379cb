// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "efface/inventory/machine_state.hpp"

namespace efface::inventory {

/// Collects uses while it climbs the graph of block devices; visits each device once.
class UseWalk final {
  public:
    /// The state is borrowed and must outlive the walk.
    explicit UseWalk(const MachineState& state);

    void add(ReasonCode code, std::string detail);
    [[nodiscard]] bool has(ReasonCode code) const;
    [[nodiscard]] const std::vector<Use>& uses() const noexcept { return uses_; }
    [[nodiscard]] std::vector<Use> take() { return std::move(uses_); }

    /// Mounts, swap areas and bcache on the device itself.
    void add_direct(std::size_t node);
    /// The device at the upper end of an edge, as a use of `lower`, and all above it.
    void climb(std::size_t lower, const Edge& edge);
    /// The device itself and all above it.
    void visit(std::size_t node);

  private:
    void add_mounts(std::size_t node);
    void add_swaps(std::size_t node);
    void add_edge_use(std::size_t lower, const Edge& edge);

    const MachineState& state_;
    std::vector<bool> seen_;
    std::vector<Use> uses_;
};

}  // namespace efface::inventory
