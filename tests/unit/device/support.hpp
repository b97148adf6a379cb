// SPDX-License-Identifier: Apache-2.0
// Files, loop devices and mounts that a test makes and takes away again, each by its own name.
#pragma once

#include <filesystem>
#include <string>

#include "efface/base/bytes.hpp"

namespace device_test {

namespace fs = std::filesystem;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

/// Runs with sh, both outputs dropped; the exit status.
int run(const std::string& command);
/// The same, and fails the test unless it is 0.
void require(const std::string& command);
/// Standard output without the last line feed.
std::string output_of(const std::string& command);

class ScratchFolder final {
  public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }

  private:
    fs::path path_;
};

class LoopDevice final {
  public:
    /// `options` as losetup(8) takes them.
    explicit LoopDevice(const fs::path& file, const std::string& options = "");
    ~LoopDevice();
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }

  private:
    fs::path path_;
};

class Mount final {
  public:
    /// `what` as mount(8) takes it: "-t tmpfs tmpfs", "/dev/loop7".
    Mount(const std::string& what, const fs::path& folder);
    ~Mount();
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& name) const { return folder_ / name; }

  private:
    fs::path folder_;
};

void write_bytes(const fs::path& file, std::size_t size, std::uint8_t value);
efface::Bytes read_bytes(const fs::path& file);
/// A sparse file.
void make_file(const fs::path& file, std::size_t size);

/// A small LUKS image with cheap key derivation; `options` go to luksFormat.
void make_luks(const fs::path& file, const std::string& type, const std::string& passphrase,
               const std::string& options = "");
/// Options that keep key derivation short.
extern const char* const kCheap;

}  // namespace device_test
