// SPDX-License-Identifier: Apache-2.0
#include "key_log.hpp"

#include <set>

#include "efface/base/json.hpp"
#include "efface/evidence/log.hpp"

#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::uint64_t kFirstEntries = 2;  // log-created and key-added of the station

/// What the log says of keys.
struct Logged {
    std::set<std::string> certificates;  ///< SHA-256 of those that were added
    std::set<std::string> stations;      ///< SHA-256 of public keys, from entries of 0.1
    std::set<std::string> retired;       ///< SHA-256 of public keys
};

Logged read_log(const evidence::Log& log) {
    Logged logged;
    for (std::uint64_t i = 0; i < log.size(); ++i) {
        const auto text = log.entry(i);
        const bool added = text.find("\"key-added\"") != text.npos;
        if (!added && text.find("\"key-retired\"") == text.npos) {
            continue;
        }
        const Json entry = parse_json(text, "log entry");
        const auto type = entry.value("type", "");
        const auto key = entry.value("subjectPublicKeySha256", "");
        if (type == "key-retired") {
            logged.retired.insert(key);
        } else if (type == "key-added" && entry.contains("certificateSha256")) {
            logged.certificates.insert(entry.value("certificateSha256", ""));
        } else if (type == "key-added") {
            logged.stations.insert(key);
        }
    }
    return logged;
}

Json added_entry(const evidence::Issued& issued, const std::string& at) {
    return ObjectWriter()
        .add("type", "key-added")
        .add("at", at)
        .add("role", issued.role ? evidence::to_string(*issued.role) : "none")
        .add("subjectPublicKeySha256", issued.spki_sha256)
        .add("certificateSha256", issued.certificate_sha256)
        .add("keyHeld", evidence::to_string(issued.held))
        .take();
}

Json retired_entry(const evidence::Issued& issued, const std::string& at) {
    return ObjectWriter()
        .add("type", "key-retired")
        .add("at", at)
        .add("subjectPublicKeySha256", issued.spki_sha256)
        .add("reason", evidence::to_string(issued.revoked->reason))
        .add("invalidFrom", to_rfc3339(issued.revoked->invalid_from))
        .take();
}

}  // namespace

void log_keys(const job::StateDirectory& state, const evidence::KeyStore& keys,
              const Clock& clock) {
    const auto& signer = keys.log_signer();
    if (!std::filesystem::exists(state.log() / "checkpoint")) {
        evidence::Log::create(state.log(), signer);
    }
    auto log = evidence::Log::open(state.log(), signer);
    if (const auto file = log.set_aside()) {
        say("the log had lines that its key never signed; they were moved, unsigned, to:\n       " +
            one_line(*file));
    }
    const auto at = to_rfc3339(clock.now());
    if (log.size() == 0) {
        log.append(ObjectWriter()
                       .add("type", "log-created")
                       .add("at", at)
                       .add("origin", signer.name())
                       .take());
    }
    const auto logged = read_log(log);
    for (const auto& issued : keys.issued()) {
        const bool station = issued.role == evidence::Role::station;
        if (logged.certificates.count(issued.certificate_sha256) == 0 &&
            !(station && logged.stations.count(issued.spki_sha256) != 0)) {
            log.append(added_entry(issued, at));
        }
        if (issued.revoked && logged.retired.count(issued.spki_sha256) == 0) {
            log.append(retired_entry(issued, at));
        }
    }
}

bool log_has_begun(const job::StateDirectory& state, const evidence::KeyStore& keys) {
    return std::filesystem::exists(state.log() / "checkpoint") &&
           evidence::Log::open_read_only(state.log(), keys.log_verifier_key()).size() >=
               kFirstEntries;
}

}  // namespace efface::cli
