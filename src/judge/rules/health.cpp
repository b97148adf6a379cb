// SPDX-License-Identifier: Apache-2.0
#include "health.hpp"

#include "health_pages.hpp"

namespace efface::judge {

namespace {

/// What is null was not reported.
Json reported(const Json& values) {
    Json list = Json::object();
    for (const auto& [name, value] : values.items()) {
        if (!value.is_null()) {
            list[name] = value;
        }
    }
    return list;
}

void check_look(const RecordView& look) {
    const Json told = reported(look.at("values").json());
    const Json found = health_values(look);
    for (const auto& [name, value] : found.items()) {
        if (!told.contains(name) || told.at(name) != value) {
            look.at("values").fail("do not have what the pages say of " + name);
        }
    }
    if (told.size() != found.size()) {
        look.at("values").fail("have what no page says");
    }
}

Json growth(const std::optional<RecordView>& before, const std::optional<RecordView>& after) {
    Json grown = Json::array();
    for (const char* name : {"reallocated", "pending", "mediaErrors", "loggedErrors"}) {
        const auto from = before ? before->at("values").maybe(name) : std::nullopt;
        const auto to = after ? after->at("values").maybe(name) : std::nullopt;
        if (from && to && to->number() > from->number()) {
            grown.push_back(ObjectWriter()
                                .add("value", name)
                                .add("before", from->number())
                                .add("after", to->number())
                                .take());
        }
    }
    return grown;
}

}  // namespace

void check_health(const RecordView& predicate) {
    const auto health = predicate.at("target").maybe("health");
    if (!health) {
        return;
    }
    const auto before = health->maybe("before");
    const auto after = health->maybe("after");
    for (const auto& look : {before, after}) {
        if (look) {
            check_look(*look);
        }
    }
    if (before && after && after->at("at").time() < before->at("at").time()) {
        after->at("at").fail("is before the look before the erase");
    }
    if (health->at("grown").json() != growth(before, after)) {
        health->at("grown").fail("is not what has grown from one look to the other");
    }
}

}  // namespace efface::judge
