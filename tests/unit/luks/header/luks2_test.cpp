// SPDX-License-Identifier: Apache-2.0
// LUKS2 headers as the specification has them, and what becomes of them.
#include <cerrno>

#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;
using luks::SlotState;

TEST_CASE("a good LUKS2 header is read in full and is intact") {
    Luks2Options options;
    options.label = "pg data";
    options.subsystem = "db";
    const auto header = read(luks2_image(luks2_document().dump(), 2U << 20U, options));
    CHECK(header.intact);
    CHECK(header.defects.empty());
    CHECK(header.version == 2);
    CHECK(header.uuid == kUuid);
    REQUIRE(header.copies.size() == 2);
    CHECK(header.copies[0].offset == 0);
    CHECK_FALSE(header.copies[0].secondary);
    CHECK(header.copies[0].label == "pg data");
    CHECK(header.copies[0].subsystem == "db");
    CHECK(header.copies[0].sequence_id == 3);
    CHECK(header.copies[1].offset == 16384);
    CHECK(header.copies[1].secondary);
    CHECK(header.copies[1].header_bytes == 16384);
    CHECK(header.copies[1].checksum_valid);
    CHECK(header.copies[1].json_valid);
    CHECK(header.copies[1].areas == std::vector<luks::Range>{{32768, 258048}});
    CHECK(header.key_bytes == 64);
    CHECK(header.data_offset == 1048576);
    CHECK(header.metadata_end == 1048576);
}

TEST_CASE("a header copy counts where it says that it is, and a piece of one elsewhere does not") {
    struct Row {
        std::uint64_t copied_to;  ///< the second header, in a target of zeros; 0: the whole image
        std::size_t copies;
    };
    const auto row =
        GENERATE(Row{0, 2}, Row{0x4000, 1}, Row{0x8000, 0}, Row{0x400000, 0}, Row{0x5000, 0});
    const Bytes image = luks2_image(luks2_document());
    Bytes target = image;
    if (row.copied_to != 0) {
        target.assign(8U << 20U, 0);
        put(target, row.copied_to, ByteView(image).subspan(0x4000, 0x4000));
    }
    MemoryDisk disk(target);
    const auto found = luks::find_header_copies(disk);
    CHECK(found.copies.size() == row.copies);
    CHECK(found.unreadable_places == 0);
    for (const auto& copy : found.copies) {
        CHECK(copy.uuid == kUuid);
    }
    disk.set_hook([](const fake::Operation& /*operation*/) {
        return fake::Fault{fake::Fault::Kind::fail, EIO, 0};
    });
    CHECK(luks::find_header_copies(disk).unreadable_places > 0);
}

TEST_CASE("keyslot, segment and digest of a LUKS2 header are read") {
    const auto header = read(luks2_image(luks2_document()));
    REQUIRE(header.keyslots.size() == 1);
    CHECK(header.keyslots[0].type == "luks2");
    CHECK(header.keyslots[0].state == SlotState::active);
    CHECK(header.keyslots[0].area == luks::Range{32768, 258048});
    CHECK(header.keyslots[0].key_bytes == 64);
    CHECK(header.keyslots[0].encryption == "aes-xts-plain64");
    CHECK(header.keyslots[0].kdf == "pbkdf2");
    REQUIRE(header.segments.size() == 1);
    CHECK(header.segments[0].type == "crypt");
    CHECK(header.segments[0].offset == 1048576);
    CHECK_FALSE(header.segments[0].size);
    CHECK(header.segments[0].sector_bytes == 4096);
    REQUIRE(header.digests.size() == 1);
    CHECK(header.digests[0].keyslots == std::vector<int>{0});
    CHECK(header.digests[0].segments == std::vector<int>{0});
    // python3: sha256(b64decode(digest) + b64decode(salt))
    CHECK(header.digests[0].sha256 ==
          "9e69eda29c0e606c7ee1d0131b046a2025b9509fe43d5c2318ee5e082e6891ea");
}

TEST_CASE("each of the nine header sizes is found and read") {
    const auto kib = GENERATE(16U, 32U, 64U, 128U, 256U, 512U, 1024U, 2048U, 4096U);
    const std::uint64_t header_bytes = std::uint64_t{kib} * 1024;
    Luks2Options options;
    options.header_bytes = header_bytes;
    Json document = luks2_document();
    document["config"]["json_size"] = std::to_string(header_bytes - 4096);
    document["config"]["keyslots_size"] = "262144";
    document["keyslots"]["0"]["area"]["offset"] = std::to_string(2 * header_bytes);
    document["segments"]["0"]["offset"] = std::to_string(10U << 20U);
    Bytes image = luks2_image(document.dump(), 11U << 20U, options);

    SECTION("with both headers") {
        const auto header = read(image);
        CHECK(header.intact);
        CHECK(header.metadata_end == 2 * header_bytes + 262144);
    }
    SECTION("with the second one only, the first being zeros") {
        put(image, 0, Bytes(4096, 0));
        const auto header = read(image);
        CHECK_FALSE(header.intact);
        REQUIRE(header.copies.size() == 1);
        CHECK(header.copies[0].offset == header_bytes);
        CHECK(header.copies[0].checksum_valid);
        CHECK(header.uuid == kUuid);
        CHECK(header.keyslots.size() == 1);
        CHECK(mentions(header.defects, "there are zeros where the first header should be"));
    }
    SECTION("with the second one only, under a foreign signature") {
        put(image, 0, Bytes(4096, 0x5a));
        put(image, 512, "LABELONE");
        const auto header = read(image);
        CHECK_FALSE(header.intact);
        CHECK(header.uuid == kUuid);
        CHECK(mentions(header.defects, "there is other data where the first header should be"));
    }
}

