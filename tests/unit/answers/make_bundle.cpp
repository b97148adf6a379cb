// SPDX-License-Identifier: Apache-2.0
// A test program: makes a valid record, or verifies one with the library alone.
//   make_bundle PREDICATE.json OUTDIR [VARIANT]  makes OUTDIR/{keys,log,bundle}; a VARIANT is
//       signed and logged by those who hold the keys, and must be refused all the same. A variant
//       in JSON tells of the log: merge patches (RFC 7396) of "earlierIdentity", "earlierIntent",
//       "intent" and "outcome" (and "intentNulls" and so on: fields that become null), "declare" of
//       the earlier run, "openBefore", and "later" runs
//   make_bundle --verify BUNDLE ROOT.pem LOG.vkey [LOGDIR]
//   make_bundle --signature ROOT.pem NAME...  says of NAME.p7s over NAME: ok, and each signer's
//       role, key and organization|site|name; or what is wrong with it
//   make_bundle --show BUNDLE
//   make_bundle --judge FILE  says of the predicate on each line "ok" or what is wrong with it
//   make_bundle --judge-tables TABLES FILE  judges all lines of FILE by each line of TABLES, which
//       is a table of techniques: a line of 1 for each that is accepted and 0 for each that is not
//   make_bundle --canonical FILE  says of each line "ok" or why no record may be written so
//   make_bundle --order FILE  prints an order for this predicate
//   make_bundle --judge-orders PREDICATE FILE  says of the order on each line the same
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <span>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/judge/judge.hpp"
#include "efface/judge/lower.hpp"
#include "efface/view/text.hpp"

#include "acceptance/acceptance.hpp"
#include "example_bundle.hpp"
#include "variants.hpp"

namespace {

using namespace efface;
using namespace efface::answers;
using namespace efface::evidence;
namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20U;

std::string required_file(const fs::path& path) {
    auto text = read_text_file(path, kFileBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": no such file");
    }
    return *text;
}

int verify(std::span<char*> arguments) {
    TrustAnchors anchors;
    anchors.roots_pem = required_file(arguments[1]);
    anchors.log_verifier_key = required_file(arguments[2]);
    while (!anchors.log_verifier_key.empty() && anchors.log_verifier_key.back() == '\n') {
        anchors.log_verifier_key.pop_back();
    }
    if (arguments.size() > 3) {
        anchors.log_directory = arguments[3];
    }
    const Verification verification = verify_bundle(arguments[0], anchors);
    for (const Check& check : verification.checks) {
        std::puts(fmt::format("{} {}: {}", check.passed ? "ok  " : "FAIL", check.name, check.detail)
                      .c_str());
    }
    for (const LaterRun& run : verification.later) {
        std::puts(
            fmt::format("LATER {} {} {} {}", run.index, run.run_id, run.status, run.at).c_str());
    }
    return static_cast<int>(answer_of(verification));
}

std::string signature_in_words(const std::string& roots, const std::string& name) {
    const std::string content = required_file(name);
    const CmsReport report =
        cms_verify(as_bytes(content), as_bytes(required_file(name + ".p7s")), roots);
    if (!report.ok()) {
        return printable(fmt::format("{}", fmt::join(report.problems, "; ")));
    }
    std::string words = "ok";
    for (const Signer& signer : report.signers) {
        words += fmt::format(" {} {} {}|{}|{}", signer.role ? to_string(*signer.role) : "none",
                             signer.spki_sha256, signer.named.organization, signer.named.site,
                             signer.named.station_id);
    }
    return words;
}

std::string judge_predicate(std::string_view line) {
    const Json predicate = parse_json(line, "predicate");
    judge::check_predicate({predicate, "predicate"});
    judge::check_rules({predicate, "predicate"});
    return "ok";
}

Json to_json(const judge::Judgement& judgement) {
    return ObjectWriter()
        .add("status", judgement.verdict.status)
        .add("level", judgement.verdict.level)
        .add("objections", judgement.objections)
        .take();
}

/// What is signed instead of it, and what it bears.
std::string lower_predicate(std::string_view line) {
    Json predicate = parse_json(line, "predicate");
    Json replayed = to_json(judge::replay(predicate));
    Json lowered = to_json(judge::lower(predicate, {}));
    return ObjectWriter()
        .add("lowered", std::move(lowered))
        .add("replayed", std::move(replayed))
        .add("predicate", std::move(predicate))
        .take()
        .dump();
}

