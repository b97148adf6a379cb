// SPDX-License-Identifier: Apache-2.0
// Sense keys that the SCSI model gives (SPC-6, table 28).
#pragma once

#include <cstdint>

namespace efface::fake {

constexpr std::uint8_t kMediumError = 3;
constexpr std::uint8_t kIllegalRequest = 5;

}  // namespace efface::fake
