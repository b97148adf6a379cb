// SPDX-License-Identifier: Apache-2.0
#include "efface/method/outcome.hpp"

#include "catch.hpp"

using namespace efface::method;

TEST_CASE("outcome: an outcome that nobody raised is not sanitized", "[method]") {
    CHECK(Outcome().verdict == Verdict::not_sanitized);
}

TEST_CASE("outcome: of several verdicts the worst counts", "[method]") {
    CHECK(worst(Verdict::sanitized, Verdict::sanitized) == Verdict::sanitized);
    CHECK(worst(Verdict::sanitized, Verdict::sanitized_with_exceptions) ==
          Verdict::sanitized_with_exceptions);
    CHECK(worst(Verdict::indeterminate, Verdict::sanitized_with_exceptions) ==
          Verdict::indeterminate);
    CHECK(worst(Verdict::indeterminate, Verdict::not_sanitized) == Verdict::not_sanitized);
}

TEST_CASE("outcome: of several levels the lowest counts", "[method]") {
    CHECK(lowest(Level::purge, Level::clear) == Level::clear);
    CHECK(lowest(Level::none, Level::purge) == Level::none);
}

TEST_CASE("outcome: the words are those of the certificate, both ways", "[method]") {
    CHECK(verdict_from_string("sanitized-with-exceptions") == Verdict::sanitized_with_exceptions);
    CHECK(verdict_from_string("not-sanitized") == Verdict::not_sanitized);
    CHECK(std::string(to_string(Verdict::indeterminate)) == "indeterminate");
    CHECK(level_from_string("purge") == Level::purge);
    CHECK_FALSE(verdict_from_string("Sanitized"));
    CHECK_FALSE(level_from_string("destroy"));
}
