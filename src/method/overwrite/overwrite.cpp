// SPDX-License-Identifier: Apache-2.0
#include "efface/method/overwrite.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "json.hpp"
#include "watch.hpp"

namespace efface::method {

namespace {

using stream::Range;

/// Places named one by one in a reason; the record lists more.
constexpr std::size_t kPlacesNamed = 4;
/// Bad blocks are exceptions; a device that fails on more than one byte in so many is dying or
/// gone, and nobody knows what it holds.
constexpr std::uint64_t kExceptedShareMax = 10;

std::string places(const stream::FaultAreas& faults) {
    std::string text;
    for (std::size_t i = 0; i < std::min(faults.areas.size(), kPlacesNamed); ++i) {
        const auto& area = faults.areas[i];
        text += fmt::format("{}{} bytes at {}", text.empty() ? "" : ", ", area.length, area.offset);
    }
    return faults.count > kPlacesNamed ? text + ", ..." : text;
}

std::vector<Range> to_ranges(const stream::FaultAreas& faults) {
    std::vector<Range> ranges;
    for (const auto& area : faults.areas) {
        ranges.push_back({area.offset, area.length});
    }
    return stream::normalized(std::move(ranges));
}

/// More places than are kept one by one: which blocks were reached is not known.
void limit_places(const stream::FaultAreas& faults, Outcome& outcome) {
    if (faults.count > faults.areas.size()) {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::too_many_faults,
             fmt::format("{} places failed: too many to record which blocks were reached",
                         faults.count)});
    }
}

/// Both ends, each power of two and one and a half of it: address lines that are not there make a
/// device wrap at such a place, and one that drops what lies behind its true end has some behind
/// it.
std::vector<std::uint64_t> probe_places(std::uint64_t size, std::uint64_t block) {
    std::vector<std::uint64_t> places;
    const std::uint64_t blocks = size / block;
    const auto add = [&](std::uint64_t number) {
        if (number < blocks) {
            places.push_back(number * block);
        }
    };
    add(0);
    for (std::uint64_t number = 1; number < blocks; number *= 2) {
        add(number);
        add(number + number / 2);
    }
    if (blocks > 0) {
        add(blocks - 1);
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    return places;
}

/// A sink for looks that are not part of the estimate.
class Unwatched final : public stream::PassWatcher {
  public:
    Go go(const stream::Pace& /*pace*/) override { return Go::on; }
    void advance(std::uint64_t /*bytes*/) override {}
    void written(std::uint64_t /*offset*/, const stream::FillReport& /*so_far*/) override {}
    void compared(std::uint64_t /*offset*/, const stream::CheckReport& /*so_far*/) override {}
};

}  // namespace

Overwrite::Overwrite(const OverwriteTask& task, OverwriteState& state, device::BlockTarget& target,
                     OverwriteHooks hooks, const Clock& clock)
    : task_(task),
      state_(state),
      target_(target),
      hooks_(std::move(hooks)),
      clock_(clock),
      read_back_(task.read_back) {
    EFFACE_ASSERT(!state.passes.empty());
    if (read_back_ == ReadBack::representative && state.passes.back().written_to > 0) {
        read_back_ = ReadBack::full;
    }
}

Outcome Overwrite::run(guard::Clearance clearance, ProgressSink& progress, std::stop_token stop) {
    EFFACE_ASSERT(clearance.path() == task_.path);
    OverwriteWatch watch(task_, state_, hooks_, clock_, progress);
    Outcome outcome;
    outcome.record = Json::object();
    if (target_.size_bytes() == 0) {
        outcome.reasons.push_back({ReasonCode::nothing_to_erase, task_.path + " has no bytes"});
    } else if (fill_passes(outcome, watch, progress, stop)) {
        outcome.verdict = Verdict::sanitized;  // lowered by whatever is seen from here on
        for (const auto& pass : state_.passes) {
            judge_pass(pass, outcome);
        }
        // Where written and unwritten can't be told apart nothing can be compared.
        if (failed_areas().count == failed_areas().areas.size()) {
            verify(outcome, watch, progress, stop);
        }
    }
    Json passes = Json::array();
    for (std::size_t i = 0; i < state_.passes.size(); ++i) {
        passes.push_back(pass_record(state_.passes[i], i + 1));
    }
    const auto& last = state_.passes.back().report;
    outcome.record["engine"] = last.engine;
    outcome.record["engineNote"] = last.engine_note;
    outcome.record["passes"] = std::move(passes);
    outcome.record["limits"] = to_json(task_.limits);
    outcome.record["limits"]["events"] = state_.limit_events;
    if (!outcome.record.contains("verification")) {
        outcome.record["verification"] = ObjectWriter()
                                             .add("method", to_string(read_back_))
                                             .add("performed", false)
                                             .add("result", "not-performed")
                                             .take();
    }
    if (outcome.verdict == Verdict::sanitized && !outcome.exceptions.empty()) {
        outcome.verdict = Verdict::sanitized_with_exceptions;
    }
    return outcome;
}

