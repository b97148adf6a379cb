// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "efface/device/memory/memory_target.hpp"

#if defined(__x86_64__) && !defined(EFFACE_PORTABLE)
#define EFFACE_HAS_CLFLUSH
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace efface::device {

namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20U;
constexpr std::uint32_t kPageBytes = 4096;
constexpr unsigned kRetriesMax = 64;  ///< of a system call that a signal interrupts

/// EFAULT is how a system call tells of a page that can't be touched.
int as_io_error(int error) {
    return error == EFAULT ? EIO : error;
}

template <typename Call>
IoResult transfer(std::size_t length, const Call& call) {
    IoResult result;
    for (unsigned interrupted = 0; result.bytes < length && interrupted < kRetriesMax;) {
        const ssize_t got = call(result.bytes);
        if (got > 0) {
            result.bytes += static_cast<std::size_t>(got);
            continue;
        }
        if (got < 0 && errno == EINTR) {
            ++interrupted;
            continue;
        }
        result.error = got < 0 ? as_io_error(errno) : 0;
        break;
    }
    return result;
}

off_t as_offset(std::uint64_t offset) {
    return static_cast<off_t>(offset);
}

#if defined(EFFACE_HAS_CLFLUSH)
constexpr std::size_t kLineBytes = 64;
constexpr unsigned kLeafExtended = 7;
constexpr unsigned kClflushoptBit = 1U << 23U;  // CPUID.(EAX=7,ECX=0):EBX

bool has_clflushopt() noexcept {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(kLeafExtended, 0, &a, &b, &c, &d) != 0 && (b & kClflushoptBit) != 0;
}

__attribute__((target("clflushopt"))) void evict_optimised(std::uint8_t* at, std::size_t length) {
    for (std::size_t done = 0; done < length; done += kLineBytes) {
        _mm_clflushopt(at + done);
    }
    _mm_sfence();
}

void evict(std::uint8_t* at, std::size_t length) {
    if (has_clflushopt()) {
        evict_optimised(at, length);
        return;
    }
    for (std::size_t done = 0; done < length; done += kLineBytes) {
        _mm_clflush(at + done);
    }
    _mm_sfence();
}
#else
void evict(std::uint8_t* /*at*/, std::size_t /*length*/) {}
#endif

}  // namespace

bool can_flush_cache_lines() noexcept {
#if defined(EFFACE_HAS_CLFLUSH)
    return true;  // CLFLUSH is part of the architecture
#else
    return false;
#endif
}

IoResult OpenFileTarget::read_at(std::uint64_t offset, MutableByteView into) {
    EFFACE_ASSERT(offset <= size_bytes_ && into.size() <= size_bytes_ - offset);
    return transfer(into.size(), [&](std::size_t done) {
        return ::pread(fd_.get(), into.data() + done, into.size() - done, as_offset(offset + done));
    });
}

IoResult OpenFileTarget::write_at(std::uint64_t offset, ByteView from) {
    EFFACE_ASSERT(offset <= size_bytes_ && from.size() <= size_bytes_ - offset);
    return transfer(from.size(), [&](std::size_t done) {
        return ::pwrite(fd_.get(), from.data() + done, from.size() - done,
                        as_offset(offset + done));
    });
}

int OpenFileTarget::flush() {
    return ::fsync(fd_.get()) == 0 ? 0 : errno;
}

MappedTarget::MappedTarget(UniqueFd fd, UniqueFd window, std::uint8_t* memory,
                           std::uint64_t size_bytes, StoreFlush flush)
    : fd_(std::move(fd)),
      window_(std::move(window)),
      memory_(memory),
      size_bytes_(size_bytes),
      flush_(flush) {}

std::unique_ptr<MappedTarget> MappedTarget::map(UniqueFd fd, std::uint64_t size_bytes,
                                                StoreFlush flush, const std::string& what) {
    return map_part(std::move(fd), 0, size_bytes, flush, what);
}

