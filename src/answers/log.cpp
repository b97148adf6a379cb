// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "efface/base/digest.hpp"
#include "efface/evidence/bundle_names.hpp"

#include "parts.hpp"

namespace efface::answers {

namespace {

[[noreturn]] void wrong(const std::string& problem) {
    throw Error(ErrorCode::usage, problem);
}

evidence::Checkpoint open_checkpoint(const std::string& note, const Examined& examined,
                                     const std::string& which) {
    const auto text = evidence::open_note(note, examined.anchors.log_verifier_key);
    if (!text) {
        wrong(which + " is not signed by the trusted log key");
    }
    const auto checkpoint = evidence::parse_checkpoint(*text);
    if (!checkpoint) {
        wrong(which + " is not a checkpoint");
    }
    if (checkpoint->origin != examined.predicate().at("log").at("origin").text()) {
        wrong(which + " is of another log");
    }
    return *checkpoint;
}

std::string leaf_hash_hex(const std::string& line) {
    return to_hex(evidence::leaf_hash(as_bytes(line)));
}

/// The entry of the proof must be the outcome of this run and name exactly these two files.
void check_outcome(const Examined& examined, const Json& entry) {
    const RecordView outcome(entry, "log entry");
    outcome.only(
        {"type", "seq", "prev", "at", "runId", "intent", "status", "certificate", "signature"});
    (void)outcome.at("type").one_of({"run-outcome"});
    const RecordView predicate = examined.predicate();
    const RecordView log = predicate.at("log");
    if (outcome.at("seq").number() != examined.proof.index) {
        outcome.at("seq").fail("is not the index of the proof");
    }
    if (outcome.at("certificate").digest() != sha256_hex(examined.certificate)) {
        outcome.at("certificate").fail("names another certificate");
    }
    if (outcome.at("signature").digest() != sha256_hex(examined.signature)) {
        outcome.at("signature").fail("names another signature file");
    }
    if (outcome.at("intent").number() != log.at("intentIndex").number() ||
        outcome.at("runId").text() != log.at("runId").text()) {
        outcome.fail("closes another run");
    }
    if (outcome.at("status").text() != predicate.at("result").at("status").text()) {
        outcome.at("status").fail("is not the status of the certificate");
    }
}

/// The intent as it stands in the log must be the one that the certificate speaks of.
void check_intent(const Examined& examined, const evidence::Log& log) {
    const RecordView predicate = examined.predicate();
    const RecordView named = predicate.at("log");
    const std::string line = log.entry(named.at("intentIndex").number());
    if (leaf_hash_hex(line) != named.at("intentLeafHash").text()) {
        named.at("intentLeafHash").fail("is not that of the entry in the log");
    }
    const Json entry = parse_json(line, "log entry");
    const RecordView intent(entry, "run-intent");
    (void)intent.at("type").one_of({"run-intent"});
    if (intent.at("runId").text() != named.at("runId").text()) {
        intent.at("runId").fail("is of another run");
    }
    if (intent.at("device").text() !=
        examined.view().at("subject").items().front().at("digest").digest()) {
        intent.at("device").fail("is another project or target");
    }
    const auto ordered = predicate.at("authorization").maybe("manifestDigest");
    const auto announced = intent.maybe("manifest");
    if (ordered.has_value() != announced.has_value() ||
        (ordered && announced->digest() != ordered->digest())) {
        intent.fail("names another manifest than the one that was authorized");
    }
}

/// An outcome that the log holds for the same project.
struct Earlier {
    std::string run_id;
    std::string status;
    std::string leaf_hash;
    std::string reason;  ///< of a lost one
};

/// All outcomes before this one for `device`, by index. An intent without outcome is a run that
/// nobody accounts for.
std::map<std::uint64_t, Earlier> earlier_outcomes(const Examined& examined,
                                                  const evidence::Log& log,
                                                  const std::string& device) {
    std::map<std::uint64_t, Earlier> outcomes;
    std::map<std::uint64_t, std::string> open;  // intents of this device: index -> run
    const std::uint64_t own = examined.predicate().at("log").at("intentIndex").number();
    for (std::uint64_t index = 0; index < log.size(); ++index) {
        const std::string line = log.entry(index);
        const Json entry = parse_json(line, "log entry");
        const RecordView view(entry, fmt::format("log entry {}", index));
        const std::string& type = view.at("type").text();
        if (type == "run-intent" && view.at("device").text() == device) {
            open[index] = view.at("runId").text();
        }
        if (type == "run-refused") {
            // The guard refused after the announcement; nothing was changed, so nothing is
            // declared.
            if (view.at("intent").number() == own) {
                view.fail("says that this run was refused");
            }
            (void)open.erase(view.at("intent").number());
        }
        if (type != "run-outcome") {
            continue;
        }
        const bool is_own = view.at("intent").number() == own;
        if (is_own && index != examined.proof.index) {
            view.fail("closes this run a second time");
        }
        const bool same_device = open.erase(view.at("intent").number()) == 1;
        if (same_device && !is_own && index < examined.proof.index) {
            const std::string& status = view.at("status").text();
            outcomes[index] = {
                view.at("runId").text(), status, leaf_hash_hex(line),
                status == evidence::kLostRun ? view.at("reason").text() : std::string()};
        }
    }
    if (!open.empty() && open.begin()->first < examined.proof.index) {
        wrong(fmt::format(
            "log entry {} announces a run on this project or target that has no outcome",
            open.begin()->first));
    }
    return outcomes;
}

void check_attempts_declared(const Examined& examined,
                             const std::map<std::uint64_t, Earlier>& outcomes) {
    const auto declared = examined.predicate().at("attempts").at("previous").items();
    for (const RecordView& attempt : declared) {
        const auto found = outcomes.find(attempt.at("logIndex").number());
        if (found == outcomes.end() || found->second.run_id != attempt.at("runId").text() ||
            found->second.status != attempt.at("status").text() ||
            found->second.leaf_hash != attempt.at("leafHash").text()) {
            attempt.fail("the log holds no such attempt on this project or target");
        }
    }
    if (declared.size() != outcomes.size()) {
        wrong(fmt::format("the log holds {} on this project or target, the certificate declares {}",
                          counted(outcomes.size(), "earlier attempt"), declared.size()));
    }
}

/// A run whose end nobody saw has no certificate: the log says why.
std::string lost_in_words(const std::map<std::uint64_t, Earlier>& outcomes) {
    std::string words;
    for (const auto& [index, outcome] : outcomes) {
        if (outcome.status == evidence::kLostRun) {
            words += fmt::format("; run {} was lost (entry {}: {})", outcome.run_id, index,
                                 outcome.reason);
        }
    }
    return words;
}

}  // namespace

std::string check_log_inclusion(Examined& examined) {
    const Bytes text = examined.files.read(evidence::kProofFile, evidence::kProofBytesMax);
    auto proof = evidence::parse_tlog_proof(as_text(text));
    if (!proof || tlog_proof_text(*proof) != as_text(text)) {
        wrong("certificate.json.tlog-proof is not a c2sp.org/tlog-proof@v1");
    }
    examined.proof = std::move(*proof);
    examined.head = open_checkpoint(examined.proof.checkpoint, examined, "the proof's checkpoint");
    const auto root = evidence::root_from_inclusion(
        examined.proof.index, examined.head.size,
        evidence::leaf_hash(as_bytes(examined.proof.entry)), examined.proof.path);
    if (!root || *root != examined.head.root) {
        wrong("the inclusion proof does not lead to the signed root");
    }
    const Json entry = parse_json(examined.proof.entry, "log entry");
    if (canonical_json(entry) != examined.proof.entry) {
        wrong("the log entry is not in canonical form");
    }
    check_outcome(examined, entry);
    return fmt::format("entry {} of {} in {} names this certificate and signature",
                       examined.proof.index, examined.head.size, examined.head.origin);
}

std::string check_announcement(Examined& examined) {
    const RecordView log = examined.predicate().at("log");
    examined.before =
        open_checkpoint(log.at("checkpoint").text(), examined, "the certificate's checkpoint");
    const std::uint64_t intent = log.at("intentIndex").number();
    if (examined.before.size <= intent) {
        wrong("the checkpoint in the certificate is older than the announcement of the run");
    }
    if (examined.before.size > examined.proof.index || examined.head.size < examined.before.size) {
        wrong("the checkpoint in the certificate is younger than its outcome");
    }
    if (examined.before.size == examined.head.size && examined.before.root != examined.head.root) {
        wrong("the two checkpoints contradict each other");
    }
    return fmt::format("entry {} announced the run; the log had signed {} by then", intent,
                       counted(examined.before.size, "entry"));
}

WholeLog open_whole_log(const std::filesystem::path& directory, std::string_view verifier_key) {
    WholeLog whole{evidence::audit_log(directory, verifier_key), std::nullopt};
    if (whole.audit.problems.empty()) {
        whole.log = evidence::Log::open_read_only(directory, verifier_key);
    }
    return whole;
}

std::string check_whole_log(Examined& examined, const WholeLog& whole) {
    const evidence::LogAudit& audit = whole.audit;
    if (!audit.problems.empty()) {
        wrong(fmt::format("{}", fmt::join(audit.problems, "; ")));
    }
    const evidence::Log& log = *whole.log;
    for (const evidence::Checkpoint* checkpoint : {&examined.before, &examined.head}) {
        if (log.size() < checkpoint->size || log.root_at(checkpoint->size) != checkpoint->root) {
            wrong(fmt::format("the log does not continue the tree of {} entries that was signed",
                              checkpoint->size));
        }
    }
    if (log.entry(examined.proof.index) != examined.proof.entry) {
        wrong("the log holds another entry at the index of the proof");
    }
    check_intent(examined, log);
    const auto outcomes = earlier_outcomes(
        examined, log, examined.view().at("subject").items().front().at("digest").digest());
    check_attempts_declared(examined, outcomes);
    return fmt::format("{}, all as signed; every earlier attempt ({}) is declared{}",
                       counted(audit.entries, "entry"), outcomes.size(), lost_in_words(outcomes));
}

}  // namespace efface::answers
