// SPDX-License-Identifier: Apache-2.0
// The files of a log as the log sees them, so that a test can make any operation fail and can cut
// the power between any two. Private to the evidence module.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/file.hpp"

namespace efface::evidence {

enum class LogFile : unsigned {
    entries,         ///< "entries.jsonl"
    hashes,          ///< "hashes"
    offsets,         ///< "offsets"
    origin,          ///< "origin"
    checkpoint,      ///< "checkpoint"
    new_checkpoint,  ///< "checkpoint.new", until it is renamed
    new_unsigned,    ///< "unsigned.new", until it is renamed
};
constexpr std::size_t kLogFileCount = 7;
[[nodiscard]] const char* to_string(LogFile file) noexcept;

/// What was set aside from behind `size` signed entries: "unsigned-SIZE-SHA256.jsonl", by content,
/// so that doing it again makes no second file.
[[nodiscard]] std::string unsigned_name(std::uint64_t size, ByteView content);
/// Whether a file has a name of that form.
[[nodiscard]] bool is_unsigned_name(std::string_view name);

/// Every failure is Error(evidence) with the file's name, except that `exists` answers.
class LogFiles {
  public:
    virtual ~LogFiles() = default;
    /// Where the log is, for messages.
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual bool exists(LogFile file) = 0;
    [[nodiscard]] virtual std::uint64_t size(LogFile file) = 0;
    /// Fills `room` from `offset`; returns fewer bytes only at the end of the file.
    [[nodiscard]] virtual std::size_t read_at(LogFile file, std::uint64_t offset,
                                              MutableByteView room) = 0;
    /// Makes the file (mode 0600) where it is missing.
    virtual void write_at(LogFile file, std::uint64_t offset, ByteView bytes) = 0;
    virtual void truncate(LogFile file, std::uint64_t size) = 0;
    /// Content and size are durable afterwards.
    virtual void sync(LogFile file) = 0;
    /// Renames new_checkpoint to checkpoint.
    virtual void publish_checkpoint() = 0;
    /// Renames new_unsigned to `name`, one of unsigned_name().
    virtual void publish_unsigned(const std::string& name) = 0;
    /// The names that are there of unsigned_name(), sorted: the first `count_max`.
    [[nodiscard]] virtual std::vector<std::string> unsigned_names(std::size_t count_max) = 0;
    /// Names are durable afterwards.
    virtual void sync_directory() = 0;
};

/// Files in a folder. Only regular files are opened, links are not followed.
class FolderLogFiles final : public LogFiles {
  public:
    enum class Access { read, write };
    /// Throws Error(usage) when there is no such folder.
    FolderLogFiles(const std::filesystem::path& directory, Access access);

    [[nodiscard]] std::string name() const override;
    [[nodiscard]] bool exists(LogFile file) override;
    [[nodiscard]] std::uint64_t size(LogFile file) override;
    [[nodiscard]] std::size_t read_at(LogFile file, std::uint64_t offset,
                                      MutableByteView room) override;
    void write_at(LogFile file, std::uint64_t offset, ByteView bytes) override;
    void truncate(LogFile file, std::uint64_t size) override;
    void sync(LogFile file) override;
    void publish_checkpoint() override;
    void publish_unsigned(const std::string& name) override;
    [[nodiscard]] std::vector<std::string> unsigned_names(std::size_t count_max) override;
    void sync_directory() override;

  private:
    [[nodiscard]] std::string path_of(LogFile file) const;
    [[nodiscard]] UniqueFd open_below(LogFile file, int flags);
    [[nodiscard]] int descriptor(LogFile file, int extra_flags = 0);
    void rename(LogFile file, const char* name);
    [[noreturn]] void fail(LogFile file, const char* action) const;

    std::string directory_name_;
    Access access_;
    UniqueFd directory_;
    std::array<UniqueFd, kLogFileCount> open_;  ///< opened when first used
};

/// The whole of a small file. Error(evidence) when it is missing or larger than `bytes_max`.
[[nodiscard]] std::string read_whole(LogFiles& files, LogFile file, std::size_t bytes_max);

}  // namespace efface::evidence
