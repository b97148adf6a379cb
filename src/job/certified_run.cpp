// SPDX-License-Identifier: Apache-2.0
#include "certified_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/judge/lower.hpp"

#include "certificate_parts.hpp"

namespace efface::job {

namespace {

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

/// The order or manifest among the evidence; empty when there is none.
std::string_view order_of(const std::vector<evidence::EvidenceFile>& files) {
    const auto found = std::find_if(files.begin(), files.end(), [](const auto& file) {
        return file.name == evidence::kManifestEvidence;
    });
    return found == files.end() ? std::string_view() : as_text(found->content);
}

/// Who signed the order must be whom the journal names: else the record would name nobody's
/// approval.
void refuse_other_approvals(const RunState& state, std::string_view order,
                            const std::string& roots_pem) {
    const auto der = from_base64(state.approvals_der).value_or(Bytes{});
    Json signers = Json::array();
    if (!der.empty()) {
        const auto report = evidence::cms_verify(as_bytes(order), der, roots_pem);
        mandate::Authorization signed_by;
        if (report.ok()) {
            signed_by.approvals = mandate::approvals_in(report);
        }
        signers = authorization_json(signed_by).at("approvals");
    }
    if (signers != state.authorization.at("approvals")) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "run.json: the approvals that it names are not those that it holds");
    }
}

/// What does not stand as the least that a record can claim was made from what efface did not
/// write.
void refuse_unreadable(Json predicate, std::string_view order) {
    const auto left = judge::lower(predicate, order);
    if (!left.objections.empty()) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "the journal makes no record that a verifier reads, so none was signed: " +
                        printable(left.objections.front()));
    }
}

std::string leaf_of(const evidence::Log& log, std::uint64_t index) {
    return to_hex(evidence::leaf_hash(as_bytes(log.entry(index))));
}

/// As job ids are made. Others name no folder of ours.
bool is_job_id(const std::string& id) {
    constexpr std::size_t kHexDigits = 32;
    return id.size() == kHexDigits && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool has_journal(const StateDirectory& state, const std::string& job_id) {
    return is_job_id(job_id) && std::filesystem::exists(state.jobs() / job_id / "run.json");
}

std::uint64_t attempts_in(const std::vector<evidence::LoggedRun>& runs) {
    return static_cast<std::uint64_t>(
        std::count_if(runs.begin(), runs.end(),
                      [](const evidence::LoggedRun& run) { return run.end && !run.refused; }));
}

}  // namespace

Json authorization_json(const mandate::Authorization& authorization) {
    Json approvals = Json::array();
    for (const auto& approval : authorization.approvals) {
        approvals.push_back(ObjectWriter()
                                .add("subject", approval.subject)
                                .add("subjectPublicKeySha256", approval.spki_sha256)
                                .add("signedAt", to_rfc3339(approval.signed_at))
                                .take());
    }
    return ObjectWriter()
        .add("confirmation", authorization.confirmation)
        .add("operator", authorization.operator_name)
        .add("approvals", std::move(approvals))
        .take();
}

std::vector<evidence::EvidenceFile> evidence_files(const std::string& manifest,
                                                   const std::string& approvals,
                                                   const std::string& observations) {
    std::vector<evidence::EvidenceFile> files;
    const auto add = [&](const std::string& file, std::string type, ByteView content) {
        files.push_back({"evidence/" + file, std::move(type), {content.begin(), content.end()}});
    };
    if (!manifest.empty()) {
        add("manifest.json", "application/json", as_bytes(manifest));
    }
    if (const auto der = from_base64(approvals); der && !der->empty()) {
        add("manifest.json.p7s", "application/pkcs7-signature", *der);
    }
    add("observations.jsonl", "application/jsonl", as_bytes(observations));
    return files;
}

bool is_success_of(const evidence::LoggedRun& run) {
    const auto verdict = method::verdict_from_string(run.status);
    return run.end && !run.refused && verdict && is_success(*verdict);
}

void refuse_older_than(const std::vector<evidence::LoggedRun>& runs, const RunState& state) {
    if (state.ended_well()) {
        return;
    }
    for (const auto& run : runs) {
        const bool same = run.intent.run_id == state.run_id;
        const bool known = same && state.phase >= Phase::logging;
        const bool outcome = run.end && !run.refused && run.status != evidence::kLostRun;
        if (outcome && !known && (same || is_success_of(run))) {
            throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                        fmt::format("the journal is older than the log, which has the outcome of "
                                    "run {}: {}, at {}",
                                    run.intent.run_id, run.status, run.ended_at));
        }
    }
}

