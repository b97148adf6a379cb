// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::guard {

class Machine;
struct HoldRequest;
struct Held;
struct MemoryLook;

/// Proof that the guard looked at this target and found no reason to refuse. Only the two functions
/// below make one, so no method runs on a target that nobody cleared. Good for one run.
class Clearance final {
  public:
    Clearance(Clearance&&) noexcept = default;
    Clearance& operator=(Clearance&&) noexcept = default;
    Clearance(const Clearance&) = delete;
    Clearance& operator=(const Clearance&) = delete;
    ~Clearance() = default;

    /// The canonical path, or memory:KIND:PLACE, that was cleared.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    friend Held hold(Machine& machine, const HoldRequest& request);
    friend Clearance clear_memory(const std::string& name, const Json& identity,
                                  const std::function<MemoryLook()>& look);
    explicit Clearance(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

/// What memory-backed storage is now and what speaks against erasing it, as its method sees it.
struct MemoryLook {
    Json identity;
    std::vector<Reason> objections;
};
/// Looks at memory-backed storage once more. Throws Error(safety; busy when that is all) unless it
/// is still `identity` and nothing speaks against it.
[[nodiscard]] Clearance clear_memory(const std::string& name, const Json& identity,
                                     const std::function<MemoryLook()>& look);

}  // namespace efface::guard
