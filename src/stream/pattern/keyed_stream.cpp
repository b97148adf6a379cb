// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/keyed_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "efface/base/error.hpp"

#include "ctr_generator.hpp"

namespace efface::stream {

namespace {

static_assert(kKeyBytes == kStreamKeyBytes);
/// The key is of one target and one run: nothing else has to tell streams apart.
constexpr std::uint64_t kNonce = 0;

/// A stretch of bytes cut where the cipher's blocks begin and end.
struct Cut {
    std::size_t head = 0;   ///< bytes of a block that began before
    std::size_t whole = 0;  ///< multiple of kCipherBlockBytes
    std::size_t tail = 0;   ///< bytes of a block that goes on behind
};

Cut cut(std::uint64_t offset, std::size_t length) {
    Cut parts;
    const auto into_block = static_cast<std::size_t>(offset % kCipherBlockBytes);
    if (into_block != 0) {
        parts.head = std::min(length, kCipherBlockBytes - into_block);
    }
    parts.tail = (length - parts.head) % kCipherBlockBytes;
    parts.whole = length - parts.head - parts.tail;
    return parts;
}

/// The stream at [offset, offset + length) within one block.
class EdgeBytes final {
  public:
    EdgeBytes(CtrGenerator& generator, std::uint64_t offset) : at_(offset % kCipherBlockBytes) {
        generator.fill(offset / kCipherBlockBytes, block_);
    }
    [[nodiscard]] const std::uint8_t* data() const { return block_.data() + at_; }

  private:
    std::array<std::uint8_t, kCipherBlockBytes> block_{};
    std::size_t at_;
};

/// Calls `edge` for parts of blocks and `whole` for the blocks between, with what was done before
/// and the length, in order, while they return true.
template <typename Edge, typename Whole>
bool for_parts(std::uint64_t offset, std::size_t length, const Edge& edge, const Whole& whole) {
    EFFACE_ASSERT(length <= UINT64_MAX - offset);
    const Cut parts = cut(offset, length);
    return (parts.head == 0 || edge(std::size_t{0}, parts.head)) &&
           (parts.whole == 0 || whole(parts.head, parts.whole)) &&
           (parts.tail == 0 || edge(parts.head + parts.whole, parts.tail));
}

}  // namespace

KeyedStream::KeyedStream(ByteView key) : generator_(make_generator(best_engine(), key, kNonce)) {}
KeyedStream::~KeyedStream() = default;
KeyedStream::KeyedStream(KeyedStream&&) noexcept = default;
KeyedStream& KeyedStream::operator=(KeyedStream&&) noexcept = default;

void KeyedStream::fill(std::uint64_t offset_bytes, MutableByteView into) {
    EFFACE_ASSERT(generator_ != nullptr);
    const auto edge = [&](std::size_t done, std::size_t length) {
        const EdgeBytes bytes(*generator_, offset_bytes + done);
        std::memcpy(into.data() + done, bytes.data(), length);
        return true;
    };
    const auto whole = [&](std::size_t done, std::size_t length) {
        generator_->fill((offset_bytes + done) / kCipherBlockBytes, into.subspan(done, length));
        return true;
    };
    (void)for_parts(offset_bytes, into.size(), edge, whole);
}

void KeyedStream::difference(std::uint64_t offset_bytes, ByteView data, MutableByteView into) {
    EFFACE_ASSERT(generator_ != nullptr && into.size() == data.size());
    const auto edge = [&](std::size_t done, std::size_t length) {
        const EdgeBytes bytes(*generator_, offset_bytes + done);
        for (std::size_t i = 0; i < length; ++i) {
            into[done + i] = static_cast<std::uint8_t>(data[done + i] ^ bytes.data()[i]);
        }
        return true;
    };
    const auto whole = [&](std::size_t done, std::size_t length) {
        generator_->difference((offset_bytes + done) / kCipherBlockBytes,
                               data.subspan(done, length), into.subspan(done, length));
        return true;
    };
    (void)for_parts(offset_bytes, data.size(), edge, whole);
}

bool KeyedStream::equals(std::uint64_t offset_bytes, ByteView data) {
    EFFACE_ASSERT(generator_ != nullptr);
    const auto edge = [&](std::size_t done, std::size_t length) {
        const EdgeBytes bytes(*generator_, offset_bytes + done);
        return std::memcmp(data.data() + done, bytes.data(), length) == 0;
    };
    const auto whole = [&](std::size_t done, std::size_t length) {
        return generator_->equals((offset_bytes + done) / kCipherBlockBytes,
                                  data.subspan(done, length));
    };
    return for_parts(offset_bytes, data.size(), edge, whole);
}

const char* KeyedStream::engine() const {
    EFFACE_ASSERT(generator_ != nullptr);
    switch (generator_->engine()) {
        case CtrEngine::vaes_512:
            return "VAES-512";
        case CtrEngine::vaes_256:
            return "VAES-256";
        case CtrEngine::openssl:
            break;
    }
    return "OpenSSL";
}

}  // namespace efface::stream
