// SPDX-License-Identifier: Apache-2.0
// Reading everything after an erasure.
#include "drive/medium/whole_medium.hpp"

#include <cerrno>
#include <map>

#include "catch.hpp"

using namespace efface;
using namespace efface::method;

namespace {

constexpr std::uint64_t kSize = (std::uint64_t{3} << 20U) + 77 * 512;

/// What an erasure left, but for what a test puts there.
class Medium final : public device::BlockTarget {
  public:
    [[nodiscard]] std::uint64_t size_bytes() const override { return kSize; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        REQUIRE(offset + into.size() <= kSize);
        if (brings_nothing) {
            return {into.size(), 0};
        }
        for (std::size_t i = 0; i < into.size(); ++i) {
            into[i] = promise.repeated[i % promise.repeated.size()];
        }
        for (const auto& [place, byte] : bytes) {
            if (place >= offset && place < offset + into.size()) {
                into[static_cast<std::size_t>(place - offset)] = byte;
            }
        }
        for (const auto place : bad) {
            if (place >= offset && place < offset + into.size()) {
                return {0, EIO};
            }
        }
        return {into.size(), 0};
    }
    device::IoResult write_at(std::uint64_t /*offset*/, ByteView /*from*/) override {
        FAIL("it only reads");
        return {0, EIO};
    }
    int flush() override { return 0; }
    Promise promise = Promise::zeros();  ///< kept, but for:
    std::map<std::uint64_t, std::uint8_t> bytes;
    std::vector<std::uint64_t> bad;
    bool brings_nothing = false;
};

PlaceReader reader_of(Medium& medium, bool expected) {
    return [&medium, expected](std::uint64_t offset, MutableByteView into) {
        return medium.read_at(offset, into).complete(into.size())
                   ? ReadStatus{true, true, "read"}
                   : ReadStatus{false, expected, "3/11/00"};
    };
}

WholeSeen read(Medium& medium, bool expected) {
    WholeSeen seen(medium.promise);
    CHECK(read_whole(medium, reader_of(medium, expected), {}, seen));
    CHECK(seen.planned_bytes == kSize);
    CHECK(seen.compared_bytes + seen.unreadable_bytes == kSize);
    return seen;
}

}  // namespace

TEST_CASE("every byte is compared, the last one too") {
    Medium medium;
    medium.promise = GENERATE(Promise::zeros(), Promise{{0x5c, 0xa1, 0xa1, 0x5c}});
    CHECK(read(medium, true).mismatches == 0);
    for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{1} << 20U, kSize - 1}) {
        medium.bytes = {{place, 1}};
        const auto seen = read(medium, true);
        CHECK(seen.mismatches == 1);
        REQUIRE(seen.different.size() == 1);
        CHECK(seen.different.front() / 4096 == place / 4096);
        Outcome outcome;
        outcome.verdict = Verdict::sanitized;
        CHECK_FALSE(judge_whole(seen, outcome));
        CHECK(outcome.verdict == Verdict::not_sanitized);
    }
}

TEST_CASE("zeros are not the pattern, and another one is not either") {
    Medium medium;
    for (const auto& left : {Promise::zeros(), Promise{{0xa1, 0x5c, 0x5c, 0xa1}}}) {
        medium.promise = left;
        WholeSeen seen(Promise{{0x5c, 0xa1, 0xa1, 0x5c}});
        CHECK(read_whole(medium, reader_of(medium, true), {}, seen));
        CHECK(seen.mismatches == (kSize + 4095) / 4096);
    }
}

TEST_CASE("a block that cannot be read does not hide its neighbours") {
    Medium medium;
    medium.bad = {8192};
    medium.bytes = {{8191, 1}, {12288, 1}};
    const auto seen = read(medium, false);
    CHECK(seen.mismatches == 2);
    CHECK(seen.unreadable_bytes == 4096);
    CHECK(seen.unexpected_bytes == 4096);
    // Where content is promised no status explains a block that cannot be read.
    CHECK(read(medium, true).unexpected_bytes == 4096);
    medium.bytes.clear();
    Outcome outcome;
    outcome.verdict = Verdict::sanitized;
    CHECK(judge_whole(read(medium, false), outcome));
    CHECK(outcome.exceptions.size() == 1);
}

TEST_CASE("reading ends when too much cannot be read, and when it is stopped") {
    Medium medium;
    for (std::uint64_t place = 0; place < kSize / 8; place += 4096) {
        medium.bad.push_back(place);
    }
    WholeSeen seen(medium.promise);
    const auto status = reader_of(medium, false);
    CHECK_FALSE(read_whole(medium, status, {}, seen));
    medium.bad.clear();
    std::stop_source stop;
    stop.request_stop();
    WholeSeen none(medium.promise);
    CHECK_FALSE(read_whole(medium, status, stop.get_token(), none));
    CHECK(none.compared_bytes == 0);
}

TEST_CASE("reads that say success and bring nothing show no content and no changed canary") {
    Medium medium;
    medium.brings_nothing = true;
    CHECK(read(medium, true).mismatches == (kSize + 4095) / 4096);

    SurfaceMarks marks;
    marks.name = "drive";
    marks.size_bytes = kSize;
    marks.block_bytes = 4096;
    marks.canaries = {0, 8192, std::uint64_t{1} << 20U};
    const auto seen =
        look_for(marks, Bytes(kCanarySeedBytes, 7), Promise{}, reader_of(medium, true));
    CHECK(seen.intact == marks.canaries);
    CHECK(seen.changed == 0);
}
