// SPDX-License-Identifier: Apache-2.0
#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;
using luks::Range;

namespace {
constexpr std::uint64_t kTarget = std::uint64_t{1} << 30U;
constexpr std::uint64_t k136MiB = 142606336;

luks::MetadataRegion region_of(Bytes image, std::uint64_t target_bytes = kTarget) {
    MemoryDisk disk(std::move(image));
    return luks::metadata_region(luks::inspect(disk), target_bytes, false);
}
}  // namespace

TEST_CASE("an intact header asks for all before its data") {
    const auto region = region_of(luks2_image(luks2_document()));
    CHECK(region.ranges == std::vector<Range>{{0, 1048576}});
    CHECK_FALSE(region.widened);
    CHECK(region.reasons.empty());
}

TEST_CASE("an intact LUKS1 header asks for all before its payload, the gap included") {
    const auto region = region_of(luks1_image());
    CHECK(region.ranges == std::vector<Range>{{0, 2097152}});
    CHECK_FALSE(region.widened);
}

TEST_CASE("all in front of the payload is key space, however far that is") {
    Json document = luks2_document();
    document["segments"]["0"]["offset"] = std::to_string(std::uint64_t{512} << 20U);
    Bytes image = luks2_image(document);
    SECTION("an intact header") {
        const auto region = region_of(image);
        CHECK(region.ranges == std::vector<Range>{{0, std::uint64_t{512} << 20U}});
        CHECK_FALSE(region.widened);
    }
    SECTION("one copy is damaged, the other says where") {
        image[300] ^= 1;
        const auto region = region_of(image);
        CHECK(region.ranges == std::vector<Range>{{0, std::uint64_t{512} << 20U}});
        CHECK(region.widened);
        CHECK(region.unbounded.length == 0);
    }
}

TEST_CASE("where no whole copy says where the payload begins, all of a small target goes") {
    Bytes image = luks2_image(luks2_document());
    image[300] ^= 1;
    image[16384 + 300] ^= 1;
    CHECK(region_of(image, std::uint64_t{512} << 20U).ranges ==
          std::vector<Range>{{0, std::uint64_t{512} << 20U}});
    const auto region = region_of(image);
    CHECK(region.ranges == std::vector<Range>{{0, k136MiB}});
    CHECK(region.unbounded == Range{k136MiB, kTarget - k136MiB});
}

TEST_CASE("a plan holds what would be found afterwards") {
    constexpr std::uint64_t kBytes = 8U << 20U;
    Bytes image = luks2_image(luks2_document().dump(), kBytes);
    const auto plan = [&] {
        MemoryDisk disk(image);
        return luks::plan_region(disk, luks::inspect(disk), false);
    };
    SECTION("nothing more") {
        CHECK(plan().ranges == std::vector<Range>{{0, 1048576}});
        CHECK_FALSE(plan().widened);
    }
    SECTION("a volume in the volume") {
        put(image, 1048576, luks2_image(luks2_document().dump()));
        CHECK(plan().ranges == std::vector<Range>{{0, kBytes}});
        CHECK(plan().widened);
        CHECK(plan().beyond.empty());
    }
    SECTION("the second header of one") {
        put(image, 1048576 + 0x8000, luks2_header(luks2_document().dump(), true));
        const auto region = plan();
        CHECK(region.ranges ==
              std::vector<Range>{{0, 1048576}, {1048576 + 0x8000, kBytes - 1048576 - 0x8000}});
        CHECK_FALSE(region.reasons.empty());
    }
    SECTION("of a header file all is in it already") {
        put(image, 1048576, luks2_image(luks2_document().dump()));
        MemoryDisk disk(image);
        CHECK(luks::plan_region(disk, luks::inspect(disk), true).reasons.empty());
    }
}

TEST_CASE("a place at the payload that cannot be read is overwritten, too") {
    MemoryDisk disk(luks2_image(luks2_document().dump(), 8U << 20U));
    disk.set_hook([](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset == 1048576 + 0x4000) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = 5;
        }
        return fault;
    });
    const auto region = luks::plan_region(disk, luks::inspect(disk), false);
    CHECK(region.ranges == std::vector<Range>{{0, 1048576}, {1048576 + 0x4000, 8192}});
    CHECK(region.widened);
}

TEST_CASE("LUKS1 has no checksum: copies of headers behind its payload offset are looked for") {
    Bytes image = luks1_image(8U << 20U);
    put(image, 5U << 20U, ByteView(luks1_image()).first(4096));
    MemoryDisk disk(image);
    const auto region = luks::plan_region(disk, luks::inspect(disk), false);
    CHECK(region.ranges == std::vector<Range>{{0, 2097152}, {5U << 20U, 3U << 20U}});
}

