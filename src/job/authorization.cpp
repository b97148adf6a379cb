// SPDX-License-Identifier: Apache-2.0
#include "efface/job/authorization.hpp"

#include <fmt/format.h>

#include <set>

namespace efface::job {

namespace {
/// Clocks of two machines may differ by this much.
constexpr auto kClockTolerance = std::chrono::minutes(5);
}  // namespace

Authorization check_approvals(const Manifest& manifest, ByteView signature_der,
                              std::string_view roots_pem, const std::string& operator_name,
                              WallTime now) {
    const auto report = evidence::cms_verify(as_bytes(manifest.text), signature_der, roots_pem);
    if (!report.ok()) {
        throw Error(
            ErrorCode::authorisation,
            fmt::format("the approvals do not verify: {}",
                        report.problems.empty() ? "nobody signed" : report.problems.front()),
            "each approver signs the manifest as it is: efface approve");
    }
    Authorization authorization{
        "signed-approvals", operator_name, {}, {signature_der.begin(), signature_der.end()}};
    std::set<std::string> people;
    std::set<std::string> keys;
    for (const auto& signer : report.signers) {
        if (signer.role != evidence::Role::approver || !signer.signing_time) {
            throw Error(ErrorCode::authorisation,
                        fmt::format("{} signed, but is no approver", signer.subject));
        }
        if (signer.subject == operator_name) {
            throw Error(ErrorCode::authorisation,
                        fmt::format("{} runs this and can not approve it", signer.subject));
        }
        if (*signer.signing_time > now + kClockTolerance) {
            throw Error(ErrorCode::authorisation,
                        fmt::format("the approval by {} is dated in the future", signer.subject));
        }
        people.insert(signer.subject);
        keys.insert(signer.spki_sha256);
        authorization.approvals.push_back(
            {signer.subject, signer.spki_sha256, *signer.signing_time});
    }
    if (people.size() < kApproversMin || keys.size() < kApproversMin) {
        throw Error(ErrorCode::authorisation,
                    fmt::format("{} approver signed, {} different people are needed",
                                std::min(people.size(), keys.size()), kApproversMin),
                    "efface approve PROJECT.json --key NAME, by another person");
    }
    return authorization;
}

void check_dates(const Manifest& manifest, WallTime now) {
    if (manifest.not_before && now < *manifest.not_before) {
        throw Error(ErrorCode::authorisation,
                    fmt::format("not before {}: the customer may still take its data back",
                                to_rfc3339(*manifest.not_before)));
    }
    if (manifest.not_after && now > *manifest.not_after) {
        throw Error(ErrorCode::authorisation,
                    fmt::format("not after {}: the manifest is no longer in force",
                                to_rfc3339(*manifest.not_after)));
    }
}

}  // namespace efface::job
