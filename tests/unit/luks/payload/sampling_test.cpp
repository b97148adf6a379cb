// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <set>

#include "efface/base/error.hpp"
#include "efface/luks/payload_sample.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"
#include "random_bytes.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;

namespace {
const Bytes kSeed = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::uint64_t kPiece = 65536;

/// Reads as ciphertext of 2^40 bytes that are nowhere; remembers where it was read.
class EndlessTarget final : public device::BlockTarget {
  public:
    std::uint64_t size_bytes() const override { return std::uint64_t{1} << 40U; }
    std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        places.push_back(offset);
        const Bytes bytes = stream_.next(into.size());
        std::copy(bytes.begin(), bytes.end(), into.begin());
        return {into.size(), 0};
    }
    device::IoResult write_at(std::uint64_t, ByteView) override { return {0, EROFS}; }
    int flush() override { return EROFS; }
    std::vector<std::uint64_t> places;

  private:
    Ciphertext stream_{0x45};
};
}  // namespace

TEST_CASE("the number of samples follows from confidence and fraction") {
    // ceil(ln(1 - c) / ln(1 - p)), by python3
    CHECK(luks::samples_needed(950, 10) == 299);
    CHECK(luks::samples_needed(990, 10) == 459);
    CHECK(luks::samples_needed(950, 1) == 2995);
    CHECK(luks::samples_needed(990, 1) == 4603);
    CHECK(luks::samples_needed(1, 999) == 1);
}

TEST_CASE("a confidence or fraction that is none is a usage error") {
    const auto [confidence, fraction] =
        GENERATE(table<unsigned, unsigned>({{0, 10}, {1000, 10}, {950, 0}, {950, 1000}}));
    try {
        (void)luks::samples_needed(confidence, fraction);
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
    }
}

TEST_CASE("a large payload is sampled at its ends and at as many distinct places as needed") {
    EndlessTarget target;
    const stream::Range payload{16777216, (std::uint64_t{1} << 40U) - 16777216};
    const auto report = luks::sample_payload(target, payload, {}, kSeed);
    CHECK(report.pieces_total == 16776960);
    CHECK(report.pieces_sampled == 299 + 2);
    CHECK(report.ciphertext_like == 301);
    CHECK(report.seed_hex == "000102030405060708090a0b0c0d0e0f");
    const std::set<std::uint64_t> distinct(target.places.begin(), target.places.end());
    CHECK(distinct.size() == 301);
    CHECK(*distinct.begin() == 16777216);
    CHECK(*distinct.rbegin() == (std::uint64_t{1} << 40U) - kPiece);
}

TEST_CASE("the places follow from the seed alone") {
    EndlessTarget first;
    EndlessTarget second;
    EndlessTarget third;
    const stream::Range payload{0, std::uint64_t{1} << 40U};
    Bytes other = kSeed;
    other[15] ^= 1;
    (void)luks::sample_payload(first, payload, {}, kSeed);
    (void)luks::sample_payload(second, payload, {}, kSeed);
    (void)luks::sample_payload(third, payload, {}, other);
    CHECK(first.places == second.places);
    CHECK(first.places != third.places);
}

TEST_CASE("the places are those that an independent program computes") {
    // tests/unit/luks/places.py, from the description in payload_sample.hpp
    EndlessTarget target;
    (void)luks::sample_payload(target, {0, 1000 * kPiece}, {500, 100}, kSeed);
    std::vector<std::uint64_t> pieces;
    for (const std::uint64_t place : target.places) {
        pieces.push_back(place / kPiece);
    }
    CHECK(pieces == std::vector<std::uint64_t>{0, 69, 283, 607, 713, 785, 867, 930, 999});
}

TEST_CASE("a payload of fewer pieces than needed is read in full") {
    Bytes image = Ciphertext(0x46).next(20 * kPiece);
    image.resize(21 * kPiece);
    MemoryDisk disk(std::move(image));
    put(disk.media(), 3 * kPiece, "PK\x03\x04");
    const auto report = luks::sample_payload(disk, {0, 21 * kPiece}, {}, kSeed);
    CHECK(report.pieces_total == 21);
    CHECK(report.pieces_sampled == 21);
    CHECK(report.ciphertext_like == 19);
    CHECK(report.zero == 1);
    REQUIRE(report.structured == 1);
    CHECK(report.structured_places.at(0).offset == 3 * kPiece);
    CHECK(report.structured_places.at(0).reason == "magic ZIP at 0");
}

TEST_CASE("a piece that cannot be read is counted and the rest is sampled") {
    MemoryDisk disk(Ciphertext(0x47).next(10 * kPiece));
    disk.set_hook([](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset == 4 * kPiece) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    const auto report = luks::sample_payload(disk, {0, 10 * kPiece}, {}, kSeed);
    CHECK(report.unreadable == 1);
    CHECK(report.ciphertext_like == 9);
}

TEST_CASE("a last piece too short to judge is taken with bytes before it") {
    MemoryDisk disk(Ciphertext(0x48).next(kPiece + 512));
    std::uint64_t last_offset = 0;
    std::uint64_t last_length = 0;
    disk.set_hook([&](const fake::Operation& operation) {
        last_offset = operation.offset;
        last_length = operation.length;
        return fake::Fault{};
    });
    const auto report = luks::sample_payload(disk, {0, kPiece + 512}, {}, kSeed);
    CHECK(report.pieces_total == 2);
    CHECK(report.ciphertext_like == 2);
    CHECK(last_offset == kPiece + 512 - 4096);
    CHECK(last_length == 4096);
}

TEST_CASE("an empty, tiny or outlying payload has no pieces") {
    MemoryDisk disk(Bytes(kPiece, 0x5a));
    const stream::Range payload =
        GENERATE(stream::Range{0, 0}, stream::Range{0, 4095}, stream::Range{kPiece, kPiece},
                 stream::Range{std::uint64_t{1} << 50U, 1U << 20U});
    const auto report = luks::sample_payload(disk, payload, {}, kSeed);
    CHECK(report.pieces_total == 0);
    CHECK(report.pieces_sampled == 0);
}

TEST_CASE("a payload that claims to be longer than the target is clipped to it") {
    MemoryDisk disk(Ciphertext(0x49).next(4 * kPiece));
    const auto report = luks::sample_payload(disk, {kPiece, ~std::uint64_t{0} - kPiece}, {}, kSeed);
    CHECK(report.pieces_total == 3);
    CHECK(report.unreadable == 0);
}

TEST_CASE("the record of a sampling quotes only the first structured places") {
    MemoryDisk disk(Bytes(100 * kPiece, 0x41));
    const auto report = luks::sample_payload(disk, {0, 100 * kPiece}, {}, kSeed);
    CHECK(report.structured == 100);
    const Json record = luks::to_json(report);
    CHECK(record["structured"] == 100);
    CHECK(record["structuredPlaces"].size() == 64);
    CHECK(record["structuredPlaces"][1]["offset"] == 65536);
    CHECK(record["seed"] == "000102030405060708090a0b0c0d0e0f");
    CHECK_FALSE(canonical_json(record).empty());
}
