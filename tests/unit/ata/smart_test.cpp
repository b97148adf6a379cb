// SPDX-License-Identifier: Apache-2.0
// Layouts of ATA8-ACS 7.52 and ACS-4 9.5. The attributes are those that public dumps of real drives
// have (libatasmart's examples): their values as facts, in pages composed here.
#include "efface/ata/smart.hpp"

#include <numeric>

#include "catch.hpp"

using namespace efface;
using namespace efface::ata;

namespace {

Bytes closed(Bytes page) {
    page.back() = 0;
    const auto sum = std::accumulate(page.begin(), page.end(), 0U);
    page.back() = static_cast<std::uint8_t>(256 - sum % 256);
    return page;
}

/// Entries of twelve bytes, from byte 2 on.
Bytes table_of(const std::vector<Bytes>& entries) {
    Bytes page(512);
    page[0] = 0x10;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::copy(entries[i].begin(), entries[i].end(),
                  page.begin() + static_cast<std::ptrdiff_t>(2 + 12 * i));
    }
    return closed(page);
}

}  // namespace

TEST_CASE("SMART commands carry their signature", "[ata]") {
    Bytes page(512);
    CHECK(smart_read_data(page).command == 0xb0);
    CHECK(smart_read_data(page).features == 0xd0);
    CHECK(smart_read_data(page).lba == 0xc24f00);
    CHECK(smart_read_thresholds(page).features == 0xd1);
    CHECK(smart_read_log(0x06, page).features == 0xd5);
    CHECK(smart_read_log(0x06, page).lba == 0xc24f06);
    CHECK(smart_read_log(0x06, page).count == 1);
    CHECK(smart_return_status().features == 0xda);
    CHECK(smart_return_status().protocol == device::AtaCommand::Protocol::non_data);
}

TEST_CASE("SMART RETURN STATUS has two answers", "[ata]") {
    device::AtaRegisters registers;
    registers.status = 0x50;
    registers.lba = 0xc24f00;
    CHECK(decode_smart_status(registers) == false);
    registers.lba = 0x2cf400;
    CHECK(decode_smart_status(registers) == true);
    registers.lba = 0x2cf4ff;  // 7:0 is not defined
    CHECK(decode_smart_status(registers) == true);
    registers.lba = 0;
    CHECK_FALSE(decode_smart_status(registers));
    registers.lba = 0x2cf400;
    registers.status = 0x51;
    CHECK_FALSE(decode_smart_status(registers));
}

TEST_CASE("attributes and thresholds are read by their identifiers", "[ata]") {
    // A WD5000AAKS: 63 reallocated and 529 pending sectors at 14992 hours, 40 degrees.
    const auto page = table_of({{5, 0x33, 0, 193, 193, 63, 0, 0, 0, 0, 0, 0},
                                {9, 0x32, 0, 80, 80, 0x90, 0x3a, 0, 0, 0, 0, 0},
                                {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                                {197, 0x12, 0, 195, 195, 0x11, 0x02, 0, 0, 0, 0, 0},
                                {194, 0x22, 0, 107, 95, 40, 0, 0x11, 0, 0x2d, 0, 0}});
    const auto found = decode_smart_attributes(page);
    REQUIRE(found.size() == 4);
    CHECK(found[0].id == 5);
    CHECK(found[0].prefailure);
    CHECK(found[0].value == 193);
    CHECK(found[0].raw == 63);
    CHECK(found[1].raw == 14992);
    CHECK_FALSE(found[1].prefailure);
    CHECK(found[2].raw == 529);
    CHECK(found[3].raw == 0x002d'0011'0028ULL);
    const auto limits = decode_smart_thresholds(table_of({{5, 140}, {9, 0}}));
    REQUIRE(limits.size() == 2);
    CHECK(limits[0].id == 5);
    CHECK(limits[0].threshold == 140);
    auto wrong = page;
    wrong[100] ^= 1;
    CHECK(decode_smart_attributes(wrong).empty());
}

TEST_CASE("the error log counts, the self-test log names its newest entry", "[ata]") {
    Bytes page(512);
    page[0] = 1;
    page[452] = 0x2a;
    page[453] = 0x01;
    CHECK(decode_error_count(closed(page)) == 298);
    Bytes tests(512);
    tests[0] = 1;
    CHECK(decode_newest_self_test(closed(tests)) == kNoSelfTest);
    tests[508] = 2;
    tests[2 + 24 + 1] = 0x73;  // the second: a read failure, a third of it left
    CHECK(decode_newest_self_test(closed(tests)) == 7);
    tests[508] = 22;
    CHECK_FALSE(decode_newest_self_test(closed(tests)));
}

TEST_CASE("statistics tell whether they are supported and valid", "[ata]") {
    Bytes page(512);
    page[0] = 1;
    page[2] = 1;
    const auto put = [&](std::size_t at, std::uint64_t value) {
        write_le<std::uint64_t>(page, at, value);
    };
    put(16, 0xc000'0000'0000'2710ULL);
    put(24, 0xc012'3456'789a'bcdeULL);  // 55:48 are not of a six byte value
    put(8, 0x8000'0000'0000'0007ULL);
    CHECK(decode_statistic(page, kPowerOnHours) == 10'000);
    CHECK(decode_statistic(page, kSectorsWritten) == 0x3456'789a'bcdeULL);
    CHECK_FALSE(decode_statistic(page, kPowerOnResets));  // supported, not valid
    CHECK_FALSE(decode_statistic(page, kPendingErrors));
    CHECK_FALSE(decode_statistic(page, kReallocatedSectors));  // another page
    page[0] = 0;
    CHECK_FALSE(decode_statistic(page, kPowerOnHours));
    Bytes list(512);
    list[0] = 1;
    list[8] = 3;
    list[9] = 0;
    list[10] = 1;
    list[11] = 7;
    CHECK(decode_statistics_pages(list) == std::vector<std::uint8_t>{0, 1, 7});
    list[8] = 0xff;
    CHECK(decode_statistics_pages(list).size() == 255);
}

TEST_CASE("no page of health is read past its end", "[ata]") {
    Bytes page(512, 0xff);
    page = closed(page);
    for (std::size_t length = 0; length <= page.size() + 1; ++length) {
        Bytes cut = page;
        cut.resize(length, 0xff);
        (void)decode_smart_thresholds(cut);
        (void)decode_error_count(cut);
        CHECK(decode_newest_self_test(cut) == std::nullopt);
        CHECK(decode_statistics_pages(cut).empty());
        const bool whole = length == page.size();
        CHECK(decode_smart_attributes(cut).empty() != whole);
        CHECK_FALSE(decode_statistic(cut, kPercentageUsed));
    }
}
