// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/log.hpp"
#include "efface/judge/lower.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

using answers::Answer;
using answers::Verification;

constexpr std::size_t kAnchorBytesMax = std::size_t{256} * 1024;
constexpr std::size_t kLogKeyIdDigits = 8;
constexpr const char* kSchema = "efface.verification/1";
constexpr const char* kSummarySchema = "efface.verification-summary/1";

struct VerifyOptions {
    std::vector<std::string> bundles;
    std::string root;
    std::string log_key;
    std::string log;
    bool replay = false;
    bool json = false;

    [[nodiscard]] bool several() const { return bundles.size() > 1; }
};

/// The trust anchors and how the answer tells of them.
struct Anchors {
    answers::TrustAnchors trusted;
    std::vector<evidence::TrustedRoot> roots;
    std::string log_name;  ///< of "name+id+key"
    std::string log_id;
    const char* from = "state-folder";
};

std::string read_anchor(const std::filesystem::path& path, const char* option) {
    const std::string hint = std::string("give it with ") + option;
    try {
        if (auto text = read_text_file(path, kAnchorBytesMax)) {
            return *std::move(text);
        }
    } catch (const Error& error) {  // no permission, a folder, too large
        throw Error(ErrorCode::usage, error.what(), hint);
    }
    throw Error(ErrorCode::usage, path.string() + ": there is no such trust anchor", hint);
}

Anchors anchors_of(const Program& program, const VerifyOptions& options) {
    if (options.root.empty() != options.log_key.empty()) {
        throw Error(ErrorCode::usage, "--root and --log-key are given together or not at all",
                    std::string("add ") + (options.root.empty() ? "--root" : "--log-key") +
                        ": the keys of this machine cannot vouch for what others signed");
    }
    const bool own = options.root.empty();
    const auto keys = own ? program.state().keys() : std::filesystem::path();
    const std::filesystem::path root =
        own ? keys / "root.pem" : std::filesystem::path(options.root);
    Anchors anchors;
    anchors.from = own ? "state-folder" : "options";
    anchors.trusted.roots_pem = read_anchor(root, "--root");
    const std::filesystem::path log_key =
        own ? keys / "log.vkey" : std::filesystem::path(options.log_key);
    const auto line = evidence::verifier_key_line(read_anchor(log_key, "--log-key"));
    anchors.roots = evidence::trusted_roots(anchors.trusted.roots_pem);
    if (anchors.roots.empty()) {
        throw Error(ErrorCode::usage, root.string() + ": must hold only certificates in PEM");
    }
    if (!line) {
        throw Error(ErrorCode::usage, log_key.string() + ": has no line \"name+id+key\"",
                    "give the content of log.vkey with --log-key");
    }
    anchors.trusted.log_verifier_key = *line;
    const auto name = line->find('+');
    anchors.log_name = printable(line->substr(0, name));
    anchors.log_id = printable(line->substr(name + 1, kLogKeyIdDigits));
    if (!options.log.empty()) {
        anchors.trusted.log_directory = options.log;
    }
    return anchors;
}

/// What is not there is a mistake of the caller; what may not be looked at is left to the answer.
void must_be_folder(const std::string& path, const char* what) {
    std::error_code error;
    const auto type = std::filesystem::status(path, error).type();
    using std::filesystem::file_type;
    if (type != file_type::directory && type != file_type::none) {
        throw Error(ErrorCode::usage, printable(path) + ": there is no such " + what);
    }
}

Json anchors_document(const Anchors& anchors, const Verification* verification) {
    Json roots = Json::array();
    for (const auto& root : anchors.roots) {
        ObjectWriter entry;
        entry.add("subject", root.subject).add("sha256", root.sha256);
        if (verification != nullptr) {
            const auto& used = verification->roots_used;
            entry.add("used", std::find(used.begin(), used.end(), root.sha256) != used.end());
        }
        roots.push_back(entry.take());
    }
    return ObjectWriter()
        .add("from", anchors.from)
        .add("roots", std::move(roots))
        .add("logKey",
             ObjectWriter().add("name", anchors.log_name).add("id", anchors.log_id).take())
        .take();
}

Json to_json(const judge::Verdict& verdict) {
    return ObjectWriter().add("status", verdict.status).add("level", verdict.level).take();
}

/// What the observations bear, whatever the record claims; null for what nobody signed, or what has
/// no claims.
Json replay_document(const Verification& verification) {
    try {
        const Json& predicate = verification.certificate.at("predicate");
        auto claimed = to_json(judge::verdict_of(predicate));
        const auto replayed = judge::replay(predicate);
        return ObjectWriter()
            .add("claimed", std::move(claimed))
            .add("computed", to_json(replayed.verdict))
            .add("objections", replayed.objections)
            .take();
    } catch (const Json::exception&) {
        return {};
    }
}

std::string replay_text(const Verification& verification) {
    const Json replay = replay_document(verification);
    if (replay.is_null()) {
        return "Replay: there is no signed record to compute from.\n";
    }
    const auto words = [&](const char* key) {
        const Json& verdict = replay.at(key);
        return printable(verdict.at("status").get<std::string>() + ", level " +
                         verdict.at("level").get<std::string>());
    };
    std::string text = "Replay: the record claims " + words("claimed") +
                       ".\n        The observed facts support " + words("computed") + ".\n";
    for (const Json& objection : replay.at("objections")) {
        text += "        Limited by: " + printable(objection.get<std::string>()) + "\n";
    }
    return text;
}

