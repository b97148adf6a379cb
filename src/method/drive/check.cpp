// SPDX-License-Identifier: Apache-2.0
// The look behind the drive: everything that was marked is read again, by other means where the
// first ones bring nothing.
#include <fmt/format.h>

#include <algorithm>

#include "attempt.hpp"

namespace efface::method {

namespace {

/// Read once more by the drive's own command, on each surface: a bridge may show other blocks.
constexpr std::size_t kByCommandPlaces = 16;
/// Places that can not be read, beside which a block is written.
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

}  // namespace

/// The kernel's block devices, then what lies behind their ends. Valid until the next call.
std::vector<FirmwareAttempt::Reach> FirmwareAttempt::reaches() {
    std::vector<Reach> all;
    for (const auto& surface : hooks_.surfaces()) {
        all.push_back({surface.name, surface.storage, surface.name, 0});
    }
    behind_.clear();
    for (const auto& part : state_.behind) {
        behind_.push_back(std::make_unique<CommandBlocks>(hooks_.commands(), part));
        all.push_back({name_of(part), behind_.back().get(), part.surface, part.from});
    }
    return all;
}

/// Through the block layer where there is some (not nullptr), else, or where that fails, by
/// command.
PlaceReader FirmwareAttempt::reader_of(const Reach& reach) {
    auto& commands = hooks_.commands();
    return [&commands, reach](std::uint64_t offset, MutableByteView into) {
        auto* storage = reach.storage;
        const bool fits = storage != nullptr && offset + into.size() <= storage->size_bytes();
        const bool by_kernel = fits && reach.name == reach.surface;
        if (by_kernel && storage->read_at(offset, into).complete(into.size())) {
            return ReadStatus{true, true, "read"};
        }
        return commands.read_status(reach.surface, reach.begin + offset, into);
    };
}

/// Reads the marks: through the block layer, or (media verification) by command alone.
std::vector<MarksSeen> FirmwareAttempt::look_at_marks(bool by_command, const Promise& promise) {
    std::vector<MarksSeen> seen;
    // While the drive verifies its media nothing but reads by command is sent to it.
    const auto places = by_command ? std::vector<Reach>() : reaches();
    for (const auto& marks : state_.marks) {
        const auto found = std::find_if(places.begin(), places.end(),
                                        [&](const Reach& one) { return one.name == marks.name; });
        const auto part =
            std::find_if(state_.behind.begin(), state_.behind.end(),
                         [&](const NotShown& one) { return name_of(one) == marks.name; });
        Reach reach{marks.name, nullptr, marks.name, 0};
        if (found != places.end()) {
            reach = *found;
        } else if (part != state_.behind.end()) {
            reach = {marks.name, nullptr, part->surface, part->from};
        }
        seen.push_back(look_for(marks, state_.seed, promise, reader_of(reach)));
    }
    return seen;
}

/// The drive's own read command against what the block layer gave.
void FirmwareAttempt::look_by_command(std::vector<MarksSeen>& looks, MarksReport& report) {
    std::uint64_t looked = 0;
    std::uint64_t intact = 0;
    auto& commands = hooks_.commands();
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
            looks[i].samples[sample] = SampleSeen::unchanged;
        }
        append_missing(looks[i].intact, seen.intact);
    }
    if (looked > 0) {
        report.by_command = ObjectWriter().add("looked", looked).add("intact", intact).take();
    }
}

