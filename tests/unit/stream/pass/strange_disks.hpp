// SPDX-License-Identifier: Apache-2.0
// Disks that answer in any order, and disks that are not what they say.
#pragma once

#include <cerrno>
#include <random>

#include "efface/device/io_queue.hpp"

#include "fake/disk/memory_disk.hpp"

namespace stream_test {

using efface::ByteView;
using efface::MutableByteView;
using efface::device::BlockTarget;
using efface::device::IoQueue;
using efface::device::IoResult;

/// Holds transfers back until someone waits, then makes one of them, whichever: what is in a buffer
/// at submission must still be there. Ends what is left when it is destroyed.
class ShuffledQueue final : public IoQueue {
  public:
    ShuffledQueue(BlockTarget& target, std::size_t slots, std::size_t slot_bytes, unsigned seed)
        : target_(target), random_(seed) {
        buffers_.assign(slots, efface::Bytes(slot_bytes));
    }
    ~ShuffledQueue() override {
        while (!flying_.empty()) {
            (void)make_one();
        }
    }
    [[nodiscard]] std::size_t slots() const override { return buffers_.size(); }
    [[nodiscard]] MutableByteView buffer(std::size_t slot) override { return buffers_.at(slot); }
    void submit_read(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        flying_.push_back({slot, offset, length, false});
    }
    void submit_write(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        flying_.push_back({slot, offset, length, true});
    }
    [[nodiscard]] std::optional<Done> wait(std::chrono::milliseconds timeout) override {
        // Now and then nothing is there yet, when the caller does not want to wait.
        if (flying_.empty() || (timeout.count() == 0 && random_() % 2 == 0)) {
            return std::nullopt;
        }
        return make_one();
    }
    [[nodiscard]] std::string engine() const override { return "shuffled"; }
    [[nodiscard]] std::string engine_note() const override { return {}; }

  private:
    struct Flying {
        std::size_t slot = 0;
        std::uint64_t offset = 0;
        std::size_t length = 0;
        bool write = false;
    };
    Done make_one() {
        const std::size_t index = random_() % flying_.size();
        const Flying one = flying_[index];
        flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(index));
        const MutableByteView bytes = buffer(one.slot).first(one.length);
        return {one.slot, one.write ? target_.write_at(one.offset, bytes)
                                    : target_.read_at(one.offset, bytes)};
    }
    BlockTarget& target_;
    std::minstd_rand random_;
    std::vector<efface::Bytes> buffers_;
    std::vector<Flying> flying_;
};

/// Passes everything on to another disk; the parts that differ are overridden.
class DiskAround : public BlockTarget {
  public:
    explicit DiskAround(efface::fake::MemoryDisk& disk) : disk_(disk) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
    [[nodiscard]] std::uint32_t preferred_alignment() const override {
        return disk_.preferred_alignment();
    }
    IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return disk_.read_at(offset, into);
    }
    IoResult write_at(std::uint64_t offset, ByteView from) override {
        return disk_.write_at(offset, from);
    }
    [[nodiscard]] int flush() override { return disk_.flush(); }

  protected:
    efface::fake::MemoryDisk& disk_;
};

class ShuffledDisk final : public DiskAround {
  public:
    ShuffledDisk(efface::fake::MemoryDisk& disk, unsigned seed) : DiskAround(disk), seed_(seed) {}
    [[nodiscard]] std::unique_ptr<IoQueue> make_queue(std::size_t slots,
                                                      std::size_t slot_bytes) override {
        return std::make_unique<ShuffledQueue>(*this, slots, slot_bytes, seed_);
    }

  private:
    unsigned seed_;
};

/// Claims `claimed` bytes over a smaller medium: addresses come round again, as on a forged stick.
class WrappingDisk final : public DiskAround {
  public:
    WrappingDisk(efface::fake::MemoryDisk& disk, std::uint64_t claimed)
        : DiskAround(disk), claimed_(claimed) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return claimed_; }
    IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return disk_.read_at(offset % disk_.size_bytes(), into);
    }
    IoResult write_at(std::uint64_t offset, ByteView from) override {
        return disk_.write_at(offset % disk_.size_bytes(), from);
    }

  private:
    std::uint64_t claimed_;
};

/// From the n-th operation on, what lies behind `limit` answers like the end of a medium.
class ShrinkingDisk final : public DiskAround {
  public:
    ShrinkingDisk(efface::fake::MemoryDisk& disk, std::uint64_t limit, std::uint64_t from_operation,
                  int error)
        : DiskAround(disk), limit_(limit), from_(from_operation), error_(error) {}
    IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        const std::size_t there = inside(offset, into.size());
        return there == into.size() ? disk_.read_at(offset, into)
                                    : cut(disk_.read_at(offset, into.first(there)), there);
    }
    IoResult write_at(std::uint64_t offset, ByteView from) override {
        const std::size_t there = inside(offset, from.size());
        return there == from.size() ? disk_.write_at(offset, from)
                                    : cut(disk_.write_at(offset, from.first(there)), there);
    }

  private:
    [[nodiscard]] std::size_t inside(std::uint64_t offset, std::size_t length) const {
        if (disk_.operations() + 1 < from_ || offset + length <= limit_) {
            return length;
        }
        return offset < limit_ ? static_cast<std::size_t>(limit_ - offset) : 0;
    }
    [[nodiscard]] IoResult cut(const IoResult& result, std::size_t there) const {
        return result.bytes == there && there == 0 ? IoResult{0, error_} : result;
    }
    std::uint64_t limit_;
    std::uint64_t from_;
    int error_;
};

}  // namespace stream_test
