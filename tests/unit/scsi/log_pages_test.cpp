// SPDX-License-Identifier: Apache-2.0
// Layouts of SPC-5 7.3 and SBC-4 6.4 and 5.22, as literal bytes; those of scsi_debug are what its
// driver answers (Linux drivers/scsi/scsi_debug.c).
#include "efface/scsi/log_pages.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::scsi;

TEST_CASE("LOG SENSE and READ DEFECT DATA as they are sent", "[scsi]") {
    CHECK(log_sense_cdb(kLogTemperature, 4096) == Bytes{0x4d, 0, 0x4d, 0, 0, 0, 0, 0x10, 0, 0});
    CHECK(log_sense_cdb(kLogPendingDefects, 16) == Bytes{0x4d, 0, 0x55, 1, 0, 0, 0, 0, 16, 0});
    CHECK(read_defect_data_12_cdb() == Bytes{0xb7, 0x0c, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0});
    CHECK(read_defect_data_10_cdb() == Bytes{0x37, 0, 0x0c, 0, 0, 0, 0, 0, 4, 0});
}

TEST_CASE("the pages that a disk lists, with and without subpages", "[scsi]") {
    CHECK(decode_log_list(Bytes{0x00, 0, 0, 3, 0x00, 0x0d, 0x2f}) ==
          std::vector<LogPage>{kLogSupported, kLogTemperature, kLogInformational});
    CHECK(decode_log_list(Bytes{0x40, 0xff, 0, 6, 0x00, 0x00, 0x15, 0x01, 0x2f, 0xff}) ==
          std::vector<LogPage>{kLogSupported, kLogPendingDefects, LogPage{0x2f, 0xff}});
    CHECK(decode_log_list(Bytes{0x0d, 0, 0, 1, 0x0d}).empty());
    CHECK(decode_log_list(Bytes{}).empty());
}

TEST_CASE("scsi_debug's temperature and informational exceptions", "[scsi]") {
    const Bytes heat{0x0d, 0, 0, 12, 0, 0, 3, 2, 0, 38, 0, 1, 3, 2, 0, 65};
    CHECK(decode_temperature(heat) == 38);
    Bytes none = heat;
    none[9] = 0xff;
    CHECK_FALSE(decode_temperature(none));
    const Bytes exceptions{0x2f, 0, 0, 7, 0, 0, 3, 3, 0, 0, 38};
    const auto found = decode_informational(exceptions);
    REQUIRE(found);
    CHECK(found->sense_code == 0);
    CHECK(found->temperature == 38);
    CHECK_FALSE(decode_informational(heat));
}

TEST_CASE("error counters are as long as the disk makes them", "[scsi]") {
    const Bytes page{0x03, 0,    0, 21, 0, 0, 2, 2, 0x12, 0x34,  // corrected
                     0x00, 0x06, 2, 4,  0, 0, 0, 7, 0x80, 0,
                     2,    1,    9, 9,  9};  // uncorrected, more
    CHECK(decode_error_counter(page, kLogReadErrors, kErrorsUncorrected) == 7);
    CHECK(decode_error_counter(page, kLogReadErrors, 0) == 0x1234);
    CHECK_FALSE(decode_error_counter(page, kLogReadErrors, kErrorsBytesProcessed));
    CHECK_FALSE(decode_error_counter(page, kLogWriteErrors, kErrorsUncorrected));
    const Bytes eight{0x02, 0, 0, 12, 0, 5, 2, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    CHECK(decode_error_counter(eight, kLogWriteErrors, kErrorsBytesProcessed) == UINT64_MAX - 1);
    const Bytes nine{0x02, 0, 0, 13, 0, 5, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    CHECK_FALSE(decode_error_counter(nine, kLogWriteErrors, kErrorsBytesProcessed));
}

TEST_CASE("self-tests, endurance, hours and pending defects", "[scsi]") {
    Bytes tests{0x10, 0, 0, 20, 0, 1, 3, 16};
    tests.resize(24);
    CHECK(decode_newest_self_test(tests) == kNoSelfTest);
    tests[8] = 0x47;  // an extended one failed in its second segment
    CHECK(decode_newest_self_test(tests) == 7);
    CHECK(decode_endurance(Bytes{0x11, 0, 0, 8, 0, 1, 3, 4, 0, 0, 0, 12}) == 12);
    CHECK(decode_power_on_minutes(Bytes{0x15, 0,    0, 16, 0, 0, 3, 12, 0, 9,
                                        0x27, 0xc0, 0, 0,  0, 0, 0, 0,  0, 0}) == 600'000);
    CHECK(decode_pending_defects(Bytes{0x55, 1, 0, 8, 0, 0, 3, 4, 0, 0, 0, 3}) == 3);
    CHECK_FALSE(decode_pending_defects(Bytes{0x15, 0, 0, 8, 0, 0, 3, 4, 0, 0, 0, 3}));
}

TEST_CASE("the length of the grown list tells how many defects there are", "[scsi]") {
    CHECK(decode_defects_12(Bytes{0, 0x0c, 0, 1, 0, 0, 0, 24}) == 3);  // bytes from index
    CHECK(decode_defects_12(Bytes{0, 0x08, 0, 1, 0, 0, 0, 24}) == 6);  // short block
    CHECK(decode_defects_12(Bytes{0, 0x0d, 0, 1, 0, 0, 0, 0}) == 0);
    CHECK_FALSE(decode_defects_12(Bytes{0, 0x1d, 0, 1, 0, 0, 0, 24}));  // the primary list, too
    CHECK_FALSE(decode_defects_12(Bytes{0, 0x0f, 0, 1, 0, 0, 0, 24}));  // a vendor's format
    CHECK(decode_defects_10(Bytes{0, 0x0c, 0, 16}) == 2);
    CHECK_FALSE(decode_defects_10(Bytes{0, 0x0c, 0}));
}

TEST_CASE("no log page is read past its end, nor past the length that it names", "[scsi]") {
    const Bytes whole{0x15, 0, 0, 16, 0, 0, 3, 12, 0, 9, 0x27, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const ByteView cut = ByteView(whole).first(length);
        CHECK_FALSE(decode_power_on_minutes(cut));  // the only parameter is cut off
        (void)decode_log_list(cut);
        (void)decode_defects_12(cut);
    }
    Bytes less = whole;
    less[3] = 15;  // the parameter is longer than the page
    CHECK_FALSE(decode_power_on_minutes(less));
    const auto parameters = decode_log_parameters(whole, kLogBackgroundScan);
    REQUIRE(parameters);
    CHECK(parameters->size() == 1);
}
