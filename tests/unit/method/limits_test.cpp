// SPDX-License-Identifier: Apache-2.0
#include "efface/method/limits.hpp"

#include "catch.hpp"

using namespace efface;
using mandate::Then;
using method::Limit;

TEST_CASE("a limit that was passed is one entry of the same shape for every method") {
    const Json event = method::limit_event("2026-01-02T03:04:05Z", Limit::temperature,
                                           "71 degrees Celsius, the limit is 60", Then::pause);
    CHECK(event == Json::parse(R"({"at": "2026-01-02T03:04:05Z", "limit": "temperature",
        "what": "71 degrees Celsius, the limit is 60", "then": "pause"})"));
    CHECK(method::limit_event("", Limit::deadline, "", Then::stop).at("limit") == "deadline");
    CHECK(method::limit_event("", Limit::speed, "", Then::go_on).at("limit") == "speed");
}
