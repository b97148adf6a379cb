// SPDX-License-Identifier: Apache-2.0
#include "efface/base/digest.hpp"
#include "efface/job/project_run.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "guard/key_copies.hpp"
#include "host/forward_clock.hpp"
#include "host/machine.hpp"
#include "journal/check.hpp"
#include "journal/earlier_job.hpp"
#include "record/certificate_parts.hpp"
#include "record/project_record.hpp"
#include "run/run.hpp"
#include "survey.hpp"
#include "volume_run.hpp"
#include "workers.hpp"

namespace efface::job {

namespace {

using method::Verdict;

constexpr std::size_t kJobIdBytes = 16;

bool good(const VolumeState& volume) {
    return is_success(result_of(volume.outcome).verdict);
}

class ProjectWork final : public Work {
  public:
    ProjectWork(RunContext& context, const ProjectRequest& request)
        : context_(context), request_(request) {}

    [[nodiscard]] const char* kind() const override { return "project"; }
    [[nodiscard]] std::string name() const override { return request_.manifest.project_id; }
    [[nodiscard]] std::string subject() const override { return request_.manifest.project_id; }
    [[nodiscard]] RunNeeds needs() const override;
    [[nodiscard]] const mandate::Terms* terms() const override { return &request_.manifest.terms; }
    [[nodiscard]] std::string document_sha256() const override { return request_.manifest.sha256; }

    [[nodiscard]] bool is_done_once() const override { return true; }

    [[nodiscard]] std::optional<std::string> known_job() override { return new_job(); }
    [[nodiscard]] std::string new_job() override { return job_id_of(request_.manifest); }
    [[nodiscard]] std::optional<Json> identity_in(const std::filesystem::path& folder) override;
    void load(const std::filesystem::path& folder, const RunState& run) override;
    [[nodiscard]] WallTime kept_at() const override;

    [[nodiscard]] std::vector<Objection> look() override;
    [[nodiscard]] Json identity() const override {
        return mandate::project_identity(request_.manifest);
    }
    [[nodiscard]] std::string digest() const override {
        return plan_digest(request_.manifest, plan_);
    }
    [[nodiscard]] mandate::Authorization authorize() const override {
        return request_.authorize(plan_);
    }
    [[nodiscard]] std::vector<Objection> look_permitted() override;
    [[nodiscard]] Json accepted() const override;
    void begin() override;
    void save(const Journal& journal) override;

    [[nodiscard]] Standing standing() override;
    /// Every place is looked at when the run comes to it: the headers of those where it was may
    /// be gone.
    [[nodiscard]] std::vector<Objection> look_again() override { return {}; }
    void come_back(const CertifiedRun& /*run*/) override {}
    void begin_again(const CertifiedRun& run) override;

    [[nodiscard]] Json intent() const override;
    void carry_out(RunNotes& notes, bool resumed, const std::stop_token& stop) override;
    [[nodiscard]] std::optional<Verdict> verdict() const override;
    [[nodiscard]] CertifiedRun::Content certificate(const CertifiedRun& run,
                                                    WallTime now) const override;
    [[nodiscard]] CertifiedRun::Content trial(const CertifiedRun& run, WallTime now) const override;
    void take_lowered(const CertifiedRun& run, const Json& predicate) override;
    void describe(RunResult& result) const override;

    /// After look() or load().
    [[nodiscard]] ProjectPlan plan() const;

  private:
    void refuse_used(RunNotes& notes);
    void look_at_done();
    [[nodiscard]] std::vector<KeyCopies::Copy> key_copies();
    void look_for_key_copies(const RunNotes& notes);
    void tell_verified(const VolumeState& state);
    [[nodiscard]] CertifiedRun::Content certificate_of(const std::vector<VolumeState>& volumes,
                                                       const CertifiedRun& run, WallTime now) const;
    void erase_volume(std::size_t index, RunNotes& notes, bool resumed, ProgressSink& progress,
                      const std::stop_token& stop);

