// SPDX-License-Identifier: Apache-2.0
#include "efface/method/drive/health.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "record.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kHealthMost = (std::uint64_t{1} << 53U) - 1;

bool has_grown(const Json& record) {
    return record.is_object() && !record.at("grown").empty();
}

}  // namespace

const std::vector<HealthCount>& health_counts() {
    static const std::vector<HealthCount> counts{
        {"powerOnHours", "hours powered on", &Health::power_on_hours},
        {"powerCycles", "power cycles", &Health::power_cycles},
        {"hostWrittenBytes", "bytes written by hosts", &Health::host_written_bytes},
        {"reallocated", "reallocated sectors", &Health::reallocated, true},
        {"pending", "pending sectors", &Health::pending, true},
        {"mediaErrors", "uncorrected media errors", &Health::media_errors, true},
        {"loggedErrors", "logged errors", &Health::logged_errors, true},
        {"wearPercent", "% of its life used", &Health::wear_percent},
        {"sparePercent", "% spare left", &Health::spare_percent}};
    return counts;
}

Json to_json(const Health& health) {
    Json json = Json::object();
    for (const auto& count : health_counts()) {
        if (const auto& value = health.*count.value) {
            json[count.name] = std::min(*value, kHealthMost);
        }
    }
    if (health.celsius) {
        json["celsius"] = *health.celsius;
    }
    if (!health.self_test.empty()) {
        json["selfTest"] = health.self_test;
    }
    if (health.failing) {
        json["failing"] = *health.failing;
    }
    for (const auto& attribute : health.attributes) {
        json["attributes"].push_back(ObjectWriter()
                                         .add("id", attribute.id)
                                         .add("normalized", attribute.normalized)
                                         .add("raw", attribute.raw)
                                         .take());
    }
    return json;
}

std::string to_text(const Health& health) {
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    if (health.failing) {
        add(*health.failing ? "REPORTS THAT IT IS FAILING" : "reports no failure");
    }
    for (const auto& count : health_counts()) {
        if (const auto& value = health.*count.value) {
            add(fmt::format("{} {}", *value, count.words));
        }
    }
    if (health.celsius) {
        add(fmt::format("{} degrees Celsius", *health.celsius));
    }
    if (!health.self_test.empty()) {
        add("last self-test: " + health.self_test);
    }
    return text;
}

Json health_look_json(const HealthLook& look, const std::string& at) {
    if (look.command_set.empty()) {
        return nullptr;
    }
    return ObjectWriter()
        .add("at", at)
        .add("commandSet", look.command_set)
        .add("values", to_json(look.health))
        .add("pages", pages_json(look.pages))
        .take();
}

Json health_record(const Json& before, const Json& after) {
    if (before.is_null() && after.is_null()) {
        return nullptr;
    }
    Json grown = Json::array();
    const auto value_of = [](const Json& look, const char* name) {
        const bool told = look.is_object() && look.at("values").contains(name);
        return told ? std::optional(look.at("values").at(name).get<std::uint64_t>()) : std::nullopt;
    };
    for (const auto& count : health_counts()) {
        const auto from = value_of(before, count.name);
        const auto to = value_of(after, count.name);
        if (count.grows && from && to && *to > *from) {
            grown.push_back(ObjectWriter()
                                .add("value", count.name)
                                .add("before", *from)
                                .add("after", *to)
                                .take());
        }
    }
    return ObjectWriter()
        .add("before", before)
        .add("after", after)
        .add("grown", std::move(grown))
        .take();
}

Json observed_health(const Json& before, const Json& after, const std::string& at,
                     Outcome& outcome) {
    Json record = health_record(before, after);
    if (has_grown(record)) {
        outcome.observations.push_back({at, kHealthObservation, record.at("grown")});
    }
    return record;
}

std::vector<std::string> growth_texts(const Json& record) {
    std::vector<std::string> texts;
    if (!has_grown(record)) {
        return texts;
    }
    for (const auto& one : record.at("grown")) {
        const auto& counts = health_counts();
        const auto count = std::find_if(counts.begin(), counts.end(), [&](const auto& other) {
            return one.at("value") == other.name;
        });
        if (count != counts.end()) {
            texts.push_back(fmt::format("{} grew from {} to {}", count->words,
                                        one.at("before").get<std::uint64_t>(),
                                        one.at("after").get<std::uint64_t>()));
        }
    }
    return texts;
}

}  // namespace efface::method
