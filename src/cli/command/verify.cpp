// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/log.hpp"
#include "efface/judge/lower.hpp"
#include "efface/rules/verdict.hpp"

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
    std::string trust;
    std::string crl;
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
    std::filesystem::path root;  ///< where they came from
    std::filesystem::path log_key;

    /// A line for each, for the end of an answer: whose word it rests on.
    [[nodiscard]] std::string text(const std::vector<std::string>& used) const;
};

std::string Anchors::text(const std::vector<std::string>& used) const {
    std::string lines;
    for (const auto& one : roots) {
        const bool is_used = std::find(used.begin(), used.end(), one.sha256) != used.end();
        lines += fmt::format("Trusted: root \"{}\"{}, from {}\n       SHA-256 {}\n",
                             printable(one.subject), is_used ? "" : " (no signature depends on it)",
                             printable(root.string()), one.sha256);
    }
    lines += fmt::format("Trusted: log key {}+{}, from {}\n", log_name, log_id,
                         printable(log_key.string()));
    return lines +
           (from == std::string_view("state-folder")
                ? "       These are this machine's own. An auditor gives --root and --log-key\n    "
                  "   from "
                  "another source.\n"
                : "       Compare them with what was published before; whoever made the bundle\n"
                  "       must not be the source.\n");
}

/// Who brings what is to be trusted along with what is to be checked proves nothing.
void refuse_own_anchors(const Anchors& anchors, const std::string& bundle) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(bundle, error);
    if (error) {
        return;  // the answer tells what is wrong with it
    }
    for (const auto& [path, option] :
         {std::pair{anchors.root, "--root"}, std::pair{anchors.log_key, "--log-key"}}) {
        const auto real = std::filesystem::canonical(path, error);
        const auto [end, ignored] =
            std::mismatch(folder.begin(), folder.end(), real.begin(), real.end());
        if (!error && end == folder.end()) {
            throw Error(ErrorCode::usage,
                        fmt::format("{} {} lies in the bundle itself: that proves nothing", option,
                                    printable(path.string())),
                        "get root.pem and log.vkey from whom you trust, not with the bundle");
        }
    }
}

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

/// Which files hold what is trusted, or one that holds all of it.
void check_anchor_options(const VerifyOptions& options) {
    if (options.root.empty() != options.log_key.empty()) {
        throw Error(ErrorCode::usage, "--root and --log-key are given together or not at all",
                    std::string("add ") + (options.root.empty() ? "--root" : "--log-key") +
                        ": the keys of this machine cannot vouch for what others signed");
    }
    if (!options.trust.empty() && !(options.root.empty() && options.crl.empty())) {
        throw Error(ErrorCode::usage, "--trust holds all that --root, --log-key and --crl give",
                    "give --trust FILE alone");
    }
}

/// What `efface keys export-trust` wrote: efface.trust/1, efface-certificate(5).
void read_trust_file(const std::string& path, Anchors& anchors, std::string& log_key) {
    const Json document = parse_json(read_anchor(path, "--trust"), path);
    ObjectReader reader(document, path);
    if (reader.required_string("schema") != "efface.trust/1") {
        throw Error(ErrorCode::usage, path + ": is not of schema efface.trust/1",
                    "write it with: efface keys export-trust");
    }
    const auto text_of = [&](const char* list, const char* key) {
        std::string text;
        for (const Json& one : document.value(list, Json::array())) {
            text += one.value(key, "");
        }
        return text;
    };
    if (document.value("logKeys", Json::array()).size() != 1) {
        throw Error(ErrorCode::usage, path + ": must hold the key of one log",
                    "one trust file for each station's log");
    }
    anchors.from = "trust-file";
    anchors.root = anchors.log_key = path;
    anchors.trusted.roots_pem = text_of("roots", "pem");
    anchors.trusted.revocations_pem = text_of("revocations", "pem");
    log_key = text_of("logKeys", "verifierKey");
}

