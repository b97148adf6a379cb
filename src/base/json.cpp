// SPDX-License-Identifier: Apache-2.0
#include "efface/base/json.hpp"

#include <algorithm>
#include <memory>

#include "efface/base/assert.hpp"

namespace efface {

namespace {

constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53U) - 1;

/// Builds the value while it counts depth and watches keys. The callbacks are nlohmann's SAX
/// interface; each returns whether to go on.
class StrictBuilder final : public nlohmann::json_sax<Json> {
  public:
    StrictBuilder(const JsonLimits& limits, const std::string& what)
        : limits_(limits), what_(what) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(std::int64_t value) override { return add(value); }
    bool number_unsigned(std::uint64_t value) override { return add(value); }
    bool number_float(double value, const std::string& /*text*/) override { return add(value); }
    bool string(std::string& value) override { return add(std::move(value)); }
    bool binary(Json::binary_t& /*value*/) override { return false; }

    bool start_object(std::size_t /*elements*/) override { return open(Json::object()); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t /*elements*/) override { return open(Json::array()); }
    bool end_array() override { return close(); }

    bool key(std::string& name) override {
        EFFACE_ASSERT(!open_.empty() && open_.back()->is_object());
        repeated_ = open_.back()->contains(name);
        if (repeated_ && !limits_.duplicate_keys_allowed) {
            throw Error(ErrorCode::usage, what_ + ": key \"" + printable(name) + "\" is repeated");
        }
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        throw Error(ErrorCode::usage,
                    what_ + ": not valid JSON at byte " + std::to_string(position));
    }

    [[nodiscard]] Json take() { return std::move(root_); }

  private:
    /// Puts a value where the text stands. Returns where it went.
    Json* place(Json value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        Json& parent = *open_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(value));
            return &parent.back();
        }
        if (repeated_) {  // the first one wins; this one is parsed and dropped
            repeated_ = false;
            dropped_.push_back(std::make_unique<Json>(std::move(value)));
            return dropped_.back().get();
        }
        return &(parent[key_] = std::move(value));
    }
    bool add(Json value) {
        place(std::move(value));
        return true;
    }
    bool open(Json value) {
        if (open_.size() >= limits_.depth_max) {
            throw Error(ErrorCode::usage, what_ + ": nested deeper than " +
                                              std::to_string(limits_.depth_max) + " levels");
        }
        open_.push_back(place(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    const std::string& what_;
    Json root_;
    std::vector<Json*> open_;
    std::vector<std::unique_ptr<Json>> dropped_;
    std::string key_;
    bool repeated_ = false;
};

void write_string(const std::string& text, std::string& out) {
    for (const char character : text) {
        const bool control = static_cast<unsigned char>(character) < 0x20U || character == 0x7f;
        if (control && character != '\n') {
            throw Error(ErrorCode::internal, "a control character is not allowed in a record");
        }
    }
    // Without them this writer escapes '"', '\' and the line feed, as RFC 8785 3.2.2.2 asks.
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::strict);
}

void write_canonical(const Json& value, std::string& out);

void write_object(const Json& value, std::string& out) {
    out += '{';
    bool first = true;
    // nlohmann's object is ordered by bytes, which for ASCII keys is RFC 8785's UTF-16 order.
    for (const auto& [key, member] : value.items()) {
        const bool ascii = std::all_of(key.begin(), key.end(), [](char character) {
            return static_cast<unsigned char>(character) < 0x80U;
        });
        if (!ascii) {
            throw Error(ErrorCode::internal, "the keys of a record must be ASCII");
        }
        out += first ? "" : ",";
        first = false;
        write_string(key, out);
        out += ':';
        write_canonical(member, out);
    }
    out += '}';
}

void write_number(const Json& value, std::string& out) {
    const bool fits =
        value.is_number_unsigned()
            ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kIntegerMax)
            : value.get<std::int64_t>() <= kIntegerMax && value.get<std::int64_t>() >= -kIntegerMax;
    if (!fits) {
        throw Error(ErrorCode::internal, "a number beyond 2^53 - 1 is not allowed in a record");
    }
    out += value.dump();
}

void write_canonical(const Json& value, std::string& out) {
    if (value.is_object()) {
        write_object(value, out);
    } else if (value.is_array()) {
        out += '[';
        for (std::size_t i = 0; i < value.size(); ++i) {
            out += i == 0 ? "" : ",";
            write_canonical(value[i], out);
        }
        out += ']';
    } else if (value.is_string()) {
        write_string(value.get_ref<const std::string&>(), out);
    } else if (value.is_number_integer()) {
        write_number(value, out);
    } else if (value.is_boolean() || value.is_null()) {
        out += value.dump();
    } else {
        throw Error(ErrorCode::internal, "a fraction is not allowed in a record");
    }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& what, const JsonLimits& limits) {
    if (text.size() > limits.bytes_max) {
        throw Error(ErrorCode::usage,
                    what + ": larger than " + std::to_string(limits.bytes_max) + " bytes");
    }
    // Both would be passed over in silence: what is behind the one, and the other itself.
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    const auto nul = text.find('\0');
    if (nul != std::string_view::npos || text.starts_with(kByteOrderMark)) {
        throw Error(ErrorCode::usage, what + ": not valid JSON at byte " +
                                          std::to_string(nul == std::string_view::npos ? 0 : nul));
    }
    StrictBuilder builder(limits, what);
    if (!Json::sax_parse(text, &builder)) {
        throw Error(ErrorCode::usage, what + ": not valid JSON");
    }
    return builder.take();
}

std::string canonical_json(const Json& value) {
    std::string out;
    try {
        write_canonical(value, out);
    } catch (const Json::exception&) {
        throw Error(ErrorCode::internal, "the text of a record must be UTF-8");
    }
    return out;
}

bool is_utf8(std::string_view text) {
    try {
        (void)Json(text).dump();
    } catch (const Json::type_error&) {
        return false;
    }
    return true;
}

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char character : text) {
        result += (character >= 0x20 && character < 0x7f) ? character : '?';
    }
    const auto first = result.find_first_not_of(' ');
    if (first == std::string::npos) {
        return {};
    }
    return result.substr(first, result.find_last_not_of(' ') - first + 1);
}

}  // namespace efface
