// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "efface/base/secret.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/stream/pass.hpp"

#include "areas.hpp"
#include "pass/pipeline.hpp"
#include "pass/transfer_sizes.hpp"

namespace efface::stream {

namespace {

/// The ranges without an incomplete block at the end of the target, and that block's part.
struct Plan {
    std::vector<Range> whole;
    Range tail;
};

Plan plan_for(const std::vector<Range>& ranges, std::uint64_t unit) {
    Plan plan;
    plan.whole = ranges;
    std::uint64_t previous_end = 0;
    for (const Range& range : ranges) {
        EFFACE_ASSERT(range.length > 0 && range.length <= UINT64_MAX - range.offset);
        EFFACE_ASSERT(range.offset >= previous_end && range.offset % unit == 0);
        previous_end = range.end();
        EFFACE_ASSERT(range.length % unit == 0 || &range == &ranges.back());
    }
    if (!plan.whole.empty()) {
        Range& last = plan.whole.back();
        plan.tail.length = last.length % unit;
        plan.tail.offset = last.end() - plan.tail.length;
        last.length -= plan.tail.length;
        if (last.length == 0) {
            plan.whole.pop_back();
        }
    }
    return plan;
}

class Checker final : public PassWork {
  public:
    Checker(device::BlockTarget& target, const Pattern& pattern, const PassOptions& options,
            PassWatcher& watcher, std::uint64_t bytes)
        : target_(target),
          pattern_(pattern),
          options_(options),
          watcher_(watcher),
          sizes_(sizes_for(target, bytes, options)),
          queue_(target.make_queue(sizes_.slots, sizes_.slot_bytes)),
          held_(sizes_.slots),
          on_worker_(pattern, sizes_.unit),
          here_(pattern, sizes_.unit),
          faults_("read", report_.read_faults) {
        report_.engine = queue_->engine();
        report_.engine_note = queue_->engine_note();
        report_.bytes_planned = bytes;
    }
    // What does not hold the pattern is old content.
    ~Checker() override {
        if (report_.blocks_different > 0) {
            for (std::size_t slot = 0; slot < queue_->slots(); ++slot) {
                cleanse(queue_->buffer(slot));
            }
        }
    }
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    CheckReport run(const std::vector<Range>& ranges, const Clock& clock, std::stop_token stop) {
        const Plan plan = plan_for(ranges, sizes_.unit);
        const SplitLimits limits{sizes_.unit, options_.retries,
                                 options_.failed_blocks_per_slot_max};
        Pipeline pipeline({*queue_, options_, limits, sizes_.slot_bytes, false}, plan.whole, *this,
                          watcher_, clock, std::move(stop));
        bool all = pipeline.run();
        if (all && plan.tail.length > 0) {
            all = pipeline.go_on();
            if (all) {
                read_tail(plan.tail);
            }
        }
        CheckReport result = report_;
        result.stopped = !all;
        return result;
    }

    [[nodiscard]] bool before(std::size_t, const Piece&) override { return false; }

    void start(std::size_t slot, const Piece& piece, const Span& span) override {
        if (!holds_another(slot, piece)) {
            spoil(pattern_, span.offset, queue_->buffer(slot).first(span.length), sizes_.unit);
        }
        held_[slot] = piece.offset;
    }

    void moved(std::size_t slot, Piece& piece, const Span& span, std::size_t bytes) override {
        piece.found.differences_max = kDifferencesMax;
        here_.compare(span.offset, queue_->buffer(slot).first(bytes), piece.found);
    }

    [[nodiscard]] bool after(std::size_t, Piece& piece) override {
        piece.found.differences_max = kDifferencesMax - report_.differences.size();
        return true;
    }

    void work(std::size_t slot, Piece& piece, Where where) override {
        Comparer& comparer = where == Where::worker ? on_worker_ : here_;
        comparer.compare(piece.offset, queue_->buffer(slot).first(piece.length), piece.found);
    }

    void merge(Piece& piece) override {
        report_.bytes_compared += piece.bytes_moved;
        report_.retries += piece.retries;
        for (const Failed& failed : piece.failed) {
            faults_.add(failed);
        }
        report_.blocks_different += piece.found.blocks_different;
        for (const Range& range : piece.found.different) {
            add_different(range);
        }
        for (CheckReport::Difference& difference : piece.found.differences) {
            if (report_.differences.size() < kDifferencesMax) {
                report_.differences.push_back(std::move(difference));
            }
        }
    }

    void mark(std::uint64_t offset) override { watcher_.compared(offset, report_); }

  private:
    /// The buffer holds what was read for other pieces: the random pattern of other addresses,
    /// which never is the one of this piece, or what has already been found to be no pattern.
    [[nodiscard]] bool holds_another(std::size_t slot, const Piece& piece) const {
        return pattern_.kind == Pattern::Kind::random && held_[slot].has_value() &&
               *held_[slot] != piece.offset;
    }

    void add_different(const Range& range) {
        if (report_.different_areas > 0 && last_different_.end() == range.offset) {
            last_different_.length += range.length;
            if (report_.different_areas == report_.different.size()) {
                report_.different.back() = last_different_;
            }
            return;
        }
        last_different_ = range;
        ++report_.different_areas;
        if (report_.different.size() < kAreasMax) {
            report_.different.push_back(range);
        }
    }

    /// The end of a file whose size is not a multiple of the unit.
    void read_tail(const Range& tail) {
        const auto length = static_cast<std::size_t>(tail.length);
        device::AlignedBuffer buffer(length);
        Piece piece;
        piece.offset = tail.offset;
        piece.length = length;
        piece.found.differences_max = kDifferencesMax;
        Splitter splitter({length, options_.retries, 1});
        splitter.begin(tail.offset, length);
        while (splitter.next()) {
            spoil(pattern_, tail.offset, buffer.view(), length);
            if (splitter.answer(target_.read_at(tail.offset, buffer.view())) > 0) {
                here_.compare(tail.offset, buffer.view(), piece.found);
            }
        }
        piece.bytes_moved = splitter.bytes_moved();
        piece.retries = splitter.retries();
        piece.failed = splitter.take_failed();
        merge(piece);
        watcher_.advance(length);
        mark(tail.end());
    }

    device::BlockTarget& target_;
    const Pattern& pattern_;
    const PassOptions& options_;
    PassWatcher& watcher_;
    TransferSizes sizes_;
    std::unique_ptr<device::IoQueue> queue_;
    std::vector<std::optional<std::uint64_t>> held_;  // the piece that a slot had last
    Comparer on_worker_;
    Comparer here_;
    CheckReport report_;
    FaultCollector faults_;
    Range last_different_;
};

}  // namespace

CheckReport check(device::BlockTarget& target, const Pattern& pattern,
                  const std::vector<Range>& ranges, const PassOptions& options,
                  PassWatcher& watcher, const Clock& clock, std::stop_token stop) {
    Checker checker(target, pattern, options, watcher, total_bytes(ranges));
    return checker.run(ranges, clock, std::move(stop));
}

}  // namespace efface::stream
