// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/mandate/authorization.hpp"

#include "acceptance.hpp"

namespace efface::answers {

namespace {

Json make_statement(const Json& certificate, const std::string& certificate_sha256,
                    const AcceptanceInput& input, const AcceptancePlace& place,
                    const evidence::Signer& signer, const Clock& clock, Random& random) {
    const Json& record = certificate.at("predicate");
    auto by = ObjectWriter()
                  .add("subject", signer.subject)
                  .add("role", signer.role ? evidence::to_string(*signer.role) : "none")
                  .add("subjectPublicKeySha256", signer.spki_sha256)
                  .take();
    auto result = ObjectWriter()
                      .add("status", record.at("result").at("status"))
                      .add("level", record.at("result").at("level"))
                      .take();
    const auto previous = place.number > 1 ? std::optional(place.previous_sha256) : std::nullopt;
    auto predicate = ObjectWriter()
                         .add("schemaVersion", "1.0.0")
                         .add("acceptanceId", make_uuid_v7(clock, random))
                         .add("number", place.number)
                         .add("previous", previous)
                         .add("certificateId", record.at("certificateId"))
                         .add("decision", to_string(input.decision))
                         .add("reason", input.reason)
                         .add("decidedAt", to_rfc3339(clock.now()))
                         .add("decidedBy", std::move(by))
                         .add("result", std::move(result))
                         .take();
    Json subject = Json::array();
    subject.push_back(ObjectWriter()
                          .add("name", evidence::kCertificateFile)
                          .add("digest", ObjectWriter().add("sha256", certificate_sha256).take())
                          .take());
    return ObjectWriter()
        .add("_type", evidence::kStatementType)
        .add("predicateType", kAcceptanceType)
        .add("subject", std::move(subject))
        .add("predicate", std::move(predicate))
        .take();
}

/// Who holds the key, as its certificate says and a verifier will read it.
evidence::Signer holder_of(const evidence::SigningKey& key, const TrustAnchors& anchors,
                           WallTime at) {
    const Bytes nothing;
    auto report = evidence::cms_verify(nothing, evidence::cms_sign(nothing, key, at),
                                       anchors.roots_pem, anchors.revocations_pem);
    if (!report.ok()) {
        throw Error(ErrorCode::authorisation, key.subject() + ": " + list_of(report.problems),
                    "sign with a key below the trusted root");
    }
    return report.signers.front();
}

AcceptancePlace place_of_next(const evidence::BundleFiles& files) {
    const std::size_t before = files.acceptances();
    AcceptancePlace place{before + 1, {}};
    if (before > 0) {
        place.previous_sha256 =
            sha256_hex(files.read(acceptance_name(before), evidence::kAcceptanceBytesMax));
    }
    return place;
}

/// What an auditor would refuse is never written.
void must_hold(const Json& statement, const Json& certificate, const std::string& sha256,
               const AcceptancePlace& place) {
    const RecordView view(statement, "acceptance");
    const auto& role = view.at("predicate").at("decidedBy").at("role").text();
    if (role != "approver" && role != "witness") {
        throw Error(ErrorCode::authorisation, ReasonCode::not_an_approver,
                    "a key in the role " + role + " cannot accept or reject a certificate",
                    "sign with the key of an approver or a witness: efface keys issue NAME --role "
                    "witness");
    }
    const RecordView record(certificate, "certificate");
    if (mandate::may_be_operator(
            view.at("predicate").at("decidedBy").at("subject").text(),
            record.at("predicate").at("authorization").at("operator").text())) {
        throw Error(ErrorCode::authorisation, ReasonCode::operator_approved_own,
                    "the operator of the run cannot accept or reject its certificate",
                    "have someone else decide");
    }
    check_acceptance(view, record, sha256, place);
}

}  // namespace

const char* to_string(Decision decision) noexcept {
    return decision == Decision::accepted ? "accepted" : "rejected";
}

std::string acceptance_name(std::size_t number) {
    return fmt::format("{}/{}/{}", evidence::kAcceptanceFolder, number, evidence::kAcceptanceFile);
}

std::size_t add_acceptance(const std::filesystem::path& bundle, const TrustAnchors& anchors,
                           const AcceptanceInput& input, const evidence::SigningKey& key,
                           const Clock& clock, Random& random) {
    const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
    if (std::any_of(input.reason.begin(), input.reason.end(), is_control)) {
        throw Error(ErrorCode::usage, "the reason has control characters",
                    "give it in words, on a single line");
    }
    std::error_code error;
    if (!std::filesystem::is_directory(bundle, error)) {
        throw Error(ErrorCode::usage, printable(bundle.string()) + ": there is no such bundle");
    }
    const evidence::BundleFiles held(bundle);
    if (!held.lock()) {
        throw Error(ErrorCode::busy,
                    printable(bundle.string()) + ": another process is adding a decision to it",
                    "try again when that has ended");
    }
    const Verification verification = verify_bundle(bundle, anchors);
    if (!verification.ok()) {
        throw Error(ErrorCode::usage,
                    printable(bundle.string()) + ": is not proved: " + summarize(verification),
                    "efface verify shows what is wrong; only a proved bundle can be decided on");
    }
    const evidence::BundleFiles files(bundle);
    const Bytes certificate =
        files.read(evidence::kCertificateFile, evidence::kCertificateBytesMax);
    const std::string sha256 = sha256_hex(certificate);
    const AcceptancePlace place = place_of_next(files);
    if (place.number > evidence::kAcceptancesMax) {
        throw Error(ErrorCode::usage, printable(bundle.string()) + ": holds too many acceptances");
    }
    const Json statement = make_statement(verification.certificate, sha256, input, place,
                                          holder_of(key, anchors, clock.now()), clock, random);
    must_hold(statement, verification.certificate, sha256, place);
    const std::string text = canonical_json(statement);
    evidence::publish_acceptance(bundle, place.number, text,
                                 evidence::cms_sign(as_bytes(text), key, clock.now()));
    return place.number;
}

}  // namespace efface::answers
