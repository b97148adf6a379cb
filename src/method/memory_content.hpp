// SPDX-License-Identifier: Apache-2.0
// The content of one open file in memory: overwritten where it has data, and compared.
#pragma once

#include <optional>
#include <string>

#include "efface/base/file.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/memory_target.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "memory_run.hpp"

namespace efface::method {

/// Which file system holds it: how its pages are reached.
enum class MemoryFilesystem { tmpfs, ramfs, hugetlbfs };

/// Overwrites files one after the other with one key stream: each file gets a stretch of it of its
/// own, so that no two pages hold the same bytes. Keeps the counts of `run`.
class ContentEraser final {
  public:
    ContentEraser(MemoryRun& run, MemoryFilesystem filesystem);
    ~ContentEraser();
    ContentEraser(const ContentEraser&) = delete;
    ContentEraser& operator=(const ContentEraser&) = delete;

    /// True when every byte of the file that is allocated, also behind its end in the last page,
    /// was overwritten and compared. The size of the file stays.
    bool erase(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
               std::uint64_t allocated_bytes);

  private:
    struct Extent {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    std::vector<Extent> pages_of(const UniqueFd& fd, const std::string& path,
                                 std::uint64_t size_bytes);
    std::vector<Extent> huge_pages_of(const UniqueFd& fd, std::uint64_t size_bytes,
                                      std::uint64_t allocated_bytes);
    bool write(device::BlockTarget& target, const std::string& path, const Extent& extent);
    bool compare(device::BlockTarget& target, const std::string& path, const Extent& extent);

    MemoryRun& run_;
    MemoryFilesystem filesystem_;
    stream::KeyedStream stream_;
    device::AlignedBuffer expected_;
    device::AlignedBuffer found_;
    std::uint64_t base_ = 0;  ///< where the stretch of the next file begins in the stream
};

/// Why an open file can not be written: sealed, immutable; nullopt where it can.
[[nodiscard]] std::optional<Reason> write_obstacle(int fd);

}  // namespace efface::method