CertifiedRun::CertifiedRun(RunContext& context, const Station& station, std::string job_id,
                           Journal journal, evidence::DeviceRuns runs)
    : context_(context),
      station_(station),
      job_id_(std::move(job_id)),
      keys_(station.keys),
      identity_sha256_(runs.device().digest()),
      journal_(std::move(journal)),
      runs_(std::move(runs)) {
    if (auto before = journal_.load_run()) {
        state_ = *std::move(before);
        take_end_from_log();
    }
}

/// The log was told of the refusal, or another job closed this run as lost, and the process was
/// killed before the journal said so.
void CertifiedRun::take_end_from_log() {
    if (state_.phase > Phase::logging) {
        return;
    }
    std::optional<evidence::Log> read;
    try {
        read.emplace(read_log());
        runs_.read(*read);
    } catch (const Error&) {
        if (state_.phase > Phase::running) {
            return;  // it has its verdict: that the evidence can not be delivered is said there
        }
        throw;
    }
    const auto& log = *read;
    if (state_.journal_version == kJournalVersion) {
        check_announcement(log);
    }
    refuse_older_than(runs_.runs_of_job(), state_);
    for (const auto& run : runs_.runs()) {
        if (run.intent.run_id == state_.run_id && run.end &&
            (run.refused || run.status == evidence::kLostRun)) {
            state_.verdict = run.refused ? kRefusedRun : evidence::kLostRun;
            enter(Phase::done);
        }
    }
}

bool CertifiedRun::of_other_version() const {
    const bool other = state_.journal_version != kJournalVersion;
    if (other && (!state_.can_go_on() || (state_.phase == Phase::done && !state_.ended_well()))) {
        refuse_other_version(job_id_, state_.journal_version);
    }
    return other;
}

/// Many targets that end together write one after the other.
constexpr unsigned kLogWaitMs = 180'000;

evidence::Log CertifiedRun::read_log() const {
    return evidence::Log::open_read_only(context_.state.log(), keys_.log_verifier_key());
}

evidence::Log CertifiedRun::open_log() {
    auto log = evidence::Log::open(context_.state.log(), keys_.log_signer(), kLogWaitMs);
    if (auto file = log.set_aside()) {
        set_aside_.push_back(*std::move(file));
    }
    return log;
}

/// The log is not held here: who receives events may take his time.
void CertifiedRun::enter(Phase phase) {
    state_.phase = phase;
    journal_.save_run(state_);
    for (const auto& file : std::exchange(set_aside_, {})) {
        context_.events.emit(
            "log-set-aside",
            ObjectWriter().add("file", printable((context_.state.log() / file).string())).take());
    }
}

void CertifiedRun::begin(const char* kind, const std::string& subject,
                         const mandate::Authorization& authorization) {
    state_.kind = kind;
    state_.subject = subject;
    state_.authorization = authorization_json(authorization);
    state_.approvals_der = to_base64(authorization.approvals_der);
    begin_attempt(1);
}

void CertifiedRun::work_begins() {
    if (!state_.work_began) {
        state_.work_began = true;
        journal_.save_run(state_);
    }
}

void CertifiedRun::work_ended() {
    state_.completed_at = to_rfc3339(context_.clock.now());
    enter(Phase::staging);
}

void CertifiedRun::begin_attempt(std::uint64_t attempt) {
    state_.identity_sha256 = identity_sha256_;
    state_.attempt = attempt;
    state_.run_id = make_uuid_v7(context_.clock, context_.random);
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.interruptions = 0;
    state_.verdict.clear();
    state_.level.clear();
    state_.completed_at.clear();
    state_.bundle = state_.subject + "-" + state_.run_id;
    state_.log_size_before = station_.log.size();
    enter(Phase::announcing);
}

void CertifiedRun::note_interruption() {
    ++state_.interruptions;
    enter(Phase::running);
    context_.events.emit("resumed", ObjectWriter().add("run_id", state_.run_id).take());
}

std::optional<std::string> open_job_of(const RunContext& context,
                                       const evidence::DeviceRuns& runs) {
    std::optional<std::string> job;
    for (const auto& run : runs.runs()) {
        if (!run.end && has_journal(context.state, run.intent.job_id)) {
            job = run.intent.job_id;
        }
    }
    return job;
}

void CertifiedRun::read_attempts() {
    const auto log = read_log();
    runs_.read(log);
    attempts_.clear();
    for (const auto& run : runs_.runs()) {
        if (run.end && !run.refused && run.intent.run_id != state_.run_id) {
            attempts_.push_back({leaf_of(log, *run.end), *run.end, run.intent.run_id, run.status});
        }
    }
    std::sort(attempts_.begin(), attempts_.end(),
              [](const auto& a, const auto& b) { return a.log_index < b.log_index; });
}