/// True when every pass is written and flushed as far as the medium allows.
bool Overwrite::fill_passes(Outcome& outcome, OverwriteWatch& watch, ProgressSink& progress,
                            const std::stop_token& stop) {
    std::size_t number = 0;
    for (auto& pass : state_.passes) {
        ++number;
        if (!pass.completed_at.empty()) {
            continue;
        }
        if (pass.started_at.empty()) {
            pass.started_at = to_rfc3339(clock_.now());
        } else {
            pass.resumed_at.push_back(pass.written_to);
        }
        hooks_.save(state_);
        // Blocks here and there cannot be written where only the next one can.
        const bool probed = number == state_.passes.size() && !task_.in_order;
        if (probed && !keeps_what_it_says(outcome)) {
            return false;
        }
        progress.phase(fmt::format("writing pass {} of {}", number, state_.passes.size()));
        watch.begin_fill(pass);
        const auto before = pass.report;
        const auto report = stream::fill(target_, pass.pattern, pass.written_to, task_.options,
                                         watch, clock_, stop);
        pass.report = before;
        add(pass.report, report);
        pass.written_to = std::max(pass.written_to, report.watermark);
        if (report.flush_error != 0) {
            outcome.reasons.push_back(
                {ReasonCode::flush_failed, "the flush failed: " + errno_text(report.flush_error)});
        } else if (report.stopped || watch.vanished()) {
            if (watch.vanished()) {
                outcome.verdict = Verdict::indeterminate;
            }
            outcome.reasons.push_back(watch.stopped_because().value_or(
                Reason{ReasonCode::stopped, "stopped before the overwrite was complete"}));
        } else {
            pass.completed_at = to_rfc3339(clock_.now());
            hooks_.save(state_);
            observe(outcome, "pass written and flushed", pass_record(pass, number));
            continue;
        }
        if (report.flush_error ==
            0) {  // else nothing behind the last good flush is claimed, nor kept
            hooks_.save(state_);
        }
        observe(outcome, "pass not completed", pass_record(pass, number));
        return false;
    }
    return true;
}

/// A device that wraps around, or drops what lies behind its true end, shows a repeated pattern
/// everywhere: so blocks that all differ are written to it before. Of a random pattern each block
/// differs anyway.
bool Overwrite::keeps_what_it_says(Outcome& outcome) const {
    const auto& last = state_.passes.back();
    const std::uint64_t block = target_.preferred_alignment();
    const auto places = last.pattern.kind == stream::Pattern::Kind::random || last.written_to > 0
                            ? std::vector<std::uint64_t>()
                            : probe_places(target_.size_bytes() / block * block, block);
    stream::KeyedStream content(sha256(as_bytes("size probe " + to_hex(task_.seed))));
    device::AlignedBuffer buffer(block);
    std::vector<std::uint64_t> written;
    for (const auto place : places) {
        content.fill(place, buffer.view());
        if (target_.write_at(place, buffer.view()).complete(block)) {
            written.push_back(place);
        }
    }
    if (written.empty() || target_.flush() != 0 || hooks_.drop_cache() != 0) {
        return true;  // a failing medium: the pass itself will show it
    }
    Bytes expected(block);
    for (const auto place : written) {
        std::fill(buffer.view().begin(), buffer.view().end(), std::uint8_t{0});
        content.fill(place, expected);
        const bool read = target_.read_at(place, buffer.view()).complete(block);
        if (read && !std::equal(expected.begin(), expected.end(), buffer.view().begin())) {
            outcome.reasons.push_back(
                {ReasonCode::less_than_it_says,
                 fmt::format(
                     "the data written at byte {} is not there: the device does not store {} bytes",
                     place, target_.size_bytes())});
            return false;
        }
    }
    return true;
}

void Overwrite::except(Outcome& outcome, Reason what) const {
    if (task_.bad_blocks_are_exceptions) {
        outcome.exceptions.push_back(std::move(what));
    } else {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(std::move(what));
    }
}

void Overwrite::limit_exceptions(std::uint64_t failed, std::uint64_t of, Outcome& outcome) {
    if (failed > of / kExceptedShareMax) {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::too_many_faults,
             fmt::format("{} of {} bytes failed: too many to be bad blocks", failed, of)});
    }
}

void Overwrite::judge_pass(const PassState& pass, Outcome& outcome) const {
    const auto& faults = pass.report.write_faults;
    const std::uint64_t tried = pass.report.bytes_written + faults.bytes;
    if (tried != target_.size_bytes()) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back({ReasonCode::not_completed,
                                   fmt::format("{} of {} bytes were written",
                                               pass.report.bytes_written, target_.size_bytes())});
    }
    if (faults.bytes > 0) {
        except(outcome, {ReasonCode::write_failed,
                         fmt::format("{}{} bytes in {} places could not be written: {}",
                                     &pass == &state_.passes.back() ? "" : "in an earlier pass, ",
                                     faults.bytes, faults.count, places(faults))});
        limit_exceptions(faults.bytes, target_.size_bytes(), outcome);
    }
    limit_places(faults, outcome);
}

