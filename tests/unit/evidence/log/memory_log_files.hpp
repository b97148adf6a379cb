// SPDX-License-Identifier: Apache-2.0
// A disk for one log: what programs see, what a power cut leaves, and an operation that fails.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "log/files.hpp"

namespace efface::evidence {

struct MemoryDisk {
    struct Content {
        Bytes now;
        Bytes durable;
        /// Written since the last flush. A flush that fails forgets it, as Linux does: the next
        /// one succeeds and still leaves these bytes where they were.
        std::vector<std::pair<std::size_t, std::size_t>> dirty = {};
    };
    using Names = std::map<LogFile, std::size_t>;

    std::vector<Content> contents;
    Names names;          ///< what a name leads to
    Names durable_names;  ///< what it leads to after a power cut, unless the kernel was quicker
    using Unsigned = std::map<std::string, std::size_t>;  ///< what was set aside, by its name
    Unsigned set_aside;
    Unsigned durable_set_aside;

    std::size_t changes = 0;             ///< writes, truncations, flushes and renames so far
    std::size_t flushes = 0;             ///< of them, flushes of files and of the folder
    std::optional<std::size_t> fail_at;  ///< the change with this number fails, half done
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;

    /// Counts a change; true when it is the one that fails.
    bool next_fails() {
        ++changes;
        return fail_at == changes - 1;
    }
};

/// How a power cut leaves what was written but not flushed.
enum class Unflushed { lost, kept, half, zeros };

/// The disk after a power cut: `renames_kept` says whether names that were not flushed are there.
inline MemoryDisk cut_power(const MemoryDisk& disk, Unflushed unflushed, bool renames_kept) {
    MemoryDisk after;
    after.names = renames_kept ? disk.names : disk.durable_names;
    after.durable_names = after.names;
    after.set_aside = renames_kept ? disk.set_aside : disk.durable_set_aside;
    after.durable_set_aside = after.set_aside;
    for (const MemoryDisk::Content& content : disk.contents) {
        Bytes left = content.durable;
        const std::size_t common = std::min(content.now.size(), content.durable.size());
        if (unflushed == Unflushed::kept) {
            left = content.now;
        } else if (unflushed == Unflushed::half && content.now.size() > common) {
            left.assign(content.now.begin(),
                        content.now.begin() + static_cast<std::ptrdiff_t>(
                                                  common + (content.now.size() - common) / 2));
        } else if (unflushed == Unflushed::zeros && content.now.size() > common) {
            left.resize(content.now.size(), 0);
        }
        after.contents.push_back({left, left, {}});
    }
    return after;
}

class MemoryLogFiles final : public LogFiles {
  public:
    /// Borrows the disk.
    explicit MemoryLogFiles(MemoryDisk& disk) : disk_(disk) {}

    [[nodiscard]] std::string name() const override { return "memory"; }
    [[nodiscard]] bool exists(LogFile file) override { return disk_.names.count(file) != 0; }
    [[nodiscard]] std::uint64_t size(LogFile file) override { return content(file).now.size(); }

    [[nodiscard]] std::size_t read_at(LogFile file, std::uint64_t offset,
                                      MutableByteView room) override {
        const Bytes& now = content(file).now;
        if (offset >= now.size()) {
            return 0;
        }
        const std::size_t count =
            std::min(room.size(), now.size() - static_cast<std::size_t>(offset));
        std::copy_n(now.begin() + static_cast<std::ptrdiff_t>(offset), count, room.begin());
        disk_.bytes_read += count;
        return count;
    }

    void write_at(LogFile file, std::uint64_t offset, ByteView bytes) override {
        const bool fails = disk_.next_fails();
        if (fails) {
            bytes = bytes.first(bytes.size() / 2);
        }
        Bytes& now = made(file).now;
        const auto begin = static_cast<std::size_t>(offset);
        now.resize(std::max(now.size(), begin + bytes.size()));
        std::copy(bytes.begin(), bytes.end(), now.begin() + static_cast<std::ptrdiff_t>(begin));
        made(file).dirty.emplace_back(begin, begin + bytes.size());
        disk_.bytes_written += bytes.size();
        fail_if(fails, "writing", file);
    }

    void truncate(LogFile file, std::uint64_t size) override {
        fail_if(disk_.next_fails(), "truncating", file);
        made(file).now.resize(static_cast<std::size_t>(size));
    }

    void sync(LogFile file) override {
        MemoryDisk::Content& content_now = content(file);
        const auto dirty = std::exchange(content_now.dirty, {});
        fail_if(disk_.next_fails(), "flushing", file);
        ++disk_.flushes;
        content_now.durable.resize(content_now.now.size());
        for (const auto& [begin, end] : dirty) {
            for (std::size_t i = begin; i < std::min(end, content_now.now.size()); ++i) {
                content_now.durable[i] = content_now.now[i];
            }
        }
    }

    void publish_checkpoint() override {
        fail_if(disk_.next_fails(), "renaming", LogFile::new_checkpoint);
        disk_.names[LogFile::checkpoint] = disk_.names.at(LogFile::new_checkpoint);
        disk_.names.erase(LogFile::new_checkpoint);
    }

    void publish_unsigned(const std::string& name) override {
        fail_if(disk_.next_fails(), "renaming", LogFile::new_unsigned);
        disk_.set_aside[name] = disk_.names.at(LogFile::new_unsigned);
        disk_.names.erase(LogFile::new_unsigned);
    }

    [[nodiscard]] std::vector<std::string> unsigned_names(std::size_t count_max) override {
        std::vector<std::string> names;
        for (const auto& [name, content] : disk_.set_aside) {
            names.push_back(name);
        }
        names.resize(std::min(names.size(), count_max));
        return names;
    }

    void sync_directory() override {
        fail_if(disk_.next_fails(), "flushing the folder of", LogFile::entries);
        ++disk_.flushes;
        disk_.durable_names = disk_.names;
        disk_.durable_set_aside = disk_.set_aside;
    }

  private:
    static void fail_if(bool fails, const char* action, LogFile file) {
        if (fails) {
            throw Error(ErrorCode::evidence, std::string(action) + " " + to_string(file));
        }
    }
    MemoryDisk::Content& content(LogFile file) {
        const auto found = disk_.names.find(file);
        if (found == disk_.names.end()) {
            throw Error(ErrorCode::evidence, std::string("opening ") + to_string(file));
        }
        return disk_.contents.at(found->second);
    }
    MemoryDisk::Content& made(LogFile file) {
        if (!exists(file)) {
            disk_.names[file] = disk_.contents.size();
            disk_.contents.emplace_back();
        }
        return content(file);
    }

    MemoryDisk& disk_;
};

}  // namespace efface::evidence
