// SPDX-License-Identifier: Apache-2.0
// Moves the pieces of a pass through the slots of a queue: several transfers in flight, a worker
// thread beside them, failed transfers cut down, results handed on in the order of addresses.
#pragma once

#include <deque>
#include <memory>

#include "efface/device/io_queue.hpp"

#include "pace_keeper.hpp"
#include "read/compare.hpp"
#include "slot_worker.hpp"
#include "splitter.hpp"

namespace efface::stream {

/// A stretch of the target that one slot carries, and what came of it.
struct Piece {
    std::uint64_t offset = 0;
    std::size_t length = 0;  ///< multiple of the unit
    std::uint64_t bytes_moved = 0;
    std::uint64_t retries = 0;
    std::vector<Failed> failed;
    Found found;  ///< checking only
    bool over = false;
    bool abandoned = false;  ///< by a stop; what was moved does not count

    [[nodiscard]] std::uint64_t end() const noexcept { return offset + length; }
};

/// What writing and checking do differently. All but work() on the thread that runs the pipeline.
class PassWork {
  public:
    virtual ~PassWork() = default;

    /// A slot got its piece. True when the worker has to make ready what is transferred.
    [[nodiscard]] virtual bool before(std::size_t slot, const Piece& piece) = 0;
    /// About to be transferred at the start of the buffer: the piece, or a part after a failure.
    virtual void start(std::size_t slot, const Piece& piece, const Span& span) = 0;
    /// The first `bytes` of a part were moved.
    virtual void moved(std::size_t slot, Piece& piece, const Span& span, std::size_t bytes) = 0;
    /// The whole piece was moved at once. True when the worker has to look at it.
    [[nodiscard]] virtual bool after(std::size_t slot, Piece& piece) = 0;
    /// For a slot that before() or after() asked it for: on the worker thread, or on the one that
    /// runs the pipeline when it had nothing else to do.
    enum class Where { worker, here };
    virtual void work(std::size_t slot, Piece& piece, Where where) = 0;
    /// A piece is over, and all pieces before it were.
    virtual void merge(Piece& piece) = 0;
    /// Everything before `offset` was merged: time to make it known.
    virtual void mark(std::uint64_t offset) = 0;
};

class Pipeline final {
  public:
    struct Setup {
        device::IoQueue& queue;
        const PassOptions& options;
        SplitLimits limits;
        std::size_t piece_bytes = 0;  ///< at most the buffer of a slot, multiple of the unit
        bool writes = false;
    };
    /// `ranges`: normalized, multiples of the unit.
    Pipeline(const Setup& setup, std::vector<Range> ranges, PassWork& work, PassWatcher& watcher,
             const Clock& clock, std::stop_token stop);

    /// True when all pieces were merged, false when it was stopped before; nothing is in flight
    /// afterwards. Throws what the worker threw.
    [[nodiscard]] bool run();
    /// Behind the last piece that was merged; nullopt before the first.
    [[nodiscard]] std::optional<std::uint64_t> merged_end() const noexcept { return merged_end_; }
    /// For the rest of a pass that is done without the pipeline.
    [[nodiscard]] Pace counts() const noexcept;
    [[nodiscard]] bool go_on() { return keeper_.go_on(counts()); }

  private:
    struct Lane {
        Piece* piece = nullptr;  // nullptr: free
        std::optional<Splitter> splitter;
        bool transferred = false;  // the worker has it after the transfer, not before
    };

    [[nodiscard]] bool next_place(std::uint64_t& offset, std::size_t& length) const;
    [[nodiscard]] bool may_begin(std::size_t length) const;
    void begin_pieces();
    void submit_ready();
    void submit(std::size_t slot);
    void take_answer(const device::IoQueue::Done& done);
    void take_worked(std::size_t slot);
    void help_worker();
    void ask();
    void finish(std::size_t slot);
    void merge_finished();
    void mark_when_due(bool now);
    void wait_for_something();
    void drop_ready();

    device::IoQueue& queue_;
    const PassOptions& options_;
    const std::size_t unit_;
    const std::size_t piece_bytes_;
    const bool writes_;
    const std::vector<Range> ranges_;
    PassWork& work_;
    PassWatcher& watcher_;
    const Clock& clock_;
    PaceKeeper keeper_;

    std::vector<Lane> lanes_;
    std::vector<std::size_t> free_;
    std::deque<std::size_t> ready_;  // prepared, waiting for a transfer to end
    std::deque<Piece> pieces_;       // begun and not merged, by address
    std::size_t in_flight_ = 0;
    std::size_t range_index_ = 0;
    std::uint64_t range_done_ = 0;
    bool stopping_ = false;

    std::optional<std::uint64_t> merged_end_;
    std::uint64_t bytes_finished_ = 0;
    std::uint64_t bytes_failed_ = 0;
    std::uint64_t bytes_ahead_ = 0;  // of pieces_
    std::uint64_t bytes_since_mark_ = 0;
    SteadyTime marked_at_;
    SlotWorker worker_;  // last: its thread uses the others
};

/// Slots beyond those in flight: the worker has them meanwhile.
constexpr std::size_t kSlotsAhead = 4;

}  // namespace efface::stream
