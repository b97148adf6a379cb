// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "efface/judge/lower.hpp"
#include "efface/rules/verdict.hpp"

#include "certificates/anchors.hpp"
#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

using answers::Answer;
using answers::Verification;

constexpr const char* kSchema = "efface.verification/1";
constexpr const char* kSummarySchema = "efface.verification-summary/1";

struct VerifyOptions {
    std::vector<std::string> bundles;
    AnchorOptions anchors;
    bool replay = false;
    bool json = false;

    [[nodiscard]] bool several() const { return bundles.size() > 1; }
};

/// What is not there is a mistake of the caller; what may not be looked at is left to the answer.
void must_be_folder(const std::string& path, const char* what) {
    std::error_code error;
    const auto type = std::filesystem::status(path, error).type();
    using std::filesystem::file_type;
    if (type != file_type::directory && type != file_type::none) {
        throw Error(ErrorCode::usage, printable(path) + ": there is no such " + what);
    }
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
    if (anchors.trusted.log_directory) {
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

std::string in_words(const Verification& verification) {
    switch (answer_of(verification)) {
        case Answer::yes:
            return "The bundle is proved.\n";
        case Answer::no:
            return "The bundle is NOT proved.\n";
        case Answer::not_known:
            return "The bundle could not be read: nothing is known about it.\n";
        case Answer::qualified:
            return verification.later.empty()
                       ? "The bundle is proved, but the organisation has rejected it.\n"
                   : verification.rejected
                       ? "The bundle is proved, but rejected, and superseded by a later run.\n"
                       : "The bundle is proved, but superseded by a later run on the same "
                         "storage.\n";
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
        print(render_verification(verification, Screen::of(STDOUT_FILENO).page_columns()) +
              (options.replay ? replay_text(verification) : std::string()) +
              anchors.text({verification.roots_used.begin(), verification.roots_used.end()}) +
              in_words(verification) + about_a_failed_run(verification));
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
    // Where others are given, nothing of this machine's state matters.
    const bool own = options.anchors.own();
    auto anchors =
        anchors_of(own ? program.state() : job::StateDirectory{program.state_dir}, options.anchors);
    for (const std::string& bundle : options.bundles) {
        must_be_folder(bundle, "bundle");
        refuse_own_anchors(anchors, bundle);
    }
    if (!options.anchors.log.empty()) {
        must_be_folder(options.anchors.log, "log");
    }
    const answers::Verifier verifier(anchors.trusted);
    if (!verifier.log_left_out().empty()) {
        anchors.trusted.log_directory.reset();
        say("this machine's log was not looked into, later runs are unknown: " +
                verifier.log_left_out(),
            Meaning::caution);
    }
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
    command.add("--root", options->anchors.root, "Trusted evidence root (PEM), with --log-key")
        .kind("FILE");
    command.add("--log-key", options->anchors.log_key, "Trusted log key (vkey line), with --root")
        .kind("FILE");
    command.add("--crl", options->anchors.crl, "What the root revoked (crl.pem), with --root")
        .kind("FILE");
    command
        .add("--trust", options->anchors.trust, "All of these in one file, from keys export-trust")
        .kind("FILE");
    command
        .add("--log", options->anchors.log, "Folder of the whole log: shows missing and later runs")
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
