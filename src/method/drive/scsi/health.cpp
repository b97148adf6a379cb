// SPDX-License-Identifier: Apache-2.0
// What a SCSI disk reports of its health: log pages, and how long its grown defect list is.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "efface/scsi/log_pages.hpp"

#include "erasure.hpp"

namespace efface::method {

namespace {

/// As much as a record keeps of a page: what is decoded is in its first parameters.
constexpr std::uint16_t kLogBytes = 4096;

/// One page after another; only those that the disk lists are asked for: some old disks and bridges
/// stop answering when they are asked for a page that they lack.
class ScsiHealth final {
  public:
    explicit ScsiHealth(ScsiSession& session) : session_(session) {}

    [[nodiscard]] HealthLook ask();

  private:
    void list_pages();
    [[nodiscard]] std::optional<Bytes> page(const scsi::LogPage& page);
    void ask_errors();
    void ask_temperature();
    void ask_defects();
    [[nodiscard]] bool spins();

    ScsiSession& session_;
    std::vector<scsi::LogPage> listed_;
    HealthLook look_{.command_set = "scsi", .health = {}, .pages = {}};
};

void ScsiHealth::list_pages() {
    for (const auto& list : {scsi::kLogSupportedSubpages, scsi::kLogSupported}) {
        if (const auto data = session_.ask(scsi::log_sense_cdb(list, kLogBytes), kLogBytes)) {
            listed_ = scsi::decode_log_list(*data);
        }
        if (!listed_.empty()) {
            return;
        }
    }
}

std::optional<Bytes> ScsiHealth::page(const scsi::LogPage& page) {
    if (std::find(listed_.begin(), listed_.end(), page) == listed_.end()) {
        return std::nullopt;
    }
    auto data = session_.ask(scsi::log_sense_cdb(page, kLogBytes), kLogBytes);
    if (data) {
        look_.pages.push_back({page.subpage == 0 ? fmt::format("SCSI log page {:02X}h", page.page)
                                                 : fmt::format("SCSI log page {:02X}h/{:02X}h",
                                                               page.page, page.subpage),
                               *data});
    }
    return data;
}

void ScsiHealth::ask_errors() {
    for (const auto& which :
         {scsi::kLogWriteErrors, scsi::kLogReadErrors, scsi::kLogVerifyErrors}) {
        const auto data = page(which);
        if (!data) {
            continue;
        }
        if (const auto count = scsi::decode_error_counter(*data, which, scsi::kErrorsUncorrected)) {
            const auto others = look_.health.media_errors.value_or(0);
            constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
            look_.health.media_errors = *count > kMost - others ? kMost : others + *count;
        }
        if (which == scsi::kLogWriteErrors) {
            look_.health.host_written_bytes =
                scsi::decode_error_counter(*data, which, scsi::kErrorsBytesProcessed);
        }
    }
}

void ScsiHealth::ask_temperature() {
    auto& health = look_.health;
    if (const auto data = page(scsi::kLogTemperature)) {
        if (const auto celsius = scsi::decode_temperature(*data)) {
            health.celsius = *celsius;
        }
    }
    const auto data = page(scsi::kLogInformational);
    const auto found = data ? scsi::decode_informational(*data) : std::nullopt;
    if (found) {
        constexpr std::uint8_t kFailurePredicted = 0x5d;
        health.failing = found->sense_code == kFailurePredicted;
        if (!health.celsius && found->temperature) {
            health.celsius = *found->temperature;
        }
    }
}

/// A disk that saves power is not woken for the list of its defects, which is on its medium.
bool ScsiHealth::spins() {
    constexpr unsigned kLowPower = 0x5e;
    const auto data =
        session_.ask(scsi::request_sense_cdb(scsi::kSenseBytesMax), scsi::kSenseBytesMax);
    const auto sense = data ? scsi::decode_sense(*data) : std::nullopt;
    device::ScsiCommand ready;
    ready.cdb = scsi::test_unit_ready_cdb();
    return sense && sense->code >> 8U != kLowPower && session_.send(ready).good();
}

void ScsiHealth::ask_defects() {
    if (!spins()) {
        return;
    }
    auto data = session_.ask(scsi::read_defect_data_12_cdb(), scsi::kDefectHeader12Bytes);
    if (data) {
        look_.health.reallocated = scsi::decode_defects_12(*data);
        look_.pages.push_back({"SCSI READ DEFECT DATA (12)", std::move(*data)});
        return;
    }
    data = session_.ask(scsi::read_defect_data_10_cdb(), scsi::kDefectHeader10Bytes);
    if (data) {
        look_.health.reallocated = scsi::decode_defects_10(*data);
        look_.pages.push_back({"SCSI READ DEFECT DATA (10)", std::move(*data)});
    }
}

const char* self_test_of(std::uint8_t result) {
    switch (result) {
        case 0:
            return "passed";
        case 1:
        case 2:
            return "aborted";
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
            return "failed";
        case 15:
            return "running";
        case scsi::kNoSelfTest:
            return "never";
        default:
            return "";  // reserved
    }
}

HealthLook ScsiHealth::ask() {
    constexpr std::uint32_t kMinutesPerHour = 60;
    list_pages();
    ask_errors();
    ask_temperature();
    auto& health = look_.health;
    if (const auto data = page(scsi::kLogSelfTests)) {
        if (const auto result = scsi::decode_newest_self_test(*data)) {
            health.self_test = self_test_of(*result);
        }
    }
    if (const auto data = page(scsi::kLogSolidState)) {
        health.wear_percent = scsi::decode_endurance(*data);
    }
    if (const auto data = page(scsi::kLogBackgroundScan)) {
        if (const auto minutes = scsi::decode_power_on_minutes(*data)) {
            health.power_on_hours = *minutes / kMinutesPerHour;
        }
    }
    if (const auto data = page(scsi::kLogPendingDefects)) {
        health.pending = scsi::decode_pending_defects(*data);
    }
    ask_defects();
    return std::move(look_);
}

}  // namespace

HealthLook ask_scsi_health(ScsiSession& session) {
    return ScsiHealth(session).ask();
}

}  // namespace efface::method
