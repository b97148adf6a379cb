// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/authorization.hpp"

#include <fmt/format.h>

#include <set>

#include "efface/mandate/terms.hpp"

namespace efface::mandate {

namespace {

constexpr std::size_t kNameBytesMax = 256;

/// A record names its approvers.
void check_name(const std::string& subject) {
    const bool blank = subject.find_first_not_of(' ') == std::string::npos;
    if (blank || subject.size() > kNameBytesMax) {
        throw Error(ErrorCode::authorisation, ReasonCode::bad_approval,
                    blank ? "an approver's certificate has no common name"
                          : "the common name of an approver's certificate is too long",
                    "have the certificate issued again, with the person's name");
    }
}

}  // namespace

bool may_be_operator(std::string_view person, std::string_view operator_name) {
    constexpr std::string_view kNoLogin = " (no login uid";
    constexpr std::string_view kClaims = "; SUDO_USER is ";
    if (person == operator_name) {
        return true;
    }
    const auto at = operator_name.find(kNoLogin);
    if (at == operator_name.npos || !operator_name.ends_with(')')) {
        return false;
    }
    auto rest = operator_name.substr(at + kNoLogin.size());
    rest.remove_suffix(1);
    return person == operator_name.substr(0, at) ||
           (rest.starts_with(kClaims) && person == rest.substr(kClaims.size()));
}

void check_approvers(const std::vector<Approval>& approvals, const std::string& operator_name,
                     WallTime by) {
    std::set<std::string> people;
    std::set<std::string> keys;
    for (const auto& approval : approvals) {
        check_name(approval.subject);
        if (may_be_operator(approval.subject, operator_name)) {
            throw Error(ErrorCode::authorisation, ReasonCode::operator_approved_own,
                        fmt::format("{} runs this and cannot also approve it", approval.subject));
        }
        if (approval.signed_at > by) {
            throw Error(ErrorCode::authorisation, ReasonCode::approval_from_future,
                        fmt::format("the approval by {} is dated {}, after the run began",
                                    approval.subject, to_rfc3339(approval.signed_at)),
                        "set the clocks of both machines, or wait until then");
        }
        if (!keys.insert(approval.spki_sha256).second) {
            throw Error(ErrorCode::authorisation, ReasonCode::too_few_approvals,
                        fmt::format("the key of {} signed twice", approval.subject));
        }
        people.insert(approval.subject);
    }
    if (people.size() < kApproversMin) {
        throw Error(ErrorCode::authorisation, ReasonCode::too_few_approvals,
                    fmt::format("{} approver signed; {} different people are needed", people.size(),
                                kApproversMin),
                    "efface approve FILE --key NAME, by another person");
    }
}

std::vector<Approval> approvals_in(const evidence::CmsReport& report) {
    std::vector<Approval> approvals;
    for (const auto& signer : report.signers) {
        if (signer.role != evidence::Role::approver || !signer.signing_time) {
            throw Error(
                ErrorCode::authorisation, ReasonCode::not_an_approver,
                fmt::format("{} signed, but does not have the role approver", signer.subject));
        }
        approvals.push_back({signer.subject, signer.spki_sha256, *signer.signing_time});
    }
    return approvals;
}

Authorization check_approvals(std::string_view text, ByteView signature_der,
                              std::string_view roots_pem, const std::string& operator_name,
                              WallTime now, std::string_view revocations_pem) {
    const auto report =
        evidence::cms_verify(as_bytes(text), signature_der, roots_pem, revocations_pem);
    for (const auto& signer : report.signers) {
        if (signer.revoked) {
            throw Error(ErrorCode::authorisation, ReasonCode::key_revoked,
                        fmt::format("the key of {} was revoked on {}", signer.subject,
                                    to_rfc3339(signer.revoked->at)),
                        "have the text approved by people whose keys are valid, into a new file");
        }
    }
    if (!report.ok()) {
        throw Error(ErrorCode::authorisation, ReasonCode::bad_approval,
                    fmt::format("the signatures of the approvals are not valid: {}",
                                report.problems.empty() ? "nobody has approved it"
                                                        : report.problems.front()),
                    "each approver signs the unchanged file: efface approve FILE --key NAME");
    }
    Authorization authorization{"signed-approvals",
                                operator_name,
                                approvals_in(report),
                                {signature_der.begin(), signature_der.end()}};
    check_approvers(authorization.approvals, operator_name, now);
    return authorization;
}

void check_dates(const Terms& terms, WallTime now, std::chrono::minutes late) {
    if (terms.not_before && now < *terms.not_before) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_yet_in_force,
                    fmt::format("not before {}: the customer may still take its data back",
                                to_rfc3339(*terms.not_before)));
    }
    if (terms.not_after && now > *terms.not_after + late) {
        throw Error(ErrorCode::authorisation, ReasonCode::no_longer_in_force,
                    fmt::format("not after {}: it has expired", to_rfc3339(*terms.not_after)));
    }
}

}  // namespace efface::mandate
