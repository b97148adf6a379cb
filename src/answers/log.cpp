// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
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

WallTime time_in(const std::string& text, const char* what) {
    const auto time = from_rfc3339(text);
    if (!time) {
        wrong(std::string(what) + " has no time");
    }
    return *time;
}

bool before_by_more_than_slack(WallTime one, WallTime other) {
    return other - one > kClockSlack;
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
    if (before_by_more_than_slack(outcome.at("at").time(),
                                  predicate.at("sanitization").at("completedAt").time())) {
        outcome.at("at").fail("is before the run was completed");
    }
}

const Json& identity_of(const Examined& examined) {
    const Json& predicate = examined.statement.at("predicate");
    return predicate.at(predicate.contains("projectIdentity") ? "projectIdentity"
                                                              : "targetIdentity");
}

/// Whether the record says that this technique was announced: it was used, or it was passed over
/// for the one that was.
bool is_technique_of(const RecordView& sanitization, const std::string& announced) {
    if (sanitization.at("technique").text() == announced) {
        return true;
    }
    const auto passed_over = sanitization.maybe("passedOver");
    if (!passed_over) {
        return false;
    }
    const auto list = passed_over->items();
    return std::any_of(list.begin(), list.end(), [&](const RecordView& one) {
        return one.at("technique").text() == announced;
    });
}

/// What was announced is what the record tells of. Until 1.1.0 an intent had no device keys, called
/// the work on volumes otherwise, and counted the attempts of its job.
void check_intent(const Examined& examined, const evidence::RunIntent& intent) {
    const RecordView predicate = examined.predicate();
    const RecordView sanitization = predicate.at("sanitization");
    if (intent.run_id != predicate.at("log").at("runId").text()) {
        wrong("the announcement is of another run");
    }
    const evidence::DeviceName device(identity_of(examined));
    if (intent.device != device.digest()) {
        wrong("the announcement is for another project or target");
    }
    const auto ordered = predicate.at("authorization").maybe("manifestDigest");
    if (intent.manifest != (ordered ? ordered->digest() : "")) {
        wrong("the announcement names another manifest than the authorized one");
    }
    if (before_by_more_than_slack(sanitization.at("startedAt").time(),
                                  time_in(intent.at, "the announcement"))) {
        wrong("the run began before it was announced");
    }
    if (!evidence::proves_announcement(predicate.at("schemaVersion").text())) {
        return;
    }
    if (intent.device_keys != device.keys()) {
        wrong("the announcement has different device keys than the project or target");
    }
    if (!is_technique_of(sanitization, intent.technique)) {
        wrong("the announcement names another technique");
    }
    if (intent.attempt != predicate.at("attempts").at("number").number()) {
        wrong("the announcement names another attempt");
    }
}

void check_grew(const evidence::Checkpoint& before, const evidence::Checkpoint& head,
                const std::vector<Digest>& path) {
    if (!evidence::consistency_holds(before.size, before.root, head.size, head.root, path)) {
        wrong("the proof's tree does not continue the tree of the certificate's checkpoint");
    }
}

template <typename Parse, typename Text>
auto read_proof(const Examined& examined, const char* name, Parse parse, Text text_of) {
    const Bytes text = examined.files.read(name, evidence::kProofBytesMax);
    auto proof = parse(as_text(text));
    if (!proof || text_of(*proof) != as_text(text)) {
        wrong(std::string(name) + " is malformed");
    }
    return *std::move(proof);
}

/// The announcement in the tree of the proof's checkpoint, and that this tree continues the one of
/// the certificate's checkpoint: so that one held the announcement, too.
void check_proof_of_announcement(const Examined& examined) {
    const RecordView named = examined.predicate().at("log");
    const auto proof = read_proof(examined, evidence::kIntentProofFile, evidence::parse_tlog_proof,
                                  evidence::tlog_proof_text);
    const auto consistency =
        read_proof(examined, evidence::kConsistencyProofFile, evidence::parse_consistency_proof,
                   evidence::consistency_proof_text);
    if (proof.checkpoint != examined.proof.checkpoint ||
        consistency.checkpoint != examined.proof.checkpoint) {
        wrong("the proofs are not all under one checkpoint");
    }
    const Digest leaf = evidence::leaf_hash(as_bytes(proof.entry));
    if (proof.index != named.at("intentIndex").number() ||
        to_hex(leaf) != named.at("intentLeafHash").text()) {
        wrong("the proof is for another announcement than the one in the certificate");
    }
    const auto root =
        evidence::root_from_inclusion(proof.index, examined.head.size, leaf, proof.path);
    if (!root || *root != examined.head.root) {
        wrong("the inclusion proof of the announcement does not lead to the signed root");
    }
    if (consistency.old_size != examined.before.size) {
        wrong(
            "the consistency proof starts from another tree than the one of the certificate's "
            "checkpoint");
    }
    check_grew(examined.before, examined.head, consistency.path);
    const Json entry = parse_canonical(proof.entry, "the announcement");
    if (entry.value("seq", Json()) != proof.index) {
        wrong("the announcement is not a line at that index");
    }
    RecordView(entry, "the announcement")
        .only({"type", "seq", "prev", "at", "runId", "jobId", "device", "deviceKeys", "technique",
               "attempt", "manifest"});
    check_intent(examined, evidence::run_intent_from(entry, proof.index));
}

