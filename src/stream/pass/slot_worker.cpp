// SPDX-License-Identifier: Apache-2.0
#include "slot_worker.hpp"

#include <system_error>

#include "efface/base/error.hpp"
#include "efface/device/system_calls.hpp"

namespace efface::stream {

SlotWorker::SlotWorker(Work work) : work_(std::move(work)) {
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
        throw_errno(ErrorCode::internal, "starting a worker thread failed", error.code().value());
    }
}

SlotWorker::~SlotWorker() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    given_changed_.notify_one();
    thread_.join();
}

void SlotWorker::give(std::size_t slot) {
    {
        const std::lock_guard lock(mutex_);
        given_.push_back(slot);
    }
    ++pending_;
    given_changed_.notify_one();
}

std::optional<std::size_t> SlotWorker::take(bool wait) {
    if (pending_ == 0) {
        return std::nullopt;
    }
    std::unique_lock lock(mutex_);
    if (wait) {
        done_changed_.wait(lock, [this] { return !done_.empty() || failure_ != nullptr; });
    }
    if (failure_ != nullptr) {
        std::rethrow_exception(failure_);
    }
    if (done_.empty()) {
        return std::nullopt;
    }
    const std::size_t slot = done_.front();
    done_.pop_front();
    --pending_;
    return slot;
}

std::optional<std::size_t> SlotWorker::take_back() {
    const std::lock_guard lock(mutex_);
    if (given_.empty()) {
        return std::nullopt;
    }
    const std::size_t slot = given_.front();
    given_.pop_front();
    --pending_;
    return slot;
}

void SlotWorker::run() {
    device::keep_computing_calls();
    for (;;) {
        std::unique_lock lock(mutex_);
        given_changed_.wait(lock, [this] { return ending_ || !given_.empty(); });
        if (ending_) {
            return;
        }
        const std::size_t slot = given_.front();
        given_.pop_front();
        lock.unlock();
        std::exception_ptr failure;
        try {
            work_(slot);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure != nullptr) {
            failure_ = failure;
        } else {
            done_.push_back(slot);
        }
        lock.unlock();
        done_changed_.notify_one();
        if (failure != nullptr) {
            return;
        }
    }
}

}  // namespace efface::stream
