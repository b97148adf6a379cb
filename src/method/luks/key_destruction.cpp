// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "efface/base/digest.hpp"
#include "efface/method/luks.hpp"

#include "controls.hpp"

namespace efface::method {

Json ranges_json(const std::vector<stream::Range>& ranges) {
    Json list = Json::array();
    for (const auto& range : ranges) {
        list.push_back(
            ObjectWriter().add("offset", range.offset).add("length", range.length).take());
    }
    return list;
}

namespace {

Json faults_json(const std::vector<stream::Fault>& faults) {
    Json list = Json::array();
    for (const auto& fault : faults) {
        list.push_back(ObjectWriter()
                           .add("operation", fault.operation)
                           .add("offset", fault.offset)
                           .add("length", fault.length)
                           .add("error", fault.error == 0 ? "no progress" : errno_text(fault.error))
                           .take());
    }
    return list;
}

/// Adds the counts of a second report to a first one.
void add(stream::OverwriteReport& sum, const stream::OverwriteReport& part) {
    sum.bytes_written += part.bytes_written;
    sum.write_faults += part.write_faults;
    sum.flush_error = sum.flush_error != 0 ? sum.flush_error : part.flush_error;
    sum.stopped = sum.stopped || part.stopped;
    sum.faults.insert(sum.faults.end(), part.faults.begin(), part.faults.end());
    sum.faults.resize(std::min(sum.faults.size(), stream::kPlacesMax));
}

Json to_json(const stream::OverwriteReport& report) {
    return ObjectWriter()
        .add("bytesWritten", report.bytes_written)
        .add("writeFaults", report.write_faults)
        .add("flushError", report.flush_error == 0 ? "none" : errno_text(report.flush_error))
        .add("faults", faults_json(report.faults))
        .take();
}

/// Where the first fault of this kind was.
std::uint64_t first_place(const std::vector<stream::Fault>& faults, std::string_view operation) {
    const auto found = std::find_if(faults.begin(), faults.end(), [&](const stream::Fault& fault) {
        return fault.operation == operation;
    });
    return found == faults.end() ? 0 : found->offset;
}

}  // namespace

std::vector<AreaDigest> pre_state(device::BlockTarget& target, const luks::Header& header) {
    std::vector<AreaDigest> areas;
    std::set<std::tuple<std::uint64_t, std::uint64_t>> seen;
    const auto add_area = [&](std::string name, stream::Range range) {
        const std::uint64_t size = target.size_bytes();
        if (range.length == 0 || range.offset >= size ||
            !seen.insert({range.offset, range.length}).second) {
            return;
        }
        range.length = std::min({range.length, size - range.offset, luks::kMetadataBytesMax});
        areas.push_back(digest_area(target, std::move(name), range));
    };
    for (const auto& copy : header.copies) {
        add_area(copy.secondary ? "secondary header" : "primary header",
                 {copy.offset, copy.header_bytes});
    }
    for (const auto& slot : header.keyslots) {
        add_area(fmt::format("keyslot {} area", slot.index), slot.area);
    }
    add_area("gap before the payload", header.gap);
    return areas;
}

LuksKeyDestruction::LuksKeyDestruction(const LuksKeyTask& task, device::BlockTarget& target,
                                       device::LuksLibrary& library, device::LuksLocation location,
                                       Surroundings& surroundings, const SecretBytes* credential,
                                       const Clock& clock)
    : task_(task),
      target_(target),
      library_(library),
      location_(std::move(location)),
      surroundings_(surroundings),
      credential_(credential),
      clock_(clock) {
    EFFACE_ASSERT(task.stream_key.size() == stream::kStreamKeyBytes);
}

std::optional<Reason> LuksKeyDestruction::objection() const {
    if (task_.region.ranges.empty()) {
        return Reason{ReasonCode::unsafe, "there is nothing to overwrite"};
    }
    if (task_.region.ranges.back().end() > target_.size_bytes()) {
        return Reason{ReasonCode::other_identity,
                      fmt::format("{} is smaller than its metadata", task_.path)};
    }
    return std::nullopt;
}

Outcome LuksKeyDestruction::run(guard::Clearance clearance, ProgressSink& progress,
                                std::stop_token stop) {
    EFFACE_ASSERT(clearance.path() == task_.path);
    Outcome outcome;
    outcome.record = Json::object();
    outcome.record["startedAt"] = to_rfc3339(clock_.now());
    outcome.record["regions"] = ranges_json(task_.region.ranges);
    outcome.record["regionReasons"] = task_.region.reasons;
    outcome.record["streamKeyDigest"] =
        ObjectWriter().add("sha256", sha256_hex(task_.stream_key.view())).take();
    if (const auto problem = objection()) {
        outcome.reasons.push_back(*problem);
    } else {
        destroy_slots(outcome);
        if (overwrite(outcome, progress, stop)) {
            outcome.verdict = Verdict::sanitized;  // lowered by whatever is seen from here on
            read_back(outcome, progress, stop);
            negative_controls(outcome);
        }
    }
    if (!outcome.record.contains("verification")) {
        outcome.record["verification"] = ObjectWriter()
                                             .add("method", "full-read-back")
                                             .add("performed", false)
                                             .add("result", "not-performed")
                                             .take();
        outcome.record["negativeControls"] = Json::array();
    }
    outcome.record["status"] = to_string(outcome.verdict);
    outcome.record["completedAt"] = to_rfc3339(clock_.now());
    return outcome;
}

/// libcryptsetup's answers are recorded, never believed: the overwrite follows whatever it said.
void LuksKeyDestruction::destroy_slots(Outcome& outcome) {
    Json& record = outcome.record["keyslotDestruction"];
    if (!task_.destroy_slots) {
        record = ObjectWriter().add("asked", false).take();
        return;
    }
    const auto answer = library_.destroy_keyslots(location_);
    Json slots = Json::array();
    for (const auto& slot : answer.slots) {
        slots.push_back(ObjectWriter()
                            .add("slot", slot.slot)
                            .add("status", slot.status)
                            .add("code", slot.code)
                            .take());
    }
    record = ObjectWriter()
                 .add("asked", true)
                 .add("failure", answer.failure)
                 .add("loadCode", answer.load_code)
                 .add("slots", slots)
                 .add("tokensRemoved", answer.tokens_removed)
                 .take();
    observe(outcome, "libcryptsetup destroyed keyslots", record);
}

/// Header copies first, and durable, so that nothing can rebuild one from the other.
bool LuksKeyDestruction::overwrite(Outcome& outcome, ProgressSink& progress,
                                   const std::stop_token& stop) {
    stream::KeyedStream pattern(task_.stream_key.view());
    const auto first = stream::normalized(task_.first);
    auto report = stream::overwrite(target_, first, pattern, progress, stop);
    if (!report.stopped) {
        add(report, stream::overwrite(target_, stream::without(task_.region.ranges, first), pattern,
                                      progress, stop));
    }
    outcome.record["overwrite"] = to_json(report);
    observe(outcome, "overwrite and flush", outcome.record["overwrite"]);
    const std::uint64_t expected = stream::total_bytes(task_.region.ranges);
    if (report.stopped) {
        outcome.reasons.push_back(
            {ReasonCode::stopped, "stopped before the overwrite was complete"});
    } else if (report.write_faults > 0) {
        outcome.reasons.push_back(
            {ReasonCode::write_failed,
             fmt::format("{} writes failed, the first at byte {}: old content remains there",
                         report.write_faults, first_place(report.faults, "write"))});
    } else if (report.flush_error != 0) {
        outcome.reasons.push_back(
            {ReasonCode::flush_failed, "the flush failed: " + errno_text(report.flush_error)});
    } else if (report.bytes_written != expected) {
        outcome.reasons.push_back(
            {ReasonCode::write_failed,
             fmt::format("{} of {} bytes were written", report.bytes_written, expected)});
    } else {
        return true;
    }
    return false;
}

void LuksKeyDestruction::read_back(Outcome& outcome, ProgressSink& progress,
                                   const std::stop_token& stop) {
    stream::KeyedStream pattern(task_.stream_key.view());
    const auto report = stream::read_back(target_, task_.region.ranges, pattern, progress, stop);
    const bool matches = report.matches(stream::total_bytes(task_.region.ranges));
    outcome.record["verification"] = ObjectWriter()
                                         .add("method", "full-read-back")
                                         .add("performed", true)
                                         .add("result", matches ? "pass" : "fail")
                                         .add("bytesCompared", report.bytes_compared)
                                         .add("blocksCompared", report.blocks_compared)
                                         .add("mismatches", report.blocks_different)
                                         .add("readFaults", report.read_faults)
                                         .add("mismatchOffsets", report.different_offsets)
                                         .add("faults", faults_json(report.faults))
                                         .take();
    observe(outcome, "read-back", outcome.record["verification"]);
    if (matches) {
        return;
    }
    if (report.blocks_different > 0) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::read_back_differs,
             fmt::format("{} blocks do not hold what was written", report.blocks_different)});
    } else if (report.stopped) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::stopped, "stopped before the read-back was complete"});
    } else {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::read_back_unreadable,
             fmt::format("{} places could not be read back, the first at byte {}",
                         report.read_faults, first_place(report.faults, "read"))});
    }
}

