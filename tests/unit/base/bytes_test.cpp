// SPDX-License-Identifier: Apache-2.0
#include "efface/base/bytes.hpp"

#include "catch.hpp"

using namespace efface;

TEST_CASE("big-endian reads put the first byte highest", "[base][bytes]") {
    const Bytes bytes = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xff};
    CHECK(read_be<std::uint8_t>(bytes, 8) == 0xff);
    CHECK(read_be<std::uint16_t>(bytes, 0) == 0x0102);
    CHECK(read_be<std::uint32_t>(bytes, 1) == 0x02030405);
    CHECK(read_be<std::uint64_t>(bytes, 0) == 0x0102030405060708);
}

TEST_CASE("big-endian writes are what the reads expect", "[base][bytes]") {
    Bytes bytes(9, 0xaa);
    write_be<std::uint64_t>(bytes, 1, 0x1122334455667788);
    CHECK(bytes == Bytes{0xaa, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88});
}

TEST_CASE("little-endian reads put the first byte lowest", "[base][bytes]") {
    const Bytes bytes = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xff};
    CHECK(read_le<std::uint8_t>(bytes, 8) == 0xff);
    CHECK(read_le<std::uint16_t>(bytes, 0) == 0x0201);
    CHECK(read_le<std::uint32_t>(bytes, 1) == 0x05040302);
    CHECK(read_le<std::uint64_t>(bytes, 0) == 0x0807060504030201);
}

TEST_CASE("little-endian writes put the lowest byte first", "[base][bytes]") {
    Bytes bytes(10, 0xaa);
    write_le<std::uint8_t>(bytes, 0, 0x99);
    write_le<std::uint64_t>(bytes, 1, 0x1122334455667788);
    CHECK(bytes == Bytes{0x99, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xaa});
    write_le<std::uint16_t>(bytes, 8, 0x0102);
    CHECK(bytes[8] == 0x02);
    CHECK(bytes[9] == 0x01);
}

// RFC 4648 section 10.
TEST_CASE("base64 gives the test vectors of RFC 4648", "[base][bytes]") {
    const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        CHECK(to_base64(as_bytes(plain)) == encoded);
        const auto decoded = from_base64(encoded);
        REQUIRE(decoded);
        CHECK(as_text(*decoded) == plain);
    }
}

TEST_CASE("base64 that is not canonical is refused", "[base][bytes]") {
    for (const auto* text :
         {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zm9v\n", "Zg==Zg==", "Zm9vYmF-"}) {
        CAPTURE(text);
        CHECK_FALSE(from_base64(text));
    }
}

TEST_CASE("hex is lower case both ways", "[base][bytes]") {
    CHECK(to_hex(Bytes{0x00, 0x9f, 0xff}) == "009fff");
    CHECK(from_hex("009fff") == Bytes{0x00, 0x9f, 0xff});
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0G"));
    CHECK_FALSE(from_hex("FF"));
}

TEST_CASE("all_zero sees one bit", "[base][bytes]") {
    Bytes bytes(4096, 0);
    CHECK(all_zero(bytes));
    bytes[4095] = 1;
    CHECK_FALSE(all_zero(bytes));
    CHECK(all_zero({}));
}
