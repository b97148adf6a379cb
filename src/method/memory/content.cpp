// SPDX-License-Identifier: Apache-2.0
#include "content.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <thread>

#include "watermark.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;
constexpr std::uint64_t kPageBytes = 4096;
/// Starting a thread costs more than it saves below this. A mapping (hugetlbfs) is for one alone.
constexpr std::uint64_t kTwoThreadsBytes = std::uint64_t{4} << 20U;
/// Of a file on hugetlbfs that has no holes; a multiple of every size of a huge page below it.
constexpr std::uint64_t kMappedBytesMax = std::uint64_t{64} << 20U;
constexpr std::uint64_t kStreamUnitBytes = 16;  // a stretch begins at a cipher block

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/// Calls `piece(offset, length)` for consecutive pieces until one says no or a stop is asked for.
template <typename Piece>
bool in_pieces(std::uint64_t offset, std::uint64_t length, const std::stop_token& stop,
               const Piece& piece) {
    for (std::uint64_t done = 0; done < length;) {
        if (stop.stop_requested()) {
            return false;
        }
        const auto want =
            static_cast<std::size_t>(std::min<std::uint64_t>(length - done, kBufferBytes));
        piece(offset + done, want);
        done += want;
    }
    return true;
}

}  // namespace

std::uint64_t whole_pages(std::uint64_t size_bytes) {
    return round_up(size_bytes, kPageBytes);
}

std::optional<Reason> write_obstacle(int fd) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && (static_cast<unsigned>(seals) & unsigned{F_SEAL_WRITE}) != 0) {
        return Reason{ReasonCode::read_only, "it is sealed against writing"};
    }
    struct statx status {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) != 0) {
        return Reason{ReasonCode::unreadable_state,
                      "its attributes cannot be read: " + errno_text(errno)};
    }
    if ((status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0) {
        return Reason{ReasonCode::read_only,
                      "it is immutable or append-only (remove this with chattr)"};
    }
    return std::nullopt;
}

ContentEraser::ContentEraser(MemoryRun& run, MemoryFilesystem filesystem)
    : run_(run),
      filesystem_(filesystem),
      stream_(run.key()),
      compared_(run.key()),
      expected_(kBufferBytes),
      found_(kBufferBytes) {}

ContentEraser::~ContentEraser() {
    cleanse(found_.view());  // of a failed comparison: may be what was to be erased
}

/// Writes the part of the file that is there, compares it, or both.
bool ContentEraser::reach(const File& file, const Extent& extent, Work work) {
    UniqueFd again(::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!again) {
        throw_errno(ErrorCode::internal, file.path + ": duplicating its descriptor failed", errno);
    }
    std::unique_ptr<device::BlockTarget> target;
    Extent within = extent;
    if (filesystem_ == MemoryFilesystem::hugetlbfs) {
        // A mapping of huge pages reserves each page that it covers: of those that are there only.
        target = device::MappedTarget::map_part(std::move(again), extent.offset, extent.length,
                                                device::StoreFlush::none, file.path);
        within.offset = 0;
        part_ = extent.offset;
    } else {
        part_ = 0;
        target = std::make_unique<device::OpenFileTarget>(std::move(again),
                                                          extent.offset + extent.length);
    }
    skew_ = position_ - within.offset;  // wraps, and wraps back
    run_.verification.bytes_planned += extent.length;
    run_.verification.performed = true;
    bool good = true;
    if (work == Work::write_and_compare) {
        run_.pass.bytes_planned += extent.length;
    }
    const bool two_threads =
        filesystem_ != MemoryFilesystem::hugetlbfs && extent.length >= kTwoThreadsBytes;
    if (work == Work::write_and_compare && two_threads) {
        good = write_compared_behind(*target, file.path, within);
    } else {
        good = work == Work::compare || write(*target, file.path, within);
        good = compare(*target, file.path, within) && good;
    }
    position_ += round_up(extent.length, kStreamUnitBytes);
    return good;
}

/// tmpfs says where it has data.
bool ContentEraser::each_data(const File& file, Work work) {
    bool good = true;
    for (std::uint64_t at = 0; !run_.stopped();) {
        const auto data = device::next_data(file.fd.get(), at, file.size_bytes);
        if (!data) {
            return good;
        }
        const std::uint64_t begin = data->offset / kPageBytes * kPageBytes;
        const std::uint64_t end =
            std::min(round_up(data->offset + data->length, kPageBytes), file.size_bytes);
        good = reach(file, {begin, end - begin}, work) && good;
        at = end;
    }
    return false;
}

