// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <algorithm>

#include "efface/base/clock.hpp"
#include "efface/base/digest.hpp"
#include "efface/inventory/memory_name.hpp"
#include "efface/method/drive/erase.hpp"
#include "efface/method/overwrite.hpp"
#include "efface/policy/firmware.hpp"
#include "efface/policy/overwrite.hpp"
#include "efface/stream/keyed_stream.hpp"

namespace efface::job {

namespace {

constexpr const char* kDocument = "the journal";
/// What RFC 8785 lets a record carry.
constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53U) - 1;
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 62U;
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kUuidCharacters = 36;
constexpr int kErrnoMax = 4095;
constexpr std::uint64_t kSectorBytes = 512;
constexpr std::uint32_t kBlockBytesMax = 1U << 20U;

void require(bool holds, const char* what) {
    if (!holds) {
        journal_damaged(kDocument, what);
    }
}

void require_hex(const Json& json, std::size_t bytes, const char* what) {
    const auto value = from_hex(json.get<std::string>());
    require(value && value->size() == bytes, what);
}

void require_digest(const std::string& text, const char* what) {
    const auto value = from_hex(text);
    require(value && value->size() == sizeof(Digest), what);
}

void require_date(const std::string& text, const char* what) {
    require(from_rfc3339(text).has_value(), what);
}

void require_inside(std::uint64_t offset, std::uint64_t length, std::uint64_t size,
                    const char* what) {
    require(offset <= size && length <= size - offset, what);
}

/// These fields, and no other.
void require_only(const Json& json, std::initializer_list<const char*> keys) {
    require(json.is_object() && json.size() == keys.size() &&
                std::all_of(keys.begin(), keys.end(),
                            [&](const char* key) { return json.contains(key); }),
            "an unknown field");
}

/// What goes into the record in its present state.
void require_record(const Json& json, bool (Json::*is)() const noexcept, const char* what) {
    require((json.*is)(), what);
    (void)canonical_json(json);
}

void check_faults(const stream::FaultAreas& faults, std::uint64_t size) {
    std::uint64_t sum = 0;
    for (const auto& area : faults.areas) {
        require_inside(area.offset, area.length, size, "a failed area outside of the target");
        require(area.error >= 0 && area.error <= kErrnoMax, "an unknown error number");
        sum += area.length;
    }
    require(faults.bytes <= size && faults.count >= faults.areas.size() &&
                (faults.count > faults.areas.size() || sum == faults.bytes),
            "failed areas that do not add up");
}

void check_pass(const method::PassState& pass, const policy::PassRule& rule, const Bytes& given,
                std::uint64_t size) {
    const bool random = rule.kind == policy::PassRule::Kind::random;
    const Bytes& bytes = rule.kind == policy::PassRule::Kind::bytes ? rule.bytes : given;
    require((pass.pattern.kind == stream::Pattern::Kind::random) == random,
            "a pass of another kind");
    require(random ? pass.pattern.bytes.size() == stream::kStreamKeyBytes
                   : pass.pattern.bytes == bytes && !bytes.empty(),
            "the pattern of a pass is not the technique's");
    const auto& report = pass.report;
    require(pass.written_to <= size && report.bytes_written <= kNumberMax &&
                report.retries <= kNumberMax && report.flush_error >= 0 &&
                report.flush_error <= kErrnoMax,
            "numbers of a pass");
    check_faults(report.write_faults, size);
    require(pass.written_to <= report.bytes_written + report.write_faults.bytes,
            "a pass is further than it wrote");
    require(std::all_of(pass.resumed_at.begin(), pass.resumed_at.end(),
                        [&](std::uint64_t at) { return at <= size; }),
            "a pass was resumed past the end");
    require(pass.started_at.empty() || from_rfc3339(pass.started_at), "the date of a pass");
    require(!pass.started_at.empty() || (pass.written_to == 0 && pass.completed_at.empty()),
            "a pass that never began has written");
    require(
        pass.completed_at.empty() || (pass.written_to == size && from_rfc3339(pass.completed_at)),
        "a pass that ended has not written everything");
}

void check_overwrite(const TargetState& state) {
    const auto* technique = policy::find_overwrite_policy(state.plan.technique);
    require(technique != nullptr && state.choice.policy == state.plan.technique,
            "an unknown technique");
    require_only(state.progress, {"seed", "firstSector", "healthBefore", "overwrite"});
    require_hex(state.progress.at("seed"), kSeedBytes, "the seed");
    require_hex(state.progress.at("firstSector"), sizeof(Digest), "the first sector");
    const auto overwrite = method::overwrite_state_from_json(state.progress.at("overwrite"));
    require_same(state.progress.at("overwrite"), method::to_json(overwrite));
    require(overwrite.passes.size() == technique->passes.size(), "the number of passes");
    require(overwrite.compared_to <= state.plan.size_bytes, "the read-back is past the end");
    require_record(overwrite.limit_events, &Json::is_array, "events of limits");
    bool complete = true;
    for (std::size_t i = 0; i < overwrite.passes.size(); ++i) {
        const auto& pass = overwrite.passes[i];
        check_pass(pass, technique->passes[i], state.choice.pattern, state.plan.size_bytes);
        require(complete || pass.started_at.empty(), "a pass began before the one before it ended");
        complete = complete && !pass.completed_at.empty();
    }
}

void check_marks(const method::SurfaceMarks& marks) {
    require(marks.block_bytes >= kSectorBytes && marks.block_bytes <= kBlockBytesMax &&
                marks.block_bytes % kSectorBytes == 0 && marks.size_bytes <= kBytesMax,
            "the blocks of a surface");
    std::uint64_t end = 0;
    for (const auto canary : marks.canaries) {
        require_inside(canary, marks.block_bytes, marks.size_bytes, "a canary outside");
        require(canary >= end, "canaries that are not in order");
        end = canary;
    }
    for (const auto& sample : marks.samples) {
        require(sample.offset < marks.size_bytes, "a sample outside");
        require_digest(sample.sha256, "the digest of a sample");
    }
    require(marks.refused <= kNumberMax, "refused canaries");
}

void check_firmware(const TargetState& state) {
    require(policy::find_firmware_technique(state.plan.technique) != nullptr,
            "an unknown technique");
    const auto firmware = method::erase_state_from_json(state.progress);
    auto written = method::to_json(firmware);
    if (state.progress.contains("surfaceNames")) {
        written["surfaceNames"] = state.progress.at("surfaceNames");
    }
    require_same(state.progress, written);
    std::for_each(firmware.marks.begin(), firmware.marks.end(), check_marks);
    for (const auto& part : firmware.behind) {
        require(part.from <= part.to && part.to <= kBytesMax && part.block_bytes >= kSectorBytes &&
                    part.block_bytes <= kBlockBytesMax,
                "a part that the host does not see");
    }
    require(firmware.polls <= kNumberMax, "polls");
    require(firmware.memory.is_object(), "the notes of the operation");
    for (const auto* list : {&firmware.power_cycles, &firmware.commands, &firmware.status_before,
                             &firmware.hidden_areas, &firmware.limit_events}) {
        require_record(*list, &Json::is_array, "a list of the drive's areas");
    }
    for (const auto& area : firmware.hidden_areas) {
        (void)area.at("kind").get<std::string>();
        (void)area.at("detail").get<std::string>();
        (void)area.at("opened").get<bool>();
    }
    if (!firmware.refusal.is_null()) {
        for (const char* key : {"at", "detail", "begun"}) {
            (void)firmware.refusal.at(key).get<std::string>();
        }
        require(firmware.refusal.at("commands").is_array(), "a refusal");
    }
    for (const auto& name : state.progress.value("surfaceNames", Json::array())) {
        (void)name.at(0).get<std::uint32_t>();
        (void)name.at(1).get<std::string>();
    }
}

void check_memory(const TargetState& state) {
    require_only(state.progress, {"key", "earlierKeys", "identity"});
    require_hex(state.progress.at("key"), stream::kStreamKeyBytes, "the key");
    const auto& earlier = state.progress.at("earlierKeys");
    require(earlier.is_array(), "earlier keys");
    for (const auto& key : earlier) {
        require_hex(key, stream::kStreamKeyBytes, "an earlier key");
    }
    require(state.progress.at("identity").is_object(), "the identity");
}

void check_outcome(const Json& outcome) {
    require_record(outcome, &Json::is_object, "the outcome");
    require(method::verdict_from_string(outcome.at("status").get<std::string>()).has_value() &&
                method::level_from_string(outcome.at("level").get<std::string>()).has_value(),
            "the verdict");
    require(outcome.at("reasons").is_array() && outcome.at("exceptions").is_array(), "reasons");
    (void)reasons_from_json(outcome.at("reasons"));
    (void)reasons_from_json(outcome.at("exceptions"));
}

void check_ranges(const std::vector<stream::Range>& ranges, std::uint64_t size) {
    std::uint64_t end = 0;
    for (const auto& range : ranges) {
        require_inside(range.offset, range.length, size, "a range outside of the target");
        require(range.length > 0 && range.offset >= end, "ranges that are not in order");
        end = range.end();
    }
}

void check_location(const LocationPlan& location) {
    require(location.path.starts_with('/') && location.size_bytes <= kBytesMax, "a place");
    require(!location.region.ranges.empty(), "a place without ranges");
    check_ranges(location.region.ranges, location.size_bytes);
    for (const auto& range : location.first) {  // copies, in the order of the headers
        check_ranges({range}, location.size_bytes);
    }
    require(location.stream_key.size() == stream::kStreamKeyBytes, "a stream key");
    require_digest(location.first_sector_sha256, "the first sector");
    for (const auto& extent : location.extents) {
        require(extent.logical <= kBytesMax && extent.physical <= kBytesMax &&
                    extent.length <= kBytesMax,
                "an extent");
    }
    require_record(location.record, &Json::is_object, "the survey of a place");
    for (const auto& area : location.record.at("preState")) {
        (void)area.at("name").get<std::string>();
        require_inside(area.at("offset").get<std::uint64_t>(),
                       area.at("length").get<std::uint64_t>(), location.size_bytes,
                       "an area outside of the target");
        require_digest(area.at("sha256").get<std::string>(), "the digest of an area");
    }
}

void check_authorization(const mandate::Authorization& authorization) {
    for (const auto& approval : authorization.approvals) {
        require_hex(approval.spki_sha256, sizeof(Digest), "an approver's key");
    }
}

/// What must be there in this phase, and what cannot be yet.
void check_phase(const RunState& state) {
    const bool closed = state.verdict == evidence::kLostRun || state.verdict == kRefusedRun;
    require(state.verdict.empty() || closed || method::verdict_from_string(state.verdict),
            "the verdict");
    require(state.level.empty() || method::level_from_string(state.level), "the level");
    const bool judged = state.phase > Phase::staging;
    require(state.verdict.empty() != judged && (!closed || state.phase == Phase::done),
            "the verdict in this phase");
    if (judged && !closed) {
        require_digest(state.certificate_sha256, "the digest of the certificate");
        require_digest(state.signature_sha256, "the digest of the signature");
    }
    if (state.phase >= Phase::staging && !closed) {
        require_date(state.completed_at, "when it was completed");
    }
    if (state.phase > Phase::announcing && !closed) {
        require_digest(state.intent_leaf_hash, "the leaf of its announcement");
        require(state.log_size_before <= state.intent_index, "the place of its announcement");
    }
}

}  // namespace

