// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <set>

#include "efface/view/page.hpp"

#include "acceptance/acceptance.hpp"
#include "parts.hpp"

namespace efface::answers {

namespace {

struct Step {
    const char* name;
    std::string (*check)(Examined&);
};
constexpr Step kSteps[] = {
    {"anchors", check_anchors},
    {"signature", check_signature},
    {"canonical form", check_canonical_form},
    {"content", check_content},
    {"claims", check_claims},
    {"required signers", check_signers},
    {"digests", check_digests},
    {"issuing time", check_issuing_time},
    {"authorization", check_authorization},
    {"order", check_ordered},
    {"log inclusion", check_log_inclusion},
    {"announced before", check_announcement},
    {"acceptance", check_acceptances},
};

/// Foreign text can reach a detail: nothing but printable ASCII leaves here. Whatever goes wrong
/// while foreign input is examined is an answer; only what could not be read is none.
template <typename Ask>
bool ask(Verification& verification, const char* name, const Ask& question) {
    Check check;
    check.name = name;
    try {
        check.detail = printable(question());
        check.passed = true;
    } catch (const Error& error) {
        check.detail = printable(error.what());
        verification.readable = error.reason() != ReasonCode::io_failed &&
                                error.reason() != ReasonCode::too_few_descriptors;
    } catch (const std::bad_alloc&) {
        check.detail = "there is not enough memory to check it";
        verification.readable = false;
    } catch (const std::exception& error) {
        check.detail = printable(error.what());
    }
    verification.checks.push_back(std::move(check));
    return verification.checks.back().passed;
}

std::vector<std::string> roots_of(const evidence::CmsReport& report) {
    std::set<std::string> roots;
    for (const evidence::Signer& signer : report.signers) {
        if (!signer.root_sha256.empty()) {
            roots.insert(signer.root_sha256);
        }
    }
    return {roots.begin(), roots.end()};
}

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Of a certificate whose content was checked.
std::string subject_of(const Json& predicate) {
    if (!predicate.contains("target")) {
        return fmt::format("project {} ({})", text_at(predicate.at("dataOwner"), "projectId"),
                           counted(predicate.at("volumes").size(), "volume"));
    }
    const Json& target = predicate.at("target");
    const std::string serial = text_at(predicate.at("targetIdentity"), "serial");
    return fmt::format("{} {}{}", text_at(target, "kind"), text_at(target, "name"),
                       serial.empty() ? "" : " (serial number " + serial + ")");
}

}  // namespace

struct Verifier::State {
    TrustAnchors anchors;
    std::optional<evidence::WholeLog> log;
    std::string left_out;
};

Verifier::Verifier(TrustAnchors anchors) {
    auto state = std::make_unique<State>();
    state->anchors = std::move(anchors);
    std::string& key = state->anchors.log_verifier_key;
    key.resize(key.find_last_not_of('\n') + 1);
    if (state->anchors.log_directory) {
        state->log.emplace(*state->anchors.log_directory, key);
        const auto& problems = state->log->audit().problems;
        if (state->anchors.log_if_intact && !problems.empty()) {
            state->left_out = printable(list_of(problems));
            state->log.reset();
            state->anchors.log_directory.reset();
        }
    }
    state_ = std::move(state);
}

Verifier::~Verifier() = default;

const std::string& Verifier::log_left_out() const noexcept {
    return state_->left_out;
}

Verification Verifier::verify(const std::filesystem::path& bundle) const {
    Verification verification;
    std::optional<evidence::BundleFiles> files;
    if (!ask(verification, "files", [&] {
            files.emplace(bundle);
            return "nothing is missing or foreign, no link points elsewhere (" +
                   counted(files->evidence().size(), "evidence file") + ")";
        })) {
        return verification;
    }
    Examined examined{state_->anchors, *files};
    const bool passed = std::all_of(std::begin(kSteps), std::end(kSteps), [&](const Step& step) {
        return ask(verification, step.name, [&] { return step.check(examined); });
    });
    if (passed && state_->log) {
        (void)ask(verification, "whole log",
                  [&] { return check_whole_log(examined, *state_->log); });
        verification.later = std::move(examined.later);
    }
    verification.rejected = examined.rejected;
    verification.roots_used = roots_of(examined.signers);
    verification.certificate = std::move(examined.statement);  // parsed only when it was signed
    return verification;
}

Verification verify_bundle(const std::filesystem::path& bundle, const TrustAnchors& anchors) {
    return Verifier(anchors).verify(bundle);
}

bool Verification::ok() const noexcept {
    return !checks.empty() && std::all_of(checks.begin(), checks.end(),
                                          [](const Check& check) { return check.passed; });
}

Answer answer_of(const Verification& verification) noexcept {
    if (!verification.readable) {
        return Answer::not_known;
    }
    if (!verification.ok()) {
        return Answer::no;
    }
    return verification.rejected || !verification.later.empty() ? Answer::qualified : Answer::yes;
}

Answer worst_of(Answer one, Answer other) noexcept {
    for (const Answer answer : {Answer::no, Answer::not_known, Answer::qualified}) {
        if (one == answer || other == answer) {
            return answer;
        }
    }
    return Answer::yes;
}

std::string list_of(const std::vector<std::string>& texts) {
    return fmt::format("{}", fmt::join(texts, "; "));
}

std::string counted(std::uint64_t count, const char* what) {
    const std::string_view word = what;
    const bool ending = count != 1 && word.ends_with('y');
    return std::to_string(count) + " " +
           (ending ? std::string(word.substr(0, word.size() - 1)) + "ies"
                   : std::string(word) + (count == 1 ? "" : "s"));
}

Json parse_canonical(std::string_view text, const std::string& what, const JsonLimits& limits) {
    Json document = parse_json(text, what, limits);
    if (canonical_json(document) != text) {
        throw Error(ErrorCode::usage, what + " is not in canonical form (RFC 8785)");
    }
    return document;
}

std::string render_verification(const Verification& verification, std::size_t columns) {
    constexpr std::size_t kMark = 8;
    view::Page page(columns);
    for (const Check& check : verification.checks) {
        page.hanging((check.passed ? "ok      " : "FAILED  ") + check.name + ": ", kMark,
                     check.detail);
    }
    return page.text();
}

std::string summarize(const Verification& verification) {
    const Check& last = verification.checks.back();
    if (!verification.ok()) {
        return last.name + ": " + last.detail;
    }
    const Json& predicate = verification.certificate.at("predicate");
    const Json& result = predicate.at("result");
    return printable(fmt::format("{}, level {}, {}, issued {}", text_at(result, "status"),
                                 text_at(result, "level"), subject_of(predicate),
                                 text_at(predicate, "issuedAt")));
}

}  // namespace efface::answers
