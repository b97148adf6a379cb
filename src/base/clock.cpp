// SPDX-License-Identifier: Apache-2.0
#include "efface/base/clock.hpp"

#include <fmt/format.h>

#include <array>

namespace efface {

using std::chrono::floor;

WallTime SystemClock::now() const {
    return floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady_now() const {
    return std::chrono::steady_clock::now();
}

std::string to_rfc3339(WallTime time) {
    const auto day = floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(floor<std::chrono::seconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<WallTime> from_rfc3339(std::string_view text) {
    constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size() != kForm.size()) {
        return std::nullopt;
    }
    std::array<int, 6> fields{};
    std::size_t field = 0;
    for (std::size_t i = 0; i < kForm.size(); ++i) {
        if (kForm[i] != 'd') {
            if (text[i] != kForm[i]) {
                return std::nullopt;
            }
            ++field;
        } else if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        } else {
            fields.at(field) = fields.at(field) * 10 + (text[i] - '0');
        }
    }
    const std::chrono::year_month_day date{std::chrono::year(fields[0]),
                                           std::chrono::month(static_cast<unsigned>(fields[1])),
                                           std::chrono::day(static_cast<unsigned>(fields[2]))};
    if (!date.ok() || fields[0] < 1970 || fields[3] > 23 || fields[4] > 59 || fields[5] > 59) {
        return std::nullopt;
    }
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(fields[3]) +
           std::chrono::minutes(fields[4]) + std::chrono::seconds(fields[5]);
}

}  // namespace efface
