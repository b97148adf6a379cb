// SPDX-License-Identifier: Apache-2.0
#include "efface/job/project_run.hpp"

#include <fmt/format.h>

#include <map>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "journal.hpp"
#include "machine.hpp"
#include "record.hpp"
#include "volume_run.hpp"
#include "workers.hpp"

namespace efface::job {

namespace {

using method::Verdict;

constexpr std::size_t kJobIdBytes = 16;

bool ended_well(const RunState& state) {
    return state.verdict == to_string(Verdict::sanitized) ||
           state.verdict == to_string(Verdict::sanitized_with_exceptions);
}

bool good(const VolumeState& volume) {
    const auto verdict = result_of(volume.outcome).verdict;
    return verdict == Verdict::sanitized || verdict == Verdict::sanitized_with_exceptions;
}

Json authorization_json(const Authorization& authorization) {
    Json approvals = Json::array();
    for (const auto& approval : authorization.approvals) {
        approvals.push_back({{"subject", approval.subject},
                             {"subjectPublicKeySha256", approval.spki_sha256},
                             {"signedAt", to_rfc3339(approval.signed_at)}});
    }
    return {{"confirmation", authorization.confirmation},
            {"operator", authorization.operator_name},
            {"approvals", approvals}};
}

/// The first entry of this run and type at or behind `from`; nullopt when there is none.
std::optional<std::uint64_t> find_entry(const evidence::Log& log, std::uint64_t from,
                                        const char* type, const std::string& run_id) {
    for (std::uint64_t index = from; index < log.size(); ++index) {
        const Json entry = parse_json(log.entry(index), "log entry");
        if (entry.value("type", "") == type && entry.value("runId", "") == run_id) {
            return index;
        }
    }
    return std::nullopt;
}

/// Refuses with everything that speaks against the plan; the first objection gives the status.
void refuse_objections(const ProjectPlan& plan) {
    const auto objections = plan.objections();
    if (objections.empty()) {
        return;
    }
    std::string text;
    auto code = ErrorCode::usage;
    for (const auto& objection : objections) {
        text += (text.empty() ? "" : "\n  ") + objection.what;
        code = objection.code == ErrorCode::safety ? ErrorCode::safety : code;
    }
    throw Error(code, "refused, nothing was changed:\n  " + text);
}

/// Two names of one place (a link, a second path) would be erased twice, the second time in vain.
void object_to_repetitions(ProjectPlan& plan) {
    std::map<std::string, std::string> seen;
    for (auto& volume : plan.volumes) {
        for (const auto& location : volume.locations) {
            const auto& identity = location.record.at("identity");
            const auto place =
                location.inode == 0
                    ? location.path
                    : fmt::format("{} inode {}", identity.at("deviceNumber").get<std::string>(),
                                  location.inode);
            const auto [first, fresh] = seen.emplace(place, volume.name);
            if (!fresh) {
                volume.objections.push_back(
                    {fmt::format("{}: {} is the same storage as another place of {}", volume.name,
                                 location.path, first->second),
                     ErrorCode::safety});
            }
        }
    }
}

class ProjectRun final {
  public:
    ProjectRun(RunContext& context, const RunRequest& request, std::stop_token stop)
        : context_(context),
          request_(request),
          stop_(std::move(stop)),
          job_id_(job_id_of(request.manifest)),
          keys_(evidence::KeyStore::open(context.state.keys())),
          identity_sha256_(sha256_hex(canonical_json(project_identity(request.manifest)))),
          journal_(context.state.jobs(), job_id_),
          attempts_(context.state.jobs(), identity_sha256_) {}

    RunResult run();

  private:
    void begin();
    void begin_attempt(std::uint64_t attempt);
    void resume();
    void announce();
    void erase_volumes();
    void erase_volume(std::size_t index, bool resumed, ProgressSink& progress);
    void stage();
    void log_outcome();
    void publish();
    RunResult result(bool changed) const;

    [[nodiscard]] std::vector<evidence::EvidenceFile> evidence_files() const;
    [[nodiscard]] std::filesystem::path bundle_path() const {
        return context_.state.certificates() / state_.bundle;
    }
    void enter(Phase phase) {
        state_.phase = phase;
        journal_.save_run(state_);
    }

