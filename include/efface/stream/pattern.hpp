// SPDX-License-Identifier: Apache-2.0
// What one pass writes, as a function of the byte address.
#pragma once

#include <memory>

#include "efface/base/bytes.hpp"
#include "efface/stream/keyed_stream.hpp"

namespace efface::stream {

/// Longest repeated pattern (the 3-byte ones of older rules, and room for a text).
constexpr std::size_t kPatternBytesMax = 64;

struct Pattern {
    enum class Kind {
        random,     ///< KeyedStream of `bytes` (kStreamKeyBytes)
        repeating,  ///< `bytes` (1 to kPatternBytesMax) from address 0 on; zeros are {0}
    } kind = Kind::random;
    Bytes bytes;
};

/// Makes the bytes of a pattern again for any range. Not shared between threads.
class PatternSource {
  public:
    virtual ~PatternSource() = default;
    virtual void fill(std::uint64_t offset_bytes, MutableByteView into) = 0;
    /// True when `data` is the pattern for [offset, offset + data.size()).
    [[nodiscard]] virtual bool equals(std::uint64_t offset_bytes, ByteView data) = 0;
};
[[nodiscard]] std::unique_ptr<PatternSource> make_source(const Pattern& pattern);

}  // namespace efface::stream
