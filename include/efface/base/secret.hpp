// SPDX-License-Identifier: Apache-2.0
// Memory for keys and passphrases: locked, left out of core dumps, cleansed on release.
#pragma once

#include <cstddef>

#include "efface/base/bytes.hpp"

namespace efface {

/// Owns `size` secret bytes on pages of their own: mlock()ed, MADV_DONTDUMP and MADV_DONTFORK,
/// cleansed before they are unmapped. Move-only.
class SecretBytes final {
  public:
    SecretBytes() noexcept = default;
    /// Zeroed. Throws Error(internal) when the pages cannot be allocated or locked.
    explicit SecretBytes(std::size_t size);
    /// Copies the bytes; the caller cleanses its own.
    explicit SecretBytes(ByteView bytes);
    ~SecretBytes();
    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;

    [[nodiscard]] ByteView view() const noexcept { return {data_, size_}; }
    [[nodiscard]] MutableByteView view() noexcept { return {data_, size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Shortens to `size` bytes (not more than now) and cleanses the rest.
    void shrink(std::size_t size) noexcept;

  private:
    void release() noexcept;
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t mapped_ = 0;
};

/// Overwrites bytes in a way that the compiler keeps.
void cleanse(MutableByteView bytes) noexcept;

/// No core files, no ptrace by the same user: called once, first thing in main().
void harden_process() noexcept;

}  // namespace efface