void CertifiedRun::announce(Json fields) {
    runs_.read(station_.log);  // most of it while others may write, the rest while they can not
    take_intent(open_log(), std::move(fields));
    enter(Phase::running);
}

void CertifiedRun::take_intent(evidence::Log log, Json fields) {
    auto index = find_entry(log, state_.log_size_before, "run-intent", state_.run_id);
    if (!index) {
        runs_.read(log);
        index = append_intent(log, std::move(fields));
    }
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.intent_index = *index;
    state_.intent_leaf_hash = leaf_of(log, *index);
    state_.checkpoint = log.checkpoint();
}

/// Entry, leaf and checkpoint, as the record will name them.
bool CertifiedRun::is_announced_at(const evidence::Log& log, std::uint64_t index) const {
    const auto text = evidence::open_note(state_.checkpoint, keys_.log_verifier_key());
    const auto checkpoint = text ? evidence::parse_checkpoint(*text) : std::nullopt;
    return index == state_.intent_index && leaf_of(log, index) == state_.intent_leaf_hash &&
           checkpoint && checkpoint->size > index && checkpoint->size <= log.size();
}

/// What the journal says of the log must stand there: a record that points elsewhere proves
/// nothing.
void CertifiedRun::check_announcement(const evidence::Log& log) const {
    const auto& runs = runs_.runs();
    const auto found = std::find_if(runs.begin(), runs.end(), [&](const auto& run) {
        return run.intent.run_id == state_.run_id;
    });
    const bool announced = state_.phase > Phase::announcing;
    if (found == runs.end()
            ? announced
            : found->intent.index < state_.log_size_before || found->intent.job_id != job_id_ ||
                  (announced && !is_announced_at(log, found->intent.index))) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "run.json: its announcement is not where the journal says that the log has it");
    }
}

/// Closes what is open on the same storage, and announces this run.
std::uint64_t CertifiedRun::append_intent(evidence::Log& log, Json fields) {
    for (const auto& run : runs_.runs()) {
        if (run.end) {
            continue;
        }
        try {
            close_abandoned(log, run);
        } catch (const Error& error) {
            if (error.reason() == ReasonCode::busy && state_.attempt == 1) {
                journal_.forget_run();  // nothing is left that could be resumed
            }
            throw;
        }
    }
    runs_.read(log);
    fields["type"] = "run-intent";
    fields["at"] = to_rfc3339(context_.clock.now());
    fields["runId"] = state_.run_id;
    fields["jobId"] = job_id_;
    fields["device"] = runs_.device().digest();
    fields["deviceKeys"] = runs_.device().keys();
    fields["attempt"] = attempts_in(runs_.runs()) + 1;
    return log.append(std::move(fields)).index;
}

bool CertifiedRun::closed() const {
    return state_.phase == Phase::done &&
           (state_.verdict == kRefusedRun || state_.verdict == evidence::kLostRun);
}

bool CertifiedRun::refused() const {
    return state_.phase == Phase::done && state_.verdict == kRefusedRun;
}

void CertifiedRun::refuse(const Error& error) {
    (void)open_log().append(ObjectWriter()
                                .add("type", "run-refused")
                                .add("at", to_rfc3339(context_.clock.now()))
                                .add("runId", state_.run_id)
                                .add("intent", state_.intent_index)
                                .add("reason", to_string(error.reason()))
                                .take());
    state_.verdict = kRefusedRun;
    enter(Phase::done);
}

/// A run on this storage was announced and never ended: its intent gets an outcome, so that the log
/// tells of it, and its job can't go on under the old run. Error(busy) while that job is at work.
void CertifiedRun::close_abandoned(evidence::Log& log, const evidence::LoggedRun& run) {
    std::optional<Journal> other;
    std::optional<RunState> state;
    std::string reason = "its journal is gone, and another run on the same storage was announced";
    if (run.intent.job_id == job_id_) {
        reason = "its journal was lost, and its job was begun anew";
    } else if (has_journal(context_.state, run.intent.job_id)) {
        other.emplace(context_.state.jobs(), run.intent.job_id);
        reason = "interrupted, and replaced by another job on the same storage";
        try {
            state = other->load_run();
        } catch (const Error& error) {
            if (error.reason() == ReasonCode::other_journal_version) {
                throw;
            }
            reason = "its journal is damaged, and another run on the same storage was announced";
        }
    }
    (void)log.append(ObjectWriter()
                         .add("type", "run-outcome")
                         .add("at", to_rfc3339(context_.clock.now()))
                         .add("runId", run.intent.run_id)
                         .add("intent", run.intent.index)
                         .add("status", evidence::kLostRun)
                         .add("reason", reason)
                         .take());
    if (state && state->run_id == run.intent.run_id && state->phase != Phase::done) {
        state->verdict = evidence::kLostRun;
        state->phase = Phase::done;
        other->save_run(*state);
    }
}

