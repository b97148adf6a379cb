// SPDX-License-Identifier: Apache-2.0
// LUKS1 headers as the specification has them, and what becomes of them.
#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;
using luks::SlotState;

namespace {
constexpr std::size_t slot_at(std::size_t slot) {
    return 208 + 48 * slot;
}
constexpr std::uint64_t kAreasEnd = 4096 + 7 * 258048 + 256000;
}  // namespace

TEST_CASE("a good LUKS1 header is read in full and is intact") {
    const auto header = read(luks1_image());
    CHECK(header.intact);
    CHECK(header.version == 1);
    CHECK(header.uuid == kUuid);
    REQUIRE(header.copies.size() == 1);
    CHECK(header.copies[0].header_bytes == 1024);
    CHECK(header.key_bytes == 64);
    CHECK(header.data_offset == 2097152);
    CHECK(header.metadata_end == kAreasEnd);
    REQUIRE(header.segments.size() == 1);
    CHECK(header.segments[0].encryption == "aes-xts-plain64");
    CHECK(header.segments[0].type == "crypt");
    CHECK(header.gap.length == 0);
}

TEST_CASE("all eight LUKS1 slots are read, enabled or not") {
    const auto header = read(luks1_image());
    REQUIRE(header.keyslots.size() == 8);
    CHECK(header.keyslots[0].state == SlotState::active);
    CHECK(header.keyslots[1].state == SlotState::inactive);
    CHECK(header.keyslots[3].state == SlotState::active);
    CHECK(header.keyslots[0].area == luks::Range{4096, 256000});
    CHECK(header.keyslots[7].area == luks::Range{4096 + 7 * 258048, 256000});
    REQUIRE(header.digests.size() == 1);
    CHECK(header.digests[0].keyslots == std::vector<int>{0, 3});
    // python3: sha256(b"\x31" * 20 + b"\x32" * 32)
    CHECK(header.digests[0].sha256 ==
          "bbc26818baaedbd6ff1e75ddff1bf6ed1fa9ecde4145af482677302b9aa17396");
}

TEST_CASE("bytes in the LUKS1 gap are reported with their exact range") {
    Bytes image = luks1_image();
    image[kAreasEnd + 5000] = 1;
    image[2097152 - 1] = 1;
    const auto header = read(image);
    CHECK(header.gap == luks::Range{kAreasEnd + 5000, 2097152 - kAreasEnd - 5000});
    CHECK_FALSE(header.gap_has_luksmeta);
}

TEST_CASE("luksmeta is recognised at the first page behind the last slot") {
    Bytes image = luks1_image();
    const std::uint64_t table = 2068480;  // kAreasEnd is 2066432; the next multiple of 4096
    put(image, table, "LUKSMETA");
    image[table + 11] = 1;  // its version
    const auto header = read(image);
    CHECK(header.gap_has_luksmeta);
    CHECK(header.gap == luks::Range{table, 12});
    CHECK(header.intact);
}

TEST_CASE("a LUKS1 slot with a hostile area is reported and makes the header not intact") {
    Bytes image = luks1_image();
    SECTION("as many stripes as there can be") {
        put_u32(image, slot_at(1) + 44, 0xffffffff);
    }
    SECTION("no stripes") {
        put_u32(image, slot_at(1) + 44, 0);
    }
    SECTION("an area over the header") {
        put_u32(image, slot_at(1) + 40, 1);
    }
    const auto header = read(image);
    CHECK_FALSE(header.intact);
    CHECK(header.keyslots[1].area.length == 0);
    CHECK(mentions(header.copies[0].defects, "key slot 1 names an impossible area"));
    CHECK(header.copies[0].areas.size() == 7);
}

TEST_CASE("a LUKS1 slot beyond the target keeps its area and is a defect") {
    Bytes image = luks1_image();
    put_u32(image, slot_at(7) + 40, 0xffffffff);
    const auto header = read(image);
    CHECK(header.keyslots[7].area == luks::Range{0xffffffffULL * 512, 256000});
    CHECK(mentions(header.copies[0].defects, "beyond the target"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("overlapping LUKS1 areas are a defect") {
    Bytes image = luks1_image();
    put_u32(image, slot_at(2) + 40, 8 + 100);
    CHECK(mentions(read(image).copies[0].defects, "the areas of keyslots 0 and 2 overlap"));
}

TEST_CASE("a LUKS1 payload within the key areas is a defect") {
    Bytes image = luks1_image();
    put_u32(image, 104, 2048);
    const auto header = read(image);
    CHECK(header.data_offset == 1048576);
    CHECK(mentions(header.copies[0].defects, "within the key areas"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("an impossible LUKS1 key size is a defect") {
    Bytes image = luks1_image();
    const auto size = GENERATE(0U, 513U, 0xffffffffU);
    put_u32(image, 108, size);
    const auto header = read(image);
    CHECK(mentions(header.copies[0].defects, "is impossible"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a LUKS1 slot that is neither enabled nor disabled is unknown") {
    Bytes image = luks1_image();
    put_u32(image, slot_at(4), 0xCAFE);
    const auto header = read(image);
    CHECK(header.keyslots[4].state == SlotState::unknown);
    CHECK(header.keyslots[4].area.length == 256000);
    CHECK_FALSE(header.intact);
}

TEST_CASE("a detached LUKS1 header has data offset 0") {
    Bytes image = luks1_image(2097152);
    put_u32(image, 104, 0);
    const auto header = read(image);
    CHECK(header.data_offset == 0);
    CHECK(header.intact);
}

TEST_CASE("a header marked by the old cryptsetup-reencrypt is found") {
    Bytes image = luks1_image();
    put(image, 4, "\xde\xad");
    const auto header = read(image);
    CHECK(header.version == 1);
    CHECK(header.uuid == kUuid);
    CHECK(mentions(header.copies[0].defects, "unfinished cryptsetup-reencrypt"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a LUKS2 second header under a LUKS1 header is a copy and a doubt") {
    Bytes image = luks1_image();
    put(image, 16384, luks2_header(luks2_document().dump(), true));
    const auto header = read(image);
    CHECK(header.version == 1);
    REQUIRE(header.copies.size() == 2);
    CHECK(header.copies[1].version == 2);
    CHECK_FALSE(header.intact);
    CHECK(mentions(header.defects, "a LUKS header at 16384 belongs to no present layout"));
}
