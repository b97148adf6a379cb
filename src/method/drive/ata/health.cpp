// SPDX-License-Identifier: Apache-2.0
// What an ATA drive reports of its health: SMART, its logs, and the Device Statistics log, which is
// standardised and therefore comes first.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "efface/ata/logs.hpp"
#include "efface/ata/smart.hpp"

#include "link.hpp"

namespace efface::method {

namespace {

constexpr std::uint8_t kStatisticsPages[] = {1, 3, 4, 5, 7};

// What smartmontools' drivedb.h has as the common meaning of an attribute.
constexpr std::uint8_t kReallocatedSectors = 5;
constexpr std::uint8_t kPowerOnHours = 9;
constexpr std::uint8_t kPowerCycles = 12;
constexpr std::uint8_t kWearLeveling = 177;
constexpr std::uint8_t kReportedUncorrectable = 187;
constexpr std::uint8_t kAirflowTemperature = 190;
constexpr std::uint8_t kTemperature = 194;
constexpr std::uint8_t kPendingSectors = 197;
constexpr std::uint8_t kOfflineUncorrectable = 198;
constexpr std::uint8_t kLifeLeft = 231;
/// Whose unit depends on the vendor: shown as they are.
constexpr std::uint8_t kShownRaw[] = {kWearLeveling, 199, kLifeLeft, 233, 241, 242};

constexpr unsigned kWord = 16;
constexpr unsigned kThreeBytes = 24;
constexpr unsigned kByte = 8;
/// Twenty years: who counts more counts minutes or seconds.
constexpr std::uint64_t kHoursMax = 175'320;

/// Everything that the drive gave, before it is put together.
class AtaHealth final {
  public:
    AtaHealth(device::AtaTransport& ata, AtaIdentity identity)
        : ata_(ata), identity_(std::move(identity)) {}

    [[nodiscard]] HealthLook ask();

  private:
    [[nodiscard]] std::optional<Bytes> page(const std::string& name,
                                            const device::AtaCommand& command);
    [[nodiscard]] std::optional<Bytes> smart_log(std::uint8_t log);
    void ask_smart();
    void ask_statistics();
    void ask_status();
    [[nodiscard]] const ata::SmartAttribute* find(std::uint8_t id) const;
    [[nodiscard]] std::optional<std::uint64_t> raw(std::uint8_t id, unsigned bits) const;
    [[nodiscard]] std::optional<std::uint64_t> count(std::uint8_t id) const;
    [[nodiscard]] std::optional<std::uint64_t> hours() const;
    [[nodiscard]] std::optional<std::uint64_t> heat(std::uint8_t id) const;
    [[nodiscard]] std::optional<std::uint64_t> statistic(const ata::Statistic& which) const;
    void put_together();
    void take_wear();
    void take_temperature();