void CertifiedRun::deliver(const std::function<Content(WallTime now)>& content,
                           const std::function<void(const Json& predicate)>& lowered) {
    journal_.release_reserve();
    if (state_.phase == Phase::logging && is_staged_otherwise()) {
        state_.phase = Phase::staging;
    }
    if (state_.phase == Phase::staging) {
        stage(content, lowered);
    }
    if (state_.phase == Phase::logging) {
        log_outcome();
    }
    if (state_.phase == Phase::publishing) {
        publish();
    }
}

/// What is staged is not what was signed: it is made again, as long as the log does not name it.
bool CertifiedRun::is_staged_otherwise() const {
    if (state_.journal_version != kJournalVersion) {
        return false;  // nobody knows the work
    }
    const auto staged = evidence::staged_digests(journal_.staging(), keys_.root_certificate_pem());
    return (!staged || staged->certificate_sha256 != state_.certificate_sha256 ||
            staged->signature_sha256 != state_.signature_sha256) &&
           !find_entry(read_log(), state_.intent_index, "run-outcome", state_.run_id);
}

void CertifiedRun::stage(const std::function<Content(WallTime now)>& content,
                         const std::function<void(const Json& predicate)>& lowered) {
    read_attempts();
    const auto now = context_.clock.now();
    auto made = content(now);
    refuse_other_approvals(state_, order_of(made.files), keys_.root_certificate_pem());
    const auto judgement = judge::lower(made.predicate, order_of(made.files));
    if (!judgement.objections.empty()) {
        refuse_unreadable(made.predicate, order_of(made.files));
        lowered(made.predicate);
        context_.events.emit("lowered", ObjectWriter()
                                            .add("status", judgement.verdict.status)
                                            .add("level", judgement.verdict.level)
                                            .add("objections", judgement.objections)
                                            .take());
    }
    state_.verdict = made.predicate.at("result").at("status").get<std::string>();
    state_.level = made.predicate.at("result").at("level").get<std::string>();
    const auto staged = evidence::stage_bundle(
        journal_.staging(), evidence::make_statement(std::move(made.predicate), made.files),
        made.files, keys_, now);
    state_.certificate_sha256 = staged.certificate_sha256;
    state_.signature_sha256 = staged.signature_sha256;
    enter(Phase::logging);
}

void CertifiedRun::log_outcome() {
    state_.outcome_index = append_outcome(open_log());
    enter(Phase::publishing);
}

std::uint64_t CertifiedRun::append_outcome(evidence::Log log) {
    auto index = find_entry(log, state_.intent_index, "run-outcome", state_.run_id);
    if (!index) {
        auto entry = ObjectWriter()
                         .add("type", "run-outcome")
                         .add("at", to_rfc3339(context_.clock.now()))
                         .add("runId", state_.run_id)
                         .add("intent", state_.intent_index)
                         .add("status", state_.verdict)
                         .add("certificate", sha256_record(state_.certificate_sha256))
                         .add("signature", sha256_record(state_.signature_sha256))
                         .take();
        index = log.append(std::move(entry)).index;
    }
    return *index;
}

/// Of the tree whose checkpoint the record holds.
std::uint64_t CertifiedRun::announced_size() const {
    const auto text = evidence::open_note(state_.checkpoint, keys_.log_verifier_key());
    const auto checkpoint = text ? evidence::parse_checkpoint(*text) : std::nullopt;
    if (!checkpoint) {
        throw Error(ErrorCode::evidence, "the journal holds no checkpoint of this station's log");
    }
    return checkpoint->size;
}

void CertifiedRun::publish() {
    if (!std::filesystem::exists(bundle_path())) {
        const auto log = open_log();
        make_directories_durably(context_.state.certificates(), 0755);
        evidence::publish_bundle(
            journal_.staging(),
            evidence::prove_run(log, state_.intent_index, state_.outcome_index, announced_size()),
            bundle_path());
    }
    sync_directory(context_.state.certificates());  // also when an earlier process renamed it
    enter(Phase::done);
}

void CertifiedRun::check_delivered() const {
    const auto staged = evidence::staged_digests(bundle_path(), keys_.root_certificate_pem());
    if (!staged || staged->certificate_sha256 != state_.certificate_sha256) {
        throw Error(ErrorCode::evidence, ReasonCode::certificate_missing,
                    fmt::format("{}: the certificate of this run is missing or altered",
                                bundle_path().string()),
                    "restore it from where certificates are kept; the log still names its digest");
    }
}

}  // namespace efface::job
