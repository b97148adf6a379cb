// SPDX-License-Identifier: Apache-2.0
// Layouts of NVMe Base 2.3 section 5.2.12.1 and of libnvme's structures, as literal bytes.
#include "efface/nvme/logs.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace efface;
using nvme::SanitizeOutcome;
using nvme::SanitizeState;

namespace {

void put(Bytes& page, std::size_t offset, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), page.begin() + static_cast<std::ptrdiff_t>(offset));
}

Bytes sanitize_page(const Bytes& first) {
    Bytes page(512, 0);
    put(page, 0, first);
    return page;
}

}  // namespace

TEST_CASE("a running sanitize tells progress, action and times", "[nvme]") {
    auto page = sanitize_page({0x00, 0x40, 0x02, 0x00, 0x02, 0x04, 0x00, 0x00,  // 25 %, block+EMVS
                               0xff, 0xff, 0xff, 0xff, 0x2c, 0x01, 0x00, 0x00,  // -, 300 s
                               0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff});
    page[36] = 0x01;
    const auto log = nvme::decode_sanitize_log(page);
    REQUIRE(log);
    CHECK(log->outcome() == SanitizeOutcome::in_progress);
    CHECK(log->progress() == 0.25);
    CHECK(log->scdw10 == 0x402);
    CHECK_FALSE(log->overwrite_seconds);
    CHECK(log->block_erase_seconds == 300);
    CHECK(log->crypto_erase_seconds == 5);
    CHECK(log->state == SanitizeState::restricted_processing);
}

TEST_CASE("FFFFh is no progress", "[nvme]") {
    const auto log = nvme::decode_sanitize_log(sanitize_page({0xff, 0xff, 0x01, 0x01, 0x04}));
    REQUIRE(log);
    CHECK_FALSE(log->progress());
    CHECK(log->outcome() == SanitizeOutcome::success);
    CHECK(log->global_data_erased());
    CHECK_FALSE(log->verification_cancelled());
}

TEST_CASE("outcomes, passes and flags of SSTAT are told apart", "[nvme]") {
    const auto log = nvme::decode_sanitize_log(sanitize_page({0xff, 0xff, 0x2c, 0x02}));
    REQUIRE(log);
    CHECK(log->outcome() == SanitizeOutcome::success_deallocated);
    CHECK(log->passes_completed() == 5);
    CHECK_FALSE(log->global_data_erased());
    CHECK(log->verification_cancelled());
    CHECK(nvme::decode_sanitize_log(sanitize_page({0xff, 0xff, 0x03, 0x00}))->outcome() ==
          SanitizeOutcome::failed);
    const auto odd = nvme::decode_sanitize_log(sanitize_page({0xff, 0xff, 0x07, 0x00}));
    CHECK(std::string(to_string(odd->outcome())) == "not a value of the specification");
}

TEST_CASE("the state names the failure and where it came from", "[nvme]") {
    auto page = sanitize_page({0xff, 0xff, 0x03, 0x00});
    page[36] = 0x64;
    const auto log = nvme::decode_sanitize_log(page);
    REQUIRE(log);
    CHECK(log->state == SanitizeState::unrestricted_failure);
    CHECK(log->failed_state == 6);
}

TEST_CASE("a sanitize log that is short or all zero tells nothing", "[nvme]") {
    CHECK_FALSE(nvme::decode_sanitize_log(Bytes(511, 1)));
    CHECK_FALSE(nvme::decode_sanitize_log(Bytes(512, 0)));
}

TEST_CASE("SMART gives wear and counters", "[nvme]") {
    Bytes page(512, 0);
    page[0] = 0x08;
    page[3] = 100;
    page[5] = 7;
    put(page, 48, {0x40, 0xe2, 0x01});
    put(page, 112, {0x0c});
    put(page, 128, {0x10, 0x27});
    put(page, 160, {0, 0, 0, 0, 0, 0, 0, 0, 1});
    const auto smart = nvme::decode_smart(page);
    REQUIRE(smart);
    CHECK(smart->critical_warning == 8);
    CHECK(smart->available_spare_percent == 100);
    CHECK(smart->percentage_used == 7);
    CHECK(smart->data_units_written == 123456);
    CHECK(smart->power_cycles == 12);
    CHECK(smart->power_on_hours == 10000);
    CHECK(smart->media_errors == UINT64_MAX);
    CHECK_FALSE(nvme::decode_smart(Bytes(512, 0)));
}

