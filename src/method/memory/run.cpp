// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace efface::method {

namespace {

Json faults_json(const MemoryFaults& faults) {
    return ObjectWriter()
        .add("count", faults.count)
        .add("bytes", faults.bytes)
        .add("areas", faults.areas)
        .take();
}

std::string flush_text(int error) {
    return error == 0 ? "ok" : errno_text(error);
}

const char* to_text(ControlResult result) {
    switch (result) {
        case ControlResult::pass:
            return "pass";
        case ControlResult::fail:
            return "fail";
        case ControlResult::unknown:
            return "unknown";
    }
    return "unknown";
}

/// The keyed stream as a pattern, whose key is wiped with it.
class KeyPattern final {
  public:
    explicit KeyPattern(ByteView key)
        : pattern_{stream::Pattern::Kind::random, Bytes(key.begin(), key.end())} {}
    ~KeyPattern() { cleanse(pattern_.bytes); }
    KeyPattern(const KeyPattern&) = delete;
    KeyPattern& operator=(const KeyPattern&) = delete;
    [[nodiscard]] const stream::Pattern& get() const noexcept { return pattern_; }

  private:
    stream::Pattern pattern_;
};

/// Hands a pass on to whoever shows progress; never slows or stops it itself.
class Relay final : public stream::PassWatcher {
  public:
    explicit Relay(ProgressSink& progress) : progress_(progress) {}
    Go go(const stream::Pace& /*pace*/) override { return Go::on; }
    void advance(std::uint64_t bytes) override { progress_.advance(bytes); }
    void written(std::uint64_t /*offset*/, const stream::FillReport& /*so_far*/) override {}
    void compared(std::uint64_t /*offset*/, const stream::CheckReport& /*so_far*/) override {}

  private:
    ProgressSink& progress_;
};

}  // namespace

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<std::pair<unsigned, const char*>, 4> kUnits = {
        {{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}}};
    for (const auto& [shift, unit] : kUnits) {
        if (bytes != 0 && bytes % (std::uint64_t{1} << shift) == 0) {
            return fmt::format("{}{}", bytes >> shift, unit);
        }
    }
    return fmt::format("{}B", bytes);
}

void MemoryFaults::add(const std::string& where, std::uint64_t offset, std::uint64_t length,
                       int error) {
    ++count;
    bytes += length;
    if (areas.size() < stream::kAreasMax) {
        ObjectWriter area;
        area.add("offset", offset)
            .add("length", length)
            .add("error", error == 0 ? "no progress" : errno_text(error));
        if (!where.empty()) {
            area.add("file", where);
        }
        areas.push_back(area.take());
    }
}

void MemoryFaults::add(const stream::FaultAreas& faults) {
    for (const auto& fault : faults.areas) {
        add({}, fault.offset, fault.length, fault.error);
    }
    count = std::max(count, faults.count);  // all are counted, also those without a place
    bytes = std::max(bytes, faults.bytes);
}

MemoryRun::MemoryRun(std::string technique, ByteView key, const Clock& clock,
                     ProgressSink& progress, std::stop_token stop)
    : technique_(std::move(technique)),
      key_(key),
      clock_(clock),
      progress_(progress),
      stop_(std::move(stop)),
      started_at_(to_rfc3339(clock.now())) {
    EFFACE_ASSERT(key.size() == stream::kStreamKeyBytes);
}

void MemoryRun::begin_pass(std::uint64_t bytes_planned) {
    touch();
    pass.begun = true;
    pass.bytes_planned = bytes_planned;
    pass.started_at = to_rfc3339(clock_.now());
}

void MemoryRun::end_pass() {
    pass.completed_at = to_rfc3339(clock_.now());
    observe("overwrite and flush", pass_json());
}

void MemoryRun::step(const std::string& name, const std::string& result,
                     const std::string& detail) {
    steps_.push_back(ObjectWriter()
                         .add("step", name)
                         .add("at", to_rfc3339(clock_.now()))
                         .add("result", result)
                         .add("detail", detail)
                         .take());
}

