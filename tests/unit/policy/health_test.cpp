// SPDX-License-Identifier: Apache-2.0
// Triage: every value, below, at and above its limit and not reported.
#include "efface/policy/health.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace efface;
using namespace efface::policy;

namespace {

const method::HealthCount& count_of(const std::string& name) {
    const auto& counts = method::health_counts();
    const auto found = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& one) { return name == one.name; });
    REQUIRE(found != counts.end());
    return *found;
}

std::vector<ReasonCode> codes(const mandate::HealthLimits& limits, const method::Health& health) {
    std::vector<ReasonCode> list;
    for (const auto& reason : examine_health(limits, health)) {
        list.push_back(reason.code);
        CHECK(reason.text.find("destroy it instead") != std::string::npos);
    }
    return list;
}

using Codes = std::vector<ReasonCode>;

}  // namespace

TEST_CASE("triage: below, at and above each limit, and not reported", "[policy]") {
    for (const auto& row : mandate::health_limit_rows()) {
        for (const std::uint64_t limit : {1U, 10U, 100U}) {
            CAPTURE(row.key, limit);
            mandate::HealthLimits limits;
            limits.*row.limit = limit;
            method::Health health;
            auto& value = health.*count_of(row.count).value;
            CHECK(codes(limits, health) == Codes{ReasonCode::health_not_reported});
            value = limit - 1;
            CHECK(codes(limits, health) ==
                  (row.at_least ? Codes{ReasonCode::health_limit} : Codes{}));
            value = limit;
            CHECK(codes(limits, health).empty());
            value = limit + 1;
            CHECK(codes(limits, health) ==
                  (row.at_least ? Codes{} : Codes{ReasonCode::health_limit}));
            value = 0;
            CHECK(codes(limits, health).empty() != row.at_least);
            CHECK(codes({}, health).empty());
        }
    }
}

TEST_CASE("triage: what a drive does not report is not zero", "[policy]") {
    mandate::HealthLimits limits;
    for (const auto& row : mandate::health_limit_rows()) {
        limits.*row.limit = 0;
    }
    CHECK(codes(limits, {}).size() == mandate::health_limit_rows().size());
}

TEST_CASE("triage: a drive that says that it is failing", "[policy]") {
    mandate::HealthLimits limits;
    limits.refuse_failing = true;
    method::Health health;
    CHECK(codes(limits, health) == Codes{ReasonCode::health_not_reported});
    health.failing = true;
    CHECK(codes(limits, health) == Codes{ReasonCode::health_limit});
    health.failing = false;
    CHECK(codes(limits, health).empty());
    health.failing = true;
    CHECK(codes({}, health).empty());
}
