// SPDX-License-Identifier: Apache-2.0
#include "tcmu_ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "efface/base/assert.hpp"

namespace efface::rig {

namespace {

constexpr std::size_t kSysfsBytesMax = 4096;
constexpr std::size_t kPartsMax = 4096;
constexpr std::size_t kDataBytesMax = std::size_t{64} << 20U;

// linux/target_core_user.h, which is C only: offsets in tcmu_mailbox ...
constexpr std::size_t kMailboxFlags = 2;
constexpr std::size_t kRingOffset = 4;
constexpr std::size_t kRingBytes = 8;
constexpr std::size_t kHead = 12;
constexpr std::size_t kTail = 64;
constexpr std::uint16_t kCanReadLength = 1U << 1U;
// ... and in tcmu_cmd_entry.
constexpr std::size_t kLengthAndOperation = 0;
constexpr std::size_t kFlags = 7;
constexpr std::size_t kIovCount = 8;
constexpr std::size_t kCdbOffset = 24;
constexpr std::size_t kIov = 48;
constexpr std::size_t kIovBytes = 16;
constexpr std::size_t kStatus = 8;
constexpr std::size_t kReadLength = 12;
constexpr std::size_t kSense = 16;
constexpr std::size_t kSenseBytes = 96;
constexpr std::uint32_t kOperationMask = 0x7;
constexpr std::uint32_t kOperationPad = 0;
constexpr std::uint32_t kOperationCommand = 1;
constexpr std::uint8_t kUnknownOperation = 0x1;
constexpr std::uint8_t kReadLengthGiven = 0x2;

/// Bytes of a CDB by its group (SPC-5, section 4.2.5.1).
std::size_t cdb_bytes(std::uint8_t opcode) {
    switch (opcode >> 5U) {
        case 0:
            return 6;
        case 1:
        case 2:
            return 10;
        case 5:
            return 12;
        default:
            return 16;
    }
}

/// Whether a command's data goes to the drive: the kernel gives one list of buffers for both ways.
bool goes_to_the_drive(const Bytes& cdb) {
    switch (cdb[0]) {
        case 0x04:  // FORMAT UNIT
        case 0x0a:  // WRITE (6)
        case 0x15:  // MODE SELECT
        case 0x55:
        case 0x2a:  // WRITE
        case 0xaa:
        case 0x8a:
        case 0x41:  // WRITE SAME
        case 0x93:
        case 0x42:  // UNMAP
        case 0x48:  // SANITIZE
        case 0xb5:  // SECURITY PROTOCOL OUT
            return true;
        case 0x85:  // ATA PASS-THROUGH: T_DIR 0 is to the drive
        case 0xa1:
            return (cdb[2] & 0x08U) == 0;
        default:
            return false;
    }
}

}  // namespace

TcmuRing::TcmuRing(const std::string& name) : fd_(open_file("/dev/" + name, O_RDWR)) {
    const auto text = read_text_file("/sys/class/uio/" + name + "/maps/map0/size", kSysfsBytesMax);
    bytes_ = text ? std::stoull(*text, nullptr, 16) : 0;
    void* map = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (bytes_ == 0 || map == MAP_FAILED) {
        throw_errno(ErrorCode::internal, "mapping the ring of " + name, errno);
    }
    map_ = static_cast<std::uint8_t*>(map);
}

TcmuRing::~TcmuRing() {
    ::munmap(map_, bytes_);
}

MutableByteView TcmuRing::at(std::size_t offset, std::size_t length) const {
    EFFACE_ASSERT(offset <= bytes_ && length <= bytes_ - offset);
    return {map_ + offset, length};
}

template <typename T>
T TcmuRing::load(std::size_t offset) const {
    T value;
    std::memcpy(&value, at(offset, sizeof(T)).data(), sizeof(T));
    return value;
}

template <typename T>
void TcmuRing::store(std::size_t offset, T value) {
    std::memcpy(at(offset, sizeof(T)).data(), &value, sizeof(T));
}

void TcmuRing::take_notice() {
    std::uint32_t count = 0;
    if (::read(fd_.get(), &count, sizeof(count)) != sizeof(count)) {
        throw_errno(ErrorCode::internal, "reading the notice of the ring", errno);
    }
}

void TcmuRing::serve(device::ScsiTransport& drive) {
    const auto ring = load<std::uint32_t>(kRingOffset);
    const auto ring_bytes = load<std::uint32_t>(kRingBytes);
    auto tail = load<std::uint32_t>(kTail);
    bool answered = false;
    for (;;) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (tail == load<std::uint32_t>(kHead) || !serve_one(ring + tail, drive)) {
            break;
        }
        const auto length =
            load<std::uint32_t>(ring + tail + kLengthAndOperation) & ~kOperationMask;
        EFFACE_ASSERT(length > 0);
        tail = (tail + length) % ring_bytes;
        std::atomic_thread_fence(std::memory_order_seq_cst);
        store(kTail, tail);
        answered = true;
    }
    const std::uint32_t zero = 0;
    if (answered && ::write(fd_.get(), &zero, sizeof(zero)) != sizeof(zero)) {
        throw_errno(ErrorCode::internal, "telling the kernel of answers", errno);
    }
}

