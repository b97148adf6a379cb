// SPDX-License-Identifier: Apache-2.0
// WRITE SAME (16), or (10) where the disk does not know that (SBC-4, sections 5.49 and 5.50), over
// the whole logical unit, part by part. There is no way
// to have it done in the background, so each state() writes for a while. What was written is safe
// only after SYNCHRONIZE CACHE: a reset in between, or another process, begins again.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "efface/scsi/erase.hpp"

#include "drive/notes.hpp"
#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kWriteSameChunkBytes = std::uint64_t{64} << 20U;
constexpr std::chrono::milliseconds kWriteSameTimeout{60'000};
/// SYNCHRONIZE CACHE of a large cache on a slow disk.
constexpr std::chrono::milliseconds kSynchronizeTimeout{120'000};
constexpr std::chrono::seconds kWriteSameSlice{5};
constexpr unsigned kWriteSameCommandsMax = 1024;  ///< of one state()
constexpr std::uint64_t kWriteSameShrink = 8;
constexpr unsigned kWriteSameRestartsMax = 3;
constexpr const char* kWriteSamePart = "scsiWriteSame";
constexpr const char* kWriteSameName = "scsi-write-same";

/// Journals of release 0.2 have its notes under the name of the other SCSI operation.
OperationMemory& take_over_write_same(OperationMemory& memory) {
    const auto shared = memory.kept.find("scsi");
    if (shared != memory.kept.end() && shared->value("technique", "") == kWriteSameName) {
        Json notes = std::move(*shared);
        memory.kept.erase(shared);
        memory.kept[kWriteSamePart] = std::move(notes);
    }
    return memory;
}

class ScsiWriteSame final : public Operation {
  public:
    ScsiWriteSame(ScsiSession& session, const Clock& clock, const ScsiFacts& facts,
                  OperationMemory& memory)
        : session_(session),
          clock_(clock),
          pattern_(memory.pattern),
          notes_(take_over_write_same(memory), kWriteSamePart) {
        if (facts.capacity) {
            capacity_ = *facts.capacity;
            block_.resize(capacity_.block_bytes);
            for (std::size_t i = 0; i < block_.size(); ++i) {
                block_[i] = pattern_[i % pattern_.size()];
            }
            const std::uint64_t limit = facts.limits.write_same_blocks_max == 0
                                            ? std::numeric_limits<std::uint32_t>::max()
                                            : facts.limits.write_same_blocks_max;
            chunk_blocks_ = std::clamp<std::uint64_t>(
                kWriteSameChunkBytes / capacity_.block_bytes, 1,
                std::min<std::uint64_t>(limit, std::numeric_limits<std::uint32_t>::max()));
            ten_bytes_ = notes_.get("tenBytes", false);
            chunk_blocks_ =
                std::clamp<std::uint64_t>(notes_.get("blocks", chunk_blocks_), 1, chunk_blocks_);
        }
    }

    [[nodiscard]] std::string_view technique() const override { return kWriteSameName; }
    [[nodiscard]] Promise promise() const override { return {pattern_}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;

  private:
    [[nodiscard]] std::uint32_t next_blocks() const;
    [[nodiscard]] Bytes next_cdb() const;
    [[nodiscard]] device::ScsiCompletion write_next();
    [[nodiscard]] device::ScsiCompletion begin(StartAnswer& answer);
    [[nodiscard]] bool fits_ten() const { return scsi::fits_ten_bytes(capacity_.blocks - 1, 1); }
    void write_for_a_while(OperationState& state);
    void synchronize(OperationState& state);
    [[nodiscard]] bool begun() const { return notes_.get("sent") == "accepted"; }

    ScsiSession& session_;
    const Clock& clock_;
    const Bytes& pattern_;
    Notes notes_;
    scsi::Capacity capacity_;
    Bytes block_;  ///< of the pattern
    std::uint64_t chunk_blocks_ = 1;
    bool ten_bytes_ = false;  ///< the form that this process found the disk to know
    std::uint64_t next_ = 0;
    unsigned restarts_ = 0;
    bool done_ = false;
};

std::uint32_t ScsiWriteSame::next_blocks() const {
    const std::uint64_t most = ten_bytes_
                                   ? std::min<std::uint64_t>(chunk_blocks_, scsi::kTenByteBlocksMax)
                                   : chunk_blocks_;
    return static_cast<std::uint32_t>(std::min(most, capacity_.blocks - next_));
}

Bytes ScsiWriteSame::next_cdb() const {
    return ten_bytes_ ? scsi::write_same_10_cdb(next_, next_blocks())
                      : scsi::write_same_16_cdb(next_, next_blocks());
}

/// The part at next_, which moves on when it was written; back to 0 after a reset.
device::ScsiCompletion ScsiWriteSame::write_next() {
    const auto blocks = next_blocks();
    device::ScsiCommand command;
    command.cdb = next_cdb();
    command.write_from = block_;
    command.timeout = kWriteSameTimeout;
    const unsigned resets = session_.resets();
    auto completion = session_.send(command);
    if (completion.good()) {
        next_ += blocks;
    }
    if (session_.resets() != resets) {
        next_ = 0;
        ++restarts_;
    }
    return completion;
}

/// The first part, in the form and of the length that the disk takes.
device::ScsiCompletion ScsiWriteSame::begin(StartAnswer& answer) {
    for (;;) {
        const Bytes cdb = next_cdb();
        const auto blocks = next_blocks();
        auto completion = write_next();
        auto sent = std::move(answer.commands);
        answer = scsi_start_answer(completion);
        answer.commands = std::move(sent);
        answer.commands.push_back(
            {fmt::format("WRITE SAME ({}) (pattern {}, {} blocks a command, UNMAP 0)",
                         ten_bytes_ ? 10 : 16, to_hex(pattern_), blocks),
             cdb, scsi_answer_text(completion)});
        if (refuses_opcode(completion) && !ten_bytes_ && fits_ten()) {
            ten_bytes_ = true;
        } else if (refuses_form(completion) && chunk_blocks_ > 1) {
            // No page says how many it takes.
            chunk_blocks_ = std::min<std::uint64_t>(chunk_blocks_, blocks) / kWriteSameShrink;
            chunk_blocks_ = std::max<std::uint64_t>(chunk_blocks_, 1);
        } else {
            return completion;
        }
    }
}

StartAnswer ScsiWriteSame::start() {
    const auto before = ask_scsi_readiness(session_);
    if (before.phase != Phase::idle || capacity_.blocks == 0) {
        return refused_start(
            {ReasonCode::drive_state_unknown, "nothing was sent: " + before.detail});
    }
    notes_.renew(ObjectWriter().add("technique", kWriteSameName).add("sent", "sending").take());
    next_ = 0;
    restarts_ = 0;
    done_ = false;
    StartAnswer answer;
    const auto completion = begin(answer);
    restarts_ = 0;
    notes_.edit()["tenBytes"] = ten_bytes_;
    notes_.edit()["blocks"] = chunk_blocks_;
    if (completion.answered() && answer.start == Start::unknown) {
        answer.start = Start::accepted;  // some of it may be written: state() tries again
    }
    notes_.keep("sent", answer.start == Start::accepted ? "accepted" : "unknown");
    return answer;
}

OperationState ScsiWriteSame::state() {
    auto readiness = ask_scsi_readiness(session_);
    OperationState state;
    state.phase = readiness.phase;
    state.detail = std::move(readiness.detail);
    state.pages = std::move(readiness.pages);
    if (readiness.phase != Phase::idle || !begun()) {
        return state;
    }
    state.technique = kWriteSameName;
    if (!done_) {
        write_for_a_while(state);
    }
    if (done_) {
        state.phase = Phase::succeeded;
        state.progress = 1.0;
        state.detail = "each block was written with the pattern, and the cache was flushed; " +
                       std::move(state.detail);
    }
    return state;
}

void ScsiWriteSame::write_for_a_while(OperationState& state) {
    state.phase = Phase::running;
    const auto began = clock_.steady_now();
    for (unsigned sent = 0; next_ < capacity_.blocks && sent < kWriteSameCommandsMax; ++sent) {
        const auto at = next_;
        const auto completion = write_next();
        if (!completion.good() || restarts_ > kWriteSameRestartsMax) {
            state.phase = completion.answered() ? Phase::failed : Phase::unknown;
            state.detail = fmt::format(
                "WRITE SAME ({}) at block {}: {}", ten_bytes_ ? 10 : 16, at,
                completion.good() ? "one reset after another" : scsi_answer_text(completion));
            return;
        }
        if (clock_.steady_now() - began >= kWriteSameSlice) {
            break;
        }
    }
    state.progress = static_cast<double>(next_) / static_cast<double>(capacity_.blocks);
    state.detail = fmt::format("{} of {} blocks are written", next_, capacity_.blocks);
    if (next_ >= capacity_.blocks) {
        synchronize(state);
    }
}

void ScsiWriteSame::synchronize(OperationState& state) {
    const unsigned resets = session_.resets();
    const auto completion = scsi_synchronize(session_, kSynchronizeTimeout);
    const bool no_cache = refuses_opcode(completion);
    if (session_.resets() != resets) {
        next_ = 0;
        ++restarts_;
        return;  // what the cache held is lost
    }
    done_ = completion.good() || no_cache;
    if (!done_) {
        state.phase = completion.answered() ? Phase::failed : Phase::unknown;
        state.detail = "SYNCHRONIZE CACHE: " + scsi_answer_text(completion);
    }
}

}  // namespace

std::unique_ptr<Operation> make_scsi_write_same(ScsiSession& session, const Clock& clock,
                                                const ScsiFacts& facts, OperationMemory& memory) {
    return std::make_unique<ScsiWriteSame>(session, clock, facts, memory);
}

}  // namespace efface::method
