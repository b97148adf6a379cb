// SPDX-License-Identifier: Apache-2.0
// Plain text for a person: headings, labelled fields and lists, wrapped, and safe to show on a
// terminal whatever the record holds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace efface::view {

constexpr std::size_t kPageColumns = 100;

/// Control characters, characters that turn the direction of text and invalid UTF-8 become
/// "\u{1b}"; the rest stays.
[[nodiscard]] std::string visible(std::string_view text);
/// How many columns of a screen the text takes; of a character of two columns, two.
[[nodiscard]] std::size_t columns_of(std::string_view text);

class Page final {
  public:
    /// `columns`: those that a line takes at most.
    explicit Page(std::size_t columns = kPageColumns) : columns_(columns) {}
    [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
    void title(std::string_view text);
    void heading(std::string_view text);
    /// "  label   value", the value wrapped under itself. Nothing for an empty value.
    void field(std::string_view label, std::string_view value, std::size_t indent = 2);
    void bullet(std::string_view text, std::size_t indent = 2);
    void line(std::string_view text, std::size_t indent = 2);
    /// `first` as it is, then the value wrapped below column `hang`.
    void hanging(std::string_view first, std::size_t hang, std::string_view value);
    void gap();
    /// Everything of another page.
    void append(const Page& other);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    void wrapped(std::string first, std::size_t hang, std::string_view value);
    std::size_t columns_;
    std::string text_;
};

}  // namespace efface::view