TEST_CASE("the first bytes of a real drive's SMART log", "[nvme]") {
    // From a report to nvme-cli (issue 2759): 39 degrees, nothing worn but one percent.
    Bytes page(512, 0);
    put(page, 0, {0x00, 0x38, 0x01, 0x64, 0x0a, 0x01});
    put(page, 48, {0xc4, 0xfc, 0x4c, 0x03});
    const auto smart = nvme::decode_smart(page);
    REQUIRE(smart);
    CHECK(smart->critical_warning == 0);
    CHECK(smart->kelvin == 312);
    CHECK(smart->available_spare_percent == 100);
    CHECK(smart->percentage_used == 1);
    CHECK(smart->data_units_written == 55'377'092);
    for (std::size_t length = 0; length < page.size(); ++length) {
        CHECK_FALSE(nvme::decode_smart(ByteView(page).first(length)));
    }
}

TEST_CASE("the newest self-test, or none", "[nvme]") {
    Bytes page(564, 0);
    CHECK(nvme::decode_self_test_log(page)->newest == nvme::kNoSelfTest);
    page[4] = 0x1f;
    CHECK(nvme::decode_self_test_log(page)->newest == nvme::kNoSelfTest);
    page[4] = 0x27;  // an extended one, with a failed segment
    CHECK(nvme::decode_self_test_log(page)->newest == 7);
    CHECK_FALSE(nvme::decode_self_test_log(page)->running);
    page[0] = 0x02;
    CHECK(nvme::decode_self_test_log(page)->running);
    CHECK_FALSE(nvme::decode_self_test_log(ByteView(page).first(4)));
}

TEST_CASE("the list of log pages has four bytes for each", "[nvme]") {
    Bytes page(1024, 0);
    page[0x81 * 4] = 1;
    CHECK(nvme::supports_log_page(page, 0x81));
    CHECK_FALSE(nvme::supports_log_page(page, 0x80));
    CHECK_FALSE(nvme::supports_log_page(ByteView(page).first(16), 0x81));
}

namespace {

/// Header of 512 bytes, a SMART snapshot with 4 bytes, then a sanitize that starts and completes.
Bytes event_page() {
    Bytes page(512, 0);
    page[0] = 0x0d;
    put(page, 8, {0x5e, 0x02});  // TLL: 606 bytes
    const Bytes snapshot = {0x01, 1, 21, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                            0,    0, 0,  0, 0, 0, 0, 0, 4, 0, 9, 9, 9, 9};
    const Bytes start = {0x09, 1, 21, 0, 2, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0,
                         0,    0, 0,  0, 0, 0, 0,    2,    0,    14,   0,    0xee, 0xee,
                         7,    0, 0,  0, 2, 0, 0,    0,    0xef, 0xbe, 0xad, 0xde};
    const Bytes completion = {0x0a, 2, 21, 0, 2, 0, 0x11, 0, 0,    0,    0,    0,    0, 0, 0, 0,
                              0,    0, 0,  0, 0, 0, 8,    0, 0xff, 0xff, 0x01, 0x01, 0, 0, 0, 0};
    for (const Bytes& event : {snapshot, start, completion}) {
        page.insert(page.end(), event.begin(), event.end());
    }
    return page;
}

}  // namespace

TEST_CASE("events of an erasure are found among others", "[nvme]") {
    const Bytes page = event_page();
    CHECK(nvme::event_log_bytes(page) == 606);
    const auto events = nvme::decode_erasure_events(page);
    REQUIRE(events.size() == 2);
    CHECK(events[0].type == nvme::ErasureEvent::Type::sanitize_start);
    CHECK(events[0].controller_id == 2);
    CHECK(events[0].milliseconds == 0x605040302010);
    CHECK(events[0].cdw10 == 2);
    CHECK(events[0].cdw11 == 0xdeadbeef);
    CHECK(events[1].type == nvme::ErasureEvent::Type::sanitize_completion);
    CHECK(events[1].sprog == 0xffff);
    CHECK(events[1].sstat == 0x0101);
}

TEST_CASE("an event log that is cut off gives what came before", "[nvme]") {
    const Bytes page = event_page();
    CHECK(nvme::decode_erasure_events(ByteView(page).first(page.size() - 1)).size() == 1);
    CHECK(nvme::decode_erasure_events(ByteView(page).first(100)).empty());
    CHECK(nvme::decode_erasure_events(Bytes(600, 0)).empty());
}
