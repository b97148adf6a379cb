// SPDX-License-Identifier: Apache-2.0
// File descriptors with an owner, and files that are either completely there or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "efface/base/bytes.hpp"
#include "efface/base/error.hpp"
#include "efface/base/secret.hpp"

namespace efface {

/// Owns one file descriptor; closes it. Errors of close() are ignored: whoever needs them syncs.
class UniqueFd final {
  public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    ~UniqueFd() { reset(); }
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset(std::exchange(other.fd_, -1));
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

/// open(2) with O_CLOEXEC, repeated on EINTR. Throws Error(code) naming the path.
[[nodiscard]] UniqueFd open_file(const std::filesystem::path& path, int flags, unsigned mode = 0600,
                                 ErrorCode code = ErrorCode::internal);

/// The whole file. nullopt when there is none; Error(usage) when it is larger than `bytes_max`;
/// Error(internal) on any other failure.
[[nodiscard]] std::optional<Bytes> read_file(const std::filesystem::path& path,
                                             std::size_t bytes_max);
/// The same as text.
[[nodiscard]] std::optional<std::string> read_text_file(const std::filesystem::path& path,
                                                        std::size_t bytes_max);
/// The same into locked memory.
[[nodiscard]] std::optional<SecretBytes> read_secret_file(const std::filesystem::path& path,
                                                          std::size_t bytes_max);

/// Writes all bytes to a descriptor. Throws Error(internal) naming `what`.
void write_all(int fd, ByteView bytes, const std::string& what);
/// fsync(2). Throws Error(internal) naming `what`: a lost flush is a failure.
void sync_fd(int fd, const std::string& what);
/// Makes the entries of a folder durable.
void sync_directory(const std::filesystem::path& directory);

/// Replaces `path` durably: temporary file beside it, write, fsync, rename, fsync of the folder.
/// After a crash either the old or the new content is there. Throws Error(usage) for a device, a
/// pipe or a socket, which a file would take the place of for everybody.
void write_file_durably(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600);
inline void write_file_durably(const std::filesystem::path& path, std::string_view text,
                               unsigned mode = 0600) {
    write_file_durably(path, as_bytes(text), mode);
}

/// Makes a folder and its missing parents, each durable, with the mode given.
void make_directories_durably(const std::filesystem::path& directory, unsigned mode = 0700);

/// Holds an flock(2) on a file for as long as it lives.
class FileLock final {
  public:
    /// Makes the file where it is missing. nullopt when someone else holds the lock.
    [[nodiscard]] static std::optional<FileLock> try_acquire(const std::filesystem::path& path);

  private:
    explicit FileLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace efface
