// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/identify.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::ata;

namespace {

void put(Bytes& page, std::size_t word, std::uint8_t low, std::uint8_t high) {
    page[2 * word] = low;
    page[2 * word + 1] = high;
}

}  // namespace

TEST_CASE("IDENTIFY DEVICE of a current SSD is read as it is", "[ata]") {
    const auto identify = decode_identify(samsung_870());
    REQUIRE(identify);
    CHECK(identify->model == "Samsung SSD 870 QVO 4TB");
    CHECK(identify->serial == "S5STNF0W236703M");
    CHECK(identify->firmware == "SVQ02B6Q");
    CHECK(identify->wwn == "5002538f4372dd3a");
    CHECK(identify->sectors == 7814037168);
    CHECK(identify->logical_sector_bytes == 512);
    CHECK(identify->lba48);
    CHECK(identify->flash());
    CHECK(identify->encrypts_all);
    CHECK(identify->security.supported);
    CHECK(identify->security.frozen);
    CHECK(identify->security.enhanced_erase);
    CHECK_FALSE(identify->security.enabled);
    CHECK_FALSE(identify->security.locked);
    CHECK_FALSE(identify->security.count_expired);
    CHECK_FALSE(identify->security.level_maximum);
    CHECK(identify->normal_erase->at_least == std::chrono::minutes(4));
    CHECK(identify->enhanced_erase->at_least == std::chrono::minutes(8));
    CHECK(identify->master_password_id == 0xfffe);
    CHECK(identify->host_protected_area);
    CHECK_FALSE(identify->configuration_overlay == false);
    CHECK_FALSE(identify->accessible_max_address);
    CHECK(identify->general_purpose_logging);
    CHECK(identify->trusted_computing);
    CHECK_FALSE(identify->sanitize.feature_set);
    CHECK(identify->checksum_good == true);
}

TEST_CASE("IDENTIFY DEVICE of an old disk is read as it is", "[ata]") {
    const auto identify = decode_identify(maxtor_6y120());
    REQUIRE(identify);
    CHECK(identify->model == "Maxtor 6Y120P0");
    CHECK(identify->firmware == "YAR41BW0");
    CHECK(identify->sectors == 240121728);
    CHECK_FALSE(identify->lba48);
    CHECK(identify->host_protected_area);
    CHECK(identify->configuration_overlay);
    CHECK(identify->security.supported);
    CHECK_FALSE(identify->security.enhanced_erase);
    CHECK_FALSE(identify->normal_erase);
    CHECK_FALSE(identify->rotation);
    CHECK_FALSE(identify->checksum_good);
    CHECK(identify->wwn.empty());
}

TEST_CASE("One wrong bit fails the checksum of IDENTIFY DEVICE", "[ata]") {
    auto page = samsung_870();
    page[256] ^= 0x08;
    CHECK(decode_identify(page)->checksum_good == false);
}

TEST_CASE("What is not IDENTIFY DEVICE data is not decoded", "[ata]") {
    CHECK_FALSE(decode_identify({}));
    CHECK_FALSE(decode_identify(Bytes(512)));
    CHECK_FALSE(decode_identify(Bytes(512, 0xff)));
    auto page = samsung_870();
    page.pop_back();
    CHECK_FALSE(decode_identify(page));
    page = samsung_870();
    put(page, 0, 0xc0, 0x85);  // an ATAPI drive
    CHECK_FALSE(decode_identify(page));
}

TEST_CASE("Word 59 tells which SANITIZE operations there are", "[ata]") {
    struct Case {
        std::uint8_t high;
        bool set, crypto, overwrite, block, antifreeze;
    };
    // Bits 8 and 0 belong to READ MULTIPLE.
    for (const Case& c :
         {Case{0x11, true, false, false, false, false}, Case{0x31, true, true, false, false, false},
          Case{0x51, true, false, true, false, false}, Case{0x91, true, false, false, true, false},
          Case{0xb5, true, true, false, true, true}, Case{0xe1, false, true, true, true, false}}) {
        auto page = samsung_870();
        put(page, 59, 0x01, c.high);
        const auto sanitize = decode_identify(page)->sanitize;
        CAPTURE(int{c.high});
        CHECK(sanitize.feature_set == c.set);
        CHECK(sanitize.crypto_scramble == c.crypto);
        CHECK(sanitize.overwrite == c.overwrite);
        CHECK(sanitize.block_erase == c.block);
        CHECK(sanitize.antifreeze_lock == c.antifreeze);
    }
}

TEST_CASE("Word 128 tells each state of the security", "[ata]") {
    CHECK(decode_security_status(0x0021) ==
          SecurityStatus{.supported = true, .enhanced_erase = true});
    CHECK(decode_security_status(0x0007) ==
          SecurityStatus{.supported = true, .enabled = true, .locked = true});
    CHECK(decode_security_status(0x0009) == SecurityStatus{.supported = true, .frozen = true});
    CHECK(decode_security_status(0x0117) == SecurityStatus{.supported = true,
                                                           .enabled = true,
                                                           .locked = true,
                                                           .count_expired = true,
                                                           .level_maximum = true});
}

TEST_CASE("Words 89 and 90 are minutes in two forms", "[ata]") {
    CHECK_FALSE(decode_erase_time(0));
    CHECK_FALSE(decode_erase_time(0x8000));
    CHECK(decode_erase_time(0x0001)->at_least == std::chrono::minutes(2));
    CHECK(decode_erase_time(0x00fe)->at_least == std::chrono::minutes(508));
    CHECK_FALSE(decode_erase_time(0x00fe)->or_more);
    CHECK(decode_erase_time(0x00ff)->at_least == std::chrono::minutes(508));
    CHECK(decode_erase_time(0x00ff)->or_more);
    CHECK(decode_erase_time(0x8200)->at_least == std::chrono::minutes(1024));
    CHECK(decode_erase_time(0xffff)->at_least == std::chrono::minutes(65532));
    CHECK(decode_erase_time(0xffff)->or_more);
    CHECK(decode_erase_time(0x7e05)->at_least == std::chrono::minutes(10));  // bits 14:8 reserved
}

TEST_CASE("Sectors of 4096 bytes and capacities beyond word 100 are told", "[ata]") {
    auto page = samsung_870();
    put(page, 106, 0x00, 0x50);  // valid, logical sector longer than 256 words
    put(page, 117, 0x00, 0x08);  // 2048 words
    CHECK(decode_identify(page)->logical_sector_bytes == 4096);
    put(page, 117, 0x01, 0x00);  // absurd: 2 bytes
    CHECK(decode_identify(page)->logical_sector_bytes == 512);
    put(page, 69, 0x08, 0x00);
    put(page, 232, 0x01, 0x00);
    CHECK(decode_identify(page)->sectors == 4294967296);
}

TEST_CASE("Accessible max address counts only where words 119 and 120 are valid", "[ata]") {
    auto page = samsung_870();
    put(page, 119, 0x1e, 0x41);
    CHECK(decode_identify(page)->accessible_max_address);
    put(page, 86, 0x01, 0x3c);
    CHECK_FALSE(decode_identify(page)->accessible_max_address);
}

TEST_CASE("CHECK POWER MODE tells whether a drive sleeps", "[ata]") {
    CHECK(check_power_mode().command == 0xe5);
    const auto mode = [](std::uint16_t count) {
        return decode_power_mode({.status = 0x50, .count = count});
    };
    CHECK(mode(0x00) == PowerMode::standby);
    CHECK(mode(0x80) == PowerMode::idle);
    CHECK(mode(0xff) == PowerMode::active);
    CHECK(mode(0x42) == PowerMode::other);
}
