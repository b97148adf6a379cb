// SPDX-License-Identifier: Apache-2.0
#include "certified_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/judge/lower.hpp"

#include "certificate_parts.hpp"

namespace efface::job {

namespace {

using method::Verdict;

constexpr const char* kLost = "lost";

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

std::string leaf_of(const evidence::Log& log, std::uint64_t index) {
    return to_hex(evidence::leaf_hash(as_bytes(log.entry(index))));
}

}  // namespace

Json authorization_json(const Authorization& authorization) {
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

CertifiedRun::CertifiedRun(RunContext& context, std::string job_id, const Json& identity)
    : context_(context),
      job_id_(std::move(job_id)),
      keys_(evidence::KeyStore::open(context.state.keys())),
      identity_sha256_(sha256_hex(canonical_json(identity))),
      journal_(context.state.jobs(), job_id_),
      index_(context.state.jobs(), identity_key(identity)) {
    if (auto before = journal_.load_run()) {
        state_ = *std::move(before);
        begun_ = true;
    }
}

bool CertifiedRun::ended_well() const {
    return state_.phase == Phase::done &&
           (state_.verdict == to_string(Verdict::sanitized) ||
            state_.verdict == to_string(Verdict::sanitized_with_exceptions));
}

bool CertifiedRun::of_other_version() const {
    const bool other = state_.journal_version != kJournalVersion;
    if (other && (!state_.can_go_on() || (state_.phase == Phase::done && !ended_well()))) {
        refuse_other_version(job_id_, state_.journal_version);
    }
    return other;
}

/// Many targets that end together write one after the other.
constexpr unsigned kLogWaitMs = 180'000;

evidence::Log CertifiedRun::open_log() const {
    return evidence::Log::open(context_.state.log(), keys_.log_signer(), kLogWaitMs);
}

void CertifiedRun::enter(Phase phase) {
    state_.phase = phase;
    journal_.save_run(state_);
}

void CertifiedRun::begin_attempt(std::uint64_t attempt) {
    state_.identity_sha256 = identity_sha256_;
    state_.attempt = attempt;
    state_.run_id = make_uuid_v7(context_.clock, context_.random);
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.interruptions = 0;
    state_.verdict.clear();
    state_.level.clear();
    state_.bundle = state_.subject + "-" + state_.run_id;
    state_.log_size_before = open_log().size();
    enter(Phase::announcing);
}

void CertifiedRun::note_interruption() {
    ++state_.interruptions;
    enter(Phase::running);
    context_.events.emit("resumed", ObjectWriter().add("run_id", state_.run_id).take());
}

void CertifiedRun::announce(Json fields) {
    {
        const auto held = index_.lock();
        if (const auto open = index_.open_run(); open && open->job_id != job_id_) {
            try {
                close_abandoned(*open);
            } catch (const Error& error) {
                if (error.reason() == ReasonCode::busy && state_.attempt == 1) {
                    journal_.forget_run();  // nothing is left that could be resumed
                }
                throw;
            }
        }
        index_.set_open({job_id_, state_.run_id});
    }
    auto log = open_log();
    auto index = find_entry(log, state_.log_size_before, "run-intent", state_.run_id);
    if (!index) {
        fields["type"] = "run-intent";
        fields["at"] = to_rfc3339(context_.clock.now());
        fields["runId"] = state_.run_id;
        fields["jobId"] = job_id_;
        fields["device"] = identity_sha256_;
        fields["attempt"] = state_.attempt;
        index = log.append(std::move(fields)).index;
    }
    state_.intent_index = *index;
    state_.intent_leaf_hash = leaf_of(log, *index);
    state_.checkpoint = log.checkpoint();
    enter(Phase::running);
}

bool CertifiedRun::refused() const {
    return state_.phase == Phase::done && state_.verdict == kRefusedRun;
}

void CertifiedRun::refuse(const Error& error) {
    auto log = open_log();
    (void)log.append(ObjectWriter()
                         .add("type", "run-refused")
                         .add("at", to_rfc3339(context_.clock.now()))
                         .add("runId", state_.run_id)
                         .add("intent", state_.intent_index)
                         .add("reason", to_string(error.reason()))
                         .take());
    {
        const auto held = index_.lock();
        index_.set_not_open(state_.run_id);
    }
    state_.verdict = kRefusedRun;
    enter(Phase::done);
}

/// Another job began on this storage and was never ended: its intent gets an outcome, so that the
/// log tells of it, and the job can't go on under the old run.
void CertifiedRun::close_abandoned(const IdentityIndex::OpenRun& run) {
    const Journal other(context_.state.jobs(), run.job_id);  // Error(busy) while it runs
    auto state = other.load_run();
    if (!state || state->run_id != run.run_id || state->phase == Phase::done) {
        return;
    }
    auto log = open_log();
    const auto intent = find_entry(log, state->log_size_before, "run-intent", run.run_id);
    if (intent && !find_entry(log, *intent, "run-outcome", run.run_id)) {
        auto entry =
            ObjectWriter()
                .add("type", "run-outcome")
                .add("at", to_rfc3339(context_.clock.now()))
                .add("runId", run.run_id)
                .add("intent", *intent)
                .add("status", kLost)
                .add("reason", "interrupted, and replaced by another job on the same storage")
                .take();
        const auto index = log.append(std::move(entry)).index;
        index_.close({leaf_of(log, index), index, run.run_id, kLost});
    }
    state->verdict = kLost;
    state->phase = Phase::done;
    other.save_run(*state);
}

void CertifiedRun::deliver(const std::function<Content(WallTime now)>& content,
                           const std::function<void(const Json& predicate)>& lowered) {
    try {
        if (state_.phase == Phase::staging) {
            stage(content, lowered);
        }
        if (state_.phase == Phase::logging) {
            log_outcome();
        }
        if (state_.phase == Phase::publishing) {
            publish();
        }
    } catch (const Error& error) {
        if (!state_.verdict.empty()) {
            emit_result(true);
        }
        throw Error(ErrorCode::evidence,
                    fmt::format("the erasure has its outcome, but the evidence could not be "
                                "delivered: {}",
                                error.what()),
                    "mend the cause and run the same command again: nothing is erased twice");
    }
}

void CertifiedRun::stage(const std::function<Content(WallTime now)>& content,
                         const std::function<void(const Json& predicate)>& lowered) {
    const auto now = context_.clock.now();
    auto made = content(now);
    const auto judgement = judge::lower(made.predicate, order_of(made.files));
    if (!judgement.objections.empty()) {
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

std::string CertifiedRun::append_outcome() {
    auto log = open_log();
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
    state_.outcome_index = *index;
    return leaf_of(log, *index);
}

void CertifiedRun::log_outcome() {
    const auto leaf = append_outcome();
    // Behind the log's lock, never within it: announce() takes the two in this order.
    const auto held = index_.lock();
    index_.close({leaf, state_.outcome_index, state_.run_id, state_.verdict});
    enter(Phase::publishing);
}

void CertifiedRun::publish() {
    if (!std::filesystem::exists(bundle_path())) {
        const auto log = open_log();
        make_directories_durably(context_.state.certificates(), 0755);
        evidence::publish_bundle(journal_.staging(), log.prove(state_.outcome_index),
                                 bundle_path());
    }
    sync_directory(context_.state.certificates());  // also when an earlier process renamed it
    enter(Phase::done);
}

void CertifiedRun::report_delivered(bool changed) const {
    const auto staged = evidence::staged_digests(bundle_path(), keys_.root_certificate_pem());
    if (!staged || staged->certificate_sha256 != state_.certificate_sha256) {
        throw Error(ErrorCode::evidence, ReasonCode::certificate_missing,
                    fmt::format("{}: the certificate of this run is missing or altered",
                                bundle_path().string()),
                    "restore it from where certificates are kept; the log still names its digest");
    }
    emit_result(changed);
    context_.events.emit("evidence", ObjectWriter()
                                         .add("bundle", bundle_path().string())
                                         .add("certificate_sha256", state_.certificate_sha256)
                                         .take());
}

void CertifiedRun::emit_result(bool changed) const {
    context_.events.emit("result", ObjectWriter()
                                       .add("status", state_.verdict)
                                       .add("level", state_.level)
                                       .add("changed", changed)
                                       .take());
}

}  // namespace efface::job
