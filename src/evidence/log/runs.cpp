// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "efface/evidence/device_key.hpp"
#include "efface/evidence/log_runs.hpp"

#include "store.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kRunProblemsMax = 100;
constexpr std::size_t kDeviceKeysMax = 65'536;

[[noreturn]] void odd_entry(std::uint64_t index, const char* why) {
    throw Error(ErrorCode::evidence, "entry " + std::to_string(index) + " " + why);
}

std::string field_text(const Json& entry, const char* field) {
    const auto found = entry.find(field);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t field_number(const Json& entry, const char* field, std::uint64_t index) {
    const auto found = entry.find(field);
    if (found == entry.end() || !found->is_number_unsigned()) {
        odd_entry(index, "lacks a required number");
    }
    return found->get<std::uint64_t>();
}

bool is_end(std::string_view type) {
    return type == "run-outcome" || type == "run-refused";
}

/// Ends `run` by the entry that names its intent.
void end_run(LoggedRun& run, const Json& entry, std::uint64_t index) {
    if (run.end || field_text(entry, "runId") != run.intent.run_id) {
        odd_entry(index, "closes a different run than the one it names");
    }
    run.end = index;
    run.refused = field_text(entry, "type") == "run-refused";
    run.status = field_text(entry, "status");
    run.ended_at = field_text(entry, "at");
    run.reason = field_text(entry, "reason");
    if (!run.refused && run.status.empty()) {
        odd_entry(index, "does not say how the run ended");
    }
}

/// The text behind `field` in a canonical line, which cannot be within a string: a quotation mark
/// there has a backslash before it.
std::string_view behind(std::string_view line, std::string_view field) {
    const std::size_t at = line.rfind(field);
    return at == std::string_view::npos ? std::string_view() : line.substr(at + field.size());
}

}  // namespace

RunIntent run_intent_from(const Json& entry, std::uint64_t index) {
    if (field_text(entry, "type") != "run-intent") {
        odd_entry(index, "announces no run");
    }
    RunIntent intent;
    intent.index = index;
    intent.at = field_text(entry, "at");
    intent.run_id = field_text(entry, "runId");
    intent.job_id = field_text(entry, "jobId");
    intent.device = field_text(entry, "device");
    intent.technique = field_text(entry, "technique");
    if (intent.run_id.empty() || intent.device.empty()) {
        odd_entry(index, "announces a run without its id or its device");
    }
    if (entry.contains("attempt")) {
        intent.attempt = field_number(entry, "attempt", index);
    }
    if (const auto manifest = entry.find("manifest"); manifest != entry.end()) {
        intent.manifest = manifest->is_object() ? field_text(*manifest, "sha256") : "";
        if (intent.manifest.empty() || manifest->size() != 1) {
            odd_entry(index, "has no digest of its manifest");
        }
    }
    if (const auto keys = entry.find("deviceKeys"); keys != entry.end()) {
        if (!keys->is_array() || keys->empty() || keys->size() > kDeviceKeysMax) {
            odd_entry(index, "has an invalid list of device keys");
        }
        for (const Json& key : *keys) {
            if (!key.is_string()) {
                odd_entry(index, "has an invalid list of device keys");
            }
            intent.device_keys.push_back(key.get<std::string>());
        }
    }
    return intent;
}

DeviceName::DeviceName(const Json& identity)
    : digest_(sha256_hex(canonical_json(identity))), keys_(evidence::device_keys(identity)) {}

bool DeviceName::is_that_of(const RunIntent& intent) const {
    return intent.device_keys.empty() ? intent.device == digest_
                                      : same_device(intent.device_keys, keys_);
}

std::vector<LoggedRun> runs_of_job(const Log& log, std::string job_id) {
    DeviceRuns runs;
    runs.job_id_ = std::move(job_id);
    runs.read(log);
    return std::move(runs.runs_of_job_);
}

void DeviceRuns::read(const Log& log) {
    log.read_lines(next_, [this](std::uint64_t index, std::string_view line) {
        take(index, line);
        next_ = index + 1;
    });
}

bool DeviceRuns::may_be_of_device(std::string_view line) const {
    if (!device_) {
        return false;
    }
    const std::string_view list = behind(line, R"("deviceKeys":[)");
    if (list.empty()) {
        return behind(line, R"("device":")").starts_with(device_->digest());
    }
    // The keys are sorted, as those of the device are.
    std::string_view rest = list.substr(0, list.find(']'));
    while (!rest.empty()) {
        const std::size_t begin = rest.find('"');
        const std::size_t end = rest.find('"', begin + 1);
        if (begin == std::string_view::npos || end == std::string_view::npos) {
            return true;  // not as we write it: looked into
        }
        const std::string_view key = rest.substr(begin + 1, end - begin - 1);
        if (std::binary_search(device_->keys().begin(), device_->keys().end(), key)) {
            return true;
        }
        rest.remove_prefix(end + 1);
    }
    return false;
}

