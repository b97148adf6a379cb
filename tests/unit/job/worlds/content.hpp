// SPDX-License-Identifier: Apache-2.0
// What is on media before anything is erased: every eight bytes say whose they are, so that
// none of them is taken for another's, nor for what an erasure leaves.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::job::worlds {

/// Of somebody else, who writes in between.
constexpr std::uint8_t kForeign = 0xff;

[[nodiscard]] Bytes content_of(std::uint8_t owner, std::size_t bytes, std::uint64_t first_word = 0);

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  ///< [from, to) in bytes
/// Where the first eight bytes of this owner stand, but for those in these ranges; empty: nowhere.
[[nodiscard]] std::string first_left(ByteView medium, std::uint8_t owner, const Ranges& but = {});
/// The first byte that differs outside these ranges, in words; empty: none does.
[[nodiscard]] std::string first_difference(ByteView one, ByteView other, const Ranges& but = {});

}  // namespace efface::job::worlds