const stream::FaultAreas& Overwrite::failed_areas() const {
    return state_.passes.back().report.write_faults;
}

std::vector<Range> Overwrite::ranges_to_check() const {
    const std::vector<Range> wanted =
        read_back_ == ReadBack::representative
            ? stream::representative_ranges(target_.size_bytes(), target_.preferred_alignment(),
                                            task_.seed)
            : std::vector<Range>{{0, target_.size_bytes()}};
    return stream::without(wanted, to_ranges(failed_areas()));
}

void Overwrite::verify(Outcome& outcome, OverwriteWatch& watch, ProgressSink& progress,
                       const std::stop_token& stop) {
    if (read_back_ == ReadBack::none) {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::not_verified, "finished, not verified: nothing was read back"});
        return;
    }
    if (const int error = hooks_.drop_cache(); error != 0) {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::cached_reads,
             "the cache could not be dropped, so a read proves nothing: " + errno_text(error)});
        return;
    }
    progress.phase("reading back");
    state_.compared_to = 0;
    const auto report = stream::check(target_, state_.passes.back().pattern, ranges_to_check(),
                                      task_.options, watch, clock_, stop);
    if (report.stopped || watch.vanished()) {
        outcome.verdict = worst(outcome.verdict,
                                watch.vanished() ? Verdict::indeterminate : Verdict::not_sanitized);
        outcome.reasons.push_back(watch.stopped_because().value_or(
            Reason{ReasonCode::stopped, "stopped before the read-back was complete"}));
    }
    judge_check(report, outcome);
    if (!report.stopped) {
        look_at_failed_areas(outcome, stop);
    }
}

void Overwrite::judge_check(const stream::CheckReport& check, Outcome& outcome) const {
    const bool compared =
        check.bytes_compared + check.read_faults.bytes == check.bytes_planned && !check.stopped;
    if (check.blocks_different > 0) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::read_back_differs,
             fmt::format("{} blocks in {} places do not hold what was written, the first at byte "
                         "{}",
                         check.blocks_different, check.different_areas,
                         check.different.front().offset)});
    } else if (!compared && !check.stopped) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::not_completed, fmt::format("{} of {} bytes were compared",
                                                    check.bytes_compared, check.bytes_planned)});
    }
    if (check.read_faults.bytes > 0) {
        except(outcome,
               {ReasonCode::read_back_unreadable,
                fmt::format("{} bytes in {} places were written but could not be read back: {}",
                            check.read_faults.bytes, check.read_faults.count,
                            places(check.read_faults))});
        limit_exceptions(check.read_faults.bytes, check.bytes_planned, outcome);
        limit_places(check.read_faults, outcome);
    }
    const bool passed = compared && check.blocks_different == 0 && check.bytes_compared > 0;
    ObjectWriter verification;
    verification.add("method", to_string(read_back_))
        .add("performed", true)
        .add("result", passed ? "pass" : "fail")
        .add("bytesPlanned", check.bytes_planned)
        .add("bytesCompared", check.bytes_compared)
        .add("mismatches", check.blocks_different)
        .add("readFaults", areas_json(check.read_faults))
        .add("differences", differences_json(check))
        .add("retries", check.retries)
        .add("engine", check.engine);
    if (read_back_ == ReadBack::representative) {
        verification.add("seed", to_hex(task_.seed))
            .add("sampleBlockBytes", target_.preferred_alignment());
    }
    outcome.record["verification"] = verification.take();
    observe(outcome, "read-back", outcome.record["verification"]);
}

/// A block that refuses to be written may still be read by the next owner.
void Overwrite::look_at_failed_areas(Outcome& outcome, const std::stop_token& stop) {
    if (failed_areas().areas.empty()) {
        return;
    }
    Unwatched unwatched;
    const auto report =
        stream::check(target_, state_.passes.back().pattern, to_ranges(failed_areas()),
                      task_.options, unwatched, clock_, stop);
    outcome.record["unwrittenAreas"] = ObjectWriter()
                                           .add("bytesReadable", report.bytes_compared)
                                           .add("blocksDifferent", report.blocks_different)
                                           .add("bytesUnreadable", report.read_faults.bytes)
                                           .take();
    observe(outcome, "areas that could not be written", outcome.record["unwrittenAreas"]);
    if (report.blocks_different > 0) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::old_data_found,
             fmt::format("{} blocks could not be overwritten and can still be read",
                         report.blocks_different)});
    }
}

void Overwrite::observe(Outcome& outcome, const char* what, const Json& raw) const {
    outcome.observations.push_back({to_rfc3339(clock_.now()), what, raw});
}

}  // namespace efface::method
