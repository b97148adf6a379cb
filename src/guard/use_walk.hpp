// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "efface/guard/users.hpp"
#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

/// What is told of one target; more of the same changes no decision.
inline constexpr std::size_t kUsesMax = 256;

/// Collects uses while it climbs the graph of block devices; visits each device once.
class UseWalk final {
  public:
    /// The state is borrowed and must outlive the walk.
    explicit UseWalk(const inventory::MachineState& state);

    void add(ReasonCode code, std::string detail);
    [[nodiscard]] bool has(ReasonCode code) const;
    [[nodiscard]] bool seen(std::size_t node) const { return seen_.at(node); }
    [[nodiscard]] const std::vector<Use>& uses() const noexcept { return uses_; }
    [[nodiscard]] std::vector<Use> take() { return std::move(uses_); }
    /// From here on everything is `alias_in_use`, and its detail begins with `why`; empty: as it
    /// is.
    void as_alias(std::string why) { alias_ = std::move(why); }

    /// Mounts and swap areas on the device itself.
    void add_direct(std::size_t node);
    void add_bcache(std::size_t node);
    /// The device at the upper end of an edge, as a use of `lower`, and all above it.
    void climb(std::size_t lower, const inventory::Edge& edge);
    /// The device itself and all above it.
    void visit(std::size_t node);

  private:
    void add_mounts(std::size_t node);
    void add_swaps(std::size_t node);
    void add_edge_use(std::size_t lower, const inventory::Edge& edge);

    const inventory::MachineState& state_;
    std::vector<bool> seen_;
    std::vector<Use> uses_;
    std::string alias_;
};

}  // namespace efface::guard
