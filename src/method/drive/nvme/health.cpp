// SPDX-License-Identifier: Apache-2.0
// What an NVMe controller reports of its health: log pages 02h and 06h.
#include <limits>

#include "parts.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kDataUnitBytes = 512'000;
constexpr int kZeroCelsiusInKelvin = 273;

std::uint64_t bytes_of_units(std::uint64_t units) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    return units > kMost / kDataUnitBytes ? kMost : units * kDataUnitBytes;
}

void take_smart(const nvme::SmartLog& log, Health& health) {
    health.power_on_hours = log.power_on_hours;
    health.power_cycles = log.power_cycles;
    health.host_written_bytes = bytes_of_units(log.data_units_written);
    health.media_errors = log.media_errors;
    health.logged_errors = log.logged_errors;
    health.wear_percent = log.percentage_used;
    health.spare_percent = log.available_spare_percent;
    if (log.kelvin != 0) {
        health.celsius = int{log.kelvin} - kZeroCelsiusInKelvin;
    }
    health.failing = (log.critical_warning & nvme::SmartLog::kFailing) != 0;
}

const char* self_test_of(const nvme::SelfTestLog& log) {
    if (log.running) {
        return "running";
    }
    switch (log.newest) {
        case 0:
            return "passed";
        case 5:
        case 6:
        case 7:
            return "failed";
        case nvme::kNoSelfTest:
            return "never";
        default:
            return "aborted";
    }
}

}  // namespace

HealthLook ask_nvme_health(device::NvmeTransport& transport) {
    HealthLook look{.command_set = "nvme", .health = {}, .pages = {}};
    auto smart = nvme_read_log(transport, nvme::LogPage::smart, nvme::kSmartLogBytes);
    if (smart.ok()) {
        if (const auto log = nvme::decode_smart(smart.bytes)) {
            take_smart(*log, look.health);
        }
        look.pages.push_back({"NVMe log 02h", std::move(smart.bytes)});
    }
    const auto page = nvme_read_identify(transport, nvme::Cns::controller, 0);
    const auto controller = nvme::decode_controller(page.bytes);
    if (!page.ok() || !controller || !controller->has_self_test()) {
        return look;
    }
    auto tests = nvme_read_log(transport, nvme::LogPage::self_tests, nvme::kSelfTestLogBytes);
    if (tests.ok()) {
        if (const auto log = nvme::decode_self_test_log(tests.bytes)) {
            look.health.self_test = self_test_of(*log);
        }
        look.pages.push_back({"NVMe log 06h", std::move(tests.bytes)});
    }
    return look;
}

}  // namespace efface::method
