// SPDX-License-Identifier: Apache-2.0
// The boundary to the secure erase of a block driver (eMMC, virtio): never discard, which is a
// hint.
#pragma once

#include <cstdint>

namespace efface::device {

class SecureErase {
  public:
    virtual ~SecureErase() = default;
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    [[nodiscard]] virtual std::uint32_t block_bytes() const = 0;
    /// 0 when the driver offers it, else an errno (EOPNOTSUPP where it does not). Erases nothing.
    [[nodiscard]] virtual int probe() = 0;
    /// Erases whole blocks; returns when it is done. 0 or an errno.
    [[nodiscard]] virtual int erase(std::uint64_t offset, std::uint64_t length) = 0;
};

}  // namespace efface::device
