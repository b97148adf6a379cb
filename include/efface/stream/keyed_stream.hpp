// SPDX-License-Identifier: Apache-2.0
// The fill pattern: AES-256-CTR (NIST SP 800-38A 6.5) over the byte address, so that any range can
// be made again and compared without having been stored.
#pragma once

#include <memory>

#include "efface/base/bytes.hpp"
#include "efface/base/secret.hpp"

namespace efface::stream {

constexpr std::size_t kStreamKeyBytes = 32;

class CtrGenerator;

/// The key stream of one target in one run. Counter block = 64-bit zero || 64-bit (offset / 16),
/// big endian, plaintext zero. Not shared between threads; make one a worker from the same key.
class KeyedStream final {
  public:
    /// `key` is kStreamKeyBytes long; what is made from it is kept in locked memory, or by OpenSSL.
    explicit KeyedStream(ByteView key);
    ~KeyedStream();
    KeyedStream(KeyedStream&&) noexcept;
    KeyedStream& operator=(KeyedStream&&) noexcept;
    KeyedStream(const KeyedStream&) = delete;
    KeyedStream& operator=(const KeyedStream&) = delete;

    /// The bytes of the pattern for [offset, offset + into.size()).
    void fill(std::uint64_t offset_bytes, MutableByteView into);
    /// The difference (exclusive or) of `data` and the pattern at [offset, offset + data.size()):
    /// zeros where they are equal. `into` is as long as `data` and is either the same bytes or
    /// apart from them.
    void difference(std::uint64_t offset_bytes, ByteView data, MutableByteView into);
    /// Whether `data` is the pattern at [offset, offset + data.size()). One pass where making and
    /// comparing are two.
    [[nodiscard]] bool equals(std::uint64_t offset_bytes, ByteView data);
    /// Who makes it on this machine: "OpenSSL", "VAES-256", "VAES-512". The bytes are the same.
    [[nodiscard]] const char* engine() const;

  private:
    std::unique_ptr<CtrGenerator> generator_;
};

}  // namespace efface::stream