void MemoryRun::control(const std::string& name, ControlResult result, const std::string& detail) {
    controls_.push_back(ObjectWriter()
                            .add("name", name)
                            .add("result", to_text(result))
                            .add("detail", detail)
                            .take());
    if (result == ControlResult::fail) {
        fail({ReasonCode::control_failed, fmt::format("{}: {}", name, detail)});
    } else if (result == ControlResult::unknown) {
        doubt({ReasonCode::control_not_asked, fmt::format("{}: {}", name, detail)});
    }
}

void MemoryRun::observe(const std::string& what, Json raw) {
    observations_.push_back({to_rfc3339(clock_.now()), what, std::move(raw)});
}

Json MemoryRun::pass_json() const {
    return ObjectWriter()
        .add("number", 1)
        .add("pattern", "aes-256-ctr")
        .add("bytesWritten", pass.bytes_written)
        .add("writeFaults", faults_json(pass.write_faults))
        .add("flush", flush_text(pass.flush_error))
        .add("startedAt", pass.started_at)
        .add("completedAt", pass.completed_at)
        .take();
}

Json MemoryRun::verification_json() const {
    std::string result = "not-performed";
    if (verification.performed) {
        const bool whole = verification.bytes_compared == verification.bytes_planned &&
                           verification.read_faults.count == 0;
        result = verification.mismatches > 0 ? "fail" : (whole ? "pass" : "unknown");
    }
    return ObjectWriter()
        .add("method", verification.method.empty() ? "none" : verification.method)
        .add("performed", verification.performed)
        .add("result", result)
        .add("bytesPlanned", verification.bytes_planned)
        .add("bytesCompared", verification.bytes_compared)
        .add("mismatches", verification.mismatches)
        .add("readFaults", faults_json(verification.read_faults))
        .take();
}

void MemoryRun::judge_pass() {
    if (!pass.begun) {
        return;
    }
    if (pass.write_faults.count > 0) {
        fail({ReasonCode::write_failed,
              fmt::format("{} bytes at {} places could not be overwritten", pass.write_faults.bytes,
                          pass.write_faults.count)});
    }
    if (pass.flush_error != 0) {
        fail({ReasonCode::flush_failed, "the flush failed: " + errno_text(pass.flush_error)});
    }
    if (pass.write_faults.count == 0 && pass.bytes_written != pass.bytes_planned) {
        fail({ReasonCode::not_completed, fmt::format("{} of {} bytes were overwritten",
                                                     pass.bytes_written, pass.bytes_planned)});
    }
}

void MemoryRun::judge_verification() {
    if (!verification.performed) {
        fail({ReasonCode::not_verified, "nothing was verified"});
        return;
    }
    if (verification.mismatches > 0) {
        fail({ReasonCode::read_back_differs,
              fmt::format("{} blocks do not hold what was written", verification.mismatches)});
    }
    if (verification.read_faults.count > 0) {
        doubt({ReasonCode::read_back_unreadable,
               fmt::format("{} bytes at {} places could not be read back",
                           verification.read_faults.bytes, verification.read_faults.count)});
    } else if (verification.bytes_compared != verification.bytes_planned) {
        fail({ReasonCode::not_completed,
              fmt::format("{} of {} bytes were compared", verification.bytes_compared,
                          verification.bytes_planned)});
    }
}

Verdict MemoryRun::judge() {
    if (!completed_ && failures_.empty()) {
        fail(stopped() ? Reason{ReasonCode::stopped, "stopped before it was complete"}
                       : Reason{ReasonCode::not_completed, "it did not run to its end"});
    }
    judge_pass();
    judge_verification();
    if (!failures_.empty()) {
        return Verdict::not_sanitized;
    }
    if (!doubts_.empty()) {
        return Verdict::indeterminate;
    }
    return exceptions_.empty() ? Verdict::sanitized : Verdict::sanitized_with_exceptions;
}

