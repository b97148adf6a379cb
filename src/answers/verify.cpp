// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "efface/view/page.hpp"

#include "parts.hpp"

namespace efface::answers {

namespace {

struct Step {
    const char* name;
    std::string (*check)(Examined&);
};
constexpr Step kSteps[] = {
    {"canonical form", check_canonical_form},
    {"content", check_content},
    {"claims", check_claims},
    {"signature", check_signature},
    {"required signers", check_signers},
    {"digests", check_digests},
    {"issuing time", check_issuing_time},
    {"authorization", check_authorization},
    {"order", check_ordered},
    {"log inclusion", check_log_inclusion},
    {"announced before", check_announcement},
};
constexpr Step kWholeLog = {"whole log", check_whole_log};
constexpr Step kSignature = kSteps[3];

/// Foreign text can reach a detail: nothing but printable ASCII leaves here.
Check passed(const char* name, const std::string& detail) {
    return {name, true, printable(detail)};
}
Check failed(const char* name, const std::string& detail) {
    return {name, false, printable(detail)};
}

/// Whatever goes wrong while foreign input is examined is an answer: not proved.
Check run_step(const Step& step, Examined& examined) {
    try {
        return passed(step.name, step.check(examined));
    } catch (const std::exception& error) {
        return failed(step.name, error.what());
    }
}

void run_steps(Verification& verification, Examined& examined) {
    for (const Step& step : kSteps) {
        verification.checks.push_back(run_step(step, examined));
        if (!verification.checks.back().passed) {
            return;
        }
        if (step.check == kSignature.check) {
            verification.certificate = examined.statement;
        }
    }
    if (examined.anchors.log_directory) {
        verification.checks.push_back(run_step(kWholeLog, examined));
        verification.later = std::move(examined.later);
    }
}

}  // namespace

std::string counted(std::uint64_t count, const char* what) {
    const std::string_view word = what;
    const bool ending = count != 1 && word.ends_with('y');
    return std::to_string(count) + " " +
           (ending ? std::string(word.substr(0, word.size() - 1)) + "ies"
                   : std::string(word) + (count == 1 ? "" : "s"));
}

bool Verification::ok() const noexcept {
    return !checks.empty() && std::all_of(checks.begin(), checks.end(),
                                          [](const Check& check) { return check.passed; });
}

Verification verify_bundle(const std::filesystem::path& bundle, const TrustAnchors& anchors) {
    Verification verification;
    try {
        const evidence::BundleFiles files(bundle);
        verification.checks.push_back(
            passed("files", "nothing is missing or foreign, no link leads elsewhere (" +
                                counted(files.evidence().size(), "evidence file") + ")"));
        TrustAnchors trimmed = anchors;
        while (!trimmed.log_verifier_key.empty() && trimmed.log_verifier_key.back() == '\n') {
            trimmed.log_verifier_key.pop_back();
        }
        Examined examined{trimmed, files, {}, {}, {}, {}, {}, {}, {}};
        run_steps(verification, examined);
    } catch (const std::exception& error) {
        verification.checks.push_back(failed("files", error.what()));
    }
    return verification;
}

std::string render_verification(const Verification& verification) {
    constexpr std::size_t kMark = 8;
    view::Page page;
    for (const Check& check : verification.checks) {
        page.hanging((check.passed ? "ok      " : "FAILED  ") + check.name + ": ", kMark,
                     check.detail);
    }
    return page.text();
}

}  // namespace efface::answers
