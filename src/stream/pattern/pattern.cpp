// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/pattern.hpp"

#include <algorithm>
#include <cstring>

namespace efface::stream {

namespace {

/// Of data compared at a time: with what it is compared to it stays in the first-level cache
/// (32 KiB and more).
constexpr std::size_t kChunkBytes = std::size_t{16} << 10U;

class RandomSource final : public PatternSource {
  public:
    explicit RandomSource(ByteView key) : stream_(key) {}
    void fill(std::uint64_t offset_bytes, MutableByteView into) override {
        stream_.fill(offset_bytes, into);
    }
    [[nodiscard]] bool equals(std::uint64_t offset_bytes, ByteView data) override {
        return stream_.equals(offset_bytes, data);
    }

  private:
    KeyedStream stream_;
};

class RepeatingSource final : public PatternSource {
  public:
    explicit RepeatingSource(Bytes bytes)
        : period_(bytes.size()), repeated_(kChunkBytes + period_) {
        for (std::size_t i = 0; i < repeated_.size(); ++i) {
            repeated_[i] = bytes[i % period_];
        }
    }

    void fill(std::uint64_t offset_bytes, MutableByteView into) override {
        while (!into.empty()) {
            const ByteView part = part_at(offset_bytes, into.size());
            std::memcpy(into.data(), part.data(), part.size());
            offset_bytes += part.size();
            into = into.subspan(part.size());
        }
    }
    [[nodiscard]] bool equals(std::uint64_t offset_bytes, ByteView data) override {
        while (!data.empty()) {
            const ByteView part = part_at(offset_bytes, data.size());
            if (std::memcmp(data.data(), part.data(), part.size()) != 0) {
                return false;
            }
            offset_bytes += part.size();
            data = data.subspan(part.size());
        }
        return true;
    }

  private:
    [[nodiscard]] ByteView part_at(std::uint64_t offset, std::size_t length) const {
        const std::size_t phase = static_cast<std::size_t>(offset % period_);
        return ByteView(repeated_).subspan(phase, std::min(length, kChunkBytes));
    }

    std::size_t period_;
    Bytes repeated_;  // a chunk from any phase lies in it
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
