// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "efface/base/digest.hpp"
#include "efface/job/run_result.hpp"

#include "check.hpp"

namespace efface::job {

namespace {

constexpr std::array kPhases = {
    std::pair{Phase::announcing, "announcing"}, std::pair{Phase::running, "running"},
    std::pair{Phase::staging, "staging"},       std::pair{Phase::logging, "logging"},
    std::pair{Phase::publishing, "publishing"}, std::pair{Phase::done, "done"}};

Phase phase_from_string(const std::string& text) {
    const auto found = std::find_if(kPhases.begin(), kPhases.end(),
                                    [&](const auto& entry) { return text == entry.second; });
    if (found == kPhases.end()) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "the journal names an unknown phase");
    }
    return found->first;
}

constexpr const char* kVersionKey = "journalVersion";
constexpr const char* kSealKey = "sha256";
constexpr const char* kJobKey = "jobId";
constexpr std::uint64_t kVersionBeforeTheKey = 1;

std::string seal_of(const Json& document) {
    Json content = document;
    content.erase(kSealKey);
    return sha256_hex(content.dump());
}

/// Documents of the first version had no seal; every later one has.
bool is_whole(const Json& document) {
    if (!document.is_object()) {
        return false;
    }
    const auto seal = document.find(kSealKey);
    return seal == document.end() ? journal_version_of(document) == kVersionBeforeTheKey
                                  : *seal == seal_of(document);
}

FileLock lock_or_busy(const std::filesystem::path& directory) {
    make_directories_durably(directory);
    auto lock = FileLock::try_acquire(directory / "lock");
    if (!lock) {
        throw Error(ErrorCode::busy, "another efface is working on this job",
                    "wait until it has ended; efface status shows it");
    }
    return *std::move(lock);
}

}  // namespace

void refuse_other_version(const std::string& job_id, std::uint64_t version) {
    throw Error(ErrorCode::usage, ReasonCode::other_journal_version,
                fmt::format("job {} was started by another version of efface (its journal has "
                            "version {}, this efface resumes version {})",
                            job_id, version, kJournalVersion),
                "finish it with that version, or erase the target again as a new job; efface jobs "
                "lists it");
}

std::uint64_t journal_version_of(const Json& document) {
    if (!document.is_object()) {
        return kJournalVersion;  // of no version: whoever reads it finds it damaged
    }
    const auto found = document.find(kVersionKey);
    if (found == document.end()) {
        return kVersionBeforeTheKey;
    }
    return found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

Json to_json(const PreviousAttempt& attempt) {
    return ObjectWriter()
        .add("leafHash", attempt.leaf_hash)
        .add("logIndex", attempt.log_index)
        .add("runId", attempt.run_id)
        .add("status", attempt.status)
        .take();
}

Journal::Journal(const std::filesystem::path& jobs, const std::string& job_id)
    : directory_(jobs / job_id), lock_(lock_or_busy(directory_)) {}

const char* to_string(Phase phase) noexcept {
    return std::find_if(kPhases.begin(), kPhases.end(),
                        [&](const auto& entry) { return entry.first == phase; })
        ->second;
}

std::optional<Json> read_any_version(const std::filesystem::path& folder, const std::string& name) {
    const auto path = folder / name;
    const auto text = read_text_file(path, kJournalBytesMax);
    if (!text) {
        return std::nullopt;
    }
    return read_journal(path.string(), [&] {
        auto document = parse_json(*text, name, {.bytes_max = kJournalBytesMax});
        if (!is_whole(document)) {
            journal_damaged(path.string(), "it was not written by efface");
        }
        if (journal_version_of(document) == kJournalVersion &&
            document.value(kJobKey, Json()) != Json(folder.filename().string())) {
            journal_damaged(path.string(), "it belongs to another job");
        }
        return std::optional(std::move(document));
    });
}

Json sealed(Json document, const std::string& job_id) {
    document[kJobKey] = job_id;
    document[kSealKey] = seal_of(document);
    return document;
}

void require_same(Json document, const Json& read) {
    for (const char* key : {kVersionKey, kJobKey, kSealKey}) {
        document.erase(key);
    }
    if (document.dump() != read.dump()) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "the journal has a field or value that efface does not write");
    }
}

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

namespace {

/// Of run.json.
mandate::Authorization authorization_from_json(const Json& run) {
    const Json& json = run.at("authorization");
    mandate::Authorization authorization;
    json.at("confirmation").get_to(authorization.confirmation);
    json.at("operator").get_to(authorization.operator_name);
    for (const auto& item : json.at("approvals")) {
        mandate::Approval approval;
        item.at("subject").get_to(approval.subject);
        item.at("subjectPublicKeySha256").get_to(approval.spki_sha256);
        approval.signed_at = date_from_journal(item.at("signedAt").get<std::string>());
        authorization.approvals.push_back(std::move(approval));
    }
    const auto der = from_base64(run.at("approvalsDer").get<std::string>());
    if (!der) {
        journal_damaged(kRunDocument, "the approvals");
    }
    authorization.approvals_der = *der;
    return authorization;
}

Json to_json(const RunState& state) {
    return ObjectWriter()
        .add(kVersionKey, state.journal_version)
        .add("kind", state.kind)
        .add("subject", state.subject)
        .add("identitySha256", state.identity_sha256)
        .add("phase", to_string(state.phase))
        .add("runId", state.run_id)
        .add("startedAt", state.started_at)
        .add("authorization", authorization_json(state.authorization))
        .add("approvalsDer", to_base64(state.authorization.approvals_der))
        .add("attempt", state.attempt)
        .add("interruptions", state.interruptions)
        .add("logSizeBefore", state.log_size_before)
        .add("intentIndex", state.intent_index)
        .add("intentLeafHash", state.intent_leaf_hash)
        .add("checkpoint", state.checkpoint)
        .add("certificateSha256", state.certificate_sha256)
        .add("signatureSha256", state.signature_sha256)
        .add("outcomeIndex", state.outcome_index)
        .add("workBegan", state.work_began)
        .add("completedAt", state.completed_at)
        .add("verdict", state.verdict)
        .add("level", state.level)
        .add("bundle", state.bundle)
        .add("keptAt", state.kept_at)
        .take();
}

}  // namespace

