// SPDX-License-Identifier: Apache-2.0
// AES-256 in counter mode, whole blocks: by OpenSSL everywhere, which is the reference, and by the
// wide AES instructions where the processor has them. All make the same bytes.
#pragma once

#include <memory>

#include "efface/base/bytes.hpp"

namespace efface::stream {

constexpr std::size_t kCipherBlockBytes = 16;
constexpr std::size_t kKeyBytes = 32;

enum class CtrEngine {
    openssl,
    vaes_256,  ///< VAES on 256-bit registers: AVX2
    vaes_512,  ///< VAES on 512-bit registers: AVX-512 F
};

/// The key stream of one key and nonce. Counter block n = 64-bit nonce || 64-bit n, big endian; n
/// does not wrap. Lengths are multiples of kCipherBlockBytes, addresses are free. Not shared
/// between threads.
class CtrGenerator {
  public:
    virtual ~CtrGenerator() = default;
    /// The stream from block `first` on.
    virtual void fill(std::uint64_t first, MutableByteView into) = 0;
    /// The exclusive or of the stream and `data`; `into` is as long, the same bytes or apart.
    virtual void difference(std::uint64_t first, ByteView data, MutableByteView into) = 0;
    [[nodiscard]] virtual bool equals(std::uint64_t first, ByteView data) = 0;
    [[nodiscard]] virtual CtrEngine engine() const noexcept = 0;
};

/// Whether the processor has the instructions and the system keeps their registers.
[[nodiscard]] bool supported(CtrEngine engine) noexcept;

/// Of a supported engine. `key` is kKeyBytes long. Throws Error(internal) when OpenSSL has no such
/// cipher, or when there is no locked memory for the round keys.
[[nodiscard]] std::unique_ptr<CtrGenerator> make_generator(CtrEngine engine, ByteView key,
                                                           std::uint64_t nonce);

/// The widest engine that is supported and, made by `make`, makes what OpenSSL makes.
using MakeGenerator = std::unique_ptr<CtrGenerator> (*)(CtrEngine, ByteView key,
                                                        std::uint64_t nonce);
[[nodiscard]] CtrEngine widest_that_agrees(MakeGenerator make);

/// That of make_generator(). The first call tries them, a few microseconds; the answer stays for
/// the life of the process.
[[nodiscard]] CtrEngine best_engine();

}  // namespace efface::stream
