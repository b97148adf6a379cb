// SPDX-License-Identifier: Apache-2.0
#include "volume_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/stream/keyed_stream.hpp"

#include "journal/check.hpp"
#include "record/project_record.hpp"

namespace efface::job {

namespace {

using method::Verdict;

std::string file_name(std::size_t index) {
    return "volume-" + std::to_string(index) + ".json";
}

/// Adds up what happened at the places of one volume.
class VolumeOutcome final {
  public:
    explicit VolumeOutcome(const VolumePlan& plan) : plan_(plan), exceptions_(plan.exceptions) {}

    void add(const LocationPlan& location, method::Outcome outcome) {
        verdict_ = method::worst(verdict_, outcome.verdict);
        for (auto& reason : outcome.reasons) {
            reasons_.push_back({reason.code, fmt::format("{}: {}", location.path, reason.text)});
        }
        exceptions_.insert(exceptions_.end(), outcome.exceptions.begin(), outcome.exceptions.end());
        Json record = location.record;
        record.update(outcome.record);
        for (auto& observation : outcome.observations) {
            observations_.push_back(ObjectWriter()
                                        .add("at", observation.at)
                                        .add("volume", plan_.name)
                                        .add("path", location.path)
                                        .add("what", observation.what)
                                        .add("raw", std::move(observation.raw))
                                        .take());
        }
        locations_.push_back(std::move(record));
    }
    void fail(const LocationPlan& location, Reason reason) {
        method::Outcome outcome;
        outcome.reasons.push_back(std::move(reason));
        outcome.record = unfinished_location_record();
        add(location, std::move(outcome));
    }

    void conclude(VolumeState& state) && {
        if (verdict_ == Verdict::sanitized && !exceptions_.empty()) {
            verdict_ = Verdict::sanitized_with_exceptions;
        }
        const bool reached = is_success(verdict_);
        state.outcome =
            volume_record(plan_, std::move(locations_), verdict_,
                          reached ? plan_.level : method::Level::none, reasons_, exceptions_);
        state.observations = std::move(observations_);
        state.done = true;
    }

  private:
    const VolumePlan& plan_;
    Verdict verdict_ = Verdict::sanitized;  // of no places; each one can only lower it
    std::vector<Reason> reasons_;
    std::vector<Reason> exceptions_;
    Json locations_ = Json::array();
    Json observations_ = Json::array();
};

/// Old blocks live on below when the file system moved the file's blocks instead of rewriting them.
void check_blocks_stayed(const LocationPlan& plan, const HeldTarget& target,
                         method::Outcome& outcome) {
    const auto after = target.extents();
    const bool moved = device::blocks_moved(plan.extents, after.extents);
    outcome.record["extentsAfter"] =
        ObjectWriter().add("shared", after.shared_count).add("sameBlocks", !moved).take();
    if (moved) {
        outcome.verdict = method::worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::blocks_moved,
             "the file system moved blocks of the file: the old ones may still hold the keys"});
    }
}

/// The digests of the survey; they are in the record because the certificate shows them.
std::vector<method::AreaDigest> pre_state_of(const LocationPlan& plan) {
    std::vector<method::AreaDigest> areas;
    for (const auto& area : plan.record.at("preState")) {
        areas.push_back(
            {area.at("name").get<std::string>(),
             {area.at("offset").get<std::uint64_t>(), area.at("length").get<std::uint64_t>()},
             area.at("sha256").get<std::string>()});
    }
    return areas;
}

method::Outcome run_location(RunContext& context, RunNotes& notes, const LocationPlan& plan,
                             guard::Held cleared, const SecretBytes* credential,
                             ProgressSink& progress, const std::stop_token& stop) {
    notes.work_begins();
    method::LuksKeyTask task;
    task.path = plan.path;
    task.luks_uuid = plan.luks_uuid;
    task.region = plan.region;
    task.first = plan.first;
    task.stream_key = SecretBytes(ByteView(plan.stream_key));
    task.before = pre_state_of(plan);
    task.destroy_slots = plan.destroy_slots;
    device::LuksLocation location{plan.path, std::nullopt};
    if (!plan.data_path.empty()) {
        location.data = plan.data_path;
    }
    method::LuksKeyDestruction method(task, cleared.target->storage(), context.host.luks_library(),
                                      location, context.host, credential, context.clock);
    auto outcome = method.run(std::move(cleared.clearance), progress, stop);
    outcome.record["verification"]["directIo"] = cleared.target->direct_io();
    if (!plan.extents.empty() && !stop.stop_requested()) {
        check_blocks_stayed(plan, *cleared.target, outcome);
    }
    outcome.record["status"] = method::to_string(outcome.verdict);
    return outcome;
}

Json to_json(const VolumeState& state) {
    return ObjectWriter()
        .add("plan", to_journal(state.plan))
        .add("done", state.done)
        .add("attempt", state.attempt)
        .add("outcome", state.outcome)
        .add("observations", state.observations)
        .add("keptAt", state.kept_at)
        .take();
}

}  // namespace

