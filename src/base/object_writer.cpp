// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "efface/base/assert.hpp"
#include "efface/base/json.hpp"

namespace efface {

ObjectWriter& ObjectWriter::add(const char* key, Json value) {
    const bool added = object_.emplace(key, std::move(value)).second;
    EFFACE_ASSERT(added);  // a key that is written twice is a bug
    return *this;
}

ObjectWriter& ObjectWriter::add(const char* key, const char* value) {
    return add(key, Json(value));
}

ObjectWriter& ObjectWriter::add(const char* key, std::string_view value) {
    return add(key, Json(value));
}

ObjectWriter& ObjectWriter::add(const char* key, std::string value) {
    return add(key, Json(std::move(value)));
}

ObjectWriter& ObjectWriter::add(const char* key, const std::vector<std::string>& values) {
    return add(key, Json(values));
}

ObjectWriter& ObjectWriter::add(const char* key, const std::set<std::string>& values) {
    return add(key, Json(values));
}

ObjectWriter& ObjectWriter::add(const char* key, const std::vector<Reason>& values) {
    return add(key, to_json(values));
}

ObjectWriter& ObjectWriter::add(const char* key, std::nullptr_t) {
    return add(key, Json());
}

ObjectWriter& ObjectWriter::add_bool(const char* key, bool value) {
    return add(key, Json(value));
}

ObjectWriter& ObjectWriter::add_signed(const char* key, std::int64_t value) {
    return add(key, Json(value));
}

ObjectWriter& ObjectWriter::add_unsigned(const char* key, std::uint64_t value) {
    return add(key, Json(value));
}

Json ObjectWriter::take() {
    return std::exchange(object_, Json::object());
}

}  // namespace efface