    RunContext& context_;
    const ProjectRequest& request_;
    ProjectPlan plan_;
    std::vector<VolumeState> volumes_;
};

RunNeeds ProjectWork::needs() const {
    constexpr std::uint64_t kDescriptorsOfAWorker = 8;
    constexpr std::uint64_t kStateBytesOfAVolume = std::uint64_t{64} << 10U;
    return {.descriptors = 24 + kDescriptorsOfAWorker * request_.workers,
            .memory_bytes = std::uint64_t{64} << 20U,
            .state_bytes = (std::uint64_t{1} << 20U) +
                           kStateBytesOfAVolume * request_.manifest.volumes.size()};
}

std::optional<Json> ProjectWork::identity_in(const std::filesystem::path& folder) {
    std::error_code error;
    return std::filesystem::exists(folder, error) ? std::optional(identity()) : std::nullopt;
}

/// Plans of an earlier process hold, because the headers may be gone.
void ProjectWork::load(const std::filesystem::path& folder, const RunState& run) {
    for (std::size_t i = 0; i < request_.manifest.volumes.size(); ++i) {
        auto volume = load_volume(folder, i);
        // What an earlier attempt did not sanitize is done again.
        volume.done = volume.done && (volume.attempt == run.attempt || good(volume));
        volumes_.push_back(std::move(volume));
    }
}

WallTime ProjectWork::kept_at() const {
    WallTime latest{};
    for (const auto& volume : volumes_) {
        latest = std::max(latest, date_from_journal(volume.kept_at));
    }
    return latest;
}

std::vector<Objection> ProjectWork::look() {
    plan_ = survey_volumes(context_, request_.manifest, request_.workers);
    return plan_.objections();
}

std::vector<Objection> ProjectWork::look_permitted() {
    Guard guard(context_.host, context_.random);
    for (std::size_t i = 0; i < plan_.volumes.size(); ++i) {  // one by one: argon2 takes memory
        guard.try_credential(plan_.volumes[i], request_.manifest.volumes[i]);
    }
    return plan_.objections();
}

Json ProjectWork::accepted() const {
    return ObjectWriter()
        .add("project", request_.manifest.project_id)
        .add("volumes", request_.manifest.volumes.size())
        .take();
}

void ProjectWork::begin() {
    volumes_.clear();
    for (auto& volume : plan_.volumes) {
        for (auto& location : volume.locations) {
            location.stream_key.resize(stream::kStreamKeyBytes);
            context_.random.fill(location.stream_key);
        }
        VolumeState state;
        state.plan = std::move(volume);
        state.observations = Json::array();
        volumes_.push_back(std::move(state));
    }
}

void ProjectWork::save(const Journal& journal) {
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        save_volume(journal, i, volumes_[i], context_.clock.now());
    });
}

/// Every place must hold what was written there: a header that was restored opens again.
Standing ProjectWork::standing() {
    std::vector<std::optional<Reason>> changes(volumes_.size());
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        changes[i] = changed_since(context_.host, volumes_[i].plan);
    });
    for (auto& change : changes) {
        if (change) {
            return {Standing::State::is_other, std::move(*change)};
        }
    }
    return {};
}

ProjectPlan ProjectWork::plan() const {
    auto plan = plan_;
    for (const auto& volume : volumes_) {
        plan.volumes.push_back(volume.plan);
    }
    return plan;
}

void ProjectWork::begin_again(const CertifiedRun& run) {
    for (auto& volume : volumes_) {
        volume.done = volume.done && good(volume);
    }
    save(run.journal());
}

Json ProjectWork::intent() const {
    return ObjectWriter()
        .add("manifest", sha256_record(request_.manifest.sha256))
        .add("technique", "cryptographic-erase")
        .take();
}

/// Every place of every volume is looked at before the first byte of any is changed: who began to
/// use one since the plan was made keeps the whole project.
void ProjectWork::refuse_used(RunNotes& notes) {
    context_.host.look_anew();  // one look serves them all
    std::vector<std::optional<Error>> refusals(volumes_.size());
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        Guard guard(context_.host, context_.random);
        try {
            for (const auto& location : volumes_[i].plan.locations) {
                (void)guard.clear(location, false, Moment::survey);
            }
        } catch (const Error& error) {
            refusals[i] = error;
        }
    });
    for (const auto& refusal : refusals) {
        if (refusal &&
            (refusal->code() == ErrorCode::safety || refusal->code() == ErrorCode::busy)) {
            notes.refuse(*refusal);
        }
    }
    const auto copies = key_copies();
    if (!copies.empty()) {
        const auto& reason = copies.front().reason;
        notes.refuse(Error(ErrorCode::safety, reason.code, reason.text, next_step(reason.code)));
    }
}

std::vector<KeyCopies::Copy> ProjectWork::key_copies() {
    std::vector<const VolumePlan*> plans;
    for (const auto& volume : volumes_) {
        plans.push_back(&volume.plan);
    }
    return find_key_copies(context_.host, request_.manifest, places_of(plans)).found;
}

/// A copy that was attached while the keys were being destroyed, or since an earlier process of
/// this job began with it.
void ProjectWork::look_for_key_copies(const RunNotes& notes) {
    context_.host.look_anew();
    for (const auto& copy : key_copies()) {
        auto& volume = volumes_[copy.volume];
        if (object_to_outcome(volume, copy.reason)) {
            save_volume(notes.journal(), copy.volume, volume, context_.clock.now());
            tell_verified(volume);
        }
    }
}

/// What an earlier process or attempt has done well, and is not as it was left, is done again: a
/// header that was restored opens again.
void ProjectWork::look_at_done() {
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        auto& volume = volumes_[i];
        if (volume.done && good(volume)) {
            const auto change = changed_since(context_.host, volume.plan);
            volume.done = !change || change->code != ReasonCode::written_since;
        }
    });
}