void journal_damaged(const std::string& document, const std::string& why) {
    throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                document + ": the journal is damaged: " + printable(why));
}

method::Level level_from_journal(const Json& json) {
    const auto level = method::level_from_string(json.get<std::string>());
    require(level.has_value(), "the level");
    return *level;
}

WallTime date_from_journal(const std::string& text) {
    return from_rfc3339(text).value_or(WallTime());
}

void check_run_state(const RunState& state) {
    require(state.kind == "target" || state.kind == "project", "the kind");
    require(state.run_id.size() == kUuidCharacters &&
                state.run_id.find_first_not_of("0123456789abcdef-") == std::string::npos,
            "the id of the run");
    require(!state.subject.empty() && state.subject.find('/') == std::string::npos &&
                state.bundle == state.subject + "-" + state.run_id,
            "the name of the bundle");
    require_digest(state.identity_sha256, "the identity");
    require_date(state.started_at, "when it began");
    require_date(state.kept_at, "when it was kept");
    require(state.completed_at.empty() || from_rfc3339(state.completed_at), "when it ended");
    require(state.attempt >= 1 && state.attempt <= kNumberMax &&
                state.interruptions <= kNumberMax && state.log_size_before <= kNumberMax &&
                state.intent_index <= kNumberMax && state.outcome_index <= kNumberMax,
            "its counts");
    check_authorization(state.authorization);
    check_phase(state);
}