/// `answer` gives a line for each line, or throws what is wrong with it.
void answer_all(const fs::path& path, const std::function<std::string(std::string_view)>& answer) {
    const std::string text = required_file(path);
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        try {
            std::puts(answer(rest.substr(0, end)).c_str());
        } catch (const Error& error) {
            std::puts(printable(error.what()).c_str());
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

std::vector<std::string> lines_of(const fs::path& path) {
    const std::string text = required_file(path);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

/// Predicates whose shape is wrong are refused by every table.
void judge_tables(const fs::path& tables, const fs::path& predicates) {
    std::vector<std::optional<Json>> parsed;
    for (const std::string& line : lines_of(predicates)) {
        parsed.emplace_back(parse_json(line, "predicate"));
        try {
            judge::check_predicate({*parsed.back(), "predicate"});
        } catch (const Error&) {
            parsed.back().reset();
        }
    }
    for (const std::string& line : lines_of(tables)) {
        const rules::Techniques table(line);
        std::string accepted;
        for (const auto& predicate : parsed) {
            bool good = predicate.has_value();
            try {
                if (good) {
                    judge::check_rules({*predicate, "predicate"}, table);
                }
            } catch (const Error&) {
                good = false;
            }
            accepted += good ? '1' : '0';
        }
        std::puts(accepted.c_str());
    }
}

std::string judge_canonical(std::string_view line) {
    if (canonical_json(parse_json(line, "line")) != line) {
        throw Error(ErrorCode::usage, "not in canonical form");
    }
    return "ok";
}

/// BUNDLE KEYS NAME DECISION [REASON]: decided by a witness of that name, who is made.
void accept(std::span<char*> arguments) {
    const KeyStore keys = KeyStore::open(arguments[1]);
    const SystemClock clock;
    SystemRandom random;
    keys.issue_person(arguments[2], Role::witness, clock, random);
    const TrustAnchors anchors{keys.root_certificate_pem(), keys.log_verifier_key(), {}};
    const bool rejected = std::string_view(arguments[3]) == "rejected";
    (void)add_acceptance(arguments[0], anchors,
                         {rejected ? Decision::rejected : Decision::accepted,
                          arguments.size() > 4 ? arguments[4] : "it was looked at"},
                         keys.person_key(arguments[2]), clock, random);
}

/// Of each line of the file, whether it is an acceptance of this bundle's certificate.
void judge_acceptances(const fs::path& bundle, const fs::path& file) {
    const std::string text = required_file(bundle / "certificate.json");
    const Json certificate = parse_json(text, "certificate.json");
    const std::string digest = sha256_hex(text);
    answer_all(file, [&](std::string_view line) {
        const Json statement = parse_json(line, "acceptance");
        check_acceptance({statement, "acceptance"}, {certificate, "certificate"}, digest, {});
        return "ok";
    });
}

int run(std::span<char*> arguments) {
    const std::string_view first = arguments.empty() ? "" : arguments[0];
    if (first == "--verify" && (arguments.size() == 4 || arguments.size() == 5)) {
        return verify(arguments.subspan(1));
    }
    if (first == "--signature" && arguments.size() >= 3) {
        const std::string roots = required_file(arguments[1]);
        for (const char* name : arguments.subspan(2)) {
            std::puts(signature_in_words(roots, name).c_str());
        }
        return 0;
    }
    if (first == "--show" && arguments.size() == 2) {
        const fs::path file = fs::path(arguments[1]) / "certificate.json";
        std::fputs(view::render_text(parse_json(required_file(file), file.string())).c_str(),
                   stdout);
        return 0;
    }
    if (first == "--judge" && arguments.size() == 2) {
        answer_all(arguments[1], judge_predicate);
        return 0;
    }
    if (first == "--canonical" && arguments.size() == 2) {
        answer_all(arguments[1], judge_canonical);
        return 0;
    }
    if (first == "--accept" && (arguments.size() == 5 || arguments.size() == 6)) {
        accept(arguments.subspan(1));
        return 0;
    }
    if (first == "--judge-acceptances" && arguments.size() == 3) {
        judge_acceptances(arguments[1], arguments[2]);
        return 0;
    }
    if (first == "--lower" && arguments.size() == 2) {
        answer_all(arguments[1], lower_predicate);
        return 0;
    }
    if (first == "--judge-tables" && arguments.size() == 3) {
        judge_tables(arguments[1], arguments[2]);
        return 0;
    }
    if (first == "--order" && arguments.size() == 2) {
        std::fputs(order_for(parse_json(required_file(arguments[1]), arguments[1])).c_str(),
                   stdout);
        return 0;
    }
    if (first == "--judge-orders" && arguments.size() == 3) {
        const Json predicate = parse_json(required_file(arguments[1]), arguments[1]);
        answer_all(arguments[2], [&](std::string_view line) {
            judge::check_order(line, {predicate, "predicate"});
            return "ok";
        });
        return 0;
    }
    if (arguments.size() == 2 || arguments.size() == 3) {
        (void)make_example(arguments[1], arguments[0],
                           arguments.size() == 3 ? variant(arguments[2]) : ExampleChanges{});
        return 0;
    }
    std::fputs("usage: make_bundle PREDICATE OUTDIR [VARIANT] | --verify BUNDLE ROOT VKEY [LOG]\n",
               stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(std::span<char*>(argv, static_cast<std::size_t>(argc)).subspan(1));
    } catch (const Error& error) {
        std::fputs(fmt::format("{}\n", error.what()).c_str(), stderr);
        return static_cast<int>(error.code());
    }
}