    RunContext& context_;
    const RunRequest& request_;
    std::stop_token stop_;
    std::string job_id_;
    evidence::KeyStore keys_;
    std::string identity_sha256_;
    Journal journal_;
    AttemptIndex attempts_;
    RunState state_;
    std::vector<VolumeState> volumes_;
    bool resumed_ = false;  ///< targets may have been written by an earlier process or attempt
};

RunResult ProjectRun::run() {
    context_.events.set_job(job_id_);
    context_.events.emit("accepted", {{"project", request_.manifest.project_id},
                                      {"volumes", request_.manifest.volumes.size()}});
    const auto before = journal_.load_run();
    if (before && before->phase == Phase::done && ended_well(*before)) {
        state_ = *before;
        resume();
        return result(false);
    }
    if (!before) {
        begin();
    } else {
        state_ = *before;
        resume();
    }
    if (state_.phase == Phase::announcing) {
        announce();
    }
    if (state_.phase == Phase::running) {
        erase_volumes();
    }
    try {
        if (state_.phase == Phase::staging) {
            stage();
        }
        if (state_.phase == Phase::logging) {
            log_outcome();
        }
        if (state_.phase == Phase::publishing) {
            publish();
        }
    } catch (const Error& error) {
        throw Error(ErrorCode::evidence,
                    fmt::format("every volume has its outcome, but the evidence could not be "
                                "delivered: {}",
                                error.what()),
                    "mend the cause and run the same command again: nothing is erased twice");
    }
    return result(true);
}

/// The first time: look at everything, ask, and keep the plans. Nothing is changed on a target.
void ProjectRun::begin() {
    check_dates(request_.manifest, context_.clock.now());
    auto plan = make_plan(context_, request_.manifest, request_.workers);
    refuse_objections(plan);
    if (!request_.expected_plan_digest.empty() &&
        request_.expected_plan_digest != plan_digest(request_.manifest, plan)) {
        throw Error(ErrorCode::safety, "the plan is no longer the one that was shown",
                    "run efface plan again and read it");
    }
    const auto authorization = request_.authorize(plan);
    Guard guard(context_.host, context_.random);
    for (std::size_t i = 0; i < plan.volumes.size(); ++i) {  // one by one: argon2 takes memory
        guard.try_credential(plan.volumes[i], request_.manifest.volumes[i]);
    }
    refuse_objections(plan);
    state_.authorization = authorization_json(authorization);
    state_.approvals_der = to_base64(authorization.approvals_der);
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
                         [&](std::size_t i) { journal_.save_volume(i, volumes_[i]); });
    begin_attempt(1);
}

void ProjectRun::begin_attempt(std::uint64_t attempt) {
    state_.attempt = attempt;
    state_.run_id = make_uuid_v7(context_.clock, context_.random);
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.interruptions = 0;
    state_.bundle = request_.manifest.project_id + "-" + state_.run_id;
    state_.log_size_before = evidence::Log::open(context_.state.log(), keys_.log_signer()).size();
    enter(Phase::announcing);
}

/// An earlier process ended before the run did, or the earlier attempt failed: its plans hold,
/// because the headers may be gone.
void ProjectRun::resume() {
    for (std::size_t i = 0; i < request_.manifest.volumes.size(); ++i) {
        auto volume = journal_.load_volume(i);
        if (!volume) {
            throw Error(ErrorCode::internal,
                        fmt::format("the journal of job {} has lost volume {}", job_id_, i));
        }
        volumes_.push_back(*std::move(volume));
    }
    resumed_ = state_.phase != Phase::announcing || state_.attempt > 1;
    if (state_.phase == Phase::done && !ended_well(state_)) {
        check_dates(request_.manifest, context_.clock.now());
        begin_attempt(state_.attempt + 1);
    } else if (state_.phase == Phase::running) {
        ++state_.interruptions;
        enter(Phase::running);
        context_.events.emit("resumed", {{"run_id", state_.run_id}});
    }
    for (auto& volume : volumes_) {  // what an earlier attempt did not sanitize is done again
        volume.done = volume.done && (volume.attempt == state_.attempt || good(volume));
    }
}

/// The intent is in the log, durably, before the first destructive command.
void ProjectRun::announce() {
    auto log = evidence::Log::open(context_.state.log(), keys_.log_signer());
    auto index = find_entry(log, state_.log_size_before, "run-intent", state_.run_id);
    if (!index) {
        index = log.append({{"type", "run-intent"},
                            {"at", to_rfc3339(context_.clock.now())},
                            {"runId", state_.run_id},
                            {"jobId", job_id_},
                            {"device", identity_sha256_},
                            {"manifest", {{"sha256", request_.manifest.sha256}}},
                            {"technique", "luks-key-destruction"},
                            {"attempt", state_.attempt}})
                    .index;
    }
    state_.intent_index = *index;
    state_.intent_leaf_hash = to_hex(evidence::leaf_hash(as_bytes(log.entry(*index))));
    state_.checkpoint = log.checkpoint();
    enter(Phase::running);
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
    enter(Phase::staging);
}

void ProjectRun::erase_volume(std::size_t index, bool resumed, ProgressSink& progress) {
    auto& state = volumes_[index];
    if (!run_volume(context_, request_.manifest.volumes[index], state, resumed, progress, stop_)) {
        return;
    }
    state.attempt = state_.attempt;
    journal_.save_volume(index, state);
    const auto result = result_of(state.outcome);
    context_.events.emit("verified", {{"target", {{"name", result.name}}},
                                      {"status", to_string(result.verdict)},
                                      {"level", to_string(result.level)},
                                      {"reasons", result.reasons}});
}

std::vector<evidence::EvidenceFile> ProjectRun::evidence_files() const {
    std::vector<evidence::EvidenceFile> files;
    const auto add = [&](std::string name, std::string type, ByteView content) {
        files.push_back({std::move(name), std::move(type), {content.begin(), content.end()}});
    };
    add("evidence/manifest.json", "application/json", as_bytes(request_.manifest.text));
    if (const auto approvals = from_base64(state_.approvals_der);
        approvals && !approvals->empty()) {
        add("evidence/manifest.json.p7s", "application/pkcs7-signature", *approvals);
    }
    std::string lines;
    for (const auto& volume : volumes_) {
        for (const auto& observation : volume.observations) {
            lines += canonical_json(observation) + "\n";
        }
    }
    add("evidence/observations.jsonl", "application/jsonl", as_bytes(lines));
    return files;
}

void ProjectRun::stage() {
    Json outcomes = Json::array();
    for (const auto& volume : volumes_) {
        outcomes.push_back(volume.outcome);
    }
    const auto now = context_.clock.now();
    auto predicate = make_predicate({request_.manifest, state_, keys_, keys_.log_signer().name(),
                                     std::move(outcomes), attempts_.load(),
                                     make_uuid_v7(context_.clock, context_.random), now,
                                     tool_record(request_.program), environment_record()});
    state_.verdict = predicate.at("result").at("status").get<std::string>();
    state_.level = predicate.at("result").at("level").get<std::string>();
    const auto files = evidence_files();
    const auto staged = evidence::stage_bundle(
        journal_.staging(), evidence::make_statement(std::move(predicate), files), files, keys_,
        now);
    state_.certificate_sha256 = staged.certificate_sha256;
    state_.signature_sha256 = staged.signature_sha256;
    enter(Phase::logging);
}

void ProjectRun::log_outcome() {
    auto log = evidence::Log::open(context_.state.log(), keys_.log_signer());
    auto index = find_entry(log, state_.intent_index, "run-outcome", state_.run_id);
    if (!index) {
        index = log.append({{"type", "run-outcome"},
                            {"at", to_rfc3339(context_.clock.now())},
                            {"runId", state_.run_id},
                            {"intent", state_.intent_index},
                            {"status", state_.verdict},
                            {"certificate", {{"sha256", state_.certificate_sha256}}},
                            {"signature", {{"sha256", state_.signature_sha256}}}})
                    .index;
    }
    state_.outcome_index = *index;
    attempts_.add({to_hex(evidence::leaf_hash(as_bytes(log.entry(*index)))), *index, state_.run_id,
                   state_.verdict});
    enter(Phase::publishing);
}

void ProjectRun::publish() {
    if (!std::filesystem::exists(bundle_path())) {
        const auto log = evidence::Log::open(context_.state.log(), keys_.log_signer());
        make_directories_durably(context_.state.certificates(), 0755);
        evidence::publish_bundle(journal_.staging(), log.prove(state_.outcome_index),
                                 bundle_path());
    }
    sync_directory(context_.state.certificates());  // also when an earlier process renamed it
    enter(Phase::done);
}

RunResult ProjectRun::result(bool changed) const {
    RunResult result;
    result.job_id = job_id_;
    result.run_id = state_.run_id;
    result.verdict = method::verdict_from_string(state_.verdict).value_or(Verdict::not_sanitized);
    result.level = method::level_from_string(state_.level).value_or(method::Level::none);
    result.changed = changed;
    result.bundle = bundle_path();
    result.certificate_sha256 = state_.certificate_sha256;
    for (const auto& volume : volumes_) {
        result.volumes.push_back(result_of(volume.outcome));
    }
    const auto staged = evidence::staged_digests(result.bundle, keys_.root_certificate_pem());
    if (!staged || staged->certificate_sha256 != state_.certificate_sha256) {
        throw Error(ErrorCode::evidence,
                    fmt::format("{}: the certificate of this run is missing or altered",
                                result.bundle.string()),
                    "restore it from where certificates are kept; the log still names its digest");
    }
    context_.events.emit(
        "result", {{"status", state_.verdict}, {"level", state_.level}, {"changed", changed}});
    context_.events.emit("evidence", {{"bundle", result.bundle.string()},
                                      {"certificate_sha256", state_.certificate_sha256}});
    return result;
}

}  // namespace

int RunResult::exit_code() const noexcept {
    switch (verdict) {
        case Verdict::sanitized:
            return 0;
        case Verdict::sanitized_with_exceptions:
            return 4;
        case Verdict::indeterminate:
        case Verdict::not_sanitized:
            return 3;
    }
    return 3;
}

std::string job_id_of(const Manifest& manifest) {
    const auto digest = sha256("efface project erase 1\n" + manifest.sha256);
    return to_hex(ByteView(digest).first(kJobIdBytes));
}

ProjectPlan make_plan(RunContext& context, const Manifest& manifest, unsigned workers) {
    ProjectPlan plan;
    plan.volumes.resize(manifest.volumes.size());
    for_each_in_parallel(manifest.volumes.size(), workers, [&](std::size_t i) {
        Guard guard(context.host, context.random);
        plan.volumes[i] = guard.survey(manifest.volumes[i], manifest);
    });
    object_to_repetitions(plan);
    return plan;
}

RunResult run_project(RunContext& context, const RunRequest& request, std::stop_token stop) {
    return ProjectRun(context, request, std::move(stop)).run();
}

}  // namespace efface::job
