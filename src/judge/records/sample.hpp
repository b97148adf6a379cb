// SPDX-License-Identifier: Apache-2.0
// The sample of a representative read-back, drawn again from its seed as efface-certificate(5)
// says: computed by the verifier itself, not by the code that chose it. Private to the judge
// module.
#pragma once

#include <cstdint>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::judge {

struct Span {
    std::uint64_t begin = 0;  ///< bytes
    std::uint64_t end = 0;    ///< behind the last
};
constexpr std::uint64_t kSampleSizeBytesMax = std::uint64_t{1} << 53U;
constexpr std::uint64_t kSampleBlockBytesMax = std::uint64_t{1} << 30U;

/// Bytes that the sample of a medium covers, less what was left out of it. The sizes must be
/// within the bounds above and the block not 0 (asserted).
[[nodiscard]] std::uint64_t sample_bytes(std::uint64_t size_bytes, std::uint64_t block_bytes,
                                         ByteView seed, const std::vector<Span>& left_out);

}  // namespace efface::judge