TEST_CASE("a good header costs two headers of reading and ten short looks") {
    MemoryDisk disk(luks2_image(luks2_document()));
    std::uint64_t bytes = 0;
    disk.set_hook([&](const fake::Operation& operation) {
        bytes += operation.length;
        return fake::Fault{};
    });
    REQUIRE(luks::inspect(disk).intact);
    CHECK(bytes <= 2 * (16384 + 4096) + 10 * 512);
}

TEST_CASE("a target without LUKS is reported as that, without defects") {
    const auto header = read(Bytes(1U << 20U, 0x41));
    CHECK_FALSE(header.found());
    CHECK(header.defects.empty());
    CHECK_FALSE(header.intact);
}

TEST_CASE("a target shorter than a header is no failure") {
    const auto size = GENERATE(0U, 1U, 6U, 511U, 513U, 1024U, 4095U, 4097U, 16385U, 20000U);
    Bytes image = luks2_image(luks2_document());
    image.resize(size);
    const auto header = read(image);
    CHECK_FALSE(header.intact);
    CHECK(header.found() == (size >= 6));
}

TEST_CASE("a wrong checksum in one copy leaves the other to be used") {
    Bytes image = luks2_image(luks2_document());
    const bool first = GENERATE(true, false);
    image[first ? 300 : 16384 + 300] ^= 1;
    const auto header = read(image);
    CHECK_FALSE(header.intact);
    REQUIRE(header.copies.size() == 2);
    CHECK(header.copies[first ? 0 : 1].checksum_valid == false);
    CHECK(header.copies[first ? 1 : 0].checksum_valid == true);
    CHECK(mentions(header.copies[first ? 0 : 1].defects, "the checksum is wrong"));
    CHECK(header.keyslots.size() == 1);
}

TEST_CASE("wrong checksums in both copies still leave slots and areas readable") {
    Bytes image = luks2_image(luks2_document());
    image[300] ^= 1;
    image[16384 + 300] ^= 1;
    const auto header = read(image);
    CHECK_FALSE(header.intact);
    REQUIRE(header.keyslots.size() == 1);
    CHECK(header.keyslots[0].area == luks::Range{32768, 258048});
    CHECK(header.uuid == kUuid);
}

TEST_CASE("damaged JSON in the first copy leaves the second to be used") {
    Bytes image = luks2_image(luks2_document());
    put(image, 4096, "[\"x\"");
    const auto header = read(image);
    CHECK_FALSE(header.copies[0].json_valid);
    CHECK(header.copies[1].json_valid);
    CHECK(header.keyslots.size() == 1);
}

TEST_CASE("the newer of two sound copies is used, and the header is not intact") {
    Json newer = luks2_document();
    newer["keyslots"] = Json::object();
    newer["digests"]["0"]["keyslots"] = Json::array();
    Luks2Options options;
    options.sequence_id = 4;
    Bytes image = luks2_image(luks2_document());
    put(image, 16384, luks2_header(newer.dump(), true, options));
    const auto header = read(image);
    CHECK(header.keyslots.empty());
    CHECK_FALSE(header.intact);
    CHECK(mentions(header.defects, "differ"));
    CHECK(header.copies[0].areas.size() == 1);  // the older one's area is not forgotten
}

TEST_CASE("a stale second header inside the keyslots area is reported as a copy") {
    Luks2Options old;
    old.header_bytes = 0x8000;
    old.sequence_id = 900;
    old.uuid = "11111111-2222-4333-8444-555555555555";
    Json document = luks2_document();
    document["config"]["json_size"] = "28672";
    Bytes image = luks2_image(luks2_document());
    put(image, 0x8000, luks2_header(document.dump(), true, old));
    const auto header = read(image);
    REQUIRE(header.copies.size() == 3);
    CHECK(header.copies[2].offset == 0x8000);
    CHECK(header.copies[2].uuid == "11111111-2222-4333-8444-555555555555");
    CHECK(header.uuid == kUuid);  // though its sequence is higher
    CHECK_FALSE(header.intact);
    CHECK(mentions(header.defects, "a LUKS header at 32768 belongs to no present layout"));
}

