// SPDX-License-Identifier: Apache-2.0
// JSON areas that nobody's cryptsetup wrote. Checksums are right, so only the content is judged.
#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;
using luks::SlotState;

namespace {
luks::Header read(const std::string& text, const Luks2Options& options = {}) {
    MemoryDisk disk(luks2_image(text, 2U << 20U, options));
    return luks::inspect(disk);
}
luks::Header read(const Json& document) {
    return read(document.dump());
}

Json slot(const std::string& offset, const std::string& size) {
    Json result = luks2_document()["keyslots"]["0"];
    result["area"]["offset"] = offset;
    result["area"]["size"] = size;
    return result;
}
}  // namespace

TEST_CASE("a slot whose digest binds it to no segment is unbound") {
    Json document = luks2_document();
    document["keyslots"]["1"] = slot("290816", "258048");
    document["digests"]["1"] = document["digests"]["0"];
    document["digests"]["1"]["keyslots"] = {"1"};
    document["digests"]["1"]["segments"] = Json::array();
    const auto header = read(document);
    REQUIRE(header.keyslots.size() == 2);
    CHECK(header.keyslots[0].state == SlotState::active);
    CHECK(header.keyslots[1].state == SlotState::unbound);
    CHECK(header.intact);
}

TEST_CASE("a slot that no digest knows is unbound") {
    Json document = luks2_document();
    document["digests"]["0"]["keyslots"] = Json::array();
    CHECK(read(document).keyslots[0].state == SlotState::unbound);
}

TEST_CASE("a slot of an unknown type is listed with its area and is a doubt") {
    Json document = luks2_document();
    document["keyslots"]["7"] = slot("290816", "4096");
    document["keyslots"]["7"]["type"] = "vendor-x";
    const auto header = read(document);
    REQUIRE(header.keyslots.size() == 2);
    CHECK(header.keyslots[1].index == 7);
    CHECK(header.keyslots[1].state == SlotState::unknown);
    CHECK(header.keyslots[1].type == "vendor-x");
    CHECK(header.keyslots[1].area == luks::Range{290816, 4096});
    CHECK(mentions(header.copies[0].defects, "unknown type \"vendor-x\""));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a reencryption slot is listed with its mode and resilience") {
    Json document = luks2_document();
    document["keyslots"]["2"] = Json::parse(
        R"({"type":"reencrypt","key_size":1,"mode":"encrypt","direction":"forward","priority":0,
            "area":{"offset":"290816","size":"757760","type":"datashift-journal"}})");
    const auto header = read(document);
    REQUIRE(header.keyslots.size() == 2);
    CHECK(header.keyslots[1].state == SlotState::reencrypt);
    CHECK(header.keyslots[1].detail == "mode=encrypt resilience=datashift-journal");
    CHECK(header.keyslots[1].area == luks::Range{290816, 757760});
}

TEST_CASE("slots are listed in the order of their numbers") {
    Json document = luks2_document();
    document["keyslots"]["10"] = slot("290816", "4096");
    document["keyslots"]["2"] = slot("294912", "4096");
    const auto header = read(document);
    REQUIRE(header.keyslots.size() == 3);
    CHECK(header.keyslots[1].index == 2);
    CHECK(header.keyslots[2].index == 10);
}