std::optional<RunState> read_run_state(const std::filesystem::path& directory) {
    const auto json = read_any_version(directory, kRunDocument);
    if (!json) {
        return std::nullopt;
    }
    RunState state;
    state.journal_version = journal_version_of(*json);
    if (state.journal_version > kJournalVersion) {
        refuse_other_version(directory.filename().string(), state.journal_version);
    }
    return read_journal((directory / kRunDocument).string(), [&] {
        json->at("kind").get_to(state.kind);
        json->at("subject").get_to(state.subject);
        json->at("identitySha256").get_to(state.identity_sha256);
        state.phase = phase_from_string(json->at("phase").get<std::string>());
        json->at("runId").get_to(state.run_id);
        json->at("startedAt").get_to(state.started_at);
        json->at("attempt").get_to(state.attempt);
        json->at("interruptions").get_to(state.interruptions);
        json->at("logSizeBefore").get_to(state.log_size_before);
        json->at("intentIndex").get_to(state.intent_index);
        json->at("intentLeafHash").get_to(state.intent_leaf_hash);
        json->at("checkpoint").get_to(state.checkpoint);
        json->at("certificateSha256").get_to(state.certificate_sha256);
        json->at("signatureSha256").get_to(state.signature_sha256);
        json->at("outcomeIndex").get_to(state.outcome_index);
        // Those of the first version have not these two: what was announced may have begun.
        state.work_began = json->value("workBegan", state.phase != Phase::announcing);
        state.completed_at = json->value("completedAt", "");
        json->at("verdict").get_to(state.verdict);
        json->at("level").get_to(state.level);
        json->at("bundle").get_to(state.bundle);
        if (state.journal_version == kJournalVersion) {
            json->at("keptAt").get_to(state.kept_at);
            state.authorization = authorization_from_json(*json);
            auto written = to_json(state);
            written.erase(kVersionKey);
            require_same(*json, written);
            check_run_state(state);
        }
        return std::optional(state);
    });
}

bool may_have_changed(const std::filesystem::path& directory) {
    try {
        const auto run = read_run_state(directory);
        return run && run->work_began && !run->ended_well();
    } catch (const std::exception&) {
        return true;
    }
}

std::optional<RunState> Journal::load_run() const {
    return read_run_state(directory_);
}

void Journal::save_run(RunState& state, WallTime now) const {
    state.kept_at = to_rfc3339(now);
    write_file_durably(directory_ / kRunDocument,
                       sealed(to_json(state), directory_.filename().string()).dump());
}

constexpr const char* kReserve = "reserve";

void Journal::reserve(std::uint64_t bytes) const {
    const auto path = directory_ / kReserve;
    const auto file = open_file(path, O_WRONLY | O_CREAT);
    const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
    if (error == EOPNOTSUPP || error == EINVAL) {
        return;  // the file system cannot promise it
    }
    if (error != 0) {
        release_reserve();
        throw Error(ErrorCode::internal, ReasonCode::no_space,
                    fmt::format("{}: {} bytes for the record of the run: {}", path.string(), bytes,
                                errno_text(error)),
                    "make room there, then run the same command again");
    }
}

void Journal::release_reserve() const noexcept {
    std::error_code error;
    std::filesystem::remove(directory_ / kReserve, error);
}

void Journal::forget_run() const {
    std::error_code error;
    std::filesystem::remove(directory_ / kRunDocument, error);
    if (error) {
        throw Error(ErrorCode::internal,
                    (directory_ / kRunDocument).string() + ": " + error.message());
    }
}

std::optional<Json> read_document(const std::filesystem::path& folder, const std::string& name) {
    auto document = read_any_version(folder, name);
    if (document && journal_version_of(*document) != kJournalVersion) {
        refuse_other_version(folder.filename().string(), journal_version_of(*document));
    }
    return document;
}

std::optional<Json> Journal::load(const std::string& name) const {
    return read_document(directory_, name);
}

bool RunState::ended_well() const {
    const auto ended = method::verdict_from_string(verdict);
    return phase == Phase::done && ended && is_success(*ended);
}

void Journal::save(const std::string& name, Json document) const {
    document[kVersionKey] = kJournalVersion;
    write_file_durably(directory_ / name,
                       sealed(std::move(document), directory_.filename().string()).dump());
}

}  // namespace efface::job