TEST_CASE("a header whose magic was wiped is still found, and its checksum still counts") {
    Bytes image = luks2_image(luks2_document());
    put(image, 0, Bytes(6, 0));
    put(image, 16384, Bytes(6, 0));
    const auto header = read(image);
    REQUIRE(header.copies.size() == 2);
    CHECK(header.copies[0].checksum_valid);
    CHECK(header.copies[1].checksum_valid);
    CHECK(header.copies[1].secondary);
    CHECK(mentions(header.copies[0].defects, "the magic is overwritten"));
    CHECK(header.uuid == kUuid);
    CHECK_FALSE(header.intact);
}

TEST_CASE("an impossible header size does not stop the reading of the JSON") {
    Bytes image = luks2_image(luks2_document());
    const auto size = GENERATE(std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{16385},
                               std::uint64_t{1} << 23U, ~std::uint64_t{0});
    put_u64(image, 8, size);
    const auto header = read(image);
    REQUIRE(header.copies.size() == 2);
    CHECK_FALSE(header.copies[0].checksum_valid);
    CHECK(header.copies[0].json_valid);
    CHECK(mentions(header.copies[0].defects, "is impossible"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a header that misstates its own place is not intact") {
    Luks2Options options;
    Bytes second = luks2_header(luks2_document().dump(), true, options);
    put_u64(second, 256, 0x8000);
    Bytes image = luks2_image(luks2_document());
    put(image, 16384, second);
    const auto header = read(image);
    CHECK(mentions(header.copies[1].defects, "the header at 16384 states its offset as 32768"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("an unknown checksum algorithm makes the copy invalid") {
    Luks2Options options;
    options.checksum_algorithm = "crc32";
    const auto header = read(luks2_image(luks2_document().dump(), 2U << 20U, options));
    CHECK_FALSE(header.copies[0].checksum_valid);
    CHECK(mentions(header.copies[0].defects, "checksum algorithm \"crc32\" is unknown"));
}

TEST_CASE("an unknown version is a copy of version 0") {
    Bytes image = luks2_image(luks2_document());
    image[7] = 9;
    const auto header = read(image);
    CHECK(header.copies[0].version == 0);
    CHECK(mentions(header.copies[0].defects, "version 9 is unknown"));
    CHECK(header.version == 2);  // of the second copy
    CHECK_FALSE(header.intact);
}

TEST_CASE("bytes behind the JSON text are a defect") {
    Bytes image = luks2_image(luks2_document());
    image[16384 - 1] = 1;
    const auto header = read(image);
    CHECK(mentions(header.copies[0].defects, "bytes other than zero follow the JSON text"));
}

TEST_CASE("foreign text in a header reaches the record as printable characters") {
    Luks2Options options;
    options.label = "a\x1b[31mb\xff";
    options.uuid = "x\ny";
    const auto header = read(luks2_image(luks2_document().dump(), 2U << 20U, options));
    CHECK(header.copies[0].label == "a?[31mb?");
    CHECK(header.uuid == "x?y");
}

TEST_CASE("a place that cannot be read makes the header not intact") {
    MemoryDisk disk(luks2_image(luks2_document()));
    const auto place = GENERATE(0U, 0x4000U, 0x8000U, 0x100000U);
    disk.set_hook([&](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset <= place && operation.offset + operation.length > place) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    const auto header = luks::inspect(disk);
    CHECK_FALSE(header.intact);
    CHECK(mentions(header.defects, "cannot read 512 bytes at " + std::to_string(place)));
    CHECK(mentions(header.defects, "EIO"));
    CHECK(header.uuid == kUuid);
}

TEST_CASE("a JSON area that cannot be read is a defect of its copy") {
    MemoryDisk disk(luks2_image(luks2_document()));
    disk.set_hook([&](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset == 0 && operation.length > 4096) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    const auto header = luks::inspect(disk);
    CHECK_FALSE(header.intact);
    CHECK(mentions(header.copies[0].defects, "cannot read"));
    CHECK(header.keyslots.size() == 1);  // from the other
}

TEST_CASE("short reads are continued") {
    MemoryDisk disk(luks2_image(luks2_document()));
    disk.set_hook([](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.length > 100) {
            fault.kind = fake::Fault::Kind::shorten;
            fault.bytes = 100;
        }
        return fault;
    });
    CHECK(luks::inspect(disk).intact);
}

TEST_CASE("the record of a header has no salt, no digest and no token content") {
    Json document = luks2_document();
    document["tokens"]["0"] = {
        {"type", "systemd-tpm2"}, {"keyslots", {"0"}}, {"tpm2-blob", "c2VjcmV0IGJsb2I="}};
    const auto header = read(luks2_image(document));
    const std::string record = canonical_json(luks::to_json(header));
    CHECK(record.find("KzbpFdm13ZBB") == std::string::npos);
    CHECK(record.find("TeyQEdyyc7Ff") == std::string::npos);
    CHECK(record.find("/VIaUwEUrzXq") == std::string::npos);
    CHECK(record.find("c2VjcmV0") == std::string::npos);
    CHECK(record.find(R"("type":"systemd-tpm2")") != std::string::npos);
    CHECK(record.find(R"("state":"active")") != std::string::npos);
    CHECK(record.find(R"("intact":true)") != std::string::npos);
}
