// SPDX-License-Identifier: Apache-2.0
#include "memory_disk.hpp"

#include <algorithm>
#include <cerrno>

namespace efface::fake {

namespace {

/// How much of a transfer happens under this fault.
std::size_t transferred(const Fault& fault, std::size_t wanted) {
    switch (fault.kind) {
        case Fault::Kind::fail:
            return 0;
        case Fault::Kind::shorten:
        case Fault::Kind::partial:
            return std::min(fault.bytes, wanted);
        case Fault::Kind::none:
        case Fault::Kind::drop:
        case Fault::Kind::corrupt:
        case Fault::Kind::stale:
            break;
    }
    return wanted;
}

int reported_error(const Fault& fault) {
    const bool fails = fault.kind == Fault::Kind::fail || fault.kind == Fault::Kind::partial;
    return fails ? fault.error : 0;
}

}  // namespace

MemoryDisk::MemoryDisk(Bytes contents, std::uint32_t alignment)
    : media_(std::move(contents)), durable_(media_), original_(media_), alignment_(alignment) {}

std::uint64_t MemoryDisk::size_bytes() const {
    return media_.size();
}

std::uint32_t MemoryDisk::preferred_alignment() const {
    return alignment_;
}

Fault MemoryDisk::next(Operation::Kind kind, std::uint64_t offset, std::uint64_t length) {
    ++operations_;
    return hook_ ? hook_(Operation{kind, offset, length, operations_}) : Fault{};
}

device::IoResult MemoryDisk::read_at(std::uint64_t offset, MutableByteView into) {
    const Fault fault = next(Operation::Kind::read, offset, into.size());
    // Behind the end there is nothing to read, as with pread(2).
    const std::uint64_t there = offset < media_.size() ? media_.size() - offset : 0;
    const std::size_t count =
        std::min<std::size_t>(transferred(fault, into.size()), static_cast<std::size_t>(there));
    if (fault.kind != Fault::Kind::drop && count > 0) {
        const Bytes& from = fault.kind == Fault::Kind::stale ? original_ : media_;
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
        if (fault.kind == Fault::Kind::corrupt) {
            into[count / 2] ^= 1U;
        }
    }
    return {count, reported_error(fault)};
}

device::IoResult MemoryDisk::write_at(std::uint64_t offset, ByteView from) {
    const Fault fault = next(Operation::Kind::write, offset, from.size());
    const std::uint64_t there = offset < media_.size() ? media_.size() - offset : 0;
    const std::size_t wanted = transferred(fault, from.size());
    const std::size_t count = std::min<std::size_t>(wanted, static_cast<std::size_t>(there));
    if (fault.kind != Fault::Kind::drop && count > 0) {
        std::copy_n(from.begin(), count, media_.begin() + static_cast<std::ptrdiff_t>(offset));
        if (fault.kind == Fault::Kind::corrupt) {
            media_[static_cast<std::size_t>(offset) + count / 2] ^= 1U;
        }
    }
    const int error = reported_error(fault);
    return {count, error == 0 && count < wanted ? ENOSPC : error};
}

int MemoryDisk::flush() {
    const Fault fault = next(Operation::Kind::flush, 0, 0);
    const int error = reported_error(fault);
    if (error == 0 && fault.kind != Fault::Kind::drop) {
        durable_ = media_;
    }
    return error;
}

}  // namespace efface::fake
