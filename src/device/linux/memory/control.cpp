// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "efface/base/assert.hpp"
#include "efface/device/memory/memory_target.hpp"

namespace efface::device {

namespace {

constexpr unsigned kInterruptedMax = 16;

/// nullopt: nothing more from there on.
std::optional<std::uint64_t> seek(int fd, std::uint64_t from, int whence) {
    const off_t at = ::lseek(fd, static_cast<off_t>(from), whence);
    if (at < 0 && errno == ENXIO) {
        return std::nullopt;
    }
    if (at < 0) {
        throw_errno(ErrorCode::internal, "finding where a file has data failed", errno);
    }
    return static_cast<std::uint64_t>(at);
}

}  // namespace

std::optional<DataRange> next_data(int file_descriptor, std::uint64_t from,
                                   std::uint64_t size_bytes) {
    if (from >= size_bytes) {
        return std::nullopt;
    }
    const auto data = seek(file_descriptor, from, SEEK_DATA);
    if (!data || *data >= size_bytes) {
        return std::nullopt;
    }
    const std::uint64_t end =
        std::min(seek(file_descriptor, *data, SEEK_HOLE).value_or(size_bytes), size_bytes);
    if (end <= *data) {
        return std::nullopt;  // it shrank meanwhile
    }
    return DataRange{*data, end - *data};
}

std::vector<DataRange> resident_ranges(int file_descriptor, std::uint64_t from,
                                       std::uint64_t length) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    EFFACE_ASSERT(from % page == 0 && length <= kResidentWindowBytes);
    if (length == 0) {
        return {};
    }
    void* window =
        ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file_descriptor, static_cast<off_t>(from));
    if (window == MAP_FAILED) {
        throw_errno(ErrorCode::internal, "mapping a part of a file failed", errno);
    }
    std::vector<unsigned char> pages((length + page - 1) / page);
    const int error = ::mincore(window, length, pages.data()) == 0 ? 0 : errno;
    static_cast<void>(::munmap(window, length));
    if (error != 0) {
        throw_errno(ErrorCode::internal, "finding which pages of a file are in memory failed",
                    error);
    }
    std::vector<DataRange> ranges;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        if ((pages[i] & 1U) == 0) {
            continue;
        }
        const std::uint64_t at = from + i * page;
        const std::uint64_t bytes = std::min(page, from + length - at);
        if (!ranges.empty() && ranges.back().offset + ranges.back().length == at) {
            ranges.back().length += bytes;
        } else {
            ranges.push_back({at, bytes});
        }
    }
    return ranges;
}

std::optional<bool> open_elsewhere(int file_descriptor) {
    // Who breaks the lease has the kernel signal us: with one that does nothing by default.
    if (::fcntl(file_descriptor, F_SETSIG, SIGURG) != 0) {
        return std::nullopt;
    }
    if (::fcntl(file_descriptor, F_SETLEASE, F_WRLCK) != 0) {
        return errno == EAGAIN ? std::optional(true) : std::nullopt;
    }
    if (::fcntl(file_descriptor, F_SETLEASE, F_UNLCK) != 0) {
        throw_errno(ErrorCode::internal, "returning a lease failed", errno);
    }
    return false;
}

int swap_off(const std::string& path) {
    int error = 0;
    for (unsigned attempt = 0; attempt < kInterruptedMax; ++attempt) {
        error = ::swapoff(path.c_str()) == 0 ? 0 : errno;
        if (error != EINTR) {
            break;
        }
    }
    return error;
}

int write_control(const std::string& path, std::string_view text) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
        return errno;
    }
    ssize_t written = -1;
    for (unsigned attempt = 0; attempt < kInterruptedMax; ++attempt) {
        written = ::write(fd.get(), text.data(), text.size());
        if (written >= 0 || errno != EINTR) {
            break;
        }
    }
    if (written < 0) {
        return errno;
    }
    return static_cast<std::size_t>(written) == text.size() ? 0 : EIO;
}

}  // namespace efface::device
