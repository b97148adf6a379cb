// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/swap.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "efface/device/memory_target.hpp"

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
        throw_errno(ErrorCode::internal, "asking where a file has data", errno);
    }
    return static_cast<std::uint64_t>(at);
}

}  // namespace

std::vector<DataRange> data_ranges(int file_descriptor, std::uint64_t size_bytes) {
    std::vector<DataRange> ranges;
    for (std::uint64_t at = 0; at < size_bytes;) {
        if (ranges.size() == kDataRangesMax) {
            throw Error(ErrorCode::internal,
                        fmt::format("a file has more than {} pieces of data", kDataRangesMax));
        }
        const auto data = seek(file_descriptor, at, SEEK_DATA);
        if (!data || *data >= size_bytes) {
            break;
        }
        const std::uint64_t end =
            std::min(seek(file_descriptor, *data, SEEK_HOLE).value_or(size_bytes), size_bytes);
        if (end <= *data) {
            break;  // it shrank meanwhile
        }
        ranges.push_back({*data, end - *data});
        at = end;
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
        throw_errno(ErrorCode::internal, "giving a lease back", errno);
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
