// SPDX-License-Identifier: Apache-2.0
#include "efface/job/project_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/inventory/folder.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "certificate_parts.hpp"
#include "certified_run.hpp"
#include "in_force.hpp"
#include "machine.hpp"
#include "record.hpp"
#include "volume_run.hpp"
#include "workers.hpp"

namespace efface::job {

namespace {

using method::Verdict;

constexpr std::size_t kJobIdBytes = 16;

bool good(const VolumeState& volume) {
    const auto verdict = result_of(volume.outcome).verdict;
    return verdict == Verdict::sanitized || verdict == Verdict::sanitized_with_exceptions;
}

void refuse_as_planned(const ProjectPlan& plan) {
    refuse("refused, nothing was changed:", plan.objections());
}

/// What overlapping() asks of a place.
inventory::Identity identity_of(const LocationPlan& location) {
    inventory::Identity identity;
    identity.canonical_path = location.path;
    identity.kind = location.inode == 0 ? inventory::Kind::other : inventory::Kind::file;
    identity.inode = location.inode;
    const auto number = location.record.at("identity").at("deviceNumber").get<std::string>();
    const auto colon = number.find(':');
    identity.major = static_cast<unsigned>(inventory::number_or(number.substr(0, colon), 0));
    identity.minor = static_cast<unsigned>(inventory::number_or(number.substr(colon + 1), 0));
    return identity;
}

/// Two names of one place (a link, a second path) would be erased twice, the second time in vain.
void object_to_repetitions(Host& host, ProjectPlan& plan) {
    std::vector<inventory::Identity> identities;
    std::vector<VolumePlan*> owners;
    for (auto& volume : plan.volumes) {
        for (const auto& location : volume.locations) {
            identities.push_back(identity_of(location));
            owners.push_back(&volume);
        }
    }
    for (const auto& [one, other] : host.overlapping(identities)) {
        owners[other]->objections.push_back(
            {{ReasonCode::same_storage_twice,
              fmt::format("{}: {} is the same storage as another place of {}, or a part of it",
                          owners[other]->name, identities[other].canonical_path,
                          owners[one]->name)}});
    }
}

class ProjectRun final {
  public:
    ProjectRun(RunContext& context, const RunRequest& request, std::stop_token stop)
        : context_(context),
          request_(request),
          stop_(std::move(stop)),
          run_(context, job_id_of(request.manifest), mandate::project_identity(request.manifest)) {}

    RunResult run();

  private:
    void begin();
    void resume();
    void refuse_used();
    void erase_volumes();
    void erase_volume(std::size_t index, bool resumed, ProgressSink& progress);
    CertifiedRun::Content certificate(WallTime now) const;
    void take_lowered(const Json& predicate);
    RunResult result(bool changed) const;

