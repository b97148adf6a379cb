// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include <algorithm>
#include <array>

namespace efface::job {

namespace {

constexpr std::size_t kJournalBytesMax = std::size_t{16} << 20U;
constexpr std::array kPhases = {
    std::pair{Phase::announcing, "announcing"}, std::pair{Phase::running, "running"},
    std::pair{Phase::staging, "staging"},       std::pair{Phase::logging, "logging"},
    std::pair{Phase::publishing, "publishing"}, std::pair{Phase::done, "done"}};

const char* to_string(Phase phase) {
    return std::find_if(kPhases.begin(), kPhases.end(),
                        [&](const auto& entry) { return entry.first == phase; })
        ->second;
}

Phase phase_from_string(const std::string& text) {
    const auto found = std::find_if(kPhases.begin(), kPhases.end(),
                                    [&](const auto& entry) { return text == entry.second; });
    if (found == kPhases.end()) {
        throw Error(ErrorCode::internal, "the journal names an unknown phase");
    }
    return found->first;
}

/// nullopt when there is no file. A damaged one is a failure, never taken for none.
std::optional<Json> load(const std::filesystem::path& path) {
    const auto text = read_text_file(path, kJournalBytesMax);
    if (!text) {
        return std::nullopt;
    }
    return parse_json(*text, path.string(), {.bytes_max = kJournalBytesMax});
}

FileLock lock_or_busy(const std::filesystem::path& directory) {
    make_directories_durably(directory);
    auto lock = FileLock::try_acquire(directory / "lock");
    if (!lock) {
        throw Error(ErrorCode::busy, "another efface works on this project",
                    "wait for it; running again returns its certificate");
    }
    return *std::move(lock);
}

[[noreturn]] void damaged(const std::filesystem::path& path) {
    throw Error(ErrorCode::internal, path.string() + ": the journal is damaged");
}

}  // namespace

Journal::Journal(const std::filesystem::path& jobs, const std::string& job_id)
    : directory_(jobs / job_id), lock_(lock_or_busy(directory_)) {}

std::filesystem::path Journal::volume_path(std::size_t index) const {
    return directory_ / ("volume-" + std::to_string(index) + ".json");
}

std::optional<RunState> Journal::load_run() const {
    const auto json = load(directory_ / "run.json");
    if (!json) {
        return std::nullopt;
    }
    try {
        RunState state;
        state.phase = phase_from_string(json->at("phase").get<std::string>());
        json->at("runId").get_to(state.run_id);
        json->at("startedAt").get_to(state.started_at);
        state.authorization = json->at("authorization");
        json->at("approvalsDer").get_to(state.approvals_der);
        json->at("attempt").get_to(state.attempt);
        json->at("interruptions").get_to(state.interruptions);
        json->at("logSizeBefore").get_to(state.log_size_before);
        json->at("intentIndex").get_to(state.intent_index);
        json->at("intentLeafHash").get_to(state.intent_leaf_hash);
        json->at("checkpoint").get_to(state.checkpoint);
        json->at("certificateSha256").get_to(state.certificate_sha256);
        json->at("signatureSha256").get_to(state.signature_sha256);
        json->at("outcomeIndex").get_to(state.outcome_index);
        json->at("verdict").get_to(state.verdict);
        json->at("level").get_to(state.level);
        json->at("bundle").get_to(state.bundle);
        return state;
    } catch (const Json::exception&) {
        damaged(directory_ / "run.json");
    }
}

void Journal::save_run(const RunState& state) const {
    const Json json = {{"phase", to_string(state.phase)},
                       {"runId", state.run_id},
                       {"startedAt", state.started_at},
                       {"authorization", state.authorization},
                       {"approvalsDer", state.approvals_der},
                       {"attempt", state.attempt},
                       {"interruptions", state.interruptions},
                       {"logSizeBefore", state.log_size_before},
                       {"intentIndex", state.intent_index},
                       {"intentLeafHash", state.intent_leaf_hash},
                       {"checkpoint", state.checkpoint},
                       {"certificateSha256", state.certificate_sha256},
                       {"signatureSha256", state.signature_sha256},
                       {"outcomeIndex", state.outcome_index},
                       {"verdict", state.verdict},
                       {"level", state.level},
                       {"bundle", state.bundle}};
    write_file_durably(directory_ / "run.json", json.dump());
}

std::optional<VolumeState> Journal::load_volume(std::size_t index) const {
    const auto json = load(volume_path(index));
    if (!json) {
        return std::nullopt;
    }
    try {
        VolumeState state;
        state.plan = from_journal(json->at("plan"));
        json->at("done").get_to(state.done);
        json->at("attempt").get_to(state.attempt);
        state.outcome = json->at("outcome");
        state.observations = json->at("observations");
        return state;
    } catch (const Json::exception&) {
        damaged(volume_path(index));
    }
}

void Journal::save_volume(std::size_t index, const VolumeState& state) const {
    const Json json = {{"plan", to_journal(state.plan)},
                       {"done", state.done},
                       {"attempt", state.attempt},
                       {"outcome", state.outcome},
                       {"observations", state.observations}};
    write_file_durably(volume_path(index), json.dump());
}

AttemptIndex::AttemptIndex(const std::filesystem::path& jobs, const std::string& identity_sha256)
    : path_(jobs / "by-project" / (identity_sha256 + ".json")) {}

std::vector<PreviousAttempt> AttemptIndex::load() const {
    std::vector<PreviousAttempt> attempts;
    const auto json = job::load(path_);
    if (!json) {
        return attempts;
    }
    try {
        for (const auto& entry : *json) {
            attempts.push_back(
                {entry.at("leafHash").get<std::string>(), entry.at("logIndex").get<std::uint64_t>(),
                 entry.at("runId").get<std::string>(), entry.at("status").get<std::string>()});
        }
    } catch (const Json::exception&) {
        damaged(path_);
    }
    return attempts;
}

void AttemptIndex::add(const PreviousAttempt& attempt) const {
    auto attempts = load();
    const bool known = std::any_of(attempts.begin(), attempts.end(), [&](const auto& entry) {
        return entry.run_id == attempt.run_id;
    });
    if (known) {
        return;
    }
    attempts.push_back(attempt);
    Json list = Json::array();
    for (const auto& entry : attempts) {
        list.push_back({{"leafHash", entry.leaf_hash},
                        {"logIndex", entry.log_index},
                        {"runId", entry.run_id},
                        {"status", entry.status}});
    }
    make_directories_durably(path_.parent_path());
    write_file_durably(path_, list.dump());
}

}  // namespace efface::job
