// SPDX-License-Identifier: Apache-2.0
// Storage whose medium is memory, behind BlockTarget: an open file of a file system in memory, and
// memory that only a mapping reaches. A page that can't be touched is an answer (EIO), no signal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "efface/base/file.hpp"
#include "efface/device/block_target.hpp"

namespace efface::device {

/// A regular file that is already open for reading and writing. Transfers are plain reads and
/// writes: for tmpfs and ramfs the page cache is the medium.
class OpenFileTarget final : public BlockTarget {
  public:
    /// `size_bytes` is what may be transferred; it need not be the size of the file.
    OpenFileTarget(UniqueFd fd, std::uint64_t size_bytes)
        : fd_(std::move(fd)), size_bytes_(size_bytes) {}

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 1; }
    IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override;
    /// The descriptor, borrowed.
    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  private:
    UniqueFd fd_;
    std::uint64_t size_bytes_ = 0;
};

/// What flush() does to make stores reach the medium.
enum class StoreFlush {
    none,         ///< memory that is volatile anyway (hugetlbfs)
    cache_lines,  ///< write back and evict each line of the CPU caches, so that reads that follow
                  ///< come from the medium (devdax, where msync(2) is not supported)
};
/// Whether this program can flush cache lines on this processor (x86-64 only).
[[nodiscard]] bool can_flush_cache_lines() noexcept;

/// A shared mapping. The kernel copies in and out of it on our behalf, so that poisoned memory, or
/// a huge page that can't be had, comes back as EIO instead of killing the process.
class MappedTarget final : public BlockTarget {
  public:
    /// Maps [0, size_bytes) of `fd`. Throws Error(internal) when that fails, naming `what`.
    [[nodiscard]] static std::unique_ptr<MappedTarget> map(UniqueFd fd, std::uint64_t size_bytes,
                                                           StoreFlush flush,
                                                           const std::string& what);
    /// Maps [file_offset, file_offset + size_bytes): offset 0 of the target is there. For huge
    /// pages both are multiples of their size.
    [[nodiscard]] static std::unique_ptr<MappedTarget> map_part(UniqueFd fd,
                                                                std::uint64_t file_offset,
                                                                std::uint64_t size_bytes,
                                                                StoreFlush flush,
                                                                const std::string& what);
    ~MappedTarget() override;
    MappedTarget(const MappedTarget&) = delete;
    MappedTarget& operator=(const MappedTarget&) = delete;

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override;
    IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    IoResult write_at(std::uint64_t offset, ByteView from) override;
    /// ENOTSUP when cache lines are to be flushed and this processor gives no way to.
    [[nodiscard]] int flush() override;

  private:
    MappedTarget(UniqueFd fd, UniqueFd window, std::uint8_t* memory, std::uint64_t size_bytes,
                 StoreFlush flush);
    UniqueFd fd_;
    UniqueFd window_;  ///< a memory file through which the kernel copies
    std::uint8_t* memory_ = nullptr;
    std::uint64_t size_bytes_ = 0;
    StoreFlush flush_ = StoreFlush::none;
    std::uint64_t dirty_begin_ = 0;  ///< stored to since the last flush
    std::uint64_t dirty_end_ = 0;
};

/// A piece of a file that holds data, in bytes.
struct DataRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};
/// The first piece of data at or behind `from` (SEEK_DATA, SEEK_HOLE); nullopt when no more comes.
/// A file system that does not say (ramfs) calls everything data. Throws Error(internal) when the
/// descriptor can't be asked.
[[nodiscard]] std::optional<DataRange> next_data(int file_descriptor, std::uint64_t from,
                                                 std::uint64_t size_bytes);
/// Bytes of a file that resident_ranges() maps at a time.
constexpr std::uint64_t kResidentWindowBytes = std::uint64_t{64} << 20U;
/// Which whole pages of [from, from + length) are in memory, without making any (mincore(2) over a
/// mapping): on ramfs, what is not there is a hole. `from` is a multiple of the page size and
/// `length` at most kResidentWindowBytes. Throws Error(internal) when the kernel does not say.
[[nodiscard]] std::vector<DataRange> resident_ranges(int file_descriptor, std::uint64_t from,
                                                     std::uint64_t length);

/// Whether anyone else has the file behind a descriptor open (a mapping counts: it holds the file).
/// The kernel's own word, through a write lease that is given back at once; whoever opens the file
/// in that moment waits. nullopt: the file system gives no leases.
[[nodiscard]] std::optional<bool> open_elsewhere(int file_descriptor);

/// swapoff(2), repeated a bounded number of times on EINTR. 0 or an errno.
[[nodiscard]] int swap_off(const std::string& path);

/// Writes a command to a control file of the kernel (sysfs) with one write(2). 0 or an errno; a
/// short write is EIO.
[[nodiscard]] int write_control(const std::string& path, std::string_view text);

}  // namespace efface::device