    device::AtaTransport& ata_;
    AtaIdentity identity_;
    std::vector<ata::SmartAttribute> attributes_;
    std::vector<ata::SmartThreshold> thresholds_;
    std::vector<Bytes> statistics_;
    Bytes buffer_ = Bytes(ata::kPageBytes);
    bool silent_ = false;  ///< a command was not answered: the rest is not sent
    HealthLook look_{.command_set = "ata", .health = {}, .pages = {}};
};

std::optional<Bytes> AtaHealth::page(const std::string& name, const device::AtaCommand& command) {
    if (silent_) {
        return std::nullopt;
    }
    const auto answer = ata_.submit(command);
    silent_ = answer.error != 0;
    if (silent_ || !answer.accepted) {
        return std::nullopt;
    }
    look_.pages.push_back({name, buffer_});
    return buffer_;
}

std::optional<Bytes> AtaHealth::smart_log(std::uint8_t log) {
    return page(fmt::format("ATA SMART log {:02x}h", log), ata::smart_read_log(log, buffer_));
}

/// Some paths give no registers: then the attributes and their thresholds tell.
void AtaHealth::ask_status() {
    const auto answer = silent_ ? device::AtaCompletion() : ata_.submit(ata::smart_return_status());
    if (answer.error == 0 && answer.registers) {
        look_.health.failing = ata::decode_smart_status(*answer.registers);
        look_.pages.push_back(ata_registers_page("ATA SMART RETURN STATUS", *answer.registers));
    }
    if (look_.health.failing || attributes_.empty() || thresholds_.empty()) {
        return;
    }
    look_.health.failing =
        std::any_of(thresholds_.begin(), thresholds_.end(), [&](const auto& limit) {
            const auto* attribute = find(limit.id);
            return attribute != nullptr && attribute->prefailure && limit.threshold != 0 &&
                   attribute->value <= limit.threshold;
        });
}

void AtaHealth::ask_smart() {
    if (const auto data = page("ATA SMART READ DATA", ata::smart_read_data(buffer_))) {
        attributes_ = ata::decode_smart_attributes(*data);
    }
    if (const auto data = page("ATA SMART READ THRESHOLDS", ata::smart_read_thresholds(buffer_))) {
        thresholds_ = ata::decode_smart_thresholds(*data);
    }
    ask_status();
    auto& health = look_.health;
    if (identity_.identify.smart_error_log) {
        if (const auto data = smart_log(ata::kSmartLogErrors)) {
            health.logged_errors = ata::decode_error_count(*data);
        }
    }
    if (!identity_.identify.smart_self_test) {
        return;
    }
    const auto data = smart_log(ata::kSmartLogSelfTests);
    if (const auto result = data ? ata::decode_newest_self_test(*data) : std::nullopt) {
        health.self_test = *result == ata::kNoSelfTest ? "never"
                           : *result == 0              ? "passed"
                           : *result <= 2              ? "aborted"
                           : *result <= 8              ? "failed"
                           : *result == 15             ? "running"
                                                       : "";
    }
}

void AtaHealth::ask_statistics() {
    if (!identity_.identify.general_purpose_logging || silent_) {
        return;
    }
    const auto has_log = ata_.submit(ata::read_log(ata::kLogDirectory, 0, buffer_));
    if (has_log.error != 0 || !has_log.accepted ||
        ata::decode_log_pages(buffer_, ata::kLogDeviceStatistics) == 0) {
        return;
    }
    const auto list = ata_.submit(ata::read_log(ata::kLogDeviceStatistics, 0, buffer_));
    const auto listed = list.error == 0 && list.accepted ? ata::decode_statistics_pages(buffer_)
                                                         : std::vector<std::uint8_t>{};
    for (const std::uint8_t number : kStatisticsPages) {
        if (std::find(listed.begin(), listed.end(), number) == listed.end()) {
            continue;
        }
        if (auto data = page(fmt::format("ATA log 04h page {:02x}h", number),
                             ata::read_log(ata::kLogDeviceStatistics, number, buffer_))) {
            statistics_.push_back(std::move(*data));
        }
    }
}

const ata::SmartAttribute* AtaHealth::find(std::uint8_t id) const {
    const auto found = std::find_if(attributes_.begin(), attributes_.end(),
                                    [&](const auto& one) { return one.id == id; });
    return found == attributes_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> AtaHealth::raw(std::uint8_t id, unsigned bits) const {
    const auto* attribute = find(id);
    return attribute == nullptr ? std::nullopt
                                : std::optional(attribute->raw & ((std::uint64_t{1} << bits) - 1));
}

/// Who uses the upper 16 bits keeps several numbers in one: none of them is known.
std::optional<std::uint64_t> AtaHealth::count(std::uint8_t id) const {
    const auto* attribute = find(id);
    return attribute == nullptr || attribute->raw >> 32U != 0 ? std::nullopt
                                                              : std::optional(attribute->raw);
}

std::optional<std::uint64_t> AtaHealth::hours() const {
    const auto told = raw(kPowerOnHours, kThreeBytes);
    return told && *told <= kHoursMax ? told : std::nullopt;
}

/// Minimum and maximum are above the temperature; 0 is of drives that have no sensor.
std::optional<std::uint64_t> AtaHealth::heat(std::uint8_t id) const {
    const auto told = raw(id, kByte);
    return told && *told != 0 ? told : std::nullopt;
}

std::optional<std::uint64_t> AtaHealth::statistic(const ata::Statistic& which) const {
    for (const auto& page : statistics_) {
        if (const auto value = ata::decode_statistic(page, which)) {
            return value;
        }
    }
    return std::nullopt;
}

template <typename T>
std::optional<T> first_of(std::initializer_list<std::optional<T>> values) {
    for (const auto& value : values) {
        if (value) {
            return value;
        }
    }
    return std::nullopt;
}

void AtaHealth::take_wear() {
    constexpr std::uint64_t kNew = 100;
    look_.health.wear_percent = statistic(ata::kPercentageUsed);
    for (const std::uint8_t id : {kLifeLeft, kWearLeveling}) {
        const auto* attribute = find(id);
        if (!look_.health.wear_percent && identity_.identify.flash() && attribute != nullptr) {
            look_.health.wear_percent = kNew - std::min<std::uint64_t>(attribute->value, kNew);
        }
    }
}

void AtaHealth::take_temperature() {
    const auto told = first_of<std::uint64_t>(
        {statistic(ata::kCurrentTemperature), heat(kTemperature), heat(kAirflowTemperature)});
    if (told) {
        look_.health.celsius = static_cast<std::int8_t>(*told);
    }
}

void AtaHealth::put_together() {
    auto& health = look_.health;
    using Count = std::uint64_t;
    health.power_on_hours = first_of<Count>({statistic(ata::kPowerOnHours), hours()});
    health.power_cycles = first_of<Count>({statistic(ata::kPowerOnResets), count(kPowerCycles)});
    if (const auto sectors = statistic(ata::kSectorsWritten)) {
        const std::uint64_t each = identity_.identify.logical_sector_bytes;
        constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
        health.host_written_bytes = *sectors > kMost / each ? kMost : *sectors * each;
    }
    health.reallocated =
        first_of<Count>({statistic(ata::kReallocatedSectors), raw(kReallocatedSectors, kWord)});
    health.pending =
        first_of<Count>({statistic(ata::kPendingErrors), statistic(ata::kReallocationCandidates),
                         count(kPendingSectors)});
    health.media_errors =
        first_of<Count>({statistic(ata::kUncorrectableErrors), count(kReportedUncorrectable),
                         count(kOfflineUncorrectable)});
    take_wear();
    take_temperature();
    for (const std::uint8_t id : kShownRaw) {
        if (const auto* attribute = find(id)) {
            health.attributes.push_back({id, attribute->value, attribute->raw});
        }
    }
}

HealthLook AtaHealth::ask() {
    look_.pages.push_back({"ATA IDENTIFY DEVICE", identity_.page});
    if (identity_.identify.smart) {
        ask_smart();
    }
    ask_statistics();
    put_together();
    return std::move(look_);
}

}  // namespace

HealthLook ask_ata_health(device::AtaTransport& ata) {
    auto identity = ata_identify(ata);
    if (!identity.error.empty()) {
        return {};
    }
    const auto power = ata.submit(ata::check_power_mode());
    const bool asleep = power.registers && !power.registers->failed() &&
                        ata::decode_power_mode(*power.registers) == ata::PowerMode::standby;
    if (asleep) {  // some drives wake for their logs
        return {};
    }
    return AtaHealth(ata, std::move(identity)).ask();
}

}  // namespace efface::method
