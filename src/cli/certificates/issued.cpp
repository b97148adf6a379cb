// SPDX-License-Identifier: Apache-2.0
#include "issued.hpp"

#include <algorithm>
#include <tuple>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/device_key.hpp"
#include "efface/evidence/log.hpp"

namespace efface::cli {

namespace {

const Json& part_of(const Json& record, const char* key) {
    static const Json kNothing;
    const auto found = record.is_object() ? record.find(key) : record.end();
    return record.is_object() && found != record.end() ? *found : kNothing;
}

std::string word_of(const Json& record, const char* key) {
    const Json& word = part_of(record, key);
    return word.is_string() ? word.get<std::string>() : std::string();
}

void add_word(std::vector<std::string>& words, const std::string& word) {
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end()) {
        words.push_back(word);
    }
}

std::string subject_of(const Json& predicate) {
    const Json& target = part_of(predicate, "target");
    return target.is_object() ? word_of(target, "name")
                              : word_of(part_of(predicate, "dataOwner"), "projectId");
}

void add_proved(Issued& issued, const Json& predicate) {
    const Json& target = part_of(predicate, "target");
    // Of one target, who ordered it has an order's id there.
    (target.is_object() ? issued.order : issued.project) =
        word_of(part_of(predicate, "dataOwner"), "projectId");
    issued.serial = word_of(part_of(predicate, "targetIdentity"), "serial");
    add_word(issued.asset_tags, word_of(target, "assetTag"));
    for (const Json& volume : part_of(predicate, "volumes")) {
        add_word(issued.asset_tags, word_of(volume, "assetTag"));
    }
    const Json& authorization = part_of(predicate, "authorization");
    issued.ticket = word_of(authorization, "reference");
    issued.operator_name = word_of(authorization, "operator");
    for (const Json& approval : part_of(authorization, "approvals")) {
        add_word(issued.approvers, word_of(approval, "subject"));
    }
    issued.technique = word_of(part_of(predicate, "sanitization"), "technique");
    issued.status = word_of(part_of(predicate, "result"), "status");
    issued.level = word_of(part_of(predicate, "result"), "level");
}

/// Folders of bundles; none where nothing was issued.
std::vector<std::filesystem::path> bundles_in(const job::StateDirectory& state) {
    std::vector<std::filesystem::path> bundles;
    if (!std::filesystem::is_directory(state.certificates())) {
        return bundles;
    }
    for (const auto& entry : std::filesystem::directory_iterator(state.certificates())) {
        if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) {
            bundles.push_back(entry.path());
        }
    }
    return bundles;
}

}  // namespace

answers::TrustAnchors own_anchors(const job::StateDirectory& state) {
    const auto read = [&](const char* name) {
        auto text = read_text_file(state.keys() / name, evidence::kAnchorBytesMax);
        if (!text) {
            throw Error(ErrorCode::usage, (state.keys() / name).string() + ": is missing",
                        "efface keys init");
        }
        return *std::move(text);
    };
    const auto key = evidence::verifier_key_line(read(evidence::kLogKeyFile));
    answers::TrustAnchors anchors{read(evidence::kRootFile), key.value_or(""), {}};
    anchors.revocations_pem =
        read_text_file(state.keys() / evidence::kRevocationsFile, evidence::kAnchorBytesMax)
            .value_or("");
    std::error_code error;
    if (std::filesystem::is_directory(state.log(), error)) {
        anchors.log_directory = state.log();
        anchors.log_if_intact = true;
    }
    return anchors;
}

Issued issued_of(const answers::Verifier& verifier, const std::filesystem::path& bundle) {
    const auto verification = verifier.verify(bundle);
    Issued issued;
    issued.bundle = bundle.string();
    issued.answer = answers::answer_of(verification);
    issued.rejected = verification.rejected;
    issued.superseded = !verification.later.empty();
    if (!verification.ok()) {
        issued.why_not = answers::summarize(verification);
    }
    const Json& predicate = part_of(verification.certificate, "predicate");
    if (!predicate.is_object()) {
        return issued;
    }
    issued.at = word_of(predicate, "issuedAt");
    issued.type = word_of(predicate, "certificateType");
    issued.subject = subject_of(predicate);
    if (issued.answer == answers::Answer::yes || issued.answer == answers::Answer::qualified) {
        add_proved(issued, predicate);  // what is not proved says nothing
    }
    return issued;
}

std::vector<Issued> all_issued(const job::StateDirectory& state) {
    std::vector<Issued> list;
    const auto bundles = bundles_in(state);
    if (bundles.empty()) {
        return list;
    }
    const answers::Verifier verifier(own_anchors(state));
    for (const auto& bundle : bundles) {
        list.push_back(issued_of(verifier, bundle));
    }
    std::sort(list.begin(), list.end(), [](const Issued& a, const Issued& b) {
        return std::tie(b.at, a.bundle) < std::tie(a.at, b.bundle);
    });
    return list;
}

std::vector<Claim> claimed_in(const job::StateDirectory& state) {
    std::vector<Claim> claims;
    for (const auto& bundle : bundles_in(state)) {
        try {
            const auto text =
                read_text_file(bundle / "certificate.json", evidence::kCertificateBytesMax);
            if (!text) {
                continue;
            }
            const auto record =
                parse_json(*text, bundle.string(), {.bytes_max = evidence::kCertificateBytesMax});
            const Json& predicate = part_of(record, "predicate");
            const Json& identity = part_of(predicate, "targetIdentity");
            if (identity.is_object()) {
                claims.push_back(
                    {bundle, word_of(predicate, "issuedAt"), evidence::device_keys(identity)});
            }
        } catch (const std::exception&) {  // efface certificates tells what is wrong with it
        }
    }
    std::sort(claims.begin(), claims.end(),
              [](const Claim& a, const Claim& b) { return b.at < a.at; });
    return claims;
}

const char* proof_word(answers::Answer answer) {
    switch (answer) {
        case answers::Answer::yes:
            return "proved";
        case answers::Answer::no:
            return "NOT PROVED";
        case answers::Answer::not_known:
            return "unreadable";
        case answers::Answer::qualified:
            return "limited";
    }
    return "";
}

}  // namespace efface::cli
