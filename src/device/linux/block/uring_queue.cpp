// SPDX-License-Identifier: Apache-2.0
#include "uring_queue.hpp"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "efface/base/error.hpp"

#include "buffer_pool.hpp"

namespace efface::device {

namespace {

/// Repetitions of one transfer that the kernel asks to be tried again.
constexpr unsigned kAgainMax = 100;
/// Repetitions of a call that signals keep interrupting.
constexpr unsigned kInterruptionsMax = 1000;
constexpr std::size_t kSlotsMax = 4096;

/// One thread submits and waits, and completions are handled when it waits: fewer interruptions
/// (Linux 6.1). Older kernels refuse the flags with EINVAL and get the next ones.
constexpr std::array<unsigned, 3> kSetups{
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0};

/// Owns a ring.
class Ring final {
  public:
    Ring() = default;
    ~Ring() {
        if (open_) {
            io_uring_queue_exit(&ring_);
        }
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// 0 or an errno.
    [[nodiscard]] int open(unsigned entries) {
        int error = EINVAL;
        for (std::size_t i = 0; i < kSetups.size() && error == EINVAL; ++i) {
            error = -io_uring_queue_init(entries, &ring_, kSetups[i]);
        }
        open_ = error == 0;
        return error;
    }
    [[nodiscard]] io_uring* get() noexcept { return &ring_; }

  private:
    io_uring ring_{};
    bool open_ = false;
};

class UringQueue final : public IoQueue {
  public:
    UringQueue(int fd, std::uint32_t unit, std::uint64_t end, std::size_t slots,
               std::size_t slot_bytes)
        : fd_(fd), unit_(unit), end_(end), buffers_(slots, slot_bytes), lanes_(slots) {}

    ~UringQueue() override {
        // The kernel may write into the buffers until then.
        unsigned interruptions = 0;
        while (in_flight_ > 0 && interruptions < kInterruptionsMax) {
            io_uring_cqe* cqe = nullptr;
            const int result = io_uring_submit_and_wait(ring_.get(), 1);
            if (result == -EINTR || result == -EAGAIN || result == -EBUSY) {
                ++interruptions;
            } else if (result < 0) {
                break;  // the kernel itself holds the pages until it is done
            }
            while (io_uring_peek_cqe(ring_.get(), &cqe) == 0) {
                io_uring_cqe_seen(ring_.get(), cqe);
                --in_flight_;
            }
        }
    }
    UringQueue(const UringQueue&) = delete;
    UringQueue& operator=(const UringQueue&) = delete;

    /// 0 or an errno: the system has no io_uring for us.
    [[nodiscard]] int open() {
        const int error = ring_.open(static_cast<unsigned>(lanes_.size()));
        if (error != 0) {
            return error;
        }
        if ((ring_.get()->features & IORING_FEAT_EXT_ARG) == 0) {
            return ENOSYS;  // before Linux 5.11: a wait could not have a timeout of its own
        }
        std::vector<iovec> vectors;
        for (std::size_t slot = 0; slot < lanes_.size(); ++slot) {
            const MutableByteView bytes = buffers_.buffer(slot);
            vectors.push_back({bytes.data(), bytes.size()});
        }
        const int refused = io_uring_register_buffers(ring_.get(), vectors.data(),
                                                      static_cast<unsigned>(vectors.size()));
        registered_ = refused == 0;
        if (!registered_) {
            note_ = "buffers not registered: " + errno_text(-refused);
        }
        return 0;
    }

    [[nodiscard]] std::size_t slots() const override { return lanes_.size(); }
    [[nodiscard]] MutableByteView buffer(std::size_t slot) override {
        return buffers_.buffer(slot);
    }
    void submit_read(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        begin(slot, {offset, length, false, 0, true});
    }
    void submit_write(std::size_t slot, std::uint64_t offset, std::size_t length) override {
        begin(slot, {offset, length, true, 0, true});
    }
    [[nodiscard]] std::optional<Done> wait(std::chrono::milliseconds timeout) override;

    [[nodiscard]] std::string engine() const override {
        return registered_ ? "io_uring, registered buffers" : "io_uring";
    }
    [[nodiscard]] std::string engine_note() const override { return note_; }

  private:
    struct Lane {
        std::uint64_t offset = 0;
        std::size_t length = 0;
        bool write = false;
        unsigned again = 0;
        bool flying = false;
    };

    void begin(std::size_t slot, const Lane& lane);
    void submit(std::size_t slot);
    void enter(int result) const;
    [[nodiscard]] io_uring_cqe* next_completion(std::chrono::milliseconds timeout);

