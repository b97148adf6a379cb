// SPDX-License-Identifier: Apache-2.0
// How large the transfers of a pass are, and how many buffers it has.
#pragma once

#include <algorithm>

#include "efface/stream/pass.hpp"

#include "pipeline.hpp"

namespace efface::stream {

struct TransferSizes {
    std::size_t unit = 0;        ///< smallest transfer, of the target
    std::size_t slot_bytes = 0;  ///< largest transfer, a multiple of the unit
    std::size_t slots = 0;
};

/// No more memory than a pass over `bytes` can use.
[[nodiscard]] inline TransferSizes sizes_for(const device::BlockTarget& target, std::uint64_t bytes,
                                             const PassOptions& options) {
    TransferSizes sizes;
    sizes.unit = target.preferred_alignment();
    const std::uint64_t most =
        std::max<std::uint64_t>(std::min<std::uint64_t>(options.slot_bytes, bytes) / sizes.unit, 1);
    sizes.slot_bytes = static_cast<std::size_t>(most) * sizes.unit;
    const std::uint64_t pieces = bytes / sizes.slot_bytes + 1;
    sizes.slots =
        static_cast<std::size_t>(std::min<std::uint64_t>(options.slots + kSlotsAhead, pieces));
    return sizes;
}

}  // namespace efface::stream
