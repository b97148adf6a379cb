// SPDX-License-Identifier: Apache-2.0
#include "efface/base/clock.hpp"

#include "catch.hpp"

using namespace efface;
using std::chrono::milliseconds;

// Seconds from `date -u -d TEXT +%s`.
TEST_CASE("times are written as RFC 3339 in UTC", "[base][clock]") {
    CHECK(to_rfc3339(WallTime(milliseconds(0))) == "1970-01-01T00:00:00Z");
    CHECK(to_rfc3339(WallTime(milliseconds(1795255267000))) == "2026-11-21T10:01:07Z");
    CHECK(to_rfc3339(WallTime(milliseconds(951782399999))) == "2000-02-28T23:59:59Z");
    CHECK(to_rfc3339(WallTime(milliseconds(951868799000))) == "2000-02-29T23:59:59Z");
}

TEST_CASE("times in that form are read back", "[base][clock]") {
    const auto time = from_rfc3339("2000-02-29T23:59:59Z");
    REQUIRE(time);
    CHECK(time->time_since_epoch().count() == 951868799000);
}

TEST_CASE("anything else is no time", "[base][clock]") {
    for (const auto* text : {"", "2026-11-21", "2026-11-21T09:41:07", "2026-11-21T09:41:07+00:00",
                             "2026-11-21 09:41:07Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
                             "2026-11-21T24:00:00Z", "2026-11-21T23:60:00Z", "2026-11-21T23:59:60Z",
                             "1969-12-31T23:59:59Z", "2026-11-21t09:41:07z",
                             "2026-11-21T09:41:07.5Z", "+026-11-21T09:41:07Z"}) {
        CAPTURE(text);
        CHECK_FALSE(from_rfc3339(text));
    }
}