    int fd_;
    std::uint32_t unit_;
    std::uint64_t end_;
    BufferPool buffers_;
    std::vector<Lane> lanes_;
    std::size_t in_flight_ = 0;
    bool registered_ = false;
    std::string note_;
    Ring ring_;  // last: closed before the buffers go
};

void UringQueue::begin(std::size_t slot, const Lane& lane) {
    EFFACE_ASSERT(!lanes_.at(slot).flying);
    EFFACE_ASSERT(lane.length > 0 && lane.length <= buffer(slot).size());
    EFFACE_ASSERT(lane.offset % unit_ == 0 && lane.length % unit_ == 0);
    EFFACE_ASSERT(lane.offset <= end_ && lane.length <= end_ - lane.offset);
    lanes_[slot] = lane;
    ++in_flight_;
    submit(slot);
}

void UringQueue::submit(std::size_t slot) {
    const Lane& lane = lanes_[slot];
    io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
    EFFACE_ASSERT(sqe != nullptr);  // as many entries as slots
    void* address = buffer(slot).data();
    const auto length = static_cast<unsigned>(lane.length);
    const int index = static_cast<int>(slot);
    if (registered_ && lane.write) {
        io_uring_prep_write_fixed(sqe, fd_, address, length, lane.offset, index);
    } else if (registered_) {
        io_uring_prep_read_fixed(sqe, fd_, address, length, lane.offset, index);
    } else if (lane.write) {
        io_uring_prep_write(sqe, fd_, address, length, lane.offset);
    } else {
        io_uring_prep_read(sqe, fd_, address, length, lane.offset);
    }
    io_uring_sqe_set_data64(sqe, slot);
    enter(io_uring_submit(ring_.get()));
}

/// What was not taken for want of memory or because of a signal stays in the ring and goes along
/// with the next call.
void UringQueue::enter(int result) const {
    if (result < 0 && result != -EAGAIN && result != -EBUSY && result != -EINTR &&
        result != -ETIME) {
        throw_errno(ErrorCode::internal, "submitting transfers to io_uring failed", -result);
    }
}

io_uring_cqe* UringQueue::next_completion(std::chrono::milliseconds timeout) {
    io_uring_cqe* cqe = nullptr;
    if (io_uring_peek_cqe(ring_.get(), &cqe) == 0) {
        return cqe;
    }
    if (timeout.count() <= 0) {
        return nullptr;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const std::chrono::nanoseconds rest = timeout - seconds;
    __kernel_timespec limit{};
    limit.tv_sec = seconds.count();
    limit.tv_nsec = rest.count();
    for (unsigned i = 0; i < kInterruptionsMax; ++i) {
        const int result = io_uring_submit_and_wait_timeout(ring_.get(), &cqe, 1, &limit, nullptr);
        enter(result);
        if (io_uring_peek_cqe(ring_.get(), &cqe) == 0) {
            return cqe;
        }
        if (result == -ETIME) {
            break;
        }
    }
    return nullptr;
}

std::optional<IoQueue::Done> UringQueue::wait(std::chrono::milliseconds timeout) {
    while (in_flight_ > 0) {
        io_uring_cqe* cqe = next_completion(timeout);
        if (cqe == nullptr) {
            return std::nullopt;
        }
        const std::size_t slot = static_cast<std::size_t>(io_uring_cqe_get_data64(cqe));
        const int result = cqe->res;
        io_uring_cqe_seen(ring_.get(), cqe);
        Lane& lane = lanes_.at(slot);
        EFFACE_ASSERT(lane.flying);
        if ((result == -EAGAIN || result == -EINTR) && lane.again < kAgainMax) {
            ++lane.again;
            submit(slot);
            continue;
        }
        lane.flying = false;
        --in_flight_;
        if (result < 0) {
            return Done{slot, {0, -result}};
        }
        EFFACE_ASSERT(static_cast<std::size_t>(result) <= lane.length);
        return Done{slot, {static_cast<std::size_t>(result), 0}};
    }
    return std::nullopt;
}

}  // namespace

std::unique_ptr<IoQueue> make_uring_queue(int fd, std::uint32_t unit, std::uint64_t end,
                                          std::size_t slots, std::size_t slot_bytes,
                                          std::string& why_not) {
    EFFACE_ASSERT(slots > 0 && slots <= kSlotsMax && slot_bytes <= INT32_MAX);
    auto queue = std::make_unique<UringQueue>(fd, unit, end, slots, slot_bytes);
    const int error = queue->open();
    if (error != 0) {
        why_not = "io_uring is not available: " + errno_text(error);
        return nullptr;
    }
    return queue;
}

}  // namespace efface::device
