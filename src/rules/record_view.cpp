// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/record_view.hpp"

#include <algorithm>

#include "efface/base/bytes.hpp"

namespace efface::rules {

namespace {
constexpr std::size_t kSha256HexDigits = 64;
}  // namespace

void RecordView::fail(const std::string& problem) const {
    throw Error(ErrorCode::usage, where_ + ": " + problem);
}

void RecordView::must_be_object() const {
    if (!value_->is_object()) {
        fail("must be an object");
    }
}

std::optional<RecordView> RecordView::maybe(const char* key) const {
    must_be_object();
    const auto found = value_->find(key);
    if (found == value_->end() || found->is_null()) {
        return std::nullopt;
    }
    return RecordView(*found, where_ + "." + key);
}

RecordView RecordView::at(const char* key) const {
    const auto found = maybe(key);
    if (!found) {
        fail(std::string("\"") + key + "\" is missing");
    }
    return *found;
}

std::vector<RecordView> RecordView::items() const {
    if (!value_->is_array() || value_->size() > kItemsMax) {
        fail("must be a list of at most " + std::to_string(kItemsMax) + " items");
    }
    std::vector<RecordView> views;
    views.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i) {
        views.emplace_back((*value_)[i], where_ + "[" + std::to_string(i) + "]");
    }
    return views;
}

const std::string& RecordView::text(std::size_t bytes_max) const {
    if (!value_->is_string()) {
        fail("must be a string");
    }
    const auto& text = value_->get_ref<const std::string&>();
    if (text.size() > bytes_max) {
        fail("must be at most " + std::to_string(bytes_max) + " bytes");
    }
    return text;
}

const std::string& RecordView::non_empty_text() const {
    const std::string& value = text();
    if (value.empty()) {
        fail("must not be empty");
    }
    return value;
}

const std::string& RecordView::one_of(std::initializer_list<std::string_view> words) const {
    const std::string& value = text();
    if (std::find(words.begin(), words.end(), value) == words.end()) {
        std::string list;
        for (const std::string_view word : words) {
            list += (list.empty() ? "" : ", ") + std::string(word);
        }
        fail("\"" + value + "\" is not one of " + list);
    }
    return value;
}

/// A record that was just made has numbers with a sign, one that was read has none below 0.
std::uint64_t RecordView::number() const {
    if (!value_->is_number_integer() ||
        (!value_->is_number_unsigned() && value_->get<std::int64_t>() < 0)) {
        fail("must be a whole number, 0 or more");
    }
    return value_->get<std::uint64_t>();
}

bool RecordView::flag() const {
    if (!value_->is_boolean()) {
        fail("must be true or false");
    }
    return value_->get<bool>();
}

WallTime RecordView::time() const {
    const auto parsed = from_rfc3339(text());
    if (!parsed) {
        fail("must be a time like 2026-11-21T09:41:07Z");
    }
    return *parsed;
}

const std::string& RecordView::hex_digest() const {
    const std::string& value = text();
    const bool good = value.size() == kSha256HexDigits && from_hex(value).has_value();
    if (!good) {
        fail("must be a SHA-256 digest in lower-case hex");
    }
    return value;
}

const std::string& RecordView::digest() const {
    only({"sha256"});
    return at("sha256").hex_digest();
}

void RecordView::only(std::initializer_list<std::string_view> keys) const {
    only(std::vector<std::string_view>(keys));
}

void RecordView::only(const std::vector<std::string_view>& keys) const {
    must_be_object();
    for (const auto& [key, unused] : value_->items()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            fail("unknown field \"" + printable(key) + "\"");
        }
    }
}

}  // namespace efface::rules