/// ramfs calls a hole data: only pages that are there are touched, as others would be made.
bool ContentEraser::each_resident(const File& file, Work work) {
    if (file.size_bytes > kResidentSearchBytesMax) {
        run_.fail({ReasonCode::sparse_file, file.path + ": is too large to check page by page"});
        return false;
    }
    bool good = true;
    for (std::uint64_t at = 0; at < file.size_bytes; at += device::kResidentWindowBytes) {
        if (run_.stopped()) {
            return false;
        }
        const std::uint64_t length = std::min(device::kResidentWindowBytes, file.size_bytes - at);
        for (const auto& range : device::resident_ranges(file.fd.get(), at, length)) {
            good = reach(file, {range.offset, range.length}, work) && good;
        }
    }
    return good;
}

/// A hole reads as zero, and a page that does holds nothing.
bool ContentEraser::huge_page_is_empty(const File& file, std::uint64_t at,
                                       std::uint64_t page_bytes) {
    for (std::uint64_t done = 0; done < page_bytes;) {
        const auto view = found_.first(
            static_cast<std::size_t>(std::min<std::uint64_t>(page_bytes - done, kBufferBytes)));
        const ssize_t got =
            ::pread(file.fd.get(), view.data(), view.size(), static_cast<off_t>(at + done));
        if (got != static_cast<ssize_t>(view.size()) || !all_zero(view)) {
            return false;  // what can't be read is overwritten as well
        }
        done += view.size();
    }
    return true;
}

/// hugetlbfs does not say which of its pages are there, only how many, and touching one that is not
/// takes one from the pool.
bool ContentEraser::each_huge_page(const File& file, Work work) {
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0 || status.st_blksize <= 0) {
        throw_errno(ErrorCode::internal, file.path + ": reading the size of its pages failed",
                    errno);
    }
    const auto page_bytes = static_cast<std::uint64_t>(status.st_blksize);
    const bool whole = file.allocated_bytes >= file.size_bytes;
    const std::uint64_t step = whole ? std::max(page_bytes, kMappedBytesMax) : page_bytes;
    bool good = true;
    std::uint64_t left = file.allocated_bytes;
    for (std::uint64_t at = 0; at < file.size_bytes && left > 0; at += step) {
        if (run_.stopped()) {
            return false;
        }
        const std::uint64_t length = std::min(step, file.size_bytes - at);
        if (whole || !huge_page_is_empty(file, at, length)) {
            good = reach(file, {at, length}, work) && good;
            left -= std::min(left, length);
        }
    }
    return good;
}

bool ContentEraser::each_extent(const File& file, Work work) {
    switch (filesystem_) {
        case MemoryFilesystem::tmpfs:
            return each_data(file, work);
        case MemoryFilesystem::ramfs:
            return each_resident(file, work);
        case MemoryFilesystem::hugetlbfs:
            return each_huge_page(file, work);
    }
    return false;
}

bool ContentEraser::write_piece(device::BlockTarget& target, const std::string& path,
                                std::uint64_t at, std::size_t n) {
    bool good = true;
    const auto view = expected_.first(n);
    stream_.fill(skew_ + at, view);
    // What fails is left out page by page; every round moves on.
    for (std::size_t done = 0; done < n;) {
        const auto result = target.write_at(at + done, view.subspan(done));
        run_.pass.bytes_written += result.bytes;
        done += result.bytes;
        if (done < n) {
            const std::size_t lost =
                std::min<std::size_t>(kMemoryPieceBytes - done % kMemoryPieceBytes, n - done);
            run_.pass.write_faults.add(path, part_ + at + done, lost, result.error);
            done += lost;
            good = false;
        }
    }
    return good;
}

