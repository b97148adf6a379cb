// SPDX-License-Identifier: Apache-2.0
#include "efface/view/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace efface::view {

namespace {

constexpr std::size_t kLabelColumns = 20;
constexpr char32_t kInvalid = 0xffffffff;
constexpr char32_t kFirstWide = 0x1100;  // from here on characters may take two columns

/// The code point at the start of `text` and its bytes; kInvalid with one byte when malformed.
struct CodePoint {
    char32_t value = kInvalid;
    std::size_t bytes = 1;
};

CodePoint first_of(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80U) {
        return {lead, 1};
    }
    const std::size_t bytes = lead >= 0xf0U ? 4 : lead >= 0xe0U ? 3 : 2;
    if (lead < 0xc2U || lead > 0xf4U || bytes > text.size()) {
        return {};
    }
    char32_t value = lead & (0x7fU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80U) {
            return {};
        }
        value = (value << 6U) | (next & 0x3fU);
    }
    const char32_t smallest = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < smallest || value > 0x10ffff || surrogate ? CodePoint{}
                                                             : CodePoint{value, bytes};
}

bool is_hidden(char32_t value) {
    const bool control = value < 0x20 || (value >= 0x7f && value <= 0x9f);
    const bool direction = (value >= 0x200b && value <= 0x200f) ||
                           (value >= 0x2028 && value <= 0x202e) ||
                           (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
    return control || direction || (value >= 0xe0000 && value <= 0xe007f);
}

/// As many bytes of `text` as fit into `columns`, at least one character.
std::size_t bytes_that_fit(std::string_view text, std::size_t columns) {
    std::size_t bytes = 0;
    while (bytes < text.size()) {
        const std::size_t next = bytes + first_of(text.substr(bytes)).bytes;
        if (bytes > 0 && columns_of(text.substr(0, next)) > columns) {
            break;
        }
        bytes = next;
    }
    return bytes;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const CodePoint point = first_of(text);
        columns += point.value != kInvalid && point.value >= kFirstWide ? 2 : 1;
        text.remove_prefix(point.bytes);
    }
    return columns;
}

std::string visible(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const CodePoint point = first_of(text);
        if (point.value == kInvalid) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        } else if (is_hidden(point.value)) {
            out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point.value));
        } else {
            out += text.substr(0, point.bytes);
        }
        text.remove_prefix(point.bytes);
    }
    return out;
}

void Page::wrapped(std::string first, std::size_t hang, std::string_view value) {
    const std::string safe = visible(value);
    std::string_view rest = safe;
    std::string line = std::move(first);
    bool fresh = true;  // no word on this line yet
    while (!rest.empty()) {
        const std::size_t space = rest.find(' ');
        std::string_view word = rest.substr(0, space);
        const std::size_t used = columns_of(line) + (fresh ? 0 : 1);
        if (used + columns_of(word) <= columns_) {
            line += fresh ? "" : " ";
            line += word;
            fresh = false;
        } else if (fresh && used < columns_) {  // longer than a whole line: cut it
            word = rest.substr(0, bytes_that_fit(rest, columns_ - used));
            line += word;
            rest.remove_prefix(word.size());
            text_ += line + "\n";
            line = std::string(hang, ' ');
            continue;
        } else {
            text_ += line + "\n";
            line = std::string(hang, ' ');
            fresh = true;
            continue;
        }
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    text_ += line + "\n";
}

void Page::title(std::string_view text) {
    text_ += std::string(text) + "\n" + std::string(columns_of(text), '=') + "\n";
}

void Page::heading(std::string_view text) {
    text_ += "\n" + std::string(text) + "\n";
}

void Page::field(std::string_view label, std::string_view value, std::size_t indent) {
    if (value.empty()) {
        return;
    }
    const std::size_t hang = indent + kLabelColumns;
    std::string first(indent, ' ');
    first += label;
    first.resize(std::max(hang, first.size() + 1), ' ');
    wrapped(first, hang, value);
}

void Page::bullet(std::string_view text, std::size_t indent) {
    wrapped(std::string(indent, ' ') + "- ", indent + 2, text);
}

void Page::line(std::string_view text, std::size_t indent) {
    wrapped(std::string(indent, ' '), indent, text);
}

void Page::hanging(std::string_view first, std::size_t hang, std::string_view value) {
    wrapped(std::string(first), hang, value);
}

void Page::append(const Page& other) {
    text_ += other.text_;
}

void Page::gap() {
    text_ += "\n";
}

}  // namespace efface::view
