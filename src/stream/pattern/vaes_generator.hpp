// SPDX-License-Identifier: Apache-2.0
// The engines of CtrGenerator that this program brings itself.
#pragma once

#include "ctr_generator.hpp"

namespace efface::stream {

/// False for CtrEngine::openssl, and everywhere but on x86-64.
[[nodiscard]] bool vaes_supported(CtrEngine engine) noexcept;

/// Of an engine that is supported.
[[nodiscard]] std::unique_ptr<CtrGenerator> make_vaes_generator(CtrEngine engine, ByteView key,
                                                                std::uint64_t nonce);

}  // namespace efface::stream