/// What a read that did nothing leaves is the pattern of another piece, or zeros: never this one.
bool ContentEraser::compare_piece(device::BlockTarget& target, const std::string& path,
                                  std::uint64_t at, std::size_t n) {
    bool good = true;
    const auto seen = found_.first(n);
    for (std::size_t done = 0; done < n;) {
        const auto result = target.read_at(at + done, seen.subspan(done));
        run_.verification.bytes_compared += result.bytes;
        done += result.bytes;
        if (done < n) {
            const std::size_t lost =
                std::min<std::size_t>(kMemoryPieceBytes - done % kMemoryPieceBytes, n - done);
            run_.verification.read_faults.add(path, part_ + at + done, lost, result.error);
            compared_.fill(skew_ + at + done, seen.subspan(done, lost));  // counted as a fault
            done += lost;
            good = false;
        }
    }
    if (compared_.equals(skew_ + at, seen)) {
        return good;
    }
    for (std::size_t i = 0; i < n; i += kMemoryPieceBytes) {
        if (!compared_.equals(skew_ + at + i,
                              seen.subspan(i, std::min(kMemoryPieceBytes, n - i)))) {
            ++run_.verification.mismatches;
        }
    }
    return false;
}

template <typename Piece>
bool ContentEraser::each_piece(const Extent& extent, const Piece& piece) {
    bool good = true;
    const bool whole =
        in_pieces(extent.offset, extent.length, run_.stop(), [&](std::uint64_t at, std::size_t n) {
            good = piece(at, n) && good;
            run_.progress().advance(n);
        });
    return whole && good;
}

bool ContentEraser::write(device::BlockTarget& target, const std::string& path,
                          const Extent& extent) {
    return each_piece(
        extent, [&](std::uint64_t at, std::size_t n) { return write_piece(target, path, at, n); });
}

bool ContentEraser::compare(device::BlockTarget& target, const std::string& path,
                            const Extent& extent) {
    return each_piece(extent, [&](std::uint64_t at, std::size_t n) {
        return compare_piece(target, path, at, n);
    });
}

/// Another thread compares, behind the writes: memory is as fast as what makes the pattern.
bool ContentEraser::write_compared_behind(device::BlockTarget& target, const std::string& path,
                                          const Extent& extent) {
    Watermark written;
    std::atomic<std::uint64_t> compared{0};
    bool same = false;
    std::exception_ptr failure;
    const auto follow = [&] {
        try {
            bool good = true;
            const bool whole = in_pieces(
                extent.offset, extent.length, run_.stop(), [&](std::uint64_t at, std::size_t n) {
                    good = written.wait_for(at + n) && compare_piece(target, path, at, n) && good;
                    compared += n;
                });
            same = whole && good;
        } catch (...) {
            failure = std::current_exception();
        }
    };
    bool good = true;
    bool whole = false;
    {
        std::jthread behind;
        const EndOf end{written};
        try {
            behind = std::jthread(follow);
        } catch (const std::system_error&) {  // no thread available
            good = write(target, path, extent);
            return compare(target, path, extent) && good;
        }
        whole = in_pieces(extent.offset, extent.length, run_.stop(),
                          [&](std::uint64_t at, std::size_t n) {
                              good = write_piece(target, path, at, n) && good;
                              written.reach(at + n);
                              run_.progress().advance(n + compared.exchange(0));
                          });
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    run_.progress().advance(compared);
    return whole && good && same;
}

/// The last page may hold bytes behind the end of the file that a mapping left there: the file is
/// made whole pages long, so that they are reached.
bool ContentEraser::erase(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
                          std::uint64_t allocated_bytes) {
    File file{std::move(fd), path, size_bytes, allocated_bytes};
    if (filesystem_ == MemoryFilesystem::hugetlbfs) {
        return each_extent(file, Work::write_and_compare);  // its pages are whole already
    }
    file.size_bytes = whole_pages(size_bytes);
    if (::ftruncate(file.fd.get(), static_cast<off_t>(file.size_bytes)) != 0) {
        run_.except({ReasonCode::write_failed,
                     fmt::format("{}: the rest of its last page, after its end ({})", path,
                                 errno_text(errno))});
        file.size_bytes = size_bytes;
    }
    const bool good = each_extent(file, Work::write_and_compare);
    if (file.size_bytes != size_bytes &&
        ::ftruncate(file.fd.get(), static_cast<off_t>(size_bytes)) != 0) {
        run_.except(
            {ReasonCode::write_failed,
             fmt::format("{}: its size could not be restored ({})", path, errno_text(errno))});
    }
    return good;
}

bool ContentEraser::holds_pattern(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
                                  std::uint64_t allocated_bytes) {
    position_ = 0;
    const File file{std::move(fd), path, size_bytes, allocated_bytes};
    return each_extent(file, Work::compare) && run_.verification.mismatches == 0 &&
           run_.verification.read_faults.count == 0;
}

}  // namespace efface::method
