// SPDX-License-Identifier: Apache-2.0
#include "efface/device/memory/taken_memory.hpp"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace efface::device {

namespace {

constexpr unsigned kNodesMax = 1024;  // MAX_NUMNODES of the kernel
constexpr unsigned kBitsOfWord = 8 * sizeof(unsigned long);
constexpr unsigned kHugeShift = 26;  // MAP_HUGE_SHIFT
// /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst): 64 bits for each page.
constexpr std::size_t kPagemapEntryBytes = 8;
constexpr std::uint64_t kPresentBit = std::uint64_t{1} << 63U;
constexpr std::uint64_t kFrameMask = (std::uint64_t{1} << 55U) - 1;
constexpr std::size_t kEntriesAtOnce = 8192;

/// Only pages of this node, from now on. 0 or an errno.
int bind_to_node(void* memory, std::size_t bytes, unsigned node) {
    if (node >= kNodesMax) {
        return EINVAL;
    }
    std::array<unsigned long, kNodesMax / kBitsOfWord> mask{};
    mask.at(node / kBitsOfWord) = 1UL << (node % kBitsOfWord);
    // glibc has no wrapper. The kernel reads one bit less than it is told.
    return ::syscall(SYS_mbind, memory, bytes, MPOL_BIND, mask.data(), kNodesMax + 1UL, 0U) == 0
               ? 0
               : errno;
}

}  // namespace

Taking TakenMemory::take(const TakeRequest& request) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (request.huge_page_bytes != 0) {
        flags |= MAP_HUGETLB | (std::countr_zero(request.huge_page_bytes) << kHugeShift);
    }
    void* at = ::mmap(nullptr, request.bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at == MAP_FAILED) {
        return {std::nullopt, errno};
    }
    TakenMemory memory(static_cast<std::uint8_t*>(at), request.bytes);
    int error = request.numa_node ? bind_to_node(at, request.bytes, *request.numa_node) : 0;
    // No other process (a child that is forked meanwhile) shares the pages, and no dump has them.
    if (error == 0 && (::madvise(at, request.bytes, MADV_DONTFORK) != 0 ||
                       ::madvise(at, request.bytes, MADV_DONTDUMP) != 0)) {
        error = errno;
    }
    if (error == 0 && ::mlock(at, request.bytes) != 0) {
        error = errno;
    }
    if (error != 0) {
        return {std::nullopt, error};
    }
    return {std::move(memory), 0};
}

TakenMemory::~TakenMemory() {
    if (memory_ != nullptr) {
        (void)::munmap(memory_, bytes_);
    }
}

std::optional<std::vector<std::uint64_t>> page_frames(ByteView memory) {
    const UniqueFd fd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (!fd || page != kFrameBytes) {
        return std::nullopt;
    }
    const auto first = std::bit_cast<std::uintptr_t>(memory.data()) / page;
    const std::size_t count = memory.size() / page;
    std::vector<std::uint64_t> frames(count);
    for (std::size_t done = 0; done < count;) {
        const std::size_t wanted = std::min(count - done, kEntriesAtOnce) * kPagemapEntryBytes;
        const ssize_t got = ::pread(fd.get(), &frames[done], wanted,
                                    static_cast<off_t>((first + done) * kPagemapEntryBytes));
        if (got <= 0 || static_cast<std::size_t>(got) % kPagemapEntryBytes != 0) {
            return std::nullopt;
        }
        done += static_cast<std::size_t>(got) / kPagemapEntryBytes;
    }
    for (auto& frame : frames) {
        // Without CAP_SYS_ADMIN the kernel shows frame 0 for all.
        if ((frame & kPresentBit) == 0 || (frame & kFrameMask) == 0) {
            return std::nullopt;
        }
        frame &= kFrameMask;
    }
    return frames;
}

}  // namespace efface::device
