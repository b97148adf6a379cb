// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;

namespace {
luks::RemnantReport look(Bytes image, const std::vector<luks::Range>& region = {{0, 1048576}}) {
    MemoryDisk disk(std::move(image));
    return luks::find_remnants(disk, region);
}
}  // namespace

TEST_CASE("a target without LUKS has no remnants") {
    const auto report = look(Bytes(8U << 20U, 0x5a));
    CHECK(report.remnants.empty());
    CHECK(report.unreadable == 0);
}

TEST_CASE("a magic is found at each of the ten places") {
    const std::uint64_t place = GENERATE(from_range(luks::kHeaderOffsets));
    const bool secondary = GENERATE(true, false);
    Bytes image(8U << 20U, 0x5a);
    put(image, place, secondary ? "SKUL\xba\xbe" : "LUKS\xba\xbe");
    const auto report = look(image);
    REQUIRE(report.remnants.size() == 1);
    CHECK(mentions(report.remnants, "at " + std::to_string(place)));
}

TEST_CASE("a header that lost only its magic is a remnant, with its JSON") {
    Bytes image = luks2_image(luks2_document());
    put(image, 0, Bytes(6, 0));
    put(image, 16384, Bytes(16384, 0x5a));
    const auto report = look(image);
    CHECK(mentions(report.remnants, "LUKS header without its magic at 0"));
    CHECK(mentions(report.remnants, "LUKS2 JSON at "));
    CHECK(report.remnants.size() == 2);
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

TEST_CASE("a place that can not be read is counted") {
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
    CHECK(report.unreadable == 1);
    CHECK(report.remnants.empty());
}

TEST_CASE("looking for remnants of a short target is no failure") {
    const auto size = GENERATE(0U, 1U, 512U, 5000U, 16385U);
    const auto report = look(Bytes(size, 0x5a), {{0, size}});
    CHECK(report.remnants.empty());
    CHECK(report.unreadable == 0);
}
