// SPDX-License-Identifier: Apache-2.0
// The look behind the drive: everything that was marked is read again, by other means where the
// first ones bring nothing.
#include <fmt/format.h>

#include <algorithm>

#include "efface/device/aligned_buffer.hpp"

#include "attempt.hpp"
#include "drive/medium/reach.hpp"

namespace efface::method {

namespace {

/// Read once more by the drive's own command, on each surface: a bridge may show other blocks.
constexpr std::size_t kByCommandPlaces = 16;
/// Places that cannot be read, beside which a block is written.
constexpr std::size_t kBesidePlaces = 16;

void append_missing(std::vector<std::uint64_t>& list, const std::vector<std::uint64_t>& more) {
    for (const auto one : more) {
        if (std::find(list.begin(), list.end(), one) == list.end()) {
            list.push_back(one);
        }
    }
    std::sort(list.begin(), list.end());
}

/// What was old data in an earlier look is old data, whatever the later one found.
void take_over(const MarksSeen& earlier, MarksSeen& later) {
    append_missing(later.intact, earlier.intact);
    for (std::size_t i = 0; i < later.samples.size() && i < earlier.samples.size(); ++i) {
        if (earlier.samples[i] == SampleSeen::unchanged) {
            later.samples[i] = SampleSeen::unchanged;
        }
    }
    later.promised_checked += earlier.promised_checked;
    later.promised_mismatches += earlier.promised_mismatches;
}

/// The look after the drive's own word: the same drive, and nothing left where we look.
class Checker final {
  public:
    explicit Checker(Attempt& attempt)
        : attempt_(attempt), state_(attempt.state), report_(attempt.report) {}

    void check();

  private:
    [[nodiscard]] Reaches reaches() { return {attempt_.access, state_.behind}; }
    [[nodiscard]] bool all_in_reach();
    [[nodiscard]] bool comes_back(std::string_view since);
    [[nodiscard]] bool find_again();
    void look();
    [[nodiscard]] bool look_again();
    [[nodiscard]] std::uint64_t write_beside(const PlacesNotRead& missing);
    void look_by_command();
    void check_whole();

    Attempt& attempt_;
    EraseState& state_;
    MarksReport& report_;
    std::vector<MarksSeen> looks_;  ///< after the drive's end, one a surface
};

/// Whether everything that was marked can be reached as it was then.
bool Checker::all_in_reach() {
    const auto places = reaches();
    return std::all_of(state_.marks.begin(), state_.marks.end(), [&](const SurfaceMarks& marks) {
        return places.find(marks.name) != nullptr;
    });
}

/// The kernel takes its time to find a drive again, the more the busier the machine is. What is
/// there in part after all that time is looked at as it is. False: it did not, or the run is to
/// stop; the outcome says which.
bool Checker::comes_back(std::string_view since) {
    std::string why_not;
    for (auto waited = kReturnPause; waited <= kReturnMax; waited += kReturnPause) {
        why_not = attempt_.access.reattach();
        if (why_not.empty() && all_in_reach()) {
            return true;
        }
        if (!attempt_.access.wait(kReturnPause)) {
            attempt_.fail(Verdict::indeterminate, ReasonCode::stopped,
                          fmt::format("stopped while the drive was away since {}", since));
            return false;
        }
    }
    if (!why_not.empty()) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::drive_silent,
                      fmt::format("the drive did not come back within {} s since {}: {}",
                                  kReturnMax.count(), since, why_not));
    }
    return why_not.empty();
}

/// False when the drive is not there any more, or another one is.
bool Checker::find_again() {
    auto& survey = attempt_.survey;
    attempt_.remake_operation();
    survey = attempt_.access.commands().survey();
    if (!survey.error.empty()) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::drive_silent,
                      "the drive no longer answers: " + survey.error);
        return false;
    }
    const bool same = attempt_.same_drive();
    report_.identity = same ? "same" : "different";
    if (!same) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::other_identity,
                      fmt::format("another drive answers now: {} {}", survey.model, survey.serial));
    }
    return same;
}

void Checker::look() {
    looks_ = look_at_marks(attempt_.access, state_, false, report_.promise);
}

/// The drive's own read command against what the block layer gave.
void Checker::look_by_command() {
    std::uint64_t looked = 0;
    std::uint64_t intact = 0;
    auto& commands = attempt_.access.commands();
    for (std::size_t i = 0; i < state_.marks.size(); ++i) {
        const auto& marks = state_.marks[i];
        const bool kernels =
            std::none_of(state_.behind.begin(), state_.behind.end(),
                         [&](const NotShown& part) { return name_of(part) == marks.name; });
        if (!kernels) {
            continue;  // read by command already
        }
        const auto seen = look_for_some(marks, kByCommandPlaces, state_.seed,
                                        [&](std::uint64_t offset, MutableByteView into) {
                                            return commands.read_status(marks.name, offset, into);
                                        });
        looked += seen.read;
        intact += seen.intact.size() + seen.unchanged.size();
        for (const auto sample : seen.unchanged) {
            looks_[i].samples[sample] = SampleSeen::unchanged;
        }
        append_missing(looks_[i].intact, seen.intact);
    }
    if (looked > 0) {
        report_.by_command = ObjectWriter().add("looked", looked).add("intact", intact).take();
    }
}

