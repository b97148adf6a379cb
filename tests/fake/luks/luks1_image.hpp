// SPDX-License-Identifier: Apache-2.0
// The bytes of a small LUKS1 volume, for runs that are held in memory. The layout is that of the
// LUKS on-disk format 1.2.3, written out here once more so that it is not our parser's own word.
#pragma once

#include <string>

#include "efface/base/bytes.hpp"

namespace efface::fake {

constexpr std::uint64_t kLuks1PayloadOffset = 2'097'152;  // 4096 sectors
constexpr std::uint64_t kLuks1ImageBytes = kLuks1PayloadOffset + 256 * 1024;

/// aes-xts-plain64, 512-bit key, slot 0 in use at 4096, seven disabled; key areas and payload hold
/// noise that follows from the UUID.
[[nodiscard]] Bytes luks1_image(const std::string& uuid);

}  // namespace efface::fake
