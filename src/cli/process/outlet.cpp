// SPDX-License-Identifier: Apache-2.0
#include "outlet.hpp"

#include <climits>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

namespace efface::cli {

namespace {

/// What may wait to be read: some thousand events.
constexpr std::size_t kWaitingBytesMax = std::size_t{1} << 20U;

/// A thread that takes no signal: the run's own thread waits for them.
class SignalsBlocked final {
  public:
    SignalsBlocked() {
        sigset_t all;
        (void)::sigfillset(&all);
        (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace

struct Outlet::State {
    UniqueFd owned;
    int fd = -1;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> waiting;
    std::size_t waiting_bytes = 0;
    std::size_t steps = 0;  ///< grows whenever something was written, lost or taken
    std::size_t lost = 0;
    int first_error = 0;
    bool started = false;
    bool writing = false;
    bool ended = false;
    bool torn = false;  ///< of the writing thread: the last line was cut short
    std::mutex at_once;

    bool idle() const { return waiting.empty() && !writing; }

    /// 0, or errno. A descriptor that its other users made non-blocking is waited for.
    int write_some(std::string_view& text) {
        const ssize_t done = ::write(fd, text.data(), text.size());
        if (done > 0) {
            text.remove_prefix(static_cast<std::size_t>(done));
            const std::lock_guard lock(mutex);
            ++steps;
            changed.notify_all();
            return 0;
        }
        const int error = done == 0 ? EIO : errno;
        if (error == EAGAIN || error == EWOULDBLOCK) {
            pollfd waiting_for{fd, POLLOUT, 0};
            return ::poll(&waiting_for, 1, -1) < 0 && errno != EINTR ? errno : 0;
        }
        return error == EINTR ? 0 : error;
    }

    int write_text(const std::string& text) {
        const std::string whole = torn ? "\n" + text : text;
        std::string_view rest = whole;
        while (!rest.empty()) {
            if (const int error = write_some(rest); error != 0) {
                torn = torn || rest.size() < whole.size();
                return error;
            }
        }
        torn = false;
        return 0;
    }

    /// Without a thread: what a reader takes at once, who is not waited for longer than the end of
    /// a program waits. False: it was lost.
    bool write_at_once(std::string_view text) {
        const std::lock_guard one(at_once);
        int error = 0;
        while (!text.empty() && error == 0) {
            pollfd waiting_for{fd, POLLOUT, 0};
            const auto patience = std::chrono::milliseconds(kReaderPatience).count();
            if (::poll(&waiting_for, 1, static_cast<int>(patience)) <= 0) {
                error = ETIMEDOUT;
                break;
            }
            // So much goes into a pipe that takes anything, without waiting (pipe(7)).
            std::string_view part = text.substr(0, std::min<std::size_t>(text.size(), PIPE_BUF));
            const std::size_t all = part.size();
            error = write_some(part);
            text.remove_prefix(all - part.size());
        }
        if (error == 0) {
            return true;
        }
        const std::lock_guard lock(mutex);
        ++lost;
        first_error = first_error == 0 ? error : first_error;
        return false;
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return ended || !waiting.empty(); });
            if (waiting.empty()) {
                return;
            }
            const std::string text = std::move(waiting.front());
            waiting.pop_front();
            writing = true;
            lock.unlock();
            const int error = write_text(text);
            lock.lock();
            writing = false;
            waiting_bytes -= text.size();
            ++steps;
            if (error != 0) {
                ++lost;
                first_error = first_error == 0 ? error : first_error;
            }
            changed.notify_all();
        }
    }
};

Outlet::Outlet(int fd) : state_(std::make_shared<State>()) {
    state_->fd = fd;
}

Outlet::Outlet(UniqueFd fd) : state_(std::make_shared<State>()) {
    state_->fd = fd.get();
    state_->owned = std::move(fd);
}

Outlet::~Outlet() {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    state_->changed.notify_all();
}

/// With the lock held. The thread is left alone: it may never come back from a write.
bool Outlet::start() {
    if (state_->started) {
        return true;
    }
    const SignalsBlocked blocked;
    try {
        std::thread([state = state_] { state->run(); }).detach();
        state_->started = true;
    } catch (const std::system_error&) {  // no thread, or no memory for one: put() does without
    }
    return state_->started;
}

bool Outlet::put(std::string text) {
    {
        const std::lock_guard lock(state_->mutex);
        const bool room = state_->idle() || state_->waiting_bytes + text.size() <= kWaitingBytesMax;
        if (state_->ended || !room) {
            ++state_->lost;
            return false;
        }
        if (start()) {
            state_->waiting_bytes += text.size();
            state_->waiting.push_back(std::move(text));
            state_->changed.notify_all();
            return true;
        }
    }
    return state_->write_at_once(text);
}

bool Outlet::settle(std::chrono::milliseconds patience) {
    std::unique_lock lock(state_->mutex);
    while (!state_->idle()) {
        const std::size_t before = state_->steps;
        const bool moved = state_->changed.wait_for(
            lock, patience, [&] { return state_->idle() || state_->steps != before; });
        if (!moved) {
            return false;
        }
    }
    return true;
}

void Outlet::end(std::chrono::milliseconds patience) {
    const bool settled = settle(patience);
    const std::lock_guard lock(state_->mutex);
    if (!settled) {
        state_->lost += state_->waiting.size() + (state_->writing ? 1 : 0);
        state_->waiting.clear();
    }
    state_->ended = true;
    state_->changed.notify_all();
}

std::size_t Outlet::lost() const {
    const std::lock_guard lock(state_->mutex);
    return state_->lost;
}

int Outlet::first_error() const {
    const std::lock_guard lock(state_->mutex);
    return state_->first_error;
}

}  // namespace efface::cli
