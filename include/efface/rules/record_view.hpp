// SPDX-License-Identifier: Apache-2.0
// Reading a record field by field, where every failure names the place. Unlike ObjectReader of
// base, null counts as missing and one value can be read by several rules.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/json.hpp"

namespace efface::rules {

/// Borrows the JSON. Every reader throws Error(usage) "place: what is wrong".
class RecordView final {
  public:
    static constexpr std::size_t kTextBytesMax = 4096;
    static constexpr std::size_t kItemsMax = 65'536;

    RecordView(const Json& value, std::string where) : value_(&value), where_(std::move(where)) {}

    /// A field of an object that must be there.
    [[nodiscard]] RecordView at(const char* key) const;
    [[nodiscard]] std::optional<RecordView> maybe(const char* key) const;
    [[nodiscard]] std::vector<RecordView> items() const;
    [[nodiscard]] bool is_object() const noexcept { return value_->is_object(); }
    [[nodiscard]] const Json& json() const noexcept { return *value_; }
    /// As messages name it.
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

    [[nodiscard]] const std::string& text(std::size_t bytes_max = kTextBytesMax) const;
    [[nodiscard]] const std::string& non_empty_text() const;
    [[nodiscard]] const std::string& one_of(std::initializer_list<std::string_view> words) const;
    [[nodiscard]] std::uint64_t number() const;
    [[nodiscard]] bool flag() const;
    [[nodiscard]] WallTime time() const;
    /// 64 lower-case hex digits.
    [[nodiscard]] const std::string& hex_digest() const;
    /// The hex of an object that is exactly {"sha256": hex}.
    [[nodiscard]] const std::string& digest() const;

    void must_be_object() const;
    void only(std::initializer_list<std::string_view> keys) const;
    void only(const std::vector<std::string_view>& keys) const;
    [[noreturn]] void fail(const std::string& problem) const;

  private:
    const Json* value_;
    std::string where_;
};

}  // namespace efface::rules