    RunContext& context_;
    const RunRequest& request_;
    std::stop_token stop_;
    CertifiedRun run_;
    std::vector<VolumeState> volumes_;
    bool resumed_ = false;  ///< targets may have been written by an earlier process or attempt
};

RunResult ProjectRun::run() {
    context_.events.set_job(run_.job_id());
    context_.events.emit("accepted", ObjectWriter()
                                         .add("project", request_.manifest.project_id)
                                         .add("volumes", request_.manifest.volumes.size())
                                         .take());
    if (!run_.begun()) {
        begin();
    } else {
        const bool delivered = run_.ended_well();
        resume();
        if (delivered) {
            return result(false);
        }
    }
    if (run_.state().phase == Phase::announcing) {
        // Who was asked may have taken long.
        check_in_force(request_.manifest.terms, context_.clock, &run_.state());
        run_.announce(ObjectWriter()
                          .add("manifest", sha256_record(request_.manifest.sha256))
                          .add("technique", "cryptographic-erase")
                          .take());
    }
    if (run_.state().phase == Phase::running) {
        erase_volumes();
    }
    run_.deliver([&](WallTime now) { return certificate(now); },
                 [&](const Json& predicate) { take_lowered(predicate); });
    return result(true);
}

/// The first time: look at everything, ask, and keep the plans. Nothing is changed on a target.
void ProjectRun::begin() {
    check_in_force(request_.manifest.terms, context_.clock);
    auto plan = make_plan(context_, request_.manifest, request_.workers);
    refuse_as_planned(plan);
    if (!request_.expected_plan_digest.empty() &&
        request_.expected_plan_digest != plan_digest(request_.manifest, plan)) {
        throw Error(ErrorCode::safety, ReasonCode::plan_changed,
                    "the plan is no longer the one that was shown",
                    "run efface plan again and read it");
    }
    const auto authorization = request_.authorize(plan);
    Guard guard(context_.host, context_.random);
    for (std::size_t i = 0; i < plan.volumes.size(); ++i) {  // one by one: argon2 takes memory
        guard.try_credential(plan.volumes[i], request_.manifest.volumes[i]);
    }
    refuse_as_planned(plan);
    for (auto& volume : plan.volumes) {
        for (auto& location : volume.locations) {
            location.stream_key.resize(stream::kStreamKeyBytes);
            context_.random.fill(location.stream_key);
        }
        VolumeState state;
        state.plan = std::move(volume);
        state.observations = Json::array();
        volumes_.push_back(std::move(state));
    }
    for_each_in_parallel(volumes_.size(), request_.workers,
                         [&](std::size_t i) { save_volume(run_.journal(), i, volumes_[i]); });
    auto& state = run_.state();
    state.kind = "project";
    state.subject = request_.manifest.project_id;
    state.authorization = authorization_json(authorization);
    state.approvals_der = to_base64(authorization.approvals_der);
    run_.begin_attempt(1);
}

/// An earlier process ended before the run did, or the earlier attempt failed: its plans hold,
/// because the headers may be gone.
void ProjectRun::resume() {
    if (run_.of_other_version()) {
        return;  // erased; its certificate tells of the volumes
    }
    for (std::size_t i = 0; i < request_.manifest.volumes.size(); ++i) {
        volumes_.push_back(load_volume(run_.journal(), i));
    }
    const auto& state = run_.state();
    resumed_ = (state.phase != Phase::announcing && !run_.refused()) || state.attempt > 1;
    const bool again = state.phase == Phase::done && !run_.ended_well();
    const std::uint64_t attempt = state.attempt + (again ? 1 : 0);
    for (auto& volume : volumes_) {  // what an earlier attempt did not sanitize is done again
        volume.done = volume.done && (volume.attempt == attempt || good(volume));
    }
    if (run_.ended_well()) {
        return;
    }
    check_in_force(request_.manifest.terms, context_.clock, &state,
                   std::all_of(volumes_.begin(), volumes_.end(),
                               [](const VolumeState& volume) { return volume.done; }));
    if (again) {
        run_.begin_attempt(attempt);
    } else if (state.phase == Phase::running) {
        run_.note_interruption();
    }
}

/// Every place of every volume is looked at before the first byte of any is changed: who began to
/// use one since the plan was made keeps the whole project.
void ProjectRun::refuse_used() {
    // They wait for a look at the machine, which serves all who wait (guard::Looks).
    constexpr unsigned kWaitingAtOnce = 50;
    std::vector<std::optional<Error>> refusals(volumes_.size());
    for_each_in_parallel(volumes_.size(), kWaitingAtOnce, [&](std::size_t i) {
        Guard guard(context_.host, context_.random);
        try {
            for (const auto& location : volumes_[i].plan.locations) {
                (void)guard.clear(location, false);
            }
        } catch (const Error& error) {
            refusals[i] = error;
        }
    });
    for (const auto& refusal : refusals) {
        if (refusal &&
            (refusal->code() == ErrorCode::safety || refusal->code() == ErrorCode::busy)) {
            run_.refuse(*refusal);
            throw *refusal;
        }
    }
}

void ProjectRun::erase_volumes() {
    std::uint64_t bytes = 0;
    for (const auto& volume : volumes_) {
        for (const auto& location : volume.plan.locations) {
            bytes += volume.done ? 0 : 2 * stream::total_bytes(location.region.ranges);
        }
    }
    ProgressMeter meter(context_.events, context_.clock, bytes);
    const bool resumed = resumed_;
    if (!resumed) {
        refuse_used();
    }
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        if (!volumes_[i].done && !stop_.stop_requested()) {
            erase_volume(i, resumed, meter);
        }
    });
    for (const auto& volume : volumes_) {
        if (!volume.done) {
            throw Error(ErrorCode::interrupted, "stopped at a safe point",
                        "run the same command again: it goes on where it stopped");
        }
    }
    run_.enter(Phase::staging);
}

