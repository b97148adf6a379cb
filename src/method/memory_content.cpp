// SPDX-License-Identifier: Apache-2.0
#include "memory_content.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace efface::method {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;
constexpr std::uint64_t kPageBytes = 4096;
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

std::optional<Reason> write_obstacle(int fd) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && (static_cast<unsigned>(seals) & unsigned{F_SEAL_WRITE}) != 0) {
        return Reason{ReasonCode::read_only, "it is sealed against writing"};
    }
    struct statx status {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) != 0) {
        return Reason{ReasonCode::unreadable_state,
                      "its attributes can not be read: " + errno_text(errno)};
    }
    if ((status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0) {
        return Reason{ReasonCode::read_only,
                      "it is immutable or append-only (lift it with chattr)"};
    }
    return std::nullopt;
}

ContentEraser::ContentEraser(MemoryRun& run, MemoryFilesystem filesystem)
    : run_(run),
      filesystem_(filesystem),
      stream_(run.key()),
      expected_(kBufferBytes),
      found_(kBufferBytes) {}

ContentEraser::~ContentEraser() {
    cleanse(found_.view());  // of a failed comparison: may be what was to be erased
}

/// The last page may hold bytes behind the end of the file that a mapping left there: the file is
/// made whole pages long, so that they are reached.
std::vector<ContentEraser::Extent> ContentEraser::pages_of(const UniqueFd& fd,
                                                           const std::string& path,
                                                           std::uint64_t size_bytes) {
    const std::uint64_t whole = round_up(size_bytes, kPageBytes);
    std::uint64_t reached = whole;
    if (whole != size_bytes && ::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) {
        run_.except({ReasonCode::write_failed,
                     fmt::format("{}: the rest of its last page, behind its end ({})", path,
                                 errno_text(errno))});
        reached = size_bytes;
    }
    std::vector<Extent> extents;
    // ramfs does not say where its data is: the whole file then, and holes become pages.
    for (const auto& range : device::data_ranges(fd.get(), reached)) {
        const std::uint64_t begin = range.offset / kPageBytes * kPageBytes;
        const std::uint64_t end =
            std::min(round_up(range.offset + range.length, kPageBytes), reached);
        extents.push_back({begin, end - begin});
    }
    return extents;
}

/// hugetlbfs does not say which of its pages are there, and writing to one that is not takes one
/// from the pool. One that reads as zero holds nothing, allocated or not.
std::vector<ContentEraser::Extent> ContentEraser::huge_pages_of(const UniqueFd& fd,
                                                                std::uint64_t size_bytes,
                                                                std::uint64_t allocated_bytes) {
    if (allocated_bytes >= size_bytes) {
        return {{0, size_bytes}};
    }
    std::vector<Extent> extents;
    for (std::uint64_t at = 0; at < size_bytes; at += kBufferBytes) {
        const auto view = found_.first(
            static_cast<std::size_t>(std::min<std::uint64_t>(size_bytes - at, kBufferBytes)));
        const ssize_t got = ::pread(fd.get(), view.data(), view.size(), static_cast<off_t>(at));
        const bool empty = got == static_cast<ssize_t>(view.size()) && all_zero(view);
        if (empty) {
            continue;
        }
        if (!extents.empty() && extents.back().offset + extents.back().length == at) {
            extents.back().length += view.size();
        } else {
            extents.push_back({at, view.size()});
        }
    }
    return extents;
}

bool ContentEraser::write(device::BlockTarget& target, const std::string& path,
                          const Extent& extent) {
    bool good = true;
    const bool whole =
        in_pieces(extent.offset, extent.length, run_.stop(), [&](std::uint64_t at, std::size_t n) {
            const auto view = expected_.first(n);
            stream_.fill(base_ + at, view);
            // What fails is left out page by page; every round moves on.
            for (std::size_t done = 0; done < n;) {
                const auto result = target.write_at(at + done, view.subspan(done));
                run_.pass.bytes_written += result.bytes;
                done += result.bytes;
                if (done < n) {
                    const std::size_t lost = std::min<std::size_t>(
                        kMemoryPieceBytes - done % kMemoryPieceBytes, n - done);
                    run_.pass.write_faults.add(path, at + done, lost, result.error);
                    done += lost;
                    good = false;
                }
            }
            run_.progress().advance(n);
        });
    return whole && good;
}

bool ContentEraser::compare(device::BlockTarget& target, const std::string& path,
                            const Extent& extent) {
    bool good = true;
    const bool whole =
        in_pieces(extent.offset, extent.length, run_.stop(), [&](std::uint64_t at, std::size_t n) {
            const auto wanted = expected_.first(n);
            const auto seen = found_.first(n);
            stream_.fill(base_ + at, wanted);
            std::memset(seen.data(), 0, n);  // a read that did nothing must not look like one
            for (std::size_t done = 0; done < n;) {
                const auto result = target.read_at(at + done, seen.subspan(done));
                run_.verification.bytes_compared += result.bytes;
                done += result.bytes;
                if (done < n) {
                    const std::size_t lost = std::min<std::size_t>(
                        kMemoryPieceBytes - done % kMemoryPieceBytes, n - done);
                    run_.verification.read_faults.add(path, at + done, lost, result.error);
                    std::copy_n(wanted.begin() + static_cast<std::ptrdiff_t>(done), lost,
                                seen.begin() + static_cast<std::ptrdiff_t>(done));
                    done += lost;
                    good = false;
                }
            }
            for (std::size_t i = 0; i < n; i += kMemoryPieceBytes) {
                const std::size_t length = std::min(kMemoryPieceBytes, n - i);
                if (std::memcmp(wanted.data() + i, seen.data() + i, length) != 0) {
                    ++run_.verification.mismatches;
                    good = false;
                }
            }
            run_.progress().advance(n);
        });
    return whole && good;
}

bool ContentEraser::erase(UniqueFd fd, const std::string& path, std::uint64_t size_bytes,
                          std::uint64_t allocated_bytes) {
    const bool huge = filesystem_ == MemoryFilesystem::hugetlbfs;
    const auto extents =
        huge ? huge_pages_of(fd, size_bytes, allocated_bytes) : pages_of(fd, path, size_bytes);
    if (extents.empty()) {
        return huge || ::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) == 0;
    }
    for (const auto& extent : extents) {
        run_.pass.bytes_planned += extent.length;
        run_.verification.bytes_planned += extent.length;
    }
    const std::uint64_t end = extents.back().offset + extents.back().length;
    std::unique_ptr<device::BlockTarget> target;
    int descriptor = -1;
    if (huge) {
        // A mapping of huge pages is made, and taken down, in whole ones only.
        target =
            device::MappedTarget::map(std::move(fd), size_bytes, device::StoreFlush::none, path);
    } else {
        auto file = std::make_unique<device::OpenFileTarget>(std::move(fd), end);
        descriptor = file->descriptor();
        target = std::move(file);
    }
    run_.verification.performed = true;
    bool good = true;
    for (const auto& extent : extents) {
        good = write(*target, path, extent) && compare(*target, path, extent) && good;
    }
    base_ += round_up(end, kStreamUnitBytes);
    if (!huge && ::ftruncate(descriptor, static_cast<off_t>(size_bytes)) != 0) {
        run_.except(
            {ReasonCode::write_failed,
             fmt::format("{}: its size could not be set back ({})", path, errno_text(errno))});
    }
    return good;
}

}  // namespace efface::method