void check_target_state(const TargetState& state) {
    const auto& plan = state.plan;
    const bool memory = plan.path.starts_with("memory:");
    require(!plan.name.empty() && (memory || plan.path.starts_with('/')), "the target's name");
    require(plan.size_bytes <= kBytesMax && plan.bytes_to_transfer <= kBytesMax, "the sizes");
    require(plan.choice.is_object() || plan.choice.is_null(), "the choice");
    require_digest(plan.policy_digest, "the digest of the policy");
    require_record(plan.identity, &Json::is_object, "the identity");
    require_record(plan.found, &Json::is_object, "what was found");
    require(state.asked.is_object(), "the choice that was asked for");
    require_record(state.passed_over, &Json::is_array, "techniques that were passed over");
    require_record(state.observations, &Json::is_array, "observations");
    require_date(state.kept_at, "when it was kept");
    if (!state.order_text.empty()) {
        (void)mandate::parse_order(state.order_text);
    }
    if (state.done) {
        check_outcome(state.outcome);
        require_only(state.outcome, {"status", "level", "reasons", "exceptions", "record",
                                     "identityAfter", "completedAt"});
        require(state.outcome.at("record").is_object() && state.outcome.contains("identityAfter"),
                "the outcome");
        require_date(state.outcome.at("completedAt").get<std::string>(), "when it ended");
    }
    if (memory) {
        require(inventory::parse_memory_target(plan.path).has_value(), "the target in memory");
        check_memory(state);
    } else if (mandate::asks_the_drive(state.choice)) {
        check_firmware(state);
    } else {
        check_overwrite(state);
    }
}

void check_volume_state(const VolumeState& state) {
    require(state.attempt >= 1 && state.attempt <= kNumberMax, "the attempt");
    require_date(state.kept_at, "when it was kept");
    require(state.plan.gone || !state.plan.locations.empty(), "the places of the volume");
    std::for_each(state.plan.locations.begin(), state.plan.locations.end(), check_location);
    for (const auto* part :
         {&state.plan.eligibility, &state.plan.payload_sample, &state.plan.encryption}) {
        (void)canonical_json(*part);
    }
    require_record(state.observations, &Json::is_array, "observations");
    if (state.done) {
        check_outcome(state.outcome);
        require(state.outcome.at("name").get<std::string>() == state.plan.name &&
                    state.outcome.at("locations").is_array(),
                "the outcome");
        (void)reasons_from_json(state.outcome.at("residualRisks"));
    }
}

}  // namespace efface::job
