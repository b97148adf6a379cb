// SPDX-License-Identifier: Apache-2.0
#include "content.hpp"

#include <algorithm>
#include <cstring>

namespace efface::job::worlds {

namespace {

constexpr std::uint64_t kMark = std::uint64_t{0xe5face} << 40U;
constexpr unsigned kOwnerShift = 32;
constexpr std::size_t kWord = sizeof(std::uint64_t);

bool within(std::uint64_t offset, const Ranges& ranges) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
        return offset >= range.first && offset < range.second;
    });
}

}  // namespace

Bytes content_of(std::uint8_t owner, std::size_t bytes, std::uint64_t first_word) {
    Bytes content(bytes);
    const std::uint64_t head = kMark | (std::uint64_t{owner} << kOwnerShift);
    for (std::size_t at = 0; at + kWord <= bytes; at += kWord) {
        const std::uint64_t word = head | (first_word + at / kWord);
        std::memcpy(&content[at], &word, kWord);
    }
    return content;
}

std::string first_left(ByteView medium, std::uint8_t owner, const Ranges& but) {
    const std::uint64_t head = (kMark >> kOwnerShift) | owner;
    for (std::size_t at = 0; at + kWord <= medium.size(); at += kWord) {
        std::uint64_t word = 0;
        std::memcpy(&word, &medium[at], kWord);
        if (word >> kOwnerShift == head && !within(at, but)) {
            return "at byte " + std::to_string(at);
        }
    }
    return {};
}

std::string first_difference(ByteView one, ByteView other, const Ranges& but) {
    if (one.size() != other.size()) {
        return "the size";
    }
    if (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0) {
        return {};
    }
    for (std::size_t at = 0; at < one.size(); ++at) {
        if (one[at] != other[at] && !within(at, but)) {
            return "byte " + std::to_string(at);
        }
    }
    return {};
}

}  // namespace efface::job::worlds
