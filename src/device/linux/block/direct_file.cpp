// SPDX-License-Identifier: Apache-2.0
#include "direct_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace efface::device {

namespace {

/// Largest copy through the bounce buffer.
constexpr std::size_t kBounceBytes = std::size_t{256} << 10U;
/// Repetitions of a call that signals keep interrupting.
constexpr unsigned kInterruptionsMax = 1000;

template <typename Call>
IoResult system_call(const Call& call) {
    for (unsigned i = 0; i < kInterruptionsMax; ++i) {
        const ssize_t count = call();
        if (count >= 0) {
            return {static_cast<std::size_t>(count), 0};
        }
        if (errno != EINTR) {
            return {0, errno};
        }
    }
    return {0, EINTR};
}

IoResult read_from(int fd, std::uint64_t offset, MutableByteView into) {
    return system_call(
        [&] { return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset)); });
}

IoResult write_to(int fd, std::uint64_t offset, ByteView from) {
    return system_call(
        [&] { return ::pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset)); });
}

/// Repeats `step` over a request until it is done, falls short or fails.
template <typename Step>
IoResult repeat(std::size_t length, const Step& step) {
    IoResult total;
    while (total.bytes < length) {
        const auto [wanted, result] = step(total.bytes);
        total.bytes += result.bytes;
        total.error = result.error;
        if (!result.complete(wanted)) {
            break;
        }
    }
    return total;
}

struct Step {
    std::size_t wanted = 0;
    IoResult result;
};

}  // namespace

DirectFile::DirectFile(UniqueFd fd, UniqueFd buffered, DirectLayout layout)
    : fd_(std::move(fd)), buffered_(std::move(buffered)), layout_(layout) {
    EFFACE_ASSERT(layout_.unit > 0 && kBufferAlignment % layout_.unit == 0);
    EFFACE_ASSERT(!layout_.direct || layout_.size_bytes % layout_.unit == 0 || buffered_);
}

std::uint64_t DirectFile::whole_units_end() const noexcept {
    return layout_.size_bytes / layout_.unit * layout_.unit;
}

MutableByteView DirectFile::bounce(std::size_t length) {
    EFFACE_ASSERT(length <= kBounceBytes);
    if (bounce_.empty()) {
        bounce_ = AlignedBuffer(kBounceBytes);
    }
    return bounce_.first(length);
}

bool DirectFile::straight(std::uint64_t offset, const std::uint8_t* address,
                          std::size_t length) const {
    const auto where = reinterpret_cast<std::uintptr_t>(address);
    return offset % layout_.unit == 0 && length % layout_.unit == 0 &&
           where % kBufferAlignment % layout_.unit == 0;
}

/// The next stretch that one system call can serve: an unaligned edge up to its unit, or all whole
/// units (bounded by the bounce buffer where the address is not aligned).
std::size_t DirectFile::step_length(std::uint64_t offset, const std::uint8_t* address,
                                    std::size_t length) const {
    const auto into_unit = static_cast<std::size_t>(offset % layout_.unit);
    if (into_unit != 0 || length < layout_.unit) {
        return std::min<std::size_t>(length, layout_.unit - into_unit);
    }
    const std::size_t whole = length / layout_.unit * layout_.unit;
    return straight(offset, address, whole) ? whole : std::min(whole, kBounceBytes);
}

IoResult DirectFile::read_at(std::uint64_t offset, MutableByteView into) {
    if (offset >= layout_.size_bytes) {
        return {};
    }
    const std::size_t length =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), layout_.size_bytes - offset));
    if (!layout_.direct) {
        if (layout_.drop_cached) {
            // Fails on nothing that matters: dirty or unsupported pages simply stay.
            (void)::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                                  POSIX_FADV_DONTNEED);
        }
        return read_from(fd_.get(), offset, into.first(length));
    }
    return repeat(length, [&](std::size_t done) {
        const MutableByteView rest = into.subspan(done, length - done);
        const std::size_t wanted = step_length(offset + done, rest.data(), rest.size());
        return Step{wanted, read_step(offset + done, rest.first(wanted))};
    });
}

IoResult DirectFile::read_step(std::uint64_t offset, MutableByteView into) {
    if (straight(offset, into.data(), into.size())) {
        return read_from(fd_.get(), offset, into);
    }
    const std::uint64_t start = offset / layout_.unit * layout_.unit;
    const auto skipped = static_cast<std::size_t>(offset - start);
    const std::size_t covered =
        (skipped + into.size() + layout_.unit - 1) / layout_.unit * layout_.unit;
    const MutableByteView window = bounce(covered);
    // At the end of a file the window is cut short; what was asked for may still be in it.
    const IoResult result = read_from(fd_.get(), start, window);
    const std::size_t usable = result.bytes > skipped ? result.bytes - skipped : 0;
    const std::size_t count = std::min(usable, into.size());
    if (count > 0) {
        std::memcpy(into.data(), window.data() + skipped, count);
    }
    return {count, result.error};
}

IoResult DirectFile::write_at(std::uint64_t offset, ByteView from) {
    // A regular file would grow; a device answers the same.
    if (offset >= layout_.size_bytes) {
        return {0, from.empty() ? 0 : ENOSPC};
    }
    const std::size_t length =
        static_cast<std::size_t>(std::min<std::uint64_t>(from.size(), layout_.size_bytes - offset));
    IoResult result;
    if (!layout_.direct) {
        result = write_to(fd_.get(), offset, from.first(length));
    } else {
        result = repeat(length, [&](std::size_t done) {
            const ByteView rest = from.subspan(done, length - done);
            const std::size_t wanted = step_length(offset + done, rest.data(), rest.size());
            return Step{wanted, write_step(offset + done, rest.first(wanted))};
        });
    }
    if (result.complete(length) && length < from.size()) {
        result.error = ENOSPC;
    }
    return result;
}

IoResult DirectFile::write_step(std::uint64_t offset, ByteView from) {
    if (offset >= whole_units_end()) {
        return write_tail(offset, from);
    }
    if (straight(offset, from.data(), from.size())) {
        return write_to(fd_.get(), offset, from);
    }
    return write_bounced(offset, from);
}

IoResult DirectFile::write_bounced(std::uint64_t offset, ByteView from) {
    const std::uint64_t start = offset / layout_.unit * layout_.unit;
    const auto skipped = static_cast<std::size_t>(offset - start);
    const std::size_t covered =
        (skipped + from.size() + layout_.unit - 1) / layout_.unit * layout_.unit;
    const MutableByteView window = bounce(covered);
    if (covered != from.size()) {
        const IoResult before = read_from(fd_.get(), start, window);
        if (!before.complete(covered)) {
            return {0, before.error != 0 ? before.error : EIO};
        }
    }
    std::memcpy(window.data() + skipped, from.data(), from.size());
    const IoResult result = write_to(fd_.get(), start, window);
    const std::size_t usable = result.bytes > skipped ? result.bytes - skipped : 0;
    return {std::min(usable, from.size()), result.error};
}

IoResult DirectFile::write_tail(std::uint64_t offset, ByteView from) {
    const IoResult result = write_to(buffered_.get(), offset, from);
    if (result.error != 0) {
        return result;
    }
    if (::fdatasync(buffered_.get()) != 0) {
        return {0, errno};
    }
    (void)::posix_fadvise(buffered_.get(), static_cast<off_t>(whole_units_end()), 0,
                          POSIX_FADV_DONTNEED);
    return result;
}

}  // namespace efface::device
