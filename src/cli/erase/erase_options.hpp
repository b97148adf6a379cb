// SPDX-License-Identifier: Apache-2.0
// Which targets, and how: the options that `erase` and `plan` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/job/target_run.hpp"

#include "line/options.hpp"

namespace efface::cli {

/// The targets, as they were given.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<job::TargetRequest>& requests);

struct TargetOptions {
    std::vector<std::string> targets;
    std::string order;
    std::string technique = mandate::kPolicyDefault;
    std::string level;
    std::vector<std::string> fallbacks;
    std::string credential_file;
    std::string credential_authority;
    std::string pattern;
    std::string verification = "full";
    std::string bad_blocks = "except";
    std::uint64_t min_rate = 0;
    std::string when_slow = "stop";
    std::uint64_t deadline = 0;
    std::string when_late = "stop";
    unsigned max_temperature = 0;
    unsigned sector_size = 0;
    std::string when_hot = "pause";
    mandate::HealthLimits health;
    bool sweep = false;

    void add_to(Command command);
    [[nodiscard]] std::optional<mandate::Order> load_order() const;
    /// One a target; of the order when there is one. Throws Error(usage) for what does not fit.
    [[nodiscard]] std::vector<job::TargetRequest> requests(const mandate::Order* order) const;

  private:
    [[nodiscard]] mandate::ErasureChoice choice() const;
    std::optional<Command> command_;
};

}  // namespace efface::cli