/// One block beside some of the canaries that can not be read: a drive that merely lost its map
/// may find it again by that.
std::uint64_t FirmwareAttempt::write_beside(const PlacesNotRead& missing, const Promise& promise) {
    std::uint64_t written = 0;
    auto places = reaches();
    for (std::size_t i = 0; i < state_.marks.size(); ++i) {
        const auto& marks = state_.marks[i];
        const auto found = std::find_if(places.begin(), places.end(),
                                        [&](const Reach& one) { return one.name == marks.name; });
        if (found == places.end() || found->storage == nullptr) {
            continue;
        }
        device::AlignedBuffer block(marks.block_bytes);
        for (std::size_t at = 0; at < block.view().size() && !promise.repeated.empty(); ++at) {
            block.view()[at] = promise.repeated[at % promise.repeated.size()];
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

/// Whether everything that was marked through the kernel can be reached through it now.
bool FirmwareAttempt::all_in_reach() {
    const auto places = reaches();
    return std::all_of(state_.marks.begin(), state_.marks.end(), [&](const SurfaceMarks& marks) {
        return std::any_of(places.begin(), places.end(),
                           [&](const Reach& one) { return one.name == marks.name; });
    });
}

/// The kernel takes its time to find a drive again, the more the busier the machine is. What is
/// there in part after all that time is looked at as it is.
bool FirmwareAttempt::comes_back(std::string_view since) {
    std::string why_not;
    for (auto waited = kReturnPause; waited <= kReturnMax; waited += kReturnPause) {
        why_not = hooks_.reattach();
        if (why_not.empty() && all_in_reach()) {
            return true;
        }
        if (!hooks_.wait(kReturnPause)) {
            fail(Verdict::indeterminate, ReasonCode::stopped,
                 fmt::format("stopped while the drive was away since {}", since));
            return false;
        }
    }
    if (!why_not.empty()) {
        fail(Verdict::indeterminate, ReasonCode::drive_silent,
             fmt::format("the drive did not come back within {} s since {}: {}", kReturnMax.count(),
                         since, why_not));
    }
    return why_not.empty();
}

/// False when the drive is not there any more, or another one is.
bool FirmwareAttempt::find_again(MarksReport& report) {
    remake_operation();
    survey_ = hooks_.commands().survey();
    if (!survey_.error.empty()) {
        fail(Verdict::indeterminate, ReasonCode::drive_silent,
             "the drive does not answer any more: " + survey_.error);
        return false;
    }
    report.identity = same_drive() ? "same" : "different";
    if (!same_drive()) {
        fail(Verdict::indeterminate, ReasonCode::other_identity,
             fmt::format("another drive answers now: {} {}", survey_.model, survey_.serial));
        return false;
    }
    return true;
}

/// What could not be read is not judged before the path was reset and a block was written beside
/// it. Only a drive that leaves blocks unreadable waits for this.
bool FirmwareAttempt::look_again(std::vector<MarksSeen>& looks, const Promise& promise,
                                 MarksReport& report) {
    auto all = verified_;
    all.insert(all.end(), looks.begin(), looks.end());
    const auto missing = places_not_read(state_, all);
    if (missing.count == 0) {
        return true;
    }
    progress_.phase("resetting the drive's path: not all of it can be read");
    const bool reset = hooks_.reset && hooks_.reset();
    if (!comes_back("its path was reset") || !find_again(report)) {
        return false;
    }
    const auto written = write_beside(missing, promise);
    report.recheck = ObjectWriter()
                         .add("unreadableBefore", missing.count)
                         .add("reset", reset ? "done" : "not possible")
                         .add("written", written)
                         .take();
    observe("places that could not be read", report.recheck);
    progress_.phase("looking for what was there once more");
    auto again = look_at_marks(false, promise);
    for (std::size_t i = 0; i < again.size(); ++i) {
        take_over(looks[i], again[i]);
    }
    looks = std::move(again);
    return true;
}

/// After the drive's own word: the same drive, and nothing left where we look.
void FirmwareAttempt::check(MarksReport& report) {
    progress_.phase("looking for what was there");
    report.identity = "not read";
    if (!comes_back("it finished") || !find_again(report)) {
        return;
    }
    if (!task_.canaries) {
        fail(Verdict::indeterminate, ReasonCode::not_verified,
             "finished, not verified: no canaries were placed");
        return;
    }
    if (!state_.adopted) {  // somebody else's may have had another pattern
        report.promise = operation_->promise();
    }
    auto looks = look_at_marks(false, report.promise);
    if (!look_again(looks, report.promise, report)) {
        return;
    }
    look_by_command(looks, report);
    verified_.insert(verified_.end(), std::make_move_iterator(looks.begin()),
                     std::make_move_iterator(looks.end()));
    report.performed = true;
    judge_marks(state_, verified_, outcome_, report);
    if (task_.whole_medium) {
        check_whole(report);
    }
}

/// Nothing of it is kept: a later process reads everything again.
void FirmwareAttempt::check_whole(MarksReport& report) {
    report.passed = false;
    if (report.promise.repeated.empty()) {
        fail(Verdict::indeterminate, ReasonCode::nothing_to_compare,
             "full verification was asked for, but the drive does not promise any content after "
             "all: nothing to compare everything with");
        return;
    }
    progress_.phase("reading everything");
    report.whole.emplace(report.promise);
    for (const auto& reach : reaches()) {
        if (!read_whole(*reach.storage, reader_of(reach), stop_, *report.whole)) {
            const bool stopped = stop_.stop_requested();
            fail(Verdict::indeterminate,
                 stopped ? ReasonCode::stopped : ReasonCode::unreadable_blocks,
                 stopped ? "stopped while everything was read"
                         : "too much can not be read to go on reading");
            return;
        }
    }
    report.passed = judge_whole(*report.whole, outcome_) &&
                    outcome_.verdict <= Verdict::sanitized_with_exceptions;
}

}  // namespace efface::method
