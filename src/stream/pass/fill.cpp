// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "efface/stream/pass.hpp"

#include "areas.hpp"
#include "pipeline.hpp"
#include "transfer_sizes.hpp"

namespace efface::stream {

namespace {

/// Bytes of one transfer: so that a repeated pattern falls on the same bytes of every buffer, where
/// that is possible, and has to be made only once for each.
std::size_t piece_bytes_for(const Pattern& pattern, const TransferSizes& sizes) {
    if (pattern.kind == Pattern::Kind::random) {
        return sizes.slot_bytes;
    }
    const std::size_t period = std::lcm(pattern.bytes.size(), sizes.unit);
    return period <= sizes.slot_bytes ? sizes.slot_bytes / period * period : sizes.slot_bytes;
}

class Filler final : public PassWork {
  public:
    Filler(device::BlockTarget& target, const Pattern& pattern, std::uint64_t from,
           const PassOptions& options, PassWatcher& watcher)
        : target_(target),
          pattern_(pattern),
          options_(options),
          watcher_(watcher),
          sizes_(sizes_for(target, target.size_bytes() - from, options)),
          queue_(target.make_queue(sizes_.slots, sizes_.slot_bytes)),
          contents_(sizes_.slots),
          ahead_(make_source(pattern)),
          source_(make_source(pattern)),
          faults_("write", report_.write_faults) {
        report_.engine = queue_->engine();
        report_.engine_note = queue_->engine_note();
        report_.watermark = from;
    }

    FillReport run(std::uint64_t from, const Clock& clock, std::stop_token stop) {
        const std::uint64_t size = target_.size_bytes();
        const std::uint64_t whole_end = size / sizes_.unit * sizes_.unit;
        std::vector<Range> ranges;
        if (from < whole_end) {
            ranges.push_back({from, whole_end - from});
        }
        const SplitLimits limits{sizes_.unit, options_.retries,
                                 options_.failed_blocks_per_slot_max};
        Pipeline pipeline({*queue_, options_, limits, piece_bytes_for(pattern_, sizes_), true},
                          ranges, *this, watcher_, clock, std::move(stop));
        bool all = pipeline.run();
        if (all && std::max(from, whole_end) < size) {
            all = pipeline.go_on();
            if (all) {
                write_tail(std::max(from, whole_end), size);
            }
        }
        if (!flushed_) {
            mark(all ? size : pipeline.merged_end().value_or(from));
        }
        report_.stopped = !all;
        return std::move(report_);
    }

    [[nodiscard]] bool before(std::size_t slot, const Piece& piece) override {
        return !holds(contents_[slot], piece);
    }

    void start(std::size_t slot, const Piece& piece, const Span& span) override {
        if (span.offset != piece.offset) {
            source_->fill(span.offset, queue_->buffer(slot).first(span.length));
            contents_[slot] = {};
        }
    }

    void moved(std::size_t, Piece&, const Span&, std::size_t) override {}
    [[nodiscard]] bool after(std::size_t, Piece&) override { return false; }

    void work(std::size_t slot, Piece& piece, Where where) override {
        PatternSource& source = where == Where::worker ? *ahead_ : *source_;
        source.fill(piece.offset, queue_->buffer(slot).first(piece.length));
        contents_[slot] = {piece.offset, piece.length};
    }

    void merge(Piece& piece) override {
        flushed_ = false;
        report_.bytes_written += piece.bytes_moved;
        report_.retries += piece.retries;
        for (const Failed& failed : piece.failed) {
            faults_.add(failed);
        }
    }

    void mark(std::uint64_t offset) override {
        // After a failed flush nobody knows what became of what was written before it.
        flushed_ = true;
        const int error = target_.flush();
        if (report_.flush_error != 0 || error != 0) {
            report_.flush_error = report_.flush_error != 0 ? report_.flush_error : error;
            return;
        }
        report_.watermark = offset;
        watcher_.written(offset, report_);
    }

  private:
    /// What the buffer of a slot holds; length 0 for nothing that can be used again.
    struct Content {
        std::uint64_t offset = 0;
        std::size_t length = 0;
    };

    [[nodiscard]] bool holds(const Content& content, const Piece& piece) const {
        if (pattern_.kind == Pattern::Kind::random) {
            return false;
        }
        const std::size_t period = pattern_.bytes.size();
        return content.length >= piece.length && content.offset % period == piece.offset % period;
    }

    /// The end of a file whose size is not a multiple of the unit.
    void write_tail(std::uint64_t offset, std::uint64_t end) {
        const auto length = static_cast<std::size_t>(end - offset);
        Bytes tail(length);
        source_->fill(offset, tail);
        Piece piece;
        piece.offset = offset;
        piece.length = length;
        Splitter splitter({length, options_.retries, 1});
        splitter.begin(offset, length);
        while (splitter.next()) {
            (void)splitter.answer(target_.write_at(offset, tail));
        }
        piece.bytes_moved = splitter.bytes_moved();
        piece.retries = splitter.retries();
        piece.failed = splitter.take_failed();
        merge(piece);
        watcher_.advance(length);
    }

    device::BlockTarget& target_;
    const Pattern& pattern_;
    const PassOptions& options_;
    PassWatcher& watcher_;
    TransferSizes sizes_;
    std::unique_ptr<device::IoQueue> queue_;
    std::vector<Content> contents_;
    std::unique_ptr<PatternSource> ahead_;   // of the worker
    std::unique_ptr<PatternSource> source_;  // of the thread that runs the pass
    FillReport report_;
    FaultCollector faults_;
    bool flushed_ = false;
};

}  // namespace

FillReport fill(device::BlockTarget& target, const Pattern& pattern, std::uint64_t from,
                const PassOptions& options, PassWatcher& watcher, const Clock& clock,
                std::stop_token stop) {
    EFFACE_ASSERT(from <= target.size_bytes());
    EFFACE_ASSERT(from == target.size_bytes() || from % target.preferred_alignment() == 0);
    Filler filler(target, pattern, from, options, watcher);
    return filler.run(from, clock, std::move(stop));
}

}  // namespace efface::stream
