// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/overwrite.hpp"

#include "catch.hpp"

using efface::stream::normalized;
using efface::stream::Range;
using efface::stream::total_bytes;

TEST_CASE("ranges come out sorted, joined and without empty ones") {
    const std::vector<Range> result =
        normalized({{100, 50}, {0, 10}, {40, 0}, {10, 5}, {120, 100}, {300, 1}});
    CHECK(result == std::vector<Range>{{0, 15}, {100, 120}, {300, 1}});
}

TEST_CASE("a range within another one vanishes") {
    CHECK(normalized({{0, 100}, {20, 30}}) == std::vector<Range>{{0, 100}});
}

TEST_CASE("the same ranges in another order are the same") {
    CHECK(normalized({{8, 8}, {0, 4}}) == normalized({{0, 4}, {8, 8}}));
}

TEST_CASE("total_bytes adds the lengths") {
    CHECK(total_bytes({{0, 15}, {100, 120}}) == 135);
    CHECK(total_bytes({}) == 0);
}
