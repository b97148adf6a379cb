// SPDX-License-Identifier: Apache-2.0
// Memory that outlives its users: System V segments and POSIX message queues, of the IPC namespace
// of this process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efface/base/file.hpp"
#include "efface/base/secret.hpp"
#include "efface/device/block_target.hpp"

namespace efface::device {

/// shmctl(2), IPC_STAT.
struct SegmentState {
    std::int64_t key = 0;  ///< 0: private
    std::uint64_t size_bytes = 0;
    std::uint64_t attached = 0;   ///< how many attachments there are now
    std::int64_t changed_at = 0;  ///< seconds since the epoch: made, or its owner was changed
    std::uint64_t creator_uid = 0;
    std::int64_t creator_pid = 0;
    std::int64_t last_pid = 0;  ///< that attached or detached
    bool doomed = false;        ///< goes away with its last attachment
};
/// nullopt when there is no such segment. Throws Error(internal) when it cannot be asked.
[[nodiscard]] std::optional<SegmentState> segment_state(int id);
/// IPC_RMID. 0 or an errno.
[[nodiscard]] int remove_segment(int id);

/// An attached segment. The kernel copies in and out of it on our behalf, so that a page that can
/// not be had comes back as EIO instead of killing the process.
class AttachedSegment final : public BlockTarget {
  public:
    /// Throws Error(not_sanitized) when it cannot be attached for reading and writing. Child
    /// processes do not inherit the attachment.
    [[nodiscard]] static AttachedSegment attach(int id);
    ~AttachedSegment() override;
    AttachedSegment(AttachedSegment&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), size_bytes_(other.size_bytes_) {}
    AttachedSegment& operator=(AttachedSegment&&) = delete;
    AttachedSegment(const AttachedSegment&) = delete;
    AttachedSegment& operator=(const AttachedSegment&) = delete;

    /// Of all its pages, also where it was made smaller than the last of them.
    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 1; }
    IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override { return 0; }
    /// For each page of 4096 bytes whether it is in memory (mincore(2)). Throws Error(internal).
    [[nodiscard]] std::vector<bool> resident_pages() const;

  private:
    AttachedSegment(std::uint8_t* memory, std::uint64_t size_bytes)
        : memory_(memory), size_bytes_(size_bytes) {}
    std::uint8_t* memory_ = nullptr;
    std::uint64_t size_bytes_ = 0;
};

struct QueueState {
    std::uint64_t device = 0;  ///< st_dev
    std::uint64_t inode = 0;
    std::uint64_t owner_uid = 0;
    std::uint64_t messages = 0;  ///< waiting now
    std::uint64_t messages_max = 0;
    std::uint64_t message_bytes_max = 0;
};

/// A POSIX message queue, open for reading without waiting. Names are without the slash.
class MessageQueue final {
  public:
    /// nullopt when there is none of this name. Throws Error(internal) when it cannot be opened.
    [[nodiscard]] static std::optional<MessageQueue> open(const std::string& name);
    [[nodiscard]] QueueState state() const;
    /// Takes one message out into `into` (message_bytes_max at least). Its bytes; nullopt when none
    /// is there. Throws Error(not_sanitized).
    [[nodiscard]] std::optional<std::size_t> receive(SecretBytes& into) const;
    /// Whether anyone else has it open, also where no process shows it; as open_elsewhere() of
    /// memory_target.hpp.
    [[nodiscard]] std::optional<bool> open_elsewhere() const;
    /// mq_unlink(3). 0 or an errno.
    [[nodiscard]] static int remove(const std::string& name);

  private:
    explicit MessageQueue(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    UniqueFd fd_;  ///< on Linux a queue's descriptor is a file descriptor (mq_overview(7))
};

}  // namespace efface::device
