// SPDX-License-Identifier: Apache-2.0
// From the verdict to the bundle: judged, signed, logged, published.
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/judge/lower.hpp"

#include "certified_run.hpp"
#include "journal/earlier_runs.hpp"
#include "record/certificate_parts.hpp"

namespace efface::job {

namespace {

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
    const auto& der = state.authorization.approvals_der;
    mandate::Authorization signed_by = state.authorization;
    signed_by.approvals.clear();
    if (!der.empty()) {
        const auto report = evidence::cms_verify(as_bytes(order), der, roots_pem);
        if (report.ok()) {
            signed_by.approvals = mandate::approvals_in(report);
        }
    }
    if (authorization_json(signed_by) != authorization_json(state.authorization)) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "run.json: the approvals do not match their digests");
    }
}

/// What does not stand as the least that a record can claim was made from what efface did not
/// write.
void refuse_unreadable(Json predicate, std::string_view order) {
    const auto left = judge::lower(predicate, order);
    if (!left.objections.empty()) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "the journal gives no valid record, so none was signed: " +
                        printable(left.objections.front()));
    }
}

}  // namespace

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

void CertifiedRun::try_record(const Content& trial) {
    refuse_other_approvals(state_, order_of(trial.files), keys_.root_certificate_pem());
    refuse_unreadable(trial.predicate, order_of(trial.files));
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
        throw Error(ErrorCode::evidence, "the journal has no checkpoint of this station's log");
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
                    "restore it from where certificates are kept; the log has its digest");
    }
}

}  // namespace efface::job