void LuksKeyDestruction::negative_controls(Outcome& outcome) {
    std::vector<Control> controls;
    controls.push_back(control_no_magic(target_, task_));
    if (std::any_of(task_.before.begin(), task_.before.end(),
                    [](const AreaDigest& area) { return !area.sha256.empty(); })) {
        controls.push_back(control_areas_changed(target_, task_.before));
    }
    controls.push_back(control_crypt_load(library_, location_));
    controls.push_back(control_libblkid(surroundings_, task_.path));
    if (credential_ != nullptr) {
        controls.push_back(control_credential(library_, location_, *credential_));
    }
    if (!task_.luks_uuid.empty()) {
        controls.push_back(control_no_mapping(surroundings_, task_.luks_uuid));
    }
    Json list = Json::array();
    for (const auto& control : controls) {
        list.push_back(ObjectWriter()
                           .add("name", control.name)
                           .add("result", to_string(control.result))
                           .add("detail", printable(control.detail))
                           .take());
        if (control.result == Control::Result::pass) {
            continue;
        }
        const bool failed = control.result == Control::Result::fail;
        outcome.verdict =
            worst(outcome.verdict, failed ? Verdict::not_sanitized : Verdict::indeterminate);
        outcome.reasons.push_back(
            {failed ? control.failure : control.not_asked,
             fmt::format("negative control {}: {}", control.name, printable(control.detail))});
    }
    observe(outcome, "negative controls", list);
    outcome.record["negativeControls"] = std::move(list);
}

void LuksKeyDestruction::observe(Outcome& outcome, const char* what, const Json& raw) const {
    outcome.observations.push_back({to_rfc3339(clock_.now()), what, raw});
}

}  // namespace efface::method
