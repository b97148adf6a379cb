// SPDX-License-Identifier: Apache-2.0
// Free memory, taken: locked pages that nobody else has meanwhile, and a process for that work
// which the kernel ends first when memory runs out.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/file.hpp"

namespace efface::device {

constexpr std::size_t kFrameBytes = 4096;  ///< of one page frame, the unit of page_frames()

struct TakeRequest {
    std::size_t bytes = 0;              ///< a multiple of the page size
    std::size_t huge_page_bytes = 0;    ///< 0: plain pages; else pages of the pool of this size
    std::optional<unsigned> numa_node;  ///< only from there (plain pages)
};

struct Taking;

/// Anonymous pages of this process, present and locked: they never go to swap. Given back, without
/// being changed, when it goes out of scope.
class TakenMemory final {
  public:
    /// Plain pages count against RLIMIT_MEMLOCK, which a process with CAP_IPC_LOCK has not.
    [[nodiscard]] static Taking take(const TakeRequest& request);
    ~TakenMemory();
    TakenMemory(TakenMemory&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    TakenMemory& operator=(TakenMemory&&) = delete;
    TakenMemory(const TakenMemory&) = delete;
    TakenMemory& operator=(const TakenMemory&) = delete;

    [[nodiscard]] MutableByteView bytes() const noexcept { return {memory_, bytes_}; }

  private:
    TakenMemory(std::uint8_t* memory, std::size_t bytes) : memory_(memory), bytes_(bytes) {}
    std::uint8_t* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

struct Taking {
    std::optional<TakenMemory> memory;
    int error = 0;  ///< errno when there is none: ENOMEM, EAGAIN, EPERM
};

/// The physical frames (numbers of kFrameBytes) that hold these plain pages now; nullopt where the
/// kernel does not tell (not root, no /proc/self/pagemap) or one is not present.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> page_frames(ByteView memory);

/// What a worker tells of itself; the numbers mean what its work says.
using WorkerReport = std::array<std::uint64_t, 16>;

/// The worker's end of the line to who started it.
class WorkerLine final {
  public:
    explicit WorkerLine(int socket) : socket_(socket) {}
    void tell(const WorkerReport& report) const;
    /// It shall end soon, or who started it has gone.
    [[nodiscard]] bool stopped() const;

  private:
    int socket_;
};

/// A forked child with work of its own. The kernel's OOM killer takes it before any other process,
/// and it dies with the thread that started it. It has no descriptors of its parent but the
/// standard streams. Killed and reaped when it goes out of scope.
class ExpendableWorker final {
  public:
    /// `work` gives the exit status. It runs beside locks that other threads held at that moment:
    /// malloc (which glibc guards) and system calls only. An exception is exit status 1. Throws
    /// Error(internal).
    [[nodiscard]] static ExpendableWorker start(const std::function<int(const WorkerLine&)>& work);
    ~ExpendableWorker();
    ExpendableWorker(ExpendableWorker&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), line_(std::move(other.line_)) {}
    ExpendableWorker& operator=(ExpendableWorker&&) = delete;
    ExpendableWorker(const ExpendableWorker&) = delete;
    ExpendableWorker& operator=(const ExpendableWorker&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    enum class Heard { report, nothing, end };
    /// Waits at most so long for the next report. `end`: it told all that it will.
    [[nodiscard]] Heard hear(WorkerReport& report, unsigned milliseconds) const;
    /// WorkerLine::stopped() from now on.
    void ask_to_stop() const;
    void kill() const;
    struct End {
        int status = 0;  ///< exit status, when `signal` is 0
        int signal = 0;  ///< that ended it
    };
    /// Waits for its end.
    [[nodiscard]] End wait();

  private:
    ExpendableWorker(pid_t pid, UniqueFd line) noexcept : pid_(pid), line_(std::move(line)) {}
    pid_t pid_ = -1;
    UniqueFd line_;
};

}  // namespace efface::device
