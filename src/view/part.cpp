// SPDX-License-Identifier: Apache-2.0
#include "part.hpp"

namespace efface::view {

namespace {

// Records have no more than some dozen levels: what is read from foreign input is bounded there.
void mark(const Json& value, Shown& shown) {
    shown.insert(&value);
    if (value.is_structured()) {
        for (const Json& below : value) {
            mark(below, shown);
        }
    }
}

}  // namespace

Part Part::at(const char* key) const {
    static const Json kNothing;
    const auto found = value_->is_object() ? value_->find(key) : value_->end();
    const bool there = value_->is_object() && found != value_->end();
    return {there ? *found : kNothing, *shown_};
}

std::vector<std::pair<std::string, Part>> Part::items() const {
    std::vector<std::pair<std::string, Part>> list;
    if (value_->is_object()) {
        for (const auto& [key, value] : value_->items()) {
            list.emplace_back(key, Part(value, *shown_));
        }
    }
    return list;
}

const Json& Part::read() const {
    mark(*value_, *shown_);
    return *value_;
}

}  // namespace efface::view