void ProjectWork::carry_out(RunNotes& notes, bool resumed, const std::stop_token& stop) {
    if (resumed) {
        look_at_done();
    }
    std::uint64_t bytes = 0;
    for (const auto& volume : volumes_) {
        for (const auto& location : volume.plan.locations) {
            bytes += volume.done ? 0 : 2 * stream::total_bytes(location.region.ranges);
        }
    }
    ProgressMeter meter(context_.events, context_.clock, bytes);
    if (!resumed) {
        refuse_used(notes);
    }
    for_each_in_parallel(volumes_.size(), request_.workers, [&](std::size_t i) {
        if (!volumes_[i].done && !stop.stop_requested()) {
            erase_volume(i, notes, resumed, meter, stop);
        }
    });
    for (const auto& volume : volumes_) {
        if (!volume.done) {
            throw Error(ErrorCode::interrupted, name() + ": stopped at a safe point",
                        "run the same command again: it resumes where it stopped");
        }
    }
    look_for_key_copies(notes);
}

void ProjectWork::erase_volume(std::size_t index, RunNotes& notes, bool resumed,
                               ProgressSink& progress, const std::stop_token& stop) {
    auto& state = volumes_[index];
    if (!run_volume(context_, notes, request_.manifest.volumes[index], state, resumed, progress,
                    stop)) {
        return;
    }
    state.attempt = notes.state().attempt;
    save_volume(notes.journal(), index, state, context_.clock.now());
    tell_verified(state);
}

void ProjectWork::tell_verified(const VolumeState& state) {
    const auto result = result_of(state.outcome);
    context_.events.emit("verified", ObjectWriter()
                                         .add("target", event_target(result.name))
                                         .add("status", to_string(result.verdict))
                                         .add("level", to_string(result.level))
                                         .add("reasons", result.reasons)
                                         .take());
}

std::optional<Verdict> ProjectWork::verdict() const {
    auto verdict = Verdict::sanitized;
    for (const auto& volume : volumes_) {
        if (!volume.done) {
            return std::nullopt;
        }
        verdict = method::worst(verdict, result_of(volume.outcome).verdict);
    }
    return volumes_.empty() ? std::nullopt : std::optional(verdict);
}

CertifiedRun::Content ProjectWork::certificate(const CertifiedRun& run, WallTime now) const {
    return certificate_of(volumes_, run, now);
}

CertifiedRun::Content ProjectWork::trial(const CertifiedRun& run, WallTime now) const {
    auto failed = volumes_;
    for (auto& volume : failed) {
        if (!volume.done) {
            fail_volume(volume, {ReasonCode::interrupted, "a trial"});
        }
    }
    return certificate_of(failed, run, now);
}

CertifiedRun::Content ProjectWork::certificate_of(const std::vector<VolumeState>& volumes,
                                                  const CertifiedRun& run, WallTime now) const {
    const auto& manifest = request_.manifest;
    Json outcomes = Json::array();
    std::string observations;
    for (const auto& volume : volumes) {
        outcomes.push_back(volume.outcome);
        for (const auto& observation : volume.observations) {
            observations += canonical_json(observation) + "\n";
        }
    }
    auto files =
        evidence_files(manifest.text, run.state().authorization.approvals_der, observations);
    return {
        make_predicate({manifest, run.state(), run.keys(), std::move(outcomes), run.attempts(),
                        make_uuid_v7(context_.clock, context_.random), now,
                        tool_record(request_.program), environment_record(context_.host.view())}),
        std::move(files)};
}

/// What the certificate says of each volume is what the run says.
void ProjectWork::take_lowered(const CertifiedRun& run, const Json& predicate) {
    for (std::size_t i = 0; i < volumes_.size(); ++i) {
        const Json& volume = predicate.at("volumes").at(i);
        if (volumes_[i].outcome != volume) {
            volumes_[i].outcome = volume;
            save_volume(run.journal(), i, volumes_[i], context_.clock.now());
        }
    }
}

void ProjectWork::describe(RunResult& result) const {
    for (const auto& volume : volumes_) {
        result.volumes.push_back(result_of(volume.outcome));
    }
}

}  // namespace

std::string job_id_of(const mandate::Manifest& manifest) {
    const auto digest = sha256("efface project erase 1\n" + manifest.sha256);
    return to_hex(ByteView(digest).first(kJobIdBytes));
}

ProjectPlan make_plan(RunContext& context, const mandate::Manifest& manifest, unsigned workers) {
    ProjectRequest request;
    request.manifest = manifest;
    request.workers = workers;
    ProjectWork work(context, request);
    auto planned = look_for_plan(context, work);
    auto plan = work.plan();
    plan.done_before = std::move(planned.done);
    plan.open_job = std::move(planned.open);
    plan.station = std::move(planned.objections);
    return plan;
}

RunResult run_project(RunContext& context, const ProjectRequest& request,
                      const std::stop_token& stop) {
    ForwardContext forward(context);
    ProjectWork work(forward.context, request);
    return run(forward, work, {request.expected_plan_digest}, stop);
}

}  // namespace efface::job
