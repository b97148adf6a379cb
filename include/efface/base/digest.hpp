// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "efface/base/bytes.hpp"

namespace efface {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 final {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void update(ByteView bytes);
    /// The digest of all that was given; afterwards the object starts again.
    [[nodiscard]] Digest finish();

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

[[nodiscard]] Digest sha256(ByteView bytes);
[[nodiscard]] inline Digest sha256(std::string_view text) {
    return sha256(as_bytes(text));
}
[[nodiscard]] std::string sha256_hex(ByteView bytes);
[[nodiscard]] inline std::string sha256_hex(std::string_view text) {
    return sha256_hex(as_bytes(text));
}

/// Version of the OpenSSL library in use: "3.0.22".
[[nodiscard]] std::string openssl_version();

}  // namespace efface
