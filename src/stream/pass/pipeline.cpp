// SPDX-License-Identifier: Apache-2.0
#include "pipeline.hpp"

#include <algorithm>

namespace efface::stream {

namespace {

/// Pieces begun and not merged: while one is cut down for minutes, the others go on so far.
constexpr std::size_t kPiecesAheadMax = 64;
/// The watcher is to be asked once a second, also while a device says nothing.
constexpr std::chrono::milliseconds kWaitMax{250};

}  // namespace

Pipeline::Pipeline(const Setup& setup, std::vector<Range> ranges, PassWork& work,
                   PassWatcher& watcher, const Clock& clock, std::stop_token stop)
    : queue_(setup.queue),
      options_(setup.options),
      unit_(setup.limits.unit_bytes),
      piece_bytes_(setup.piece_bytes),
      writes_(setup.writes),
      ranges_(std::move(ranges)),
      work_(work),
      watcher_(watcher),
      clock_(clock),
      keeper_(watcher, clock, std::move(stop)),
      lanes_(queue_.slots()),
      marked_at_(clock.steady_now()),
      worker_([this](std::size_t slot) {
          work_.work(slot, *lanes_[slot].piece, PassWork::Where::worker);
      }) {
    EFFACE_ASSERT(piece_bytes_ > 0 && piece_bytes_ % unit_ == 0);
    EFFACE_ASSERT(options_.slots > 0 && !lanes_.empty());
    for (std::size_t slot = lanes_.size(); slot-- > 0;) {
        lanes_[slot].splitter.emplace(setup.limits);
        free_.push_back(slot);
    }
}

Pace Pipeline::counts() const noexcept {
    Pace pace;
    pace.offset_bytes = merged_end_.value_or(ranges_.empty() ? 0 : ranges_.front().offset);
    pace.bytes_done = bytes_finished_;
    pace.fault_bytes = bytes_failed_;
    return pace;
}

bool Pipeline::run() {
    ask();
    for (;;) {
        if (!stopping_) {
            begin_pieces();
            submit_ready();
        }
        if (stopping_) {
            drop_ready();
        }
        wait_for_something();
        merge_finished();
        mark_when_due(false);
        if (in_flight_ == 0 && worker_.pending() == 0 && ready_.empty()) {
            std::uint64_t offset = 0;
            std::size_t length = 0;
            if (stopping_ || !next_place(offset, length)) {
                break;
            }
        }
        ask();
    }
    mark_when_due(true);
    return pieces_.empty() && range_index_ == ranges_.size();
}

/// Pieces end at multiples of piece_bytes_, so that the same places come together in every pass.
bool Pipeline::next_place(std::uint64_t& offset, std::size_t& length) const {
    if (range_index_ == ranges_.size()) {
        return false;
    }
    const Range& range = ranges_[range_index_];
    offset = range.offset + range_done_;
    const std::uint64_t border = piece_bytes_ - offset % piece_bytes_;
    length = static_cast<std::size_t>(std::min(border, range.end() - offset));
    EFFACE_ASSERT(length > 0 && length % unit_ == 0);
    return true;
}

/// One piece always: without it nothing would ever be merged.
bool Pipeline::may_begin(std::size_t length) const {
    const bool near = bytes_ahead_ + length <= options_.watermark_bytes;
    return pieces_.empty() || (near && pieces_.size() < kPiecesAheadMax);
}

void Pipeline::begin_pieces() {
    std::uint64_t offset = 0;
    std::size_t length = 0;
    while (!free_.empty() && next_place(offset, length) && may_begin(length)) {
        range_done_ += length;
        bytes_ahead_ += length;
        if (range_done_ == ranges_[range_index_].length) {
            ++range_index_;
            range_done_ = 0;
        }
        const std::size_t slot = free_.back();
        free_.pop_back();
        Piece piece;
        piece.offset = offset;
        piece.length = length;
        pieces_.push_back(std::move(piece));
        Lane& lane = lanes_[slot];
        lane.piece = &pieces_.back();
        lane.transferred = false;
        lane.splitter->begin(offset, length);
        if (work_.before(slot, *lane.piece)) {
            worker_.give(slot);
        } else {
            ready_.push_back(slot);
        }
    }
}

void Pipeline::submit_ready() {
    while (!ready_.empty() && in_flight_ < options_.slots && !stopping_) {
        const std::size_t slot = ready_.front();
        ready_.pop_front();
        submit(slot);
        ask();  // some queues make the transfer now
    }
}

void Pipeline::submit(std::size_t slot) {
    Lane& lane = lanes_[slot];
    const std::optional<Span> span = lane.splitter->next();
    EFFACE_ASSERT(span.has_value());
    work_.start(slot, *lane.piece, *span);
    ++in_flight_;
    if (writes_) {
        queue_.submit_write(slot, span->offset, span->length);
    } else {
        queue_.submit_read(slot, span->offset, span->length);
    }
}

void Pipeline::take_answer(const device::IoQueue::Done& done) {
    EFFACE_ASSERT(in_flight_ > 0);
    --in_flight_;
    Lane& lane = lanes_[done.slot];
    Piece& piece = *lane.piece;
    const Span span = lane.splitter->next().value();
    const std::size_t moved = lane.splitter->answer(done.result);
    const bool at_once = moved == piece.length;
    if (moved > 0 && !at_once) {
        work_.moved(done.slot, piece, span, moved);
    }
    if (lane.splitter->next()) {
        if (stopping_) {
            piece.abandoned = true;
            finish(done.slot);
        } else {
            submit(done.slot);
        }
        return;
    }
    piece.bytes_moved = lane.splitter->bytes_moved();
    piece.retries = lane.splitter->retries();
    piece.failed = lane.splitter->take_failed();
    lane.transferred = true;
    if (at_once && work_.after(done.slot, piece)) {
        worker_.give(done.slot);
    } else {
        finish(done.slot);
    }
}

void Pipeline::take_worked(std::size_t slot) {
    if (lanes_[slot].transferred) {
        finish(slot);
    } else {
        ready_.push_back(slot);
    }
}

void Pipeline::finish(std::size_t slot) {
    Piece& piece = *lanes_[slot].piece;
    piece.over = true;
    lanes_[slot].piece = nullptr;
    free_.push_back(slot);
    if (piece.abandoned) {
        return;
    }
    bytes_finished_ += piece.length;
    for (const Failed& failed : piece.failed) {
        bytes_failed_ += failed.length;
    }
    watcher_.advance(piece.length);
}

/// What was made ready and will not be transferred any more.
void Pipeline::drop_ready() {
    while (!ready_.empty()) {
        lanes_[ready_.front()].piece->abandoned = true;
        finish(ready_.front());
        ready_.pop_front();
    }
}

void Pipeline::merge_finished() {
    while (!pieces_.empty() && pieces_.front().over && !pieces_.front().abandoned) {
        Piece& piece = pieces_.front();
        work_.merge(piece);
        merged_end_ = piece.end();
        bytes_since_mark_ += piece.length;
        bytes_ahead_ -= piece.length;
        pieces_.pop_front();
        mark_when_due(false);  // not once after all of them: they may be many
    }
}

void Pipeline::mark_when_due(bool now) {
    if (bytes_since_mark_ == 0) {
        return;
    }
    const bool due = bytes_since_mark_ >= options_.watermark_bytes ||
                     clock_.steady_now() - marked_at_ >= options_.watermark_interval;
    if (now || due) {
        work_.mark(*merged_end_);
        bytes_since_mark_ = 0;
        marked_at_ = clock_.steady_now();
    }
}

/// Does a piece of its work, or waits for the one that it has in hand.
void Pipeline::help_worker() {
    std::optional<std::size_t> slot = worker_.take_back();
    if (slot) {
        work_.work(*slot, *lanes_[*slot].piece, PassWork::Where::here);
    } else {
        slot = worker_.take(true);
    }
    if (slot) {
        take_worked(*slot);
    }
}

void Pipeline::ask() {
    stopping_ = stopping_ || !keeper_.go_on(counts());
}

/// The worker is waited for when it keeps the queue from being full, as it is never long at work;
/// else the device is, and all answers that are there are taken.
void Pipeline::wait_for_something() {
    while (const std::optional<std::size_t> slot = worker_.take(false)) {
        take_worked(*slot);
    }
    if (worker_.pending() > 0 && in_flight_ < options_.slots && ready_.empty()) {
        help_worker();
    }
    const bool more_to_submit = !stopping_ && !ready_.empty() && in_flight_ < options_.slots;
    std::chrono::milliseconds timeout = more_to_submit ? std::chrono::milliseconds(0) : kWaitMax;
    // Bounded: a piece that is cut down is submitted and answered again and again.
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        const std::optional<device::IoQueue::Done> done = queue_.wait(timeout);
        if (!done) {
            break;
        }
        take_answer(*done);
        ask();
        timeout = std::chrono::milliseconds(0);
    }
}

}  // namespace efface::stream
