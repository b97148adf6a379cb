// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "efface/evidence/bundle_names.hpp"
#include "efface/judge/judge.hpp"
#include "efface/mandate/authorization.hpp"

#include "parts.hpp"

namespace efface::answers {

namespace {

[[noreturn]] void content_wrong(const std::string& problem) {
    throw Error(ErrorCode::usage, problem);
}

const evidence::Signer* signer_with(const evidence::CmsReport& report,
                                    const std::string& spki_sha256) {
    const auto found = std::find_if(
        report.signers.begin(), report.signers.end(),
        [&](const evidence::Signer& signer) { return signer.spki_sha256 == spki_sha256; });
    return found == report.signers.end() ? nullptr : &*found;
}

/// The approvals of the record are exactly the signatures over the manifest. When they were made,
/// and by whom, is judged with the record.
void check_approval_signatures(const Examined& examined, ByteView manifest) {
    const evidence::CmsReport report = evidence::cms_verify(
        manifest, examined.files.read(evidence::kApprovalsEvidence, evidence::kSignatureBytesMax),
        examined.anchors.roots_pem, examined.anchors.revocations_pem);
    if (!report.ok()) {
        content_wrong("approvals: " + list_of(report.problems));
    }
    const auto by_key = [](const mandate::Approval& one) {
        return std::tie(one.spki_sha256, one.subject, one.signed_at);
    };
    std::vector<mandate::Approval> left = mandate::approvals_in(report);
    for (const RecordView& approval :
         examined.predicate().at("authorization").at("approvals").items()) {
        const mandate::Approval told{approval.at("subject").text(),
                                     approval.at("subjectPublicKeySha256").text(),
                                     approval.at("signedAt").time()};
        const auto found = std::find_if(
            left.begin(), left.end(), [&](const auto& one) { return by_key(one) == by_key(told); });
        if (found == left.end()) {
            approval.fail("no approver with this name and key signed the manifest at that time");
        }
        left.erase(found);
    }
    if (!left.empty()) {
        content_wrong("approvals: " + left.front().subject + " signed, but is not in the record");
    }
}

/// The issuer that the record names must be what the authority wrote into the station's
/// certificate.
void check_issuer(const Examined& examined) {
    const RecordView issuer = examined.predicate().at("issuer");
    const evidence::Issuer told{issuer.at("organization").text(), issuer.at("site").text(),
                                issuer.at("stationId").text()};
    const auto& signers = examined.signers.signers;
    if (std::none_of(signers.begin(), signers.end(), [&](const evidence::Signer& signer) {
            return signer.role == evidence::Role::station && signer.named == told;
        })) {
        issuer.fail(
            "no station signed whose certificate names this organization, site and station");
    }
}

std::string_view without_line_feeds(std::string_view text) {
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

}  // namespace

std::string check_anchors(Examined& examined) {
    std::vector<std::string> told;
    if (examined.files.has(evidence::kRootFile)) {
        const auto trusted = evidence::trusted_roots(examined.anchors.roots_pem);
        const Bytes pem = examined.files.read(evidence::kRootFile, evidence::kAnchorBytesMax);
        const auto brought = evidence::trusted_roots(as_text(pem));
        const auto is_trusted = [&](const evidence::TrustedRoot& root) {
            return std::any_of(trusted.begin(), trusted.end(),
                               [&](const auto& anchor) { return anchor.sha256 == root.sha256; });
        };
        if (brought.empty() || !std::all_of(brought.begin(), brought.end(), is_trusted)) {
            content_wrong(
                "its root.pem is not a trusted root: it was signed for another authority");
        }
        told.emplace_back("root.pem");
    }
    if (examined.files.has(evidence::kLogKeyFile)) {
        const Bytes line = examined.files.read(evidence::kLogKeyFile, evidence::kAnchorBytesMax);
        if (without_line_feeds(as_text(line)) != examined.anchors.log_verifier_key) {
            content_wrong("its log.vkey is not the trusted log key");
        }
        told.emplace_back("log.vkey");
    }
    return told.empty() ? "the bundle contains none"
                        : fmt::format("its {} {} trusted from elsewhere", fmt::join(told, " and "),
                                      told.size() == 1 ? "is" : "are");
}

std::string check_signature(Examined& examined) {
    examined.certificate =
        examined.files.read(evidence::kCertificateFile, evidence::kCertificateBytesMax);
    examined.signature =
        examined.files.read(evidence::kSignatureFile, evidence::kSignatureBytesMax);
    examined.signers =
        evidence::cms_verify(examined.certificate, examined.signature, examined.anchors.roots_pem,
                             examined.anchors.revocations_pem);
    if (!examined.signers.ok()) {
        content_wrong(list_of(examined.signers.problems));
    }
    std::vector<std::string> names;
    for (const evidence::Signer& signer : examined.signers.signers) {
        names.push_back(fmt::format("{} ({}) at {}", signer.subject,
                                    signer.role ? to_string(*signer.role) : "no role",
                                    to_rfc3339(*signer.signing_time)));
    }
    return "signed below a trusted root, by " + list_of(names);
}

std::string check_canonical_form(Examined& examined) {
    JsonLimits limits;
    limits.bytes_max = evidence::kCertificateBytesMax;
    const std::string_view text = as_text(examined.certificate);
    examined.statement = parse_canonical(text, evidence::kCertificateFile, limits);
    return fmt::format("{} bytes of RFC 8785, sha256 {}", text.size(),
                       sha256_hex(examined.certificate));
}

std::string check_content(Examined& examined) {
    judge::check_statement(examined.view());
    judge::check_predicate(examined.predicate());
    return "an in-toto statement; every field is in place and of its type";
}

std::string check_claims(Examined& examined) {
    judge::check_rules(examined.predicate());
    const RecordView result = examined.predicate().at("result");
    const bool volumes = judge::target_type_of(examined.predicate()) == judge::TargetType::volumes;
    return fmt::format(
        "{}, level {}: no more than the record shows of its {}", result.at("status").text(),
        result.at("level").text(),
        volumes ? counted(examined.predicate().at("volumes").items().size(), "volume") : "target");
}

std::string check_signers(Examined& examined) {
    const auto required = examined.predicate().at("signaturePolicy").at("required").items();
    for (const RecordView& wanted : required) {
        const std::string& role = wanted.at("role").text();
        const evidence::Signer* signer =
            signer_with(examined.signers, wanted.at("subjectPublicKeySha256").text());
        if (signer == nullptr) {
            wanted.fail("this " + role + " has not signed");
        }
        if (signer->role != evidence::role_from_string(role)) {
            wanted.fail("its certificate does not give it the role " + role);
        }
    }
    // The least an auditor asks for, whatever the document says of itself.
    const bool station = std::any_of(
        examined.signers.signers.begin(), examined.signers.signers.end(),
        [](const evidence::Signer& signer) { return signer.role == evidence::Role::station; });
    if (!station) {
        content_wrong("no station has signed");
    }
    check_issuer(examined);
    return fmt::format("{} signed in the role of its certificate, which names the issuer",
                       counted(required.size(), "required signer"));
}

std::string check_digests(Examined& examined) {
    const auto subjects = examined.view().at("subject").items();
    const bool volumes = judge::target_type_of(examined.predicate()) == judge::TargetType::volumes;
    const char* const identity = volumes ? "projectIdentity" : "targetIdentity";
    if (subjects.front().at("digest").digest() !=
        sha256_hex(canonical_json(examined.statement.at("predicate").at(identity)))) {
        content_wrong(std::string("the first subject is not the digest of ") + identity);
    }
    std::map<std::string, std::string> listed;
    for (std::size_t i = 1; i < subjects.size(); ++i) {
        listed[subjects[i].at("name").text()] = subjects[i].at("digest").digest();
    }
    for (const std::string& name : examined.files.evidence()) {
        const auto entry = listed.find(name);
        if (entry == listed.end()) {
            content_wrong(name + ": is not listed in the certificate");
        }
        if (examined.files.digest_hex(name) != entry->second) {
            content_wrong(name + ": was changed after signing");
        }
        listed.erase(entry);
    }
    if (!listed.empty()) {
        content_wrong(listed.begin()->first + ": is listed in the certificate but missing");
    }
    return fmt::format("{} and {} are those that were signed", identity,
                       counted(examined.files.evidence().size(), "evidence file"));
}

std::string check_issuing_time(Examined& examined) {
    const WallTime issued = examined.predicate().at("issuedAt").time();
    for (const evidence::Signer& signer : examined.signers.signers) {
        if (signer.role != evidence::Role::station) {
            continue;
        }
        const auto gap = *signer.signing_time - issued;
        if (gap > kClockSlack || gap < -kClockSlack) {
            content_wrong(fmt::format("issued at {} but signed by {} at {}", to_rfc3339(issued),
                                      signer.subject, to_rfc3339(*signer.signing_time)));
        }
    }
    return fmt::format("{}, signed within 10 minutes of it (by the station's clock)",
                       to_rfc3339(issued));
}

std::string check_authorization(Examined& examined) {
    const RecordView authorization = examined.predicate().at("authorization");
    const auto& evidence = examined.files.evidence();
    const auto has = [&](const char* name) {
        return std::binary_search(evidence.begin(), evidence.end(), name);
    };
    const bool signed_by_people = authorization.at("confirmation").text() == "signed-approvals";
    const bool ordered = authorization.maybe("manifestDigest").has_value();
    if (has(evidence::kManifestEvidence) != ordered ||
        has(evidence::kApprovalsEvidence) != signed_by_people) {
        content_wrong(
            "the manifest must be among the evidence files, and so must the approvals if there are "
            "any, and only then");
    }
    const std::string& person = authorization.at("operator").text();
    if (!ordered) {
        return fmt::format("no order: {} typed \"{}\"; nobody signed for it", person,
                           authorization.at("targetToken").text());
    }
    const Bytes manifest =
        examined.files.read(evidence::kManifestEvidence, evidence::kManifestBytesMax);
    if (sha256_hex(manifest) != authorization.at("manifestDigest").digest()) {
        authorization.at("manifestDigest").fail("is not that of evidence/manifest.json");
    }
    if (!signed_by_people) {
        return fmt::format("the manifest is in the bundle; confirmed by {} ({}); nobody signed it",
                           person, authorization.at("confirmation").text());
    }
    check_approval_signatures(examined, manifest);
    return fmt::format("{} signed the manifest before the run",
                       counted(authorization.at("approvals").items().size(), "approver"));
}

std::string check_ordered(Examined& examined) {
    const RecordView predicate = examined.predicate();
    if (!predicate.at("authorization").maybe("manifestDigest")) {
        return "there was none";
    }
    judge::check_order(
        as_text(examined.files.read(evidence::kManifestEvidence, evidence::kManifestBytesMax)),
        predicate);
    return judge::target_type_of(predicate) == judge::TargetType::volumes
               ? "its project, terms, attestation and volumes match the certificate"
               : "its owner, terms, technique and target match the certificate";
}

}  // namespace efface::answers