VolumeState load_volume(const std::filesystem::path& folder, std::size_t index) {
    const auto json = read_document(folder, file_name(index));
    if (!json) {
        journal_damaged(file_name(index), "it has disappeared");
    }
    return read_journal(file_name(index), [&] {
        VolumeState state;
        state.plan = from_journal(json->at("plan"));
        json->at("done").get_to(state.done);
        json->at("attempt").get_to(state.attempt);
        state.outcome = json->at("outcome");
        state.observations = json->at("observations");
        json->at("keptAt").get_to(state.kept_at);
        require_same(*json, to_json(state));
        check_volume_state(state);
        return state;
    });
}

void save_volume(const Journal& journal, std::size_t index, VolumeState& state, WallTime now) {
    state.kept_at = to_rfc3339(now);
    journal.save(file_name(index), to_json(state));
}

bool run_volume(RunContext& context, RunNotes& notes, const mandate::Volume& volume,
                VolumeState& state, bool resumed, ProgressSink& progress,
                const std::stop_token& stop) {
    context.events.emit(
        "started",
        ObjectWriter()
            .add("target", ObjectWriter().add("name", volume.name).add("uuid", volume.uuid).take())
            .take());
    VolumeOutcome result(state.plan);
    for (const auto& location : state.plan.locations) {
        if (stop.stop_requested()) {
            return false;
        }
        bool begun = false;
        try {
            std::optional<SecretBytes> credential;
            if (volume.credential) {
                credential = read_credential(*volume.credential);
            }
            auto cleared = Guard(context.host, context.random).clear(location, resumed);
            begun = true;
            result.add(location, run_location(context, notes, location, std::move(cleared),
                                              credential ? &*credential : nullptr, progress, stop));
        } catch (const Error& error) {
            const char* before = begun     ? ""
                                 : resumed ? "refused before this process wrote anything there: "
                                           : "refused before anything was written there: ";
            result.fail(location, {error.reason(), before + printable(error.what())});
        }
    }
    if (stop.stop_requested()) {
        return false;
    }
    std::move(result).conclude(state);
    return true;
}

void fail_volume(VolumeState& state, const Reason& reason) {
    VolumeOutcome result(state.plan);
    for (const auto& location : state.plan.locations) {
        result.fail(location, reason);
    }
    std::move(result).conclude(state);
}

bool object_to_outcome(VolumeState& state, const Reason& reason) {
    Json& reasons = state.outcome.at("reasons");
    auto entry = efface::to_json(reason);
    if (std::find(reasons.begin(), reasons.end(), entry) != reasons.end()) {
        return false;
    }
    reasons.push_back(std::move(entry));
    const auto verdict = method::worst(result_of(state.outcome).verdict, Verdict::not_sanitized);
    state.outcome["status"] = method::to_string(verdict);
    state.outcome["level"] = method::to_string(method::Level::none);
    return true;
}

namespace {

constexpr std::uint64_t kLookBytes = 4096;
constexpr std::uint64_t kPieceEvery = std::uint64_t{1} << 20U;

/// The first piece that is not what was written there.
std::optional<std::uint64_t> changed_since(device::BlockTarget& target, const LocationPlan& plan) {
    stream::KeyedStream written(plan.stream_key);
    for (const auto& range : plan.region.ranges) {
        for (std::uint64_t at = 0; at < range.length; at += kPieceEvery) {
            Bytes now(static_cast<std::size_t>(std::min(kLookBytes, range.length - at)));
            if (target.read_at(range.offset + at, now).complete(now.size()) &&
                !written.equals(range.offset + at, now)) {
                return range.offset + at;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Reason> changed_since(Host& host, const VolumePlan& plan) {
    for (const auto& location : plan.locations) {
        const auto where = fmt::format("{}: {}", plan.name, printable(location.path));
        try {
            const auto identity = host.identify(location.path);
            if (identity.size_bytes != location.size_bytes || identity.serial != location.serial ||
                identity.inode != location.inode) {
                return Reason{ReasonCode::other_identity,
                              where + ": another device or file is at this path now"};
            }
            const auto target = host.open(location.path, device::Access::read_only);
            if (const auto offset = changed_since(target->storage(), location)) {
                return Reason{ReasonCode::written_since,
                              fmt::format("{}: something was written there since, at byte {}",
                                          where, *offset)};
            }
        } catch (const Error& error) {
            return Reason{
                error.code() == ErrorCode::usage ? ReasonCode::target_absent : error.reason(),
                fmt::format("{}: {}", where, printable(error.what()))};
        }
    }
    return std::nullopt;
}

VolumeResult result_of(const Json& outcome) {
    VolumeResult result;
    result.name = outcome.at("name").get<std::string>();
    result.verdict = method::verdict_from_string(outcome.at("status").get<std::string>())
                         .value_or(Verdict::not_sanitized);
    result.level = method::level_from_string(outcome.at("level").get<std::string>())
                       .value_or(method::Level::none);
    result.reasons = reasons_from_json(outcome.at("reasons"));
    return result;
}

}  // namespace efface::job