Outcome MemoryRun::finish(const MemorySurvey& before, Json identity_after) {
    Outcome outcome;
    outcome.verdict = judge();
    outcome.reasons = failures_;
    outcome.reasons.insert(outcome.reasons.end(), doubts_.begin(), doubts_.end());
    outcome.exceptions = exceptions_;
    outcome.observations = observations_;
    Json passes = Json::array();
    if (pass.begun) {
        passes.push_back(pass_json());
    }
    Json facts = before.facts;
    if (!swap_after_.is_null()) {
        facts["swapAfter"] = swap_after_;
    }
    outcome.record = ObjectWriter()
                         .add("technique", technique_)
                         .add("passes", std::move(passes))
                         .add("verification", verification_json())
                         .add("steps", steps_)
                         .add("negativeControls", controls_)
                         .add("notReached", before.not_reached)
                         .add("facts", std::move(facts))
                         .add("identity", before.identity)
                         .add("identityAfter", std::move(identity_after))
                         .add("status", to_string(outcome.verdict))
                         .add("startedAt", started_at_)
                         .add("completedAt", to_rfc3339(clock_.now()))
                         .take();
    if (!sweep_.is_null()) {
        outcome.record["facts"]["sweep"] = sweep_;
        outcome.record["sweep"] = sweep_;
    }
    return outcome;
}

bool MemoryKind::is_began_but_for(const Json& identity,
                                  const std::vector<std::string>& keys) const {
    if (began() == nullptr) {
        return false;
    }
    Json now = identity;
    Json then = began()->identity;
    // Those three are added to every identity by the method itself.
    for (const char* key : {"kind", "place", "bootId"}) {
        now.erase(key);
        then.erase(key);
    }
    for (const auto& key : keys) {
        now.erase(key);
        then.erase(key);
    }
    return now == then;
}

Json MemoryKind::began_value(const char* key) const {
    return began() != nullptr && began()->identity.contains(key) ? began()->identity.at(key)
                                                                 : Json();
}

Json MemoryKind::left_value(const char* key) const {
    return began() != nullptr && began()->left.is_object() && began()->left.contains(key)
               ? began()->left.at(key)
               : Json();
}

bool holds_pattern(device::BlockTarget& target, const MemoryRun& look) {
    const KeyPattern pattern(look.key());
    Relay relay(look.progress());
    const auto checked = stream::check(target, pattern.get(), {{0, target.size_bytes()}}, {}, relay,
                                       look.clock(), look.stop());
    return !checked.stopped && checked.matches() && checked.read_faults.count == 0;
}

void overwrite_and_check(device::BlockTarget& target, MemoryRun& run) {
    const KeyPattern key_pattern(run.key());
    const auto& pattern = key_pattern.get();
    Relay relay(run.progress());
    run.begin_pass(target.size_bytes());
    const auto filled = stream::fill(target, pattern, 0, {}, relay, run.clock(), run.stop());
    run.pass.bytes_written = filled.bytes_written;
    run.pass.write_faults.add(filled.write_faults);
    run.pass.flush_error = filled.flush_error;
    run.end_pass();
    run.step("overwrite", filled.stopped ? "stopped" : "done",
             fmt::format("{}{}", filled.engine,
                         filled.engine_note.empty() ? "" : ": " + filled.engine_note));
    if (filled.stopped || filled.flush_error != 0) {
        return;
    }
    run.verification.method = "full-read-back";
    run.verification.performed = true;
    const auto checked = stream::check(target, pattern, {{0, target.size_bytes()}}, {}, relay,
                                       run.clock(), run.stop());
    run.verification.bytes_planned = checked.bytes_planned;
    run.verification.bytes_compared = checked.bytes_compared;
    run.verification.mismatches = checked.blocks_different;
    run.verification.read_faults.add(checked.read_faults);
    run.step("read back and compare", checked.stopped ? "stopped" : "done", checked.engine);
    if (!checked.stopped && checked.matches() && run.pass.write_faults.count == 0) {
        run.complete();
    }
}

}  // namespace efface::method