void read_anchor_files(const Program& program, const VerifyOptions& options, Anchors& anchors,
                       std::string& log_key) {
    const bool own = options.root.empty();
    const auto keys = own ? program.state().keys() : std::filesystem::path();
    anchors.from = own ? "state-folder" : "options";
    anchors.root = own ? keys / evidence::kRootFile : std::filesystem::path(options.root);
    anchors.log_key = own ? keys / evidence::kLogKeyFile : std::filesystem::path(options.log_key);
    anchors.trusted.roots_pem = read_anchor(anchors.root, "--root");
    log_key = read_anchor(anchors.log_key, "--log-key");
    if (!options.crl.empty()) {
        anchors.trusted.revocations_pem = read_anchor(options.crl, "--crl");
    } else if (own) {
        anchors.trusted.revocations_pem =
            read_text_file(keys / evidence::kRevocationsFile, kAnchorBytesMax).value_or("");
    }
}

Anchors anchors_of(const Program& program, const VerifyOptions& options) {
    check_anchor_options(options);
    Anchors anchors;
    std::string log_key_text;
    if (options.trust.empty()) {
        read_anchor_files(program, options, anchors, log_key_text);
    } else {
        read_trust_file(options.trust, anchors, log_key_text);
    }
    const auto& root = anchors.root;
    const auto& log_key = anchors.log_key;
    const auto line = evidence::verifier_key_line(log_key_text);
    anchors.roots = evidence::trusted_roots(anchors.trusted.roots_pem);
    if (anchors.roots.empty()) {
        throw Error(ErrorCode::usage, root.string() + ": must hold only certificates in PEM");
    }
    evidence::check_revocations(anchors.trusted.revocations_pem, anchors.trusted.roots_pem);
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
        .add("rootFile", printable(anchors.root.string()))
        .add("logKeyFile", printable(anchors.log_key.string()))
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

/// That a record is genuine says nothing good about the storage when what it tells is a failure.
std::string about_a_failed_run(const Verification& verification) {
    const auto answer = answer_of(verification);
    if (answer != Answer::yes && answer != Answer::qualified) {
        return {};
    }
    try {
        const auto verdict = judge::verdict_of(verification.certificate.at("predicate"));
        return rules::is_success(verdict.status) ? std::string()
                                                 : fmt::format(
                                                       "It is the genuine record of a run that "
                                                       "ended as {}: the storage may still "
                                                       "hold old data.\n",
                                                       printable(verdict.status));
    } catch (const Json::exception&) {
        return {};
    }
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
              anchors.text({verification.roots_used.begin(), verification.roots_used.end()}) +
              in_words(answer_of(verification)) + about_a_failed_run(verification));
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
        refuse_own_anchors(anchors, bundle);
    }
    if (!options.log.empty()) {
        must_be_folder(options.log, "log");
    }
    const answers::Verifier verifier(anchors.trusted);
    Counts counts;
    Answer worst = Answer::yes;
    std::set<std::string> used;
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
        used.insert(verification.roots_used.begin(), verification.roots_used.end());
        print_one(options, bundle, verification, anchors);
    }
    if (options.several()) {
        print_summary(options, counts, worst, anchors);
    } else if (options.json) {
        print_json_part("\n");
    }
    if (!options.json && options.several()) {
        print(anchors.text({used.begin(), used.end()}));
    }
    return static_cast<int>(worst);
}

}  // namespace

void add_verify(Command& app, Program& program) {
    auto command = app.subcommand("verify", "Check certificate bundles strictly, offline");
    auto options = std::make_shared<VerifyOptions>();
    command.add("bundle", options->bundles, "Bundle folders").kind("FOLDER").required();
    command.add("--root", options->root, "Trusted evidence root (PEM), with --log-key")
        .kind("FILE");
    command.add("--log-key", options->log_key, "Trusted log key (vkey line), with --root")
        .kind("FILE");
    command.add("--crl", options->crl, "What the root revoked (crl.pem), with --root").kind("FILE");
    command.add("--trust", options->trust, "All of these in one file, from keys export-trust")
        .kind("FILE");
    command.add("--log", options->log, "Folder of the whole log: shows missing and later runs")
        .kind("FOLDER");
    command.flag("--replay", options->replay,
                 "Compute verdict and level again from the observed facts");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::reading;
        program.run = [&program, options] { return verify(program, *options); };
    });
}

}  // namespace efface::cli