/// The runs of this device: those that the record must declare, and those that came later.
struct Neighbours {
    std::map<std::uint64_t, const evidence::LoggedRun*> earlier;  ///< by the entry of the outcome
    std::vector<LaterRun> later;
};

/// What was open when this outcome was logged is a run that nobody accounts for; what closed it
/// later does not change that.
Neighbours neighbours_of(const Examined& examined, const evidence::WholeLog& log) {
    const std::uint64_t own = examined.predicate().at("log").at("intentIndex").number();
    const std::uint64_t end = examined.proof.index;
    Neighbours found;
    for (const auto* run : log.runs_on(evidence::DeviceName(identity_of(examined)))) {
        const std::uint64_t intent = run->intent.index;
        if (intent == own || run->refused) {
            continue;
        }
        if (intent > end) {
            found.later.push_back({run->end.value_or(intent), run->intent.run_id,
                                   run->end ? run->status : "open",
                                   run->end ? run->ended_at : run->intent.at});
        } else if (!run->end || *run->end > end) {
            wrong(
                fmt::format("log entry {} announces a run on this project or target that had no "
                            "outcome when this run ended",
                            intent));
        } else {
            found.earlier[*run->end] = run;
        }
    }
    return found;
}

void check_attempts_declared(const Examined& examined, const evidence::WholeLog& log,
                             const Neighbours& neighbours) {
    const RecordView attempts = examined.predicate().at("attempts");
    const auto declared = attempts.at("previous").items();
    for (const RecordView& attempt : declared) {
        const auto found = neighbours.earlier.find(attempt.at("logIndex").number());
        if (found == neighbours.earlier.end() ||
            found->second->intent.run_id != attempt.at("runId").text() ||
            found->second->status != attempt.at("status").text() ||
            to_hex(log.leaf(found->first)) != attempt.at("leafHash").text()) {
            attempt.fail("the log has no such attempt on this project or target");
        }
    }
    if (declared.size() != neighbours.earlier.size()) {
        wrong(fmt::format("the log has {} on this project or target, the certificate declares {}",
                          counted(neighbours.earlier.size(), "earlier attempt"), declared.size()));
    }
}

/// A run whose end nobody saw has no certificate: the log says why.
std::string in_words(const Neighbours& neighbours) {
    std::string words;
    for (const auto& [index, run] : neighbours.earlier) {
        if (run->status == evidence::kLostRun) {
            words += fmt::format("; run {} was lost (entry {}: {})", run->intent.run_id, index,
                                 run->reason);
        }
    }
    for (const LaterRun& run : neighbours.later) {
        words += fmt::format("; LATER: run {} on the same project or target, {} at {} (entry {})",
                             run.run_id, run.status, run.at, run.index);
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
    const Json entry = parse_canonical(examined.proof.entry, "the log entry");
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
        wrong("the checkpoint in the certificate is newer than its outcome");
    }
    if (examined.before.size == examined.head.size && examined.before.root != examined.head.root) {
        wrong("the two checkpoints contradict each other");
    }
    const bool has_proof = examined.files.has(evidence::kIntentProofFile) ||
                           examined.files.has(evidence::kConsistencyProofFile);
    if (!has_proof &&
        !evidence::proves_announcement(examined.predicate().at("schemaVersion").text())) {
        return examined.anchors.log_directory
                   ? "not checked: the bundle has no proof of it; checked below with the whole log"
                   : "not checked: the bundle has no proof of it";
    }
    check_proof_of_announcement(examined);
    return fmt::format(
        "entry {} announced the run when {} had been signed; the log was only appended to since",
        intent, counted(examined.before.size, "entry"));
}

std::string check_whole_log(Examined& examined, const evidence::WholeLog& log) {
    const evidence::LogAudit& audit = log.audit();
    if (!audit.readable) {
        throw Error(ErrorCode::internal, ReasonCode::io_failed, list_of(audit.problems));
    }
    if (!audit.problems.empty()) {
        wrong(list_of(audit.problems));
    }
    for (const evidence::Checkpoint* checkpoint : {&examined.before, &examined.head}) {
        if (log.size() < checkpoint->size || log.root_at(checkpoint->size) != checkpoint->root) {
            wrong(fmt::format("the log does not continue the signed tree of {} entries",
                              checkpoint->size));
        }
    }
    // Both indices lie within trees that the log continues.
    const RecordView named = examined.predicate().at("log");
    const auto* own = log.run_of(named.at("intentIndex").number());
    if (own == nullptr ||
        to_hex(log.leaf(own->intent.index)) != named.at("intentLeafHash").text()) {
        named.fail("names an announcement that is not in the log");
    }
    if (own->end != examined.proof.index || own->refused) {
        named.fail("names an announcement that another entry closes");
    }
    check_intent(examined, own->intent);
    Neighbours neighbours = neighbours_of(examined, log);
    check_attempts_declared(examined, log, neighbours);
    examined.later = std::move(neighbours.later);
    std::string words = fmt::format("{}, all as signed; every earlier attempt ({}) is declared",
                                    counted(audit.entries, "entry"), neighbours.earlier.size());
    words += in_words({std::move(neighbours.earlier), examined.later});
    if (audit.unsigned_lines != 0) {
        words += fmt::format("; {} after them not signed yet, not checked",
                             counted(audit.unsigned_lines, "line"));
    }
    return words;
}

}  // namespace efface::answers
