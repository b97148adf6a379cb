// SPDX-License-Identifier: Apache-2.0
#include "efface/device/bounded_questions.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "efface/base/bytes.hpp"
#include "efface/base/error.hpp"
#include "efface/base/file.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kHeaderBytes = 2 * sizeof(std::uint32_t);
constexpr std::size_t kReadBytes = 16384;
/// Of the deadline, for the last question to be begun; but not more than a second.
constexpr int kBegunShare = 3;
constexpr std::chrono::milliseconds kBegunWithinMax{1000};

bool write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

/// The threads of the other process. Each costs something, so there are few as long as the
/// questions are answered.
class Askers final {
  public:
    using Ask = std::function<void(std::size_t, const Tell&)>;

    Askers(std::size_t count, const Ask& ask, std::chrono::milliseconds begun_within, int to)
        : count_(count), ask_(ask), begun_within_(begun_within), to_(to) {}

    /// Returns when every question has been asked to its end.
    void run() {
        add(std::min(kAskersFirst, count_));
        const auto start = std::chrono::steady_clock::now();
        std::unique_lock lock(mutex_);
        while (begun_ < count_ && !threads_.empty()) {
            (void)all_begun_.wait_for(lock, kPaceCheck);
            const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::steady_clock::now() - start);
            const bool late = begun_ * static_cast<std::size_t>(begun_within_.count()) <
                              count_ * static_cast<std::size_t>(passed.count());
            const std::size_t left = count_ - begun_;
            if (late && left > 0) {
                lock.unlock();
                add(std::min(threads_.size(), left));
                lock.lock();
            }
        }
        lock.unlock();
        threads_.clear();  // joins
    }

  private:
    static constexpr std::size_t kAskersFirst = 8;
    static constexpr std::chrono::milliseconds kPaceCheck{20};

    /// Fewer where the machine has no more threads: then these do it.
    void add(std::size_t more) {
        for (std::size_t i = 0; i < more; ++i) {
            try {
                threads_.emplace_back([this] { work(); });
            } catch (const std::system_error&) {
                return;
            }
        }
    }

    void work() {
        for (;;) {
            std::size_t mine = 0;
            {
                const std::lock_guard lock(mutex_);
                if (begun_ == count_) {
                    return;
                }
                mine = begun_++;
                if (begun_ == count_) {
                    all_begun_.notify_one();
                }
            }
            ask_(mine, [this, mine](const std::string& text) { tell(mine, text); });
        }
    }

    /// One frame: index and length before the text.
    void tell(std::size_t index, const std::string& text) {
        if (text.size() > kAnswerBytesMax) {
            return;
        }
        Bytes frame(kHeaderBytes);
        write_be<std::uint32_t>(frame, 0, static_cast<std::uint32_t>(index));
        write_be<std::uint32_t>(frame, sizeof(std::uint32_t),
                                static_cast<std::uint32_t>(text.size()));
        frame.insert(frame.end(), text.begin(), text.end());
        const std::lock_guard lock(writing_);
        (void)write_all(to_, frame);
    }

    std::size_t count_;
    const Ask& ask_;
    std::chrono::milliseconds begun_within_;
    int to_;
    std::mutex writing_;
    std::mutex mutex_;
    std::condition_variable all_begun_;
    std::size_t begun_ = 0;
    std::vector<std::jthread> threads_;
};

/// All but this one; the standard streams lead nowhere: who reads ours waits for their end.
void close_others(int kept) {
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        (void)::dup2(nowhere, stream);
    }
    constexpr unsigned kFirst = STDERR_FILENO + 1;
    const auto number = static_cast<unsigned>(kept);
    if (number > kFirst) {
        (void)::close_range(kFirst, number - 1, 0);
    }
    (void)::close_range(std::max(number + 1, kFirst), ~0U, 0);
}

[[noreturn]] void answer(std::size_t count, const Askers::Ask& ask,
                         std::chrono::milliseconds deadline, Descriptors descriptors,
                         UniqueFd& from, int to) noexcept {
    (void)::signal(SIGPIPE, SIG_DFL);  // where nobody listens any more it ends at its next word
    from.reset();                      // and is not a listener itself
    if (descriptors == Descriptors::closed) {
        close_others(to);
    }
    Askers(count, ask, std::min(deadline / kBegunShare, kBegunWithinMax), to).run();
    ::_exit(0);
}

/// Takes whole frames off the front.
void take_frames(Bytes& received, std::vector<std::vector<std::string>>& answers) {
    std::size_t at = 0;
    while (received.size() - at >= kHeaderBytes) {
        const auto index = read_be<std::uint32_t>(received, at);
        const auto length = read_be<std::uint32_t>(received, at + sizeof(std::uint32_t));
        if (received.size() - at - kHeaderBytes < length) {
            break;
        }
        const auto text = ByteView(received).subspan(at + kHeaderBytes, length);
        if (index < answers.size() && answers[index].size() < kAnswersMax) {
            answers[index].emplace_back(as_text(text));
        }
        at += kHeaderBytes + length;
    }
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(at));
}

/// True when the other process has come to its end.
bool collect(int from, std::chrono::milliseconds deadline,
             std::vector<std::vector<std::string>>& answers) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    Bytes received;
    Bytes chunk(kReadBytes);
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd waiting{from, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) {
            return false;
        }
        if (waiting.revents == 0) {
            continue;
        }
        const ssize_t count = ::read(from, chunk.data(), chunk.size());
        if (count == 0 || (count < 0 && errno != EINTR)) {
            return true;
        }
        if (count > 0) {
            received.insert(received.end(), chunk.begin(), chunk.begin() + count);
            take_frames(received, answers);
        }
    }
}

}  // namespace

std::vector<std::vector<std::string>> ask_all(
    std::size_t count, const std::function<void(std::size_t, const Tell&)>& ask,
    std::chrono::milliseconds deadline, Descriptors descriptors) {
    EFFACE_ASSERT(count <= kQuestionsMax);
    std::vector<std::vector<std::string>> answers(count);
    if (count == 0) {
        return answers;
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno(ErrorCode::internal, "pipe", errno);
    }
    UniqueFd from{ends[0]};
    UniqueFd to{ends[1]};
    const pid_t other = ::fork();
    if (other < 0) {
        throw_errno(ErrorCode::internal, "fork", errno);
    }
    if (other == 0) {
        answer(count, ask, deadline, descriptors, from, to.get());
    }
    to.reset();
    if (collect(from.get(), deadline, answers)) {
        (void)::waitpid(other, nullptr, 0);
    } else {
        // Not waited for: what hangs in the kernel ends when it can.
        (void)::kill(other, SIGKILL);
    }
    return answers;
}

}  // namespace efface::device