TEST_CASE("a detached header or a backup file is overwritten as a whole") {
    MemoryDisk disk(luks2_image(luks2_document()));
    const auto region = luks::metadata_region(luks::inspect(disk), 16777216, true);
    CHECK(region.ranges == std::vector<Range>{{0, 16777216}});
}

TEST_CASE("every doubt widens the region to all that metadata can fill") {
    Json document = luks2_document();
    Bytes image = luks2_image(document);
    std::string part;
    SECTION("a damaged copy") {
        image[300] ^= 1;
        part = "header at 0: the checksum is wrong";
    }
    SECTION("a missing first header") {
        put(image, 0, Bytes(4096, 0));
        part = "there are zeros where the first header should be";
    }
    SECTION("a missing second header") {
        put(image, 16384, Bytes(4096, 0));
        part = "the second header is missing";
    }
    SECTION("a stale magic") {
        put(image, 0x10000, "SKUL\xba\xbe");
        part = "a LUKS header at 65536 belongs to no present layout";
    }
    SECTION("a foreign requirement") {
        document["config"]["requirements"] = {{"mandatory", {"future-thing"}}};
        image = luks2_image(document);
        part = "requirement \"future-thing\"";
    }
    SECTION("a reencryption that is not finished") {
        document["config"]["requirements"] = {{"mandatory", {"online-reencrypt-v2"}}};
        image = luks2_image(document);
        part = "requirement \"online-reencrypt-v2\"";
    }
    SECTION("a data offset within the metadata") {
        document["segments"]["0"]["offset"] = "524288";
        image = luks2_image(document);
        part = "beyond the data offset 524288";
    }
    SECTION("no data offset") {
        document["segments"]["0"]["offset"] = "0";
        image = luks2_image(document);
        part = "names no data offset";
    }
    SECTION("no header at all") {
        image = Bytes(1U << 20U, 0);
        part = "no LUKS header was found";
    }
    const auto region = region_of(image);
    CHECK(region.widened);
    CHECK(region.ranges == std::vector<Range>{{0, k136MiB}});
    CHECK(mentions(region.reasons, part));
}

TEST_CASE("an OPAL requirement alone is no doubt about the geometry") {
    Json document = luks2_document();
    document["config"]["requirements"] = {{"mandatory", {"opal"}}};
    CHECK_FALSE(region_of(luks2_image(document)).widened);
}

TEST_CASE("an area beyond what metadata can fill is part of the region") {
    Json document = luks2_document();
    document["keyslots"]["0"]["area"]["offset"] = "536870912";
    const auto region = region_of(luks2_image(document));
    CHECK(region.widened);
    CHECK(region.ranges == std::vector<Range>{{0, k136MiB}, {536870912, 258048}});
}

TEST_CASE("an area that only the older copy names is part of the region") {
    Json newer = luks2_document();
    newer["keyslots"] = Json::object();
    newer["digests"]["0"]["keyslots"] = Json::array();
    Json older = luks2_document();
    older["keyslots"]["0"]["area"]["offset"] = "536870912";
    Luks2Options options;
    options.sequence_id = 9;
    Bytes image = luks2_image(older);
    put(image, 16384, luks2_header(newer.dump(), true, options));
    const auto region = region_of(image);
    REQUIRE(region.ranges.size() == 2);
    CHECK(region.ranges[1] == Range{536870912, 258048});
}

TEST_CASE("the region never reaches beyond the target") {
    SECTION("an intact header on a target that ends before its data") {
        const auto region = region_of(luks2_image(luks2_document()), 600000);
        CHECK(region.ranges == std::vector<Range>{{0, 600000}});
        CHECK(region.widened);
    }
    SECTION("an area that lies across the end or behind it") {
        Json document = luks2_document();
        document["keyslots"]["0"]["area"]["offset"] = "536870912";
        document["keyslots"]["1"] = document["keyslots"]["0"];
        document["keyslots"]["1"]["area"]["offset"] = "18446744073709293567";
        const auto region = region_of(luks2_image(document), 536870912 + 4096);
        CHECK(region.ranges == std::vector<Range>{{0, k136MiB}, {536870912, 4096}});
    }
    SECTION("an empty target") {
        CHECK(luks::metadata_region({}, 0, true).ranges.empty());
        CHECK(luks::metadata_region({}, 0, false).ranges.empty());
    }
}
