// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/pattern.hpp"

#include <algorithm>
#include <cstring>

namespace efface::stream {

namespace {

class RandomSource final : public PatternSource {
  public:
    explicit RandomSource(ByteView key) : stream_(key) {}
    void fill(std::uint64_t offset_bytes, MutableByteView into) override {
        stream_.fill(offset_bytes, into);
    }

  private:
    KeyedStream stream_;
};

class RepeatingSource final : public PatternSource {
  public:
    explicit RepeatingSource(Bytes bytes) : bytes_(std::move(bytes)) {}

    void fill(std::uint64_t offset_bytes, MutableByteView into) override {
        // One period byte by byte, then what is there is copied behind itself, twice as much each
        // time: what was written is always a whole number of periods.
        const std::size_t phase = static_cast<std::size_t>(offset_bytes % bytes_.size());
        std::size_t done = std::min(into.size(), bytes_.size());
        for (std::size_t i = 0; i < done; ++i) {
            into[i] = bytes_[(phase + i) % bytes_.size()];
        }
        while (done < into.size()) {
            const std::size_t step = std::min(done, into.size() - done);
            std::memcpy(into.data() + done, into.data(), step);
            done += step;
        }
    }

  private:
    Bytes bytes_;
};

}  // namespace

std::unique_ptr<PatternSource> make_source(const Pattern& pattern) {
    if (pattern.kind == Pattern::Kind::random) {
        return std::make_unique<RandomSource>(pattern.bytes);
    }
    EFFACE_ASSERT(!pattern.bytes.empty() && pattern.bytes.size() <= kPatternBytesMax);
    return std::make_unique<RepeatingSource>(pattern.bytes);
}

}  // namespace efface::stream