TEST_CASE("an area with impossible numbers has length 0 and makes the header not intact") {
    const auto [offset, size] = GENERATE(table<std::string, std::string>({
        {"18446744073709551615", "258048"},
        {"18446744073709551616", "258048"},
        {"99999999999999999999999999", "1"},
        {"32768", "18446744073709551615"},
        {"32768", "0"},
        {"-1", "4096"},
        {"+4096", "4096"},
        {" 4096", "4096"},
        {"0x8000", "4096"},
        {"", "4096"},
        {"32768", "4096k"},
    }));
    Json document = luks2_document();
    document["keyslots"]["0"] = slot(offset, size);
    const auto header = read(document);
    REQUIRE(header.keyslots.size() == 1);
    CHECK(header.keyslots[0].area.length == 0);
    CHECK(mentions(header.copies[0].defects, "keyslot 0 names an impossible area"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("an area in the wrong place is kept and makes the header not intact") {
    const auto [offset, size, part] = GENERATE(table<std::string, std::string, std::string>({
        {"4096", "4096", "is outside the keyslots area"},
        {"1044480", "8192", "is outside the keyslots area"},
        {"2097152", "4096", "beyond the target"},
    }));
    Json document = luks2_document();
    document["keyslots"]["0"] = slot(offset, size);
    const auto header = read(document);
    CHECK(header.keyslots[0].area.length != 0);
    CHECK(mentions(header.copies[0].defects, part));
    CHECK_FALSE(header.intact);
}

TEST_CASE("overlapping areas are a defect, also when one holds many") {
    Json document = luks2_document();
    document["keyslots"]["0"] = slot("32768", "900000");
    document["keyslots"]["1"] = slot("40960", "4096");
    document["keyslots"]["2"] = slot("524288", "4096");
    const auto header = read(document);
    CHECK(mentions(header.copies[0].defects, "the areas of keyslots 0 and 1 overlap"));
    CHECK(mentions(header.copies[0].defects, "the areas of keyslots 0 and 2 overlap"));
}

TEST_CASE("numbers of slots, segments and digests beyond their bounds are defects") {
    Json document = luks2_document();
    SECTION("slot 32") {
        document["keyslots"]["32"] = slot("290816", "4096");
        const auto header = read(document);
        CHECK(header.keyslots.back().index == 32);
        CHECK(mentions(header.copies[0].defects, "keyslots: \"32\" is not a number from 0 to 31"));
    }
    SECTION("a slot with a name") {
        document["keyslots"]["first"] = slot("290816", "4096");
        const auto header = read(document);
        CHECK(header.copies[0].areas.size() == 2);
        CHECK(mentions(header.copies[0].defects, "keyslots: \"first\" is not a number"));
    }
    SECTION("digest 8") {
        document["digests"]["8"] = document["digests"]["0"];
        CHECK(mentions(read(document).copies[0].defects,
                       "digests: \"8\" is not a number from 0 to 7"));
    }
    SECTION("segment 32") {
        document["segments"]["32"] = document["segments"]["0"];
        CHECK(mentions(read(document).copies[0].defects, "segments: \"32\""));
    }
}

TEST_CASE("more entries than can be are not all read, and that is said") {
    Json document = luks2_document();
    for (int i = 0; i < 100; ++i) {
        document["tokens"][std::to_string(i)] = {{"type", "x"}, {"keyslots", Json::array()}};
    }
    const auto header = read(document);
    CHECK(header.tokens.size() == 64);
    CHECK(mentions(header.copies[0].defects, "100 tokens, of which 64 are read"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a repeated key in the JSON is a defect, and the rest is read") {
    std::string text = luks2_document().dump();
    text.insert(1, R"("config":{},)");
    const auto header = read(text);
    CHECK(header.copies[0].json_valid);
    CHECK(mentions(header.copies[0].defects, "key \"config\" is repeated"));
    CHECK(header.keyslots.size() == 1);
    CHECK_FALSE(header.intact);
}

TEST_CASE("JSON nested without end is refused") {
    const std::string depth(12000, '[');
    const auto header = read("{\"keyslots\":" + depth);
    CHECK_FALSE(header.copies[0].json_valid);
    CHECK(mentions(header.copies[0].defects, "nested deeper"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("JSON with more values than a header can have is not built in memory") {
    Luks2Options options;
    options.header_bytes = 1U << 20U;
    std::string text = "{\"keyslots\":[0";
    for (int i = 0; i < 200000; ++i) {
        text += ",{}";
    }
    MemoryDisk disk(luks2_image(text + "]}", 3U << 20U, options));
    const auto header = luks::inspect(disk);
    CHECK_FALSE(header.copies[0].json_valid);
    CHECK(mentions(header.copies[0].defects, "more than 32768 values"));
}

TEST_CASE("text that is not UTF-8, or no object, is no JSON") {
    const std::string text = GENERATE(std::string("{\"a\":\"\xff\"}"), std::string("[]"),
                                      std::string(), std::string("{"), std::string("{}x"));
    const auto header = read(text);
    CHECK_FALSE(header.copies[0].json_valid);
    CHECK_FALSE(header.copies[0].defects.empty());
    CHECK_FALSE(header.intact);
}

TEST_CASE("members of the wrong type are defects, never failures") {
    const char* const name = GENERATE("keyslots", "segments", "digests", "tokens", "config");
    const Json value = GENERATE(Json(nullptr), Json(7), Json("x"), Json::array({1}), Json{{"0", 5}},
                                Json{{"0", {{"type", 5}, {"area", "x"}}}});
    Json document = luks2_document();
    document[name] = value;
    const auto header = read(document);
    CHECK(header.found());
    CHECK_FALSE(header.intact);
}

TEST_CASE("a missing member is a defect") {
    const char* const name = GENERATE("keyslots", "segments", "digests", "tokens", "config");
    Json document = luks2_document();
    document.erase(name);
    const auto header = read(document);
    CHECK_FALSE(header.copies[0].defects.empty());
    CHECK_FALSE(header.intact);
}

TEST_CASE("an unknown member is a doubt") {
    Json document = luks2_document();
    document["areas"] = Json::object();
    CHECK(mentions(read(document).copies[0].defects, "unknown member \"areas\""));
}

TEST_CASE("a keyslots area of impossible size is a defect") {
    const auto size = GENERATE("134217729", "4095", "18446744073709551615", "x");
    Json document = luks2_document();
    document["config"]["keyslots_size"] = size;
    const auto header = read(document);
    CHECK(mentions(header.copies[0].defects, "config.keyslots_size is impossible"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("a JSON size that does not fit the header is a defect") {
    Json document = luks2_document();
    document["config"]["json_size"] = "28672";
    CHECK(mentions(read(document).copies[0].defects, "json_size does not fit"));
}

TEST_CASE("requirements are read from both forms, and unreadable ones are not lost") {
    Json document = luks2_document();
    SECTION("the object of the specification") {
        document["config"]["requirements"] = {{"mandatory", {"opal", "future-thing"}}};
        CHECK(read(document).requirements == std::vector<std::string>{"opal", "future-thing"});
    }
    SECTION("a bare list") {
        document["config"]["requirements"] = {"offline-reencrypt"};
        CHECK(read(document).requirements == std::vector<std::string>{"offline-reencrypt"});
    }
    SECTION("something else") {
        document["config"]["requirements"] = {{"mandatory", 5}};
        const auto header = read(document);
        CHECK(header.requirements == std::vector<std::string>{"unreadable"});
        CHECK_FALSE(header.intact);
    }
}

TEST_CASE("segments of every kind are read") {
    Json document = luks2_document();
    document["segments"] = Json::parse(R"json({
      "0": {"type":"hw-opal-crypt","offset":"1048576","size":"524288","iv_tweak":"0",
            "encryption":"aes-xts-plain64","sector_size":512,"opal_segment_number":1,
            "opal_key_size":32,"opal_segment_size":"524288"},
      "1": {"type":"linear","offset":"1572864","size":"dynamic","flags":["in-reencryption"]},
      "2": {"type":"crypt","offset":"0","size":"dynamic","encryption":"aes-xts-plain64",
            "sector_size":512,"flags":["backup-final"],
            "integrity":{"type":"hmac(sha256)","journal_encryption":"none"}}})json");
    const auto header = read(document);
    REQUIRE(header.segments.size() == 3);
    CHECK(header.segments[0].type == "hw-opal-crypt");
    CHECK(header.segments[0].size == 524288);
    CHECK(header.segments[1].type == "linear");
    CHECK(header.segments[1].flags == std::vector<std::string>{"in-reencryption"});
    CHECK(header.segments[2].integrity == "hmac(sha256)");
    CHECK(header.data_offset == 1048576);  // backup segments do not count
}

TEST_CASE("a segment with an impossible place is a defect") {
    const auto [offset, size] = GENERATE(table<std::string, std::string>(
        {{"x", "dynamic"}, {"1048576", "rest"}, {"18446744073709551615", "4096"}}));
    Json document = luks2_document();
    document["segments"]["0"]["offset"] = offset;
    document["segments"]["0"]["size"] = size;
    const auto header = read(document);
    CHECK(mentions(header.copies[0].defects, "segment 0 names an impossible place"));
    CHECK_FALSE(header.intact);
}

TEST_CASE("numbers beyond 2^53 do not keep the header out of a record") {
    Json document = luks2_document();
    document["segments"]["0"]["offset"] = "18446744073709551615";
    document["keyslots"]["0"]["key_size"] = 18446744073709551615ULL;
    Luks2Options options;
    options.sequence_id = ~std::uint64_t{0};
    const auto header = read(document.dump(), options);
    const std::string record = canonical_json(luks::to_json(header));
    CHECK(record.find(R"("sequenceId":"18446744073709551615")") != std::string::npos);
    CHECK(record.find(R"("dataOffset":"18446744073709551615")") != std::string::npos);
}

TEST_CASE("defects are bounded however much is wrong") {
    Json document = luks2_document();
    for (int i = 0; i < 30; ++i) {
        document["keyslots"][std::to_string(1000 + i)] = {{"type", std::string(200, 'x')}};
    }
    const auto header = read(document);
    CHECK(header.copies[0].defects.size() == 32);
    CHECK(header.copies[0].defects.back() == "more defects, not listed");
    CHECK(header.keyslots.back().type.size() == 128);
}
