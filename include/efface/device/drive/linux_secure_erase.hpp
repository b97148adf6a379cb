// SPDX-License-Identifier: Apache-2.0
// BLKSECDISCARD of a block device of this machine.
#pragma once

#include <filesystem>

#include "efface/base/file.hpp"
#include "efface/device/drive/secure_erase.hpp"

namespace efface::device {

class LinuxSecureErase final : public SecureErase {
  public:
    /// Opened for writing, not exclusively. Throws Error: `usage` when there is no such block
    /// device or it can't be written.
    [[nodiscard]] static LinuxSecureErase open(const std::filesystem::path& path);

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] std::uint32_t block_bytes() const override { return block_bytes_; }
    /// Before Linux 5.19 the kernel only tells on erase() whether the driver offers it.
    [[nodiscard]] int probe() override;
    [[nodiscard]] int erase(std::uint64_t offset, std::uint64_t length) override;

  private:
    LinuxSecureErase(UniqueFd fd, std::uint64_t size_bytes, std::uint32_t block_bytes) noexcept
        : fd_(std::move(fd)), size_bytes_(size_bytes), block_bytes_(block_bytes) {}
    UniqueFd fd_;
    std::uint64_t size_bytes_;
    std::uint32_t block_bytes_;
};

}  // namespace efface::device
