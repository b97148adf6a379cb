// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/health.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/assert.hpp"

namespace efface::policy {

namespace {

constexpr const char* kInstead =
    "destroy it instead (shred, melt or incinerate), or plan without this limit";

const method::HealthCount& count_of(std::string_view name) {
    const auto& counts = method::health_counts();
    const auto found = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& count) { return name == count.name; });
    EFFACE_ASSERT(found != counts.end());
    return *found;
}

Reason not_reported(const std::string& what) {
    return {ReasonCode::health_not_reported,
            fmt::format("the order limits {}, and the drive does not report it: nothing shows that "
                        "the limit is kept; {}",
                        what, kInstead)};
}

}  // namespace

std::vector<Reason> examine_health(const mandate::HealthLimits& limits,
                                   const method::Health& health) {
    std::vector<Reason> reasons;
    for (const auto& row : mandate::health_limit_rows()) {
        const auto& limit = limits.*row.limit;
        if (!limit) {
            continue;
        }
        const auto& count = count_of(row.count);
        const auto& value = health.*count.value;
        if (!value) {
            reasons.push_back(not_reported(count.words));
        } else if (row.at_least ? *value < *limit : *value > *limit) {
            reasons.push_back({ReasonCode::health_limit,
                               fmt::format("{} {}, {} {} {} allowed: {}", *value, count.words,
                                           row.at_least ? "at least" : "at most", *limit,
                                           *limit == 1 ? "is" : "are", kInstead)});
        }
    }
    if (limits.refuse_failing && !health.failing) {
        reasons.push_back(not_reported("whether it is failing"));
    } else if (limits.refuse_failing && *health.failing) {
        reasons.push_back(
            {ReasonCode::health_limit, fmt::format("it reports that it is failing: {}", kInstead)});
    }
    return reasons;
}

}  // namespace efface::policy
