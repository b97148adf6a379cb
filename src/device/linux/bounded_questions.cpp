// SPDX-License-Identifier: Apache-2.0
#include "efface/device/bounded_questions.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>

#include "efface/base/bytes.hpp"
#include "efface/base/error.hpp"
#include "efface/base/file.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kHeaderBytes = 2 * sizeof(std::uint32_t);
constexpr std::size_t kReadBytes = 65536;

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

/// The other process: one frame an answer, index and length before the text.
[[noreturn]] void answer(std::size_t count, const std::function<std::string(std::size_t)>& ask,
                         int to) {
    std::mutex writing;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < count; ++i) {
            threads.emplace_back([&, i] {
                const std::string text = ask(i);
                if (text.size() > kAnswerBytesMax) {
                    return;
                }
                Bytes frame(kHeaderBytes);
                write_be<std::uint32_t>(frame, 0, static_cast<std::uint32_t>(i));
                write_be<std::uint32_t>(frame, sizeof(std::uint32_t),
                                        static_cast<std::uint32_t>(text.size()));
                frame.insert(frame.end(), text.begin(), text.end());
                const std::lock_guard lock(writing);
                (void)write_all(to, frame);
            });
        }
    }
    ::_exit(0);
}

/// Takes whole frames off the front.
void take_frames(Bytes& received, std::vector<std::optional<std::string>>& answers) {
    std::size_t at = 0;
    while (received.size() - at >= kHeaderBytes) {
        const auto index = read_be<std::uint32_t>(received, at);
        const auto length = read_be<std::uint32_t>(received, at + sizeof(std::uint32_t));
        if (received.size() - at - kHeaderBytes < length) {
            break;
        }
        const auto text = ByteView(received).subspan(at + kHeaderBytes, length);
        if (index < answers.size()) {
            answers[index] = std::string(as_text(text));
        }
        at += kHeaderBytes + length;
    }
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(at));
}

void collect(int from, std::chrono::milliseconds deadline,
             std::vector<std::optional<std::string>>& answers) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    Bytes received;
    Bytes chunk(kReadBytes);
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return;
        }
        pollfd waiting{from, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) {
            return;
        }
        if (waiting.revents == 0) {
            continue;
        }
        const ssize_t count = ::read(from, chunk.data(), chunk.size());
        if (count == 0 || (count < 0 && errno != EINTR)) {
            return;
        }
        if (count > 0) {
            received.insert(received.end(), chunk.begin(), chunk.begin() + count);
            take_frames(received, answers);
        }
    }
}

}  // namespace

std::vector<std::optional<std::string>> ask_all(std::size_t count,
                                                const std::function<std::string(std::size_t)>& ask,
                                                std::chrono::milliseconds deadline) {
    EFFACE_ASSERT(count <= kQuestionsMax);
    std::vector<std::optional<std::string>> answers(count);
    if (count == 0) {
        return answers;
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno(ErrorCode::internal, "pipe", errno);
    }
    const UniqueFd from{ends[0]};
    UniqueFd to{ends[1]};
    // The one between is gone at once: what hangs belongs to nobody who waits for it.
    const pid_t between = ::fork();
    if (between < 0) {
        throw_errno(ErrorCode::internal, "fork", errno);
    }
    if (between == 0) {
        (void)::signal(SIGPIPE, SIG_DFL);
        const pid_t other = ::fork();
        if (other == 0) {
            answer(count, ask, to.get());
        }
        ::_exit(other < 0 ? 1 : 0);
    }
    to.reset();
    (void)::waitpid(between, nullptr, 0);
    collect(from.get(), deadline, answers);
    return answers;  // the other process ends at its next write, when it can
}

}  // namespace efface::device
