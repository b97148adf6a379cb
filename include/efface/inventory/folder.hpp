// SPDX-License-Identifier: Apache-2.0
// Small state files of the kernel, read relative to a folder that is opened once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "efface/base/file.hpp"

namespace efface::inventory {

/// A sysfs attribute fits a page; recorded ones are held to the same.
inline constexpr std::size_t kAttributeBytesMax = 4096;
inline constexpr std::size_t kFolderEntriesMax = std::size_t{1} << 17U;

/// `missing` is an answer (the kernel does not have it); `unreadable` must fail closed.
enum class Reading { present, missing, unreadable };

struct Attribute {
    Reading reading = Reading::missing;
    std::string text;  ///< without trailing white space
    int error = 0;     ///< errno of `unreadable`

    [[nodiscard]] bool present() const noexcept { return reading == Reading::present; }
};

struct Listing {
    Reading reading = Reading::missing;
    std::vector<std::string> names;  ///< sorted; without "." and ".."
    int error = 0;
};

class Folder final {
  public:
    /// Never throws for a folder that cannot be opened: reading() says so, and so does each read.
    [[nodiscard]] static Folder open(const std::filesystem::path& path);
    [[nodiscard]] Folder enter(const std::string& name) const;

    [[nodiscard]] Reading reading() const noexcept { return reading_; }
    [[nodiscard]] int error() const noexcept { return error_; }

    /// An attribute, which the kernel gives in one piece (Documentation/filesystems/sysfs.rst):
    /// what is shorter than a page is not asked for its end. Larger than a page is unreadable
    /// (EFBIG).
    [[nodiscard]] Attribute read(const std::string& name) const;
    /// The same without trimming, for binary attributes.
    [[nodiscard]] Attribute read_raw(const std::string& name) const;
    /// A file that may come in many pieces, to its end. Larger than `bytes_max` is unreadable
    /// (EFBIG).
    [[nodiscard]] Attribute read(const std::string& name, std::size_t bytes_max) const;
    [[nodiscard]] Attribute read_raw(const std::string& name, std::size_t bytes_max) const;
    /// The text of a symbolic link.
    [[nodiscard]] Attribute link(const std::string& name) const;
    [[nodiscard]] Listing list(const std::string& name) const;
    /// O_PATH, as the folder of other system calls; below zero when it could not be opened.
    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  private:
    enum class Pieces { one, many };

    Folder(UniqueFd fd, Reading reading, int error)
        : fd_(std::move(fd)), reading_(reading), error_(error) {}
    [[nodiscard]] Attribute read_pieces(const std::string& name, std::size_t bytes_max,
                                        Pieces pieces) const;

    UniqueFd fd_;
    Reading reading_ = Reading::missing;
    int error_ = 0;
};

/// The number in an attribute, or `fallback` when it is not a plain decimal number.
[[nodiscard]] std::uint64_t number_or(const std::string& text, std::uint64_t fallback);

/// Device strings for people and records: printable() but for valid UTF-8, which paths may hold.
[[nodiscard]] std::string safe_text(const std::string& text);

}  // namespace efface::inventory