void ProjectRun::erase_volume(std::size_t index, bool resumed, ProgressSink& progress) {
    auto& state = volumes_[index];
    if (!run_volume(context_, request_.manifest.volumes[index], state, resumed, progress, stop_)) {
        return;
    }
    state.attempt = run_.state().attempt;
    save_volume(run_.journal(), index, state);
    const auto result = result_of(state.outcome);
    context_.events.emit("verified", ObjectWriter()
                                         .add("target", event_target(result.name))
                                         .add("status", to_string(result.verdict))
                                         .add("level", to_string(result.level))
                                         .add("reasons", result.reasons)
                                         .take());
}

CertifiedRun::Content ProjectRun::certificate(WallTime now) const {
    const auto& manifest = request_.manifest;
    Json outcomes = Json::array();
    std::string observations;
    for (const auto& volume : volumes_) {
        outcomes.push_back(volume.outcome);
        for (const auto& observation : volume.observations) {
            observations += canonical_json(observation) + "\n";
        }
    }
    auto files = evidence_files(manifest.text, run_.state().approvals_der, observations);
    return {make_predicate({manifest, run_.state(), run_.keys(), std::move(outcomes),
                            run_.attempts(), make_uuid_v7(context_.clock, context_.random), now,
                            tool_record(request_.program), environment_record()}),
            std::move(files)};
}

/// What the certificate says of each volume is what the run says.
void ProjectRun::take_lowered(const Json& predicate) {
    for (std::size_t i = 0; i < volumes_.size(); ++i) {
        const Json& volume = predicate.at("volumes").at(i);
        if (volumes_[i].outcome != volume) {
            volumes_[i].outcome = volume;
            save_volume(run_.journal(), i, volumes_[i]);
        }
    }
}

RunResult ProjectRun::result(bool changed) const {
    const auto& state = run_.state();
    RunResult result;
    result.job_id = run_.job_id();
    result.run_id = state.run_id;
    result.verdict = method::verdict_from_string(state.verdict).value_or(Verdict::not_sanitized);
    result.level = method::level_from_string(state.level).value_or(method::Level::none);
    result.changed = changed;
    result.bundle = run_.bundle_path();
    result.certificate_sha256 = state.certificate_sha256;
    for (const auto& volume : volumes_) {
        result.volumes.push_back(result_of(volume.outcome));
    }
    run_.report_delivered(changed);
    return result;
}

}  // namespace

std::string job_id_of(const mandate::Manifest& manifest) {
    const auto digest = sha256("efface project erase 1\n" + manifest.sha256);
    return to_hex(ByteView(digest).first(kJobIdBytes));
}

ProjectPlan make_plan(RunContext& context, const mandate::Manifest& manifest, unsigned workers) {
    ProjectPlan plan;
    plan.volumes.resize(manifest.volumes.size());
    for_each_in_parallel(manifest.volumes.size(), workers, [&](std::size_t i) {
        Guard guard(context.host, context.random);
        plan.volumes[i] = guard.survey(manifest.volumes[i], manifest);
    });
    object_to_repetitions(context.host, plan);
    return plan;
}

RunResult run_project(RunContext& context, const RunRequest& request, std::stop_token stop) {
    return ProjectRun(context, request, std::move(stop)).run();
}

}  // namespace efface::job
