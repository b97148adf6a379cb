// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>

#include "efface/device/memory/ipc_objects.hpp"

namespace efface::device {

namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr unsigned kRetriesMax = 64;  ///< of a system call that a signal interrupts

struct Piece {
    std::uint8_t* segment;
    std::uint8_t* ours;
    std::size_t length;
};

/// Through the kernel's copy between processes: a page that cannot be touched is an answer. `call`
/// is process_vm_readv(2) or process_vm_writev(2) with ourselves.
template <typename Call>
IoResult copy(const Piece& piece, const Call& call) {
    IoResult result;
    for (unsigned interrupted = 0; result.bytes < piece.length && interrupted < kRetriesMax;) {
        iovec ours{piece.ours + result.bytes, piece.length - result.bytes};
        iovec segment{piece.segment + result.bytes, piece.length - result.bytes};
        const ssize_t got = call(::getpid(), &ours, 1UL, &segment, 1UL, 0UL);
        if (got > 0) {
            result.bytes += static_cast<std::size_t>(got);
        } else if (got < 0 && errno == EINTR) {
            ++interrupted;
        } else {
            result.error = got < 0 && errno != EFAULT ? errno : EIO;
            break;
        }
    }
    return result;
}

/// The length of the mapping that begins there: whole pages of the size that the segment has, which
/// nothing else says (huge pages). Throws Error(not_sanitized).
std::uint64_t mapped_bytes(const void* at) {
    constexpr int kHex = 16;
    std::ifstream lines("/proc/self/maps");
    for (std::string line; std::getline(lines, line);) {
        const auto dash = line.find('-');
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        const char* const text = line.data();
        if (dash != std::string::npos &&
            std::from_chars(text, text + dash, from, kHex).ec == std::errc{} &&
            from == std::bit_cast<std::uintptr_t>(at) &&
            std::from_chars(text + dash + 1, text + line.size(), to, kHex).ec == std::errc{}) {
            return to - from;
        }
    }
    throw Error(ErrorCode::not_sanitized, "the kernel does not report how long a segment is");
}

}  // namespace

std::optional<SegmentState> segment_state(int id) {
    shmid_ds raw{};
    if (::shmctl(id, IPC_STAT, &raw) != 0) {
        if (errno == EINVAL || errno == EIDRM) {
            return std::nullopt;
        }
        throw_errno(ErrorCode::internal,
                    "opening System V segment " + std::to_string(id) + " failed", errno);
    }
    SegmentState state;
    state.key = raw.shm_perm.__key;
    state.size_bytes = raw.shm_segsz;
    state.attached = raw.shm_nattch;
    state.changed_at = raw.shm_ctime;
    state.creator_uid = raw.shm_perm.cuid;
    state.creator_pid = raw.shm_cpid;
    state.last_pid = raw.shm_lpid;
    constexpr unsigned kDoomed = 01000;  // SHM_DEST: shmctl(2)
    state.doomed = (raw.shm_perm.mode & kDoomed) != 0;
    return state;
}

int remove_segment(int id) {
    return ::shmctl(id, IPC_RMID, nullptr) == 0 ? 0 : errno;
}

AttachedSegment AttachedSegment::attach(int id) {
    void* at = ::shmat(id, nullptr, 0);
    if (at == std::bit_cast<void*>(std::intptr_t{-1})) {
        throw_errno(ErrorCode::not_sanitized, "attaching System V segment " + std::to_string(id),
                    errno);
    }
    AttachedSegment segment(static_cast<std::uint8_t*>(at), 0);
    segment.size_bytes_ = mapped_bytes(at);
    // A child that another target's work forks would be one more attachment.
    if (::madvise(at, segment.size_bytes_, MADV_DONTFORK) != 0) {
        throw_errno(ErrorCode::not_sanitized, "keeping a segment out of child processes failed",
                    errno);
    }
    return segment;
}

AttachedSegment::~AttachedSegment() {
    if (memory_ != nullptr) {
        (void)::shmdt(memory_);
    }
}

IoResult AttachedSegment::read_at(std::uint64_t offset, MutableByteView into) {
    EFFACE_ASSERT(offset <= size_bytes_ && into.size() <= size_bytes_ - offset);
    return copy({memory_ + offset, into.data(), into.size()}, ::process_vm_readv);
}

IoResult AttachedSegment::write_at(std::uint64_t offset, ByteView from) {
    EFFACE_ASSERT(offset <= size_bytes_ && from.size() <= size_bytes_ - offset);
    // The kernel reads it only.
    auto* ours = const_cast<std::uint8_t*>(from.data());
    return copy({memory_ + offset, ours, from.size()}, ::process_vm_writev);
}

std::vector<bool> AttachedSegment::resident_pages() const {
    const std::size_t pages = (size_bytes_ + kPageBytes - 1) / kPageBytes;
    std::vector<unsigned char> raw(pages);
    if (::mincore(memory_, size_bytes_, raw.data()) != 0) {
        throw_errno(ErrorCode::internal, "finding which pages of a segment are in memory failed",
                    errno);
    }
    std::vector<bool> resident(pages);
    std::transform(raw.begin(), raw.end(), resident.begin(),
                   [](unsigned char one) { return (one & 1U) != 0; });
    return resident;
}

}  // namespace efface::device
