// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/base/digest.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/rules/shape.hpp"

#include "acceptance.hpp"

namespace efface::answers {

namespace {

/// One signature, by whom the statement names, when it says.
void check_signature_of(const evidence::CmsReport& report, const RecordView& predicate) {
    if (report.signers.size() != 1) {
        predicate.fail("must have one signature");
    }
    const evidence::Signer& signer = report.signers.front();
    const RecordView by = predicate.at("decidedBy");
    if (signer.subject != by.at("subject").text() ||
        signer.spki_sha256 != by.at("subjectPublicKeySha256").text() ||
        signer.role != evidence::role_from_string(by.at("role").text())) {
        by.fail("is not the signer in the role of the certificate");
    }
    const auto gap = *signer.signing_time - predicate.at("decidedAt").time();
    if (gap > kClockSlack || gap < -kClockSlack) {
        predicate.at("decidedAt").fail("is not the time of the signature");
    }
}

}  // namespace

void check_acceptance(const RecordView& statement, const RecordView& certificate,
                      const std::string& certificate_sha256, const AcceptancePlace& place) {
    const rules::Shapes& shapes = rules::record_shapes();
    shapes.check(statement, "acceptance-statement", shapes.versions().back());
    const RecordView subject = statement.at("subject").items().front();
    if (subject.at("digest").digest() != certificate_sha256) {
        subject.fail("is another certificate");
    }
    const RecordView predicate = statement.at("predicate");
    if (predicate.at("number").number() != place.number) {
        predicate.at("number").fail("does not match its place in the bundle");
    }
    const auto previous = predicate.maybe("previous");
    if ((previous ? previous->text() : std::string()) != place.previous_sha256) {
        predicate.fail("does not name the acceptance before it");
    }
    const RecordView record = certificate.at("predicate");
    if (predicate.at("certificateId").text() != record.at("certificateId").text()) {
        predicate.at("certificateId").fail("is that of another certificate");
    }
    for (const char* key : {"status", "level"}) {
        if (predicate.at("result").at(key).text() != record.at("result").at(key).text()) {
            predicate.at("result").fail("differs from the certificate");
        }
    }
    if (predicate.at("decidedAt").time() < record.at("issuedAt").time()) {
        predicate.at("decidedAt").fail("is before the certificate was issued");
    }
    if (mandate::may_be_operator(predicate.at("decidedBy").at("subject").text(),
                                 record.at("authorization").at("operator").text())) {
        predicate.at("decidedBy").fail("is the operator, who cannot accept their own run");
    }
}

std::string check_acceptances(Examined& examined) {
    const std::string sha256 = sha256_hex(examined.certificate);
    std::string previous;
    std::string told = "nobody has accepted or rejected it yet";
    for (std::size_t number = 1; number <= examined.files.acceptances(); ++number) {
        const std::string name = acceptance_name(number);
        const Bytes text = examined.files.read(name, evidence::kAcceptanceBytesMax);
        const Bytes signature = examined.files.read(name + ".p7s", evidence::kSignatureBytesMax);
        const auto report = evidence::cms_verify(text, signature, examined.anchors.roots_pem,
                                                 examined.anchors.revocations_pem);
        if (!report.ok()) {  // nothing of it is parsed then
            throw Error(ErrorCode::usage, name + ": " + list_of(report.problems));
        }
        const Json statement = parse_canonical(as_text(text), name);
        const RecordView view(statement, name);
        check_acceptance(view, examined.view(), sha256, {number, previous});
        check_signature_of(report, view.at("predicate"));
        examined.rejected = view.at("predicate").at("decision").text() == "rejected";
        told = acceptance_in_words(statement);
        previous = sha256_hex(text);
    }
    return told;
}

}  // namespace efface::answers