/// One block beside some of the canaries that cannot be read: a drive that merely lost its map
/// may find it again by that.
std::uint64_t Checker::write_beside(const PlacesNotRead& missing) {
    std::uint64_t written = 0;
    const auto places = reaches();
    const auto& repeated = report_.promise.repeated;
    for (std::size_t i = 0; i < state_.marks.size(); ++i) {
        const auto& marks = state_.marks[i];
        const auto* found = places.find(marks.name);
        if (found == nullptr || found->storage == nullptr) {
            continue;
        }
        device::AlignedBuffer block(marks.block_bytes);
        for (std::size_t at = 0; at < block.view().size() && !repeated.empty(); ++at) {
            block.view()[at] = repeated[at % repeated.size()];
        }
        for (const auto canary : spread(missing.canaries[i], kBesidePlaces)) {
            const auto place = place_beside(marks, canary);
            if (place &&
                found->storage->write_at(*place, block.view()).complete(block.view().size())) {
                ++written;
            }
        }
        (void)found->storage->flush();
    }
    return written;
}

/// What could not be read is not judged before the path was reset and a block was written beside
/// it. Only a drive that leaves blocks unreadable waits for this.
bool Checker::look_again() {
    auto all = attempt_.end.verified;
    all.insert(all.end(), looks_.begin(), looks_.end());
    const auto missing = places_not_read(state_, all);
    if (missing.count == 0) {
        return true;
    }
    attempt_.progress.phase("resetting the drive's path: not all of it can be read");
    const bool reset = attempt_.access.reset();
    if (!comes_back("its path was reset") || !find_again()) {
        return false;
    }
    const auto written = write_beside(missing);
    report_.recheck = ObjectWriter()
                          .add("unreadableBefore", missing.count)
                          .add("reset", reset ? "done" : "not possible")
                          .add("written", written)
                          .take();
    attempt_.observe("places that could not be read", report_.recheck);
    attempt_.progress.phase("checking the old content once more");
    const auto before = std::move(looks_);
    look();
    for (std::size_t i = 0; i < looks_.size(); ++i) {
        take_over(before[i], looks_[i]);
    }
    return true;
}

void Checker::check() {
    attempt_.progress.phase("checking the old content");
    if (!comes_back("it finished") || !find_again()) {
        return;
    }
    if (!attempt_.task.canaries) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::not_verified,
                      "finished, not verified: no canaries were placed");
        return;
    }
    if (!state_.adopted) {  // someone else's may have had another pattern
        report_.promise = attempt_.operation->promise();
    }
    look();
    if (!look_again()) {
        return;
    }
    look_by_command();
    auto& seen = attempt_.end.verified;
    seen.insert(seen.end(), std::make_move_iterator(looks_.begin()),
                std::make_move_iterator(looks_.end()));
    report_.performed = true;
    judge_marks(state_, seen, attempt_.outcome, report_);
    if (attempt_.task.whole_medium) {
        check_whole();
    }
}

/// Nothing of it is kept: a later process reads everything again.
void Checker::check_whole() {
    report_.passed = false;
    if (report_.promise.repeated.empty()) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::nothing_to_compare,
                      "full verification was requested, but the drive turned out to promise no "
                      "known content: there is nothing to compare with");
        return;
    }
    attempt_.progress.phase("reading everything");
    report_.whole.emplace(report_.promise);
    auto& commands = attempt_.access.commands();
    for (const auto& reach : reaches()) {
        if (!read_whole(*reach.storage, reader_of(commands, reach), attempt_.stop,
                        *report_.whole)) {
            const bool stopped = attempt_.stop.stop_requested();
            attempt_.fail(Verdict::indeterminate,
                          stopped ? ReasonCode::stopped : ReasonCode::unreadable_blocks,
                          stopped ? "stopped while everything was read"
                                  : "too much cannot be read: the read-back was ended");
            return;
        }
    }
    report_.passed = judge_whole(*report_.whole, attempt_.outcome) &&
                     attempt_.outcome.verdict <= Verdict::sanitized_with_exceptions;
}

/// A drive whose erase had failed takes no canaries until another one succeeds: nothing shows yet
/// that this one changed anything.
bool needs_second_pass(const Attempt& attempt) {
    const auto& state = attempt.state;
    return state.failed_before && !state.second_pass && !state.adopted && attempt.task.canaries &&
           std::all_of(state.marks.begin(), state.marks.end(),
                       [](const SurfaceMarks& marks) { return marks.canaries.empty(); });
}

void begin_second_pass(Attempt& attempt) {
    auto& state = attempt.state;
    attempt.observe("an earlier erase had failed and no canary could be placed: once more",
                    state_json(attempt.end.said));
    state.second_pass = true;
    state.started_at.clear();
    state.completed_at.clear();
    attempt.end = EraseEnd();
    attempt.keep(Step::mark);
}

/// An earlier process saw the end: whether it can still be told.
void ask_for_end(Attempt& attempt) {
    attempt.remake_operation();
    attempt.end.said = attempt.operation->state();
    if (attempt.end.said.phase != Phase::succeeded) {
        attempt.fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
                     "the drive disappeared after the erase finished");
    }
    clean_up(attempt);
}

}  // namespace

void check_step(Attempt& attempt) {
    if (attempt.operation == nullptr) {
        ask_for_end(attempt);
    }
    if (attempt.outcome.reasons.empty() && needs_second_pass(attempt)) {
        begin_second_pass(attempt);
        return;
    }
    if (attempt.outcome.reasons.empty()) {
        attempt.outcome.verdict = Verdict::sanitized;  // lowered by whatever is seen from here on
        Checker(attempt).check();
    }
}

}  // namespace efface::method