Json later_runs(const Verification& verification) {
    Json later = Json::array();
    for (const auto& run : verification.later) {
        later.push_back(ObjectWriter()
                            .add("entry", run.index)
                            .add("runId", printable(run.run_id))
                            .add("status", printable(run.status))
                            .add("at", printable(run.at))
                            .take());
    }
    return later;
}

Json document_of(const VerifyOptions& options, const std::string& bundle,
                 const Verification& verification, const Anchors& anchors) {
    Json checks = Json::array();
    for (const auto& check : verification.checks) {
        checks.push_back(ObjectWriter()
                             .add("name", check.name)
                             .add("passed", check.passed)
                             .add("detail", check.detail)
                             .take());
    }
    ObjectWriter document;
    if (options.replay) {
        document.add("replay", replay_document(verification));
    }
    if (!options.log.empty()) {
        document.add("laterRuns", later_runs(verification));
    }
    return document.add("schema", kSchema)
        .add("bundle", printable(bundle))
        .add("verified", verification.ok())
        .add("rejected", verification.rejected)
        .add("exitCode", static_cast<int>(answer_of(verification)))
        .add("checks", std::move(checks))
        .add("trustAnchors", anchors_document(anchors, &verification))
        .take();
}

const char* in_words(Answer answer) {
    switch (answer) {
        case Answer::yes:
            return "The bundle is proved.\n";
        case Answer::no:
            return "The bundle is NOT proved.\n";
        case Answer::not_known:
            return "The bundle could not be read: nothing is known about it.\n";
        case Answer::qualified:
            return "The bundle is proved, but incomplete, superseded or rejected.\n";
    }
    return "";
}

const char* mark_of(Answer answer) {
    switch (answer) {
        case Answer::yes:
            return "proved   ";
        case Answer::no:
            return "FAILED   ";
        case Answer::not_known:
            return "unknown  ";
        case Answer::qualified:
            return "limited  ";
    }
    return "";
}

using Counts = std::map<Answer, std::size_t>;

void print_one(const VerifyOptions& options, const std::string& bundle,
               const Verification& verification, const Anchors& anchors) {
    if (options.json) {
        print_json_part(json_text(document_of(options, bundle, verification, anchors)));
    } else if (options.several()) {
        print(mark_of(answer_of(verification)) + printable(bundle) + ": " +
              summarize(verification) + "\n" +
              (options.replay ? replay_text(verification) : std::string()));
    } else {
        print(render_verification(verification) +
              (options.replay ? replay_text(verification) : std::string()) +
              in_words(answer_of(verification)));
    }
}

void print_summary(const VerifyOptions& options, Counts& counts, Answer worst,
                   const Anchors& anchors) {
    if (options.json) {
        // The rest of the object whose list of verifications was printed item by item.
        const auto rest = json_text(ObjectWriter()
                                        .add("bundles", options.bundles.size())
                                        .add("proved", counts[Answer::yes])
                                        .add("failed", counts[Answer::no])
                                        .add("unknown", counts[Answer::not_known])
                                        .add("limited", counts[Answer::qualified])
                                        .add("exitCode", static_cast<int>(worst))
                                        .add("trustAnchors", anchors_document(anchors, nullptr))
                                        .take());
        print_json_part("\n]," + rest.substr(1) + "\n");
        return;
    }
    print(fmt::format("{} bundles: {} proved, {} FAILED, {} unknown, {} limited\n",
                      options.bundles.size(), counts[Answer::yes], counts[Answer::no],
                      counts[Answer::not_known], counts[Answer::qualified]));
}

int verify(const Program& program, const VerifyOptions& options) {
    const Anchors anchors = anchors_of(program, options);
    for (const std::string& bundle : options.bundles) {
        must_be_folder(bundle, "bundle");
    }
    if (!options.log.empty()) {
        must_be_folder(options.log, "log");
    }
    const answers::Verifier verifier(anchors.trusted);
    Counts counts;
    Answer worst = Answer::yes;
    bool first = true;
    for (const std::string& bundle : options.bundles) {
        if (options.json && options.several()) {
            print_json_part(first ? std::string("{\"schema\":\"") + kSummarySchema +
                                        "\",\"verifications\":[\n"
                                  : ",\n");
            first = false;
        }
        const Verification verification = verifier.verify(bundle);
        const Answer answer = answer_of(verification);
        ++counts[answer];
        worst = worst_of(worst, answer);
        print_one(options, bundle, verification, anchors);
    }
    if (options.several()) {
        print_summary(options, counts, worst, anchors);
    } else if (options.json) {
        print_json_part("\n");
    }
    if (!options.json && counts[Answer::yes] > 0 && options.root.empty()) {
        print(
            "Trusted: the root and log key of this machine. An auditor gives --root and --log-key "
            "from another source.\n");
    }
    return static_cast<int>(worst);
}

}  // namespace

void add_verify(Command& app, Program& program) {
    auto command = app.subcommand("verify", "Check certificate bundles strictly, offline");
    auto options = std::make_shared<VerifyOptions>();
    command.add("bundle", options->bundles, "Bundle folders").required();
    command.add("--root", options->root, "Trusted evidence root (PEM), with --log-key");
    command.add("--log-key", options->log_key, "Trusted log key (vkey line), with --root");
    command.add("--log", options->log, "Folder of the whole log: shows missing and later runs");
    command.flag("--replay", options->replay,
                 "Compute verdict and level again from the observed facts");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::reading;
        program.run = [&program, options] { return verify(program, *options); };
    });
}

}  // namespace efface::cli
