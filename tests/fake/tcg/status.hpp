// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace efface::fake {

constexpr std::uint16_t kComId = 0x1004;
constexpr std::uint8_t kNotAuthorized = 0x01;
constexpr std::uint8_t kInvalidParameter = 0x0c;  // TCG Core 5.1.5
constexpr std::uint8_t kInvalidFunction = 0x0b;   // of Core 1.0

}  // namespace efface::fake
