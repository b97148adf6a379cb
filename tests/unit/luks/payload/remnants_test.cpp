// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;

namespace {
luks::RemnantReport look(Bytes image, const std::vector<luks::Range>& region = {{0, 1048576}},
                         std::uint64_t scanned = 0) {
    MemoryDisk disk(std::move(image));
    return luks::find_remnants(disk, region, scanned);
}

std::vector<std::uint64_t> offsets(const luks::RemnantReport& report) {
    std::vector<std::uint64_t> all;
    for (const auto& remnant : report.remnants) {
        all.push_back(remnant.offset);
    }
    return all;
}

using Offsets = std::vector<std::uint64_t>;
}  // namespace

TEST_CASE("a target without LUKS has no remnants") {
    const auto report = look(Bytes(8U << 20U, 0x5a));
    CHECK(report.remnants.empty());
    CHECK(report.unreadable.empty());
}

TEST_CASE("a magic is found at each of the ten places") {
    const std::uint64_t place = GENERATE(from_range(luks::kHeaderOffsets));
    const bool secondary = GENERATE(true, false);
    Bytes image(8U << 20U, 0x5a);
    put(image, place, secondary ? "SKUL\xba\xbe" : "LUKS\xba\xbe");
    const auto report = look(image);
    CHECK(offsets(report) == Offsets{place});
    CHECK(report.remnants.front().uuid.empty());
}

TEST_CASE("a header that lost only its magic is a remnant, with its JSON") {
    Bytes image = luks2_image(luks2_document());
    put(image, 0, Bytes(6, 0));
    put(image, 16384, Bytes(16384, 0x5a));
    const auto report = look(image);
    REQUIRE(report.remnants.size() == 2);
    CHECK(report.remnants[0].offset == 0);
    CHECK(report.remnants[0].words == "LUKS header without its magic at 0");
    CHECK(report.remnants[1].offset > 4096);
}

TEST_CASE("JSON that outlived its binary header is a remnant") {
    Bytes image = luks2_image(luks2_document());
    put(image, 0, Bytes(4096, 0));
    put(image, 16384, Bytes(4096, 0));
    CHECK(look(image).remnants.size() == 2);
}

TEST_CASE("the edges of the former region are looked at") {
    Bytes image(8U << 20U, 0x5a);
    put(image, 5000192, "LUKS\xba\xbe");
    CHECK(look(image, {{0, 5000192}}).remnants.size() == 1);
    CHECK(look(image, {{5000192, 4096}}).remnants.size() == 1);
    CHECK(look(image, {{0, 4096}}).remnants.empty());
}

TEST_CASE("a place that cannot be read is counted") {
    MemoryDisk disk(Bytes(8U << 20U, 0x5a));
    disk.set_hook([](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset == 0x8000) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    const auto report = luks::find_remnants(disk, {{0, 1048576}});
    CHECK(report.unreadable == Offsets{0x8000});
    CHECK(report.remnants.empty());
}

TEST_CASE("looking for remnants of a short target is no failure") {
    const auto size = GENERATE(0U, 1U, 512U, 5000U, 16385U);
    const auto report = look(Bytes(size, 0x5a), {{0, size}});
    CHECK(report.remnants.empty());
    CHECK(report.unreadable.empty());
}

TEST_CASE("a remnant says whose it is when its header is whole, and only then") {
    Bytes image = luks2_image(luks2_document());
    SECTION("whole") {
        for (const auto& remnant : look(image).remnants) {
            CHECK(remnant.uuid == kUuid);
        }
    }
    SECTION("a flipped bit of the UUID is another UUID: nobody's") {
        image[170] ^= 1;
        image[16384 + 170] ^= 1;
        for (const auto& remnant : look(image).remnants) {
            CHECK(remnant.uuid.empty());
        }
    }
    SECTION("a LUKS1 header") {
        for (const auto& remnant : look(luks1_image()).remnants) {
            CHECK(remnant.uuid == kUuid);
        }
    }
}

TEST_CASE("what is left of the JSON counts, from its first sectors to its last") {
    const std::string text = luks2_document().dump();
    const std::size_t zeroed = GENERATE(0U, 128U, 256U);
    REQUIRE(text.size() > 600);
    Bytes image = luks2_image(luks2_document());
    for (const std::size_t copy : {0U, 16384U}) {
        put(image, copy, Bytes(4096 + zeroed, 0));
    }
    CHECK(look(image).remnants.size() == 2);
    CHECK(look(image, {}, image.size()).remnants.size() == 2);
}

TEST_CASE("the slot table of LUKS1 is left where its header's beginning is gone") {
    Bytes image = luks1_image();
    put(image, 0, Bytes(208, 0));
    CHECK(offsets(look(image)) == Offsets{0});
    put(image, 208, Bytes(48 * 8, 0));
    CHECK(look(image).remnants.empty());
}

TEST_CASE("a scan finds a header at any sector, and JSON behind the places of headers") {
    Bytes image(12U << 20U, 0x5a);
    const Bytes header = luks2_header(luks2_document().dump(), false);
    SECTION("a copy") {
        put(image, 9000 * 512, header);
        CHECK(look(image, {}, image.size()).remnants.front().uuid == kUuid);
        CHECK(look(image, {}, 9000 * 512).remnants.empty());
        CHECK(look(image).remnants.empty());
    }
    SECTION("its JSON alone") {
        put(image, 20000 * 512, ByteView(header).subspan(4096));
        CHECK(offsets(look(image, {}, image.size())) == Offsets{20000 * 512});
    }
    SECTION("a mark across two pieces") {
        put(image, 65536 - 5, "\"kdf\":{");
        CHECK(offsets(look(image, {}, image.size())) == Offsets{65536 - 5});
    }
    SECTION("text about keyslots in a file") {
        put(image, 10U << 20U, "the \"keyslots\" of the manual");
        CHECK(look(image, {}, image.size()).remnants.empty());
    }
}

TEST_CASE("where the payload begins the ten places are looked at once more") {
    const std::uint64_t place = GENERATE(from_range(luks::kHeaderOffsets));
    Bytes image(12U << 20U, 0x5a);
    put(image, 1048576 + place, "SKUL\xba\xbe");
    CHECK(offsets(look(image)) == Offsets{1048576 + place});
}

TEST_CASE(
    "a table of LUKS1 slots is one without magic, cipher and states, which anybody can guess") {
    Bytes image(1U << 20U, 0x5a);
    const auto number = [&](std::size_t at, std::uint32_t value) {
        for (std::size_t i = 0; i < 4; ++i) {
            image[at + i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
        }
    };
    std::fill_n(image.begin(), 104, std::uint8_t{0});
    for (std::size_t slot = 0; slot < 8; ++slot) {
        const std::size_t at = 208 + 48 * slot;
        number(at, 0);
        number(at + 40, static_cast<std::uint32_t>(8 + 504 * slot));
        number(at + 44, 4000);
    }
    CHECK(offsets(look(image)) == Offsets{0});
    for (std::size_t slot = 1; slot < 8; ++slot) {
        number(208 + 48 * slot + 44, 0);  // one slot alone could be anything
    }
    CHECK(look(image).remnants.empty());
}

TEST_CASE("what is left is counted beyond what is listed") {
    Bytes image(1U << 20U, 0x5a);
    for (std::size_t i = 0; i < luks::kRemnantsMax + 7; ++i) {
        put(image, i * 4096, "LUKS\xba\xbe");
    }
    const auto report = look(image, {}, image.size());
    CHECK(report.remnants.size() == luks::kRemnantsMax);
    CHECK(report.further == 7);
}
