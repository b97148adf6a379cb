// SPDX-License-Identifier: Apache-2.0
#include "pass/splitter.hpp"

#include <cerrno>

#include "catch.hpp"

using namespace efface::stream;
using efface::device::IoResult;

namespace {

constexpr SplitLimits kLimits{512, 2, 4};
constexpr unsigned kAnswersMax = 10'000;

/// Answers each span with what `device` says; returns the spans that were asked for.
template <typename Device>
std::vector<Span> run(Splitter& splitter, std::uint64_t offset, std::size_t length,
                      const Device& device) {
    std::vector<Span> asked;
    splitter.begin(offset, length);
    while (const std::optional<Span> span = splitter.next()) {
        REQUIRE(asked.size() < kAnswersMax);
        asked.push_back(*span);
        (void)splitter.answer(device(*span));
    }
    return asked;
}

}  // namespace

TEST_CASE("a transfer that succeeds is made once") {
    Splitter splitter(kLimits);
    const auto asked = run(splitter, 1024, 4096, [](const Span& span) -> IoResult {
        return {span.length, 0};
    });
    CHECK(asked.size() == 1);
    CHECK(splitter.bytes_moved() == 4096);
    CHECK(splitter.retries() == 0);
    CHECK(splitter.take_failed().empty());
}

TEST_CASE("a bad block is found by halving, tried three times, and nothing else is lost") {
    Splitter splitter(kLimits);
    const auto asked = run(splitter, 0, 4096, [](const Span& span) -> IoResult {
        const bool touches = span.offset <= 2560 && 2560 < span.offset + span.length;
        return touches ? IoResult{0, EIO} : IoResult{span.length, 0};
    });
    const std::vector<Failed> failed = splitter.take_failed();
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].offset == 2560);
    CHECK(failed[0].length == 512);
    CHECK(failed[0].error == EIO);
    CHECK(splitter.bytes_moved() == 4096 - 512);
    // 4096; 2048 good, 2048 bad; 1024 bad; 512 good, 512 bad three times; 1024 good.
    CHECK(asked.size() == 9);
    CHECK(splitter.retries() == 8);
}

TEST_CASE("a block that works at the third try is no fault") {
    Splitter splitter(kLimits);
    unsigned tries = 0;
    (void)run(splitter, 0, 512, [&](const Span& span) -> IoResult {
        return ++tries < 3 ? IoResult{0, EIO} : IoResult{span.length, 0};
    });
    CHECK(splitter.bytes_moved() == 512);
    CHECK(splitter.take_failed().empty());
    CHECK(splitter.retries() == 2);
}

TEST_CASE("a short transfer goes on behind the whole blocks that were moved") {
    Splitter splitter(kLimits);
    const auto asked = run(splitter, 0, 4096, [&](const Span& span) -> IoResult {
        return {span.length == 4096 ? 1500 : span.length, 0};
    });
    REQUIRE(asked.size() == 2);
    CHECK(asked[1].offset == 1024);
    CHECK(asked[1].length == 3072);
    CHECK(splitter.bytes_moved() == 4096);
}

TEST_CASE("an error over a transfer that was wholly moved makes it fail") {
    Splitter splitter(kLimits);
    (void)run(splitter, 0, 512, [](const Span& span) -> IoResult { return {span.length, ENOSPC}; });
    CHECK(splitter.bytes_moved() == 0);
    const std::vector<Failed> failed = splitter.take_failed();
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].error == ENOSPC);
}

TEST_CASE("after so many failed blocks in a row the rest is left") {
    Splitter splitter(kLimits);
    const std::size_t length = 1U << 20U;
    const auto asked = run(splitter, 0, length, [](const Span&) -> IoResult { return {0, EIO}; });
    const std::vector<Failed> failed = splitter.take_failed();
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].offset == 0);
    CHECK(failed[0].length == length);
    // Eleven halvings, four blocks three times each, and the pieces on the way between them.
    CHECK(asked.size() < 40);
}

TEST_CASE("a good block in between begins the count of failed blocks anew") {
    Splitter splitter(kLimits);
    (void)run(splitter, 0, 16 * 512, [](const Span& span) -> IoResult {
        const bool single = span.length == 512;
        return single && span.offset / 512 % 4 == 3 ? IoResult{512, 0} : IoResult{0, EIO};
    });
    CHECK(splitter.bytes_moved() == 4 * 512);
    CHECK(splitter.take_failed().size() == 4);
}