std::unique_ptr<MappedTarget> MappedTarget::map_part(UniqueFd fd, std::uint64_t file_offset,
                                                     std::uint64_t size_bytes, StoreFlush flush,
                                                     const std::string& what) {
    UniqueFd window(::memfd_create("efface-window", MFD_CLOEXEC));
    if (!window || ::ftruncate(window.get(), static_cast<off_t>(kWindowBytes)) != 0) {
        throw_errno(ErrorCode::internal, what + ": creating a memory file failed", errno);
    }
    void* memory = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                          as_offset(file_offset));
    if (memory == MAP_FAILED) {
        throw_errno(ErrorCode::internal, what + ": mapping it failed", errno);
    }
    return std::unique_ptr<MappedTarget>(new MappedTarget(
        std::move(fd), std::move(window), static_cast<std::uint8_t*>(memory), size_bytes, flush));
}

MappedTarget::~MappedTarget() {
    static_cast<void>(::munmap(memory_, size_bytes_));
}

std::uint32_t MappedTarget::preferred_alignment() const {
    return kPageBytes;
}

IoResult MappedTarget::read_at(std::uint64_t offset, MutableByteView into) {
    EFFACE_ASSERT(offset <= size_bytes_ && into.size() <= size_bytes_ - offset);
    IoResult sum;
    while (sum.bytes < into.size()) {
        const std::size_t want = std::min(into.size() - sum.bytes, kWindowBytes);
        std::uint8_t* from = memory_ + offset + sum.bytes;
        const IoResult out = transfer(want, [&](std::size_t done) {
            return ::pwrite(window_.get(), from + done, want - done, as_offset(done));
        });
        const IoResult in = transfer(out.bytes, [&](std::size_t done) {
            return ::pread(window_.get(), into.data() + sum.bytes + done, out.bytes - done,
                           as_offset(done));
        });
        sum.bytes += in.bytes;
        if (!out.complete(want) || !in.complete(want)) {
            sum.error = out.error != 0 ? out.error : in.error;
            break;
        }
    }
    return sum;
}

IoResult MappedTarget::write_at(std::uint64_t offset, ByteView from) {
    EFFACE_ASSERT(offset <= size_bytes_ && from.size() <= size_bytes_ - offset);
    IoResult sum;
    while (sum.bytes < from.size()) {
        const std::size_t want = std::min(from.size() - sum.bytes, kWindowBytes);
        const IoResult out = transfer(want, [&](std::size_t done) {
            return ::pwrite(window_.get(), from.data() + sum.bytes + done, want - done,
                            as_offset(done));
        });
        std::uint8_t* into = memory_ + offset + sum.bytes;
        const IoResult in = transfer(out.bytes, [&](std::size_t done) {
            return ::pread(window_.get(), into + done, out.bytes - done, as_offset(done));
        });
        sum.bytes += in.bytes;
        if (!out.complete(want) || !in.complete(want)) {
            sum.error = out.error != 0 ? out.error : in.error;
            break;
        }
    }
    if (sum.bytes > 0) {
        const bool clean = dirty_begin_ == dirty_end_;
        dirty_begin_ = clean ? offset : std::min(dirty_begin_, offset);
        dirty_end_ = std::max(clean ? 0 : dirty_end_, offset + sum.bytes);
    }
    return sum;
}

int MappedTarget::flush() {
    if (flush_ == StoreFlush::none) {
        return 0;
    }
    if (!can_flush_cache_lines()) {
        return ENOTSUP;
    }
    // Whole pages: the mapping begins at one, so each line of the range is covered.
    const std::uint64_t begin = dirty_begin_ / kPageBytes * kPageBytes;
    evict(memory_ + begin, static_cast<std::size_t>(dirty_end_ - begin));
    dirty_begin_ = 0;
    dirty_end_ = 0;
    return 0;
}

}  // namespace efface::device