/// False when the drive gave no answer.
bool TcmuRing::serve_one(std::size_t entry, device::ScsiTransport& drive) {
    const auto operation = load<std::uint32_t>(entry + kLengthAndOperation) & kOperationMask;
    const std::size_t flags = entry + kFlags;
    if (operation != kOperationCommand) {
        if (operation != kOperationPad) {
            store<std::uint8_t>(flags, kUnknownOperation);
        }
        return true;
    }
    struct Part {
        std::size_t offset;
        std::size_t length;
    };
    std::vector<Part> parts;
    std::size_t total = 0;
    const auto count = load<std::uint32_t>(entry + kIovCount);
    EFFACE_ASSERT(count <= kPartsMax);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t iov = entry + kIov + i * kIovBytes;
        parts.push_back({load<std::uint64_t>(iov), load<std::uint64_t>(iov + 8)});
        total += parts.back().length;
    }
    EFFACE_ASSERT(total <= kDataBytesMax);

    const auto cdb_at = load<std::uint64_t>(entry + kCdbOffset);
    const auto cdb = at(cdb_at, cdb_bytes(load<std::uint8_t>(cdb_at)));
    device::ScsiCommand command;
    command.cdb.assign(cdb.begin(), cdb.end());
    Bytes data;
    const bool out = goes_to_the_drive(command.cdb);
    if (out) {
        for (const auto& part : parts) {
            const auto bytes = at(part.offset, part.length);
            data.insert(data.end(), bytes.begin(), bytes.end());
        }
        command.write_from = data;
    } else {
        data.resize(total);
        command.read_into = data;
    }
    const auto completion = drive.submit(command);
    if (!completion.answered()) {
        return false;
    }
    if (!out) {
        std::size_t from = 0;
        for (const auto& part : parts) {
            const auto into = at(part.offset, part.length);
            std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(from), part.length,
                        into.begin());
            from += part.length;
        }
    }
    store<std::uint8_t>(entry + kStatus, completion.status);
    if (completion.status != 0) {
        Bytes sense(kSenseBytes, 0);
        std::copy_n(completion.sense.begin(), std::min(completion.sense.size(), sense.size()),
                    sense.begin());
        const auto place = at(entry + kSense, sense.size());
        std::copy(sense.begin(), sense.end(), place.begin());
    } else if (!out && (load<std::uint16_t>(kMailboxFlags) & kCanReadLength) != 0) {
        store<std::uint8_t>(flags, kReadLengthGiven);
        store<std::uint32_t>(entry + kReadLength,
                             static_cast<std::uint32_t>(completion.transferred));
    }
    return true;
}

}  // namespace efface::rig