void DeviceRuns::take(std::uint64_t index, std::string_view line) {
    const std::string_view type_on = behind(line, R"("type":")");
    const std::string_view type = type_on.substr(0, type_on.find('"'));
    if (type == "run-intent" &&
        (may_be_of_device(line) ||
         (!job_id_.empty() && line.find(job_id_) != std::string_view::npos))) {
        LoggedRun run;
        run.intent = run_intent_from(parse_json(line, "log entry"), index);
        if (device_ && device_->is_that_of(run.intent)) {
            open_[index].of_device = runs_.size();
            runs_.push_back(run);
        }
        if (!job_id_.empty() && run.intent.job_id == job_id_) {
            open_[index].of_job = runs_of_job_.size();
            runs_of_job_.push_back(std::move(run));
        }
    } else if (!open_.empty() && is_end(type)) {
        const std::string_view number = behind(line, R"("intent":)");
        std::uint64_t intent = 0;
        (void)std::from_chars(number.data(), number.data() + number.size(), intent);
        if (const auto found = open_.find(intent); found != open_.end()) {
            const auto entry = parse_json(line, "log entry");
            if (const auto place = found->second.of_device) {
                end_run(runs_[*place], entry, index);
            }
            if (const auto place = found->second.of_job) {
                end_run(runs_of_job_[*place], entry, index);
            }
            open_.erase(found);
        }
    }
}

struct WholeLog::State {
    LogAudit audit;
    std::vector<Digest> nodes;  ///< in stored order
    std::vector<LoggedRun> runs;
    std::unordered_map<std::uint64_t, std::size_t> by_intent;
    std::unordered_multimap<std::string, std::size_t> by_name;  ///< keys, or else the digest

    void take(const AuditedEntry& entry) {
        nodes.insert(nodes.end(), entry.created.begin(), entry.created.end());
        if (entry.content == nullptr) {
            return;  // the audit has said so
        }
        try {
            take_run(*entry.content, entry.index);
        } catch (const Error& error) {
            if (audit.problems.size() < kRunProblemsMax) {
                audit.problems.push_back(printable(error.what()));
            }
        }
    }

    void take_run(const Json& entry, std::uint64_t index) {
        const std::string type = field_text(entry, "type");
        if (type == "run-intent") {
            LoggedRun run;
            run.intent = run_intent_from(entry, index);
            by_intent[index] = runs.size();
            if (run.intent.device_keys.empty()) {
                by_name.emplace(run.intent.device, runs.size());
            }
            for (const std::string& key : run.intent.device_keys) {
                by_name.emplace(key, runs.size());
            }
            runs.push_back(std::move(run));
        } else if (is_end(type)) {
            const auto found = by_intent.find(field_number(entry, "intent", index));
            if (found != by_intent.end()) {
                end_run(runs[found->second], entry, index);
            }
        }
    }
};

WholeLog::WholeLog(const std::filesystem::path& directory, std::string_view verifier_key)
    : state_(std::make_unique<State>()) {
    LogAudit audit = audit_folder(directory, verifier_key,
                                  [this](const AuditedEntry& entry) { state_->take(entry); });
    audit.problems.insert(audit.problems.end(), state_->audit.problems.begin(),
                          state_->audit.problems.end());
    state_->audit = std::move(audit);
}
WholeLog::~WholeLog() = default;
WholeLog::WholeLog(WholeLog&&) noexcept = default;
WholeLog& WholeLog::operator=(WholeLog&&) noexcept = default;

const LogAudit& WholeLog::audit() const noexcept {
    return state_->audit;
}

std::uint64_t WholeLog::size() const noexcept {
    return state_->audit.entries;
}

Digest WholeLog::root_at(std::uint64_t size) const {
    EFFACE_ASSERT(size <= this->size());
    return tree_root(size, [this](std::uint64_t position) {
        return state_->nodes.at(static_cast<std::size_t>(position));
    });
}

Digest WholeLog::leaf(std::uint64_t index) const {
    EFFACE_ASSERT(index < size());
    return state_->nodes.at(static_cast<std::size_t>(stored_node_index(0, index)));
}

const LoggedRun* WholeLog::run_of(std::uint64_t intent) const {
    const auto found = state_->by_intent.find(intent);
    return found == state_->by_intent.end() ? nullptr : &state_->runs[found->second];
}

std::vector<const LoggedRun*> WholeLog::runs_on(const DeviceName& device) const {
    std::vector<std::size_t> places;
    const auto add = [&](const std::string& name) {
        const auto [first, last] = state_->by_name.equal_range(name);
        for (auto entry = first; entry != last; ++entry) {
            if (device.is_that_of(state_->runs[entry->second].intent)) {
                places.push_back(entry->second);
            }
        }
    };
    add(device.digest());
    for (const std::string& key : device.keys()) {
        add(key);
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    std::vector<const LoggedRun*> runs;
    for (const std::size_t place : places) {
        runs.push_back(&state_->runs[place]);
    }
    return runs;
}

}  // namespace efface::evidence
