// SPDX-License-Identifier: Apache-2.0
#include "efface/device/io_queue.hpp"

#include <deque>
#include <vector>

#include "efface/base/assert.hpp"
#include "efface/device/aligned_buffer.hpp"

#include "synchronous_queue.hpp"

namespace efface::device {

namespace {

/// Makes each transfer when it is submitted, and hands out the answers in that order.
class SynchronousQueue final : public IoQueue {
  public:
    SynchronousQueue(BlockTarget& target, std::size_t slots, std::size_t slot_bytes,
                     std::string note)
        : target_(target), note_(std::move(note)) {
        for (std::size_t i = 0; i < slots; ++i) {
            buffers_.emplace_back(slot_bytes);
        }
    }

    [[nodiscard]] std::size_t slots() const override { return buffers_.size(); }
    [[nodiscard]] MutableByteView buffer(std::size_t slot) override {
        return buffers_.at(slot).view();
    }
    void submit_read(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        check_request(offset, length);
        done_.push_back({slot, target_.read_at(offset, buffer(slot).first(length))});
    }
    void submit_write(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        check_request(offset, length);
        done_.push_back({slot, target_.write_at(offset, buffer(slot).first(length))});
    }
    [[nodiscard]] std::optional<Done> wait(std::chrono::milliseconds /*timeout*/) override {
        if (done_.empty()) {
            return std::nullopt;
        }
        const Done next = done_.front();
        done_.pop_front();
        return next;
    }
    [[nodiscard]] std::string engine() const override { return "pread/pwrite"; }
    [[nodiscard]] std::string engine_note() const override { return note_; }

  private:
    void check_request(std::uint64_t offset, std::size_t length) const {
        const std::uint32_t unit = target_.preferred_alignment();
        EFFACE_ASSERT(length > 0 && length % unit == 0 && offset % unit == 0);
    }

    BlockTarget& target_;
    std::string note_;
    std::vector<AlignedBuffer> buffers_;
    std::deque<Done> done_;
};

}  // namespace

std::unique_ptr<IoQueue> make_synchronous_queue(BlockTarget& target, std::size_t slots,
                                                std::size_t slot_bytes, std::string note) {
    return std::make_unique<SynchronousQueue>(target, slots, slot_bytes, std::move(note));
}

std::unique_ptr<IoQueue> BlockTarget::make_queue(std::size_t slots, std::size_t slot_bytes) {
    return make_synchronous_queue(*this, slots, slot_bytes, {});
}

}  // namespace efface::device
