// SPDX-License-Identifier: Apache-2.0
#include "efface/base/json.hpp"

namespace efface {

ObjectReader::ObjectReader(const Json& value, std::string where)
    : object_(value), where_(std::move(where)) {
    if (!object_.is_object()) {
        throw Error(ErrorCode::usage, where_ + ": must be an object");
    }
}

const Json* ObjectReader::find(const char* key) {
    asked_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
}

std::string ObjectReader::at(std::string_view key) const {
    return where_ + (where_.ends_with(":") ? " " : ".") + std::string(key);
}

void ObjectReader::fail(std::string_view key, const std::string& problem) const {
    throw Error(ErrorCode::usage, at(key) + ": " + problem);
}

std::optional<std::string> ObjectReader::optional_string(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_string()) {
        fail(key, "must be a string");
    }
    return value->get<std::string>();
}

std::string ObjectReader::required_string(const char* key) {
    auto value = optional_string(key);
    if (!value) {
        fail(key, "is missing");
    }
    return *std::move(value);
}

std::optional<std::uint64_t> ObjectReader::optional_unsigned(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number_unsigned()) {
        fail(key, "must be a whole number, 0 or more");
    }
    return value->get<std::uint64_t>();
}

std::uint64_t ObjectReader::required_unsigned(const char* key) {
    const auto value = optional_unsigned(key);
    if (!value) {
        fail(key, "is missing");
    }
    return *value;
}

bool ObjectReader::optional_bool(const char* key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_boolean()) {
        fail(key, "must be true or false");
    }
    return value->get<bool>();
}

const Json* ObjectReader::optional_array(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && !value->is_array()) {
        fail(key, "must be a list");
    }
    return value;
}

const Json* ObjectReader::optional_object(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && !value->is_object()) {
        fail(key, "must be an object");
    }
    return value;
}

const Json* ObjectReader::optional_any(const char* key) {
    return find(key);
}

const Json& ObjectReader::required_array(const char* key) {
    const Json* value = optional_array(key);
    if (value == nullptr) {
        fail(key, "is missing");
    }
    return *value;
}

const Json& ObjectReader::required_object(const char* key) {
    const Json* value = optional_object(key);
    if (value == nullptr) {
        fail(key, "is missing");
    }
    return *value;
}

void ObjectReader::refuse_unknown_keys() const {
    for (const auto& [key, value] : object_.items()) {
        if (!asked_.contains(key)) {
            fail(printable(key), "is not a known key");
        }
    }
}

}  // namespace efface
