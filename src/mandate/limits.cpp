// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/limits.hpp"

#include <algorithm>
#include <array>

namespace efface::mandate {

namespace {

constexpr std::array kThens = {std::pair{Then::go_on, "go-on"}, std::pair{Then::pause, "pause"},
                               std::pair{Then::stop, "stop"}};

}  // namespace

const char* to_string(Then then) noexcept {
    return std::find_if(kThens.begin(), kThens.end(),
                        [&](const auto& entry) { return entry.first == then; })
        ->second;
}

std::optional<Then> then_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kThens.begin(), kThens.end(),
                                     [&](const auto& entry) { return text == entry.second; });
    return found == kThens.end() ? std::nullopt : std::optional(found->first);
}

Json to_json(const Limits& limits) {
    return ObjectWriter()
        .add("bytesPerSecondMin", limits.bytes_per_second_min)
        .add("whenSlow", to_string(limits.when_slow))
        .add("deadlineSeconds", limits.deadline.count())
        .add("whenLate", to_string(limits.when_late))
        .add("celsiusMax", limits.celsius_max)
        .add("whenHot", to_string(limits.when_hot))
        .take();
}

Limits limits_from_json(const Json& json) {
    const auto then = [&](const char* key) {
        const auto found = then_from_string(json.at(key).get<std::string>());
        if (!found) {
            throw Json::other_error::create(501, "an invalid limit", nullptr);
        }
        return *found;
    };
    Limits limits;
    json.at("bytesPerSecondMin").get_to(limits.bytes_per_second_min);
    limits.when_slow = then("whenSlow");
    limits.deadline = std::chrono::seconds(json.at("deadlineSeconds").get<std::int64_t>());
    limits.when_late = then("whenLate");
    json.at("celsiusMax").get_to(limits.celsius_max);
    limits.when_hot = then("whenHot");
    if (limits.deadline.count() < 0 || limits.celsius_max < 0) {
        throw Json::other_error::create(501, "an invalid limit", nullptr);
    }
    return limits;
}

const std::vector<HealthLimitRow>& health_limit_rows() {
    static const std::vector<HealthLimitRow> rows{
        {"reallocated_max", "reallocated", &HealthLimits::reallocated_max},
        {"pending_max", "pending", &HealthLimits::pending_max},
        {"media_errors_max", "mediaErrors", &HealthLimits::media_errors_max},
        {"power_on_hours_max", "powerOnHours", &HealthLimits::power_on_hours_max},
        {"wear_percent_max", "wearPercent", &HealthLimits::wear_percent_max},
        {"spare_percent_min", "sparePercent", &HealthLimits::spare_percent_min, true}};
    return rows;
}

Json to_json(const HealthLimits& limits) {
    Json json = Json::object();
    for (const auto& row : health_limit_rows()) {
        if (const auto& limit = limits.*row.limit) {
            json[row.key] = *limit;
        }
    }
    if (limits.refuse_failing) {
        json["refuse_failing"] = true;
    }
    return json;
}

HealthLimits health_limits_from_json(const Json& json) {
    HealthLimits limits;
    for (const auto& row : health_limit_rows()) {
        if (json.contains(row.key)) {
            limits.*row.limit = json.at(row.key).get<std::uint64_t>();
        }
    }
    limits.refuse_failing = json.contains("refuse_failing");
    if (to_json(limits) != json) {
        throw Json::other_error::create(501, "an invalid limit", nullptr);
    }
    return limits;
}

}  // namespace efface::mandate
