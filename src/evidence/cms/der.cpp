// SPDX-License-Identifier: Apache-2.0
#include "der.hpp"

#include <algorithm>

namespace efface::evidence {

namespace {

constexpr std::size_t kDerElementsMax = 4096;
constexpr int kDerDepthMax = 24;
constexpr std::uint8_t kDerConstructed = 0x20;
constexpr std::uint8_t kDerClass = 0xc0;
constexpr std::uint8_t kDerNumber = 0x1f;
constexpr std::size_t kDerLengthBytesMax = 3;

bool has_right_form(std::uint8_t tag) {
    const std::uint8_t number = tag & kDerNumber;
    const bool constructed = (tag & kDerConstructed) != 0;
    return number != kDerNumber &&
           ((tag & kDerClass) != 0 || constructed == (number == (kDerSequence & kDerNumber) ||
                                                      number == (kDerSet & kDerNumber)));
}

/// The length that `rest` begins with, taken off it.
std::optional<std::size_t> take_length(ByteView& rest) {
    if (rest.empty()) {
        return std::nullopt;
    }
    const std::uint8_t first = rest[0];
    rest = rest.subspan(1);
    if (first < 0x80) {
        return first;
    }
    const std::size_t count = first & 0x7fU;
    if (count < 1 || count > kDerLengthBytesMax || count > rest.size() || rest[0] == 0) {
        return std::nullopt;
    }
    std::size_t length = 0;
    for (const std::uint8_t byte : rest.first(count)) {
        length = length << 8U | byte;
    }
    rest = rest.subspan(count);
    return length < 0x80 ? std::nullopt : std::optional(length);
}

bool is_strict_below(ByteView bytes, int depth) {
    const auto elements = der_elements(bytes);
    if (!elements || (depth > kDerDepthMax && !elements->empty())) {
        return false;
    }
    for (const DerElement& element : *elements) {
        if ((element.tag & kDerConstructed) != 0 && !is_strict_below(element.content, depth + 1)) {
            return false;
        }
        if (element.tag == kDerSet && !is_in_set_order(*der_elements(element.content))) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::optional<std::vector<DerElement>> der_elements(ByteView bytes) {
    std::vector<DerElement> elements;
    for (ByteView rest = bytes; !rest.empty();) {
        const std::uint8_t tag = rest[0];
        rest = rest.subspan(1);
        const auto length = take_length(rest);
        if (!has_right_form(tag) || !length || *length > rest.size() ||
            elements.size() == kDerElementsMax) {
            return std::nullopt;
        }
        elements.push_back({tag, rest.first(*length)});
        rest = rest.subspan(*length);
    }
    return elements;
}

std::optional<std::vector<DerElement>> der_children(ByteView bytes, std::uint8_t tag) {
    const auto elements = der_elements(bytes);
    if (!elements || elements->size() != 1 || elements->front().tag != tag) {
        return std::nullopt;
    }
    return der_elements(elements->front().content);
}

bool is_in_set_order(const std::vector<DerElement>& elements) {
    return std::is_sorted(
        elements.begin(), elements.end(), [](const DerElement& one, const DerElement& next) {
            // Lengths in their shortest form are in the order of their bytes.
            if (one.tag != next.tag || one.content.size() != next.content.size()) {
                return one.tag != next.tag ? one.tag < next.tag
                                           : one.content.size() < next.content.size();
            }
            return std::lexicographical_compare(one.content.begin(), one.content.end(),
                                                next.content.begin(), next.content.end());
        });
}

bool is_strict_der(ByteView bytes) {
    return is_strict_below(bytes, 0);
}

}  // namespace efface::evidence
