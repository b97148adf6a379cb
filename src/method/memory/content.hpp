// SPDX-License-Identifier: Apache-2.0
// The content of one open file in memory: overwritten where it has data, and compared.
#pragma once

#include <optional>
#include <string>

#include "efface/base/file.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/memory/memory_target.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "run.hpp"

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

    /// True when every byte of the file that is there, also behind its end in the last page, was
    /// overwritten and compared. Holes stay holes. The file has `size_bytes` afterwards; it may
    /// have grown to whole pages before. `allocated_bytes` as stat(2) has it. Throws Error for what
    /// the kernel does not answer.
    bool erase(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
               std::uint64_t allocated_bytes);
    /// Whether the file holds what erase() writes into the first file, wherever it has data.
    bool holds_pattern(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
                       std::uint64_t allocated_bytes);

  private:
    struct Extent {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    /// Reaches what a file holds, wherever it is.
    struct File {
        UniqueFd fd;
        const std::string& path;
        std::uint64_t size_bytes = 0;  ///< as far as it is looked at
        std::uint64_t allocated_bytes = 0;
    };
    enum class Work { write_and_compare, compare };

    bool each_extent(const File& file, Work work);
    bool each_data(const File& file, Work work);
    bool each_resident(const File& file, Work work);
    bool each_huge_page(const File& file, Work work);
    bool huge_page_is_empty(const File& file, std::uint64_t at, std::uint64_t page_bytes);
    bool reach(const File& file, const Extent& extent, Work work);
    /// `target` may be read and written by two threads at once.
    bool write_compared_behind(device::BlockTarget& target, const std::string& path,
                               const Extent& extent);
    template <typename Piece>
    bool each_piece(const Extent& extent, const Piece& piece);
    bool write(device::BlockTarget& target, const std::string& path, const Extent& extent);
    bool write_piece(device::BlockTarget& target, const std::string& path, std::uint64_t at,
                     std::size_t n);
    bool compare_piece(device::BlockTarget& target, const std::string& path, std::uint64_t at,
                       std::size_t n);
    bool compare(device::BlockTarget& target, const std::string& path, const Extent& extent);

    MemoryRun& run_;
    MemoryFilesystem filesystem_;
    stream::KeyedStream stream_;
    stream::KeyedStream compared_;  ///< the same, for the thread that compares
    device::AlignedBuffer expected_;
    device::AlignedBuffer found_;
    std::uint64_t position_ = 0;  ///< in the stream, where the next extent begins
    std::uint64_t skew_ = 0;      ///< from an offset in the target to the stream
    std::uint64_t part_ = 0;      ///< of the file, where the target begins: for what is told of it
};

/// A file of ramfs that is larger than this is refused: each of its pages would have to be asked
/// for.
constexpr std::uint64_t kResidentSearchBytesMax = std::uint64_t{1} << 40U;

/// To how many bytes erase() makes a file of this size grow for a while.
[[nodiscard]] std::uint64_t whole_pages(std::uint64_t size_bytes);

/// Why an open file cannot be written: sealed, immutable; nullopt where it can.
[[nodiscard]] std::optional<Reason> write_obstacle(int fd);

}  // namespace efface::method
