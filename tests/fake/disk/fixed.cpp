// SPDX-License-Identifier: Apache-2.0
#include "fixed.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

namespace efface::fake {

FixedClock::FixedClock() : now_(std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}) {}

void SeededRandom::fill(MutableByteView bytes) {
    while (!bytes.empty()) {
        const Digest block = sha256(seed_ + ":" + std::to_string(counter_++));
        const std::size_t count = std::min(bytes.size(), block.size());
        std::copy_n(block.begin(), count, bytes.begin());
        bytes = bytes.subspan(count);
    }
}

}  // namespace efface::fake
