// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace efface::fake {

constexpr std::uint8_t kInvalidParameter = 0x0c;  // TCG Core 5.1.5

}  // namespace efface::fake
