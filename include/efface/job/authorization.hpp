// SPDX-License-Identifier: Apache-2.0
// Who allowed it: a person at the terminal who typed the project's id, or two approvers who signed
// the manifest's bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/job/manifest.hpp"

namespace efface::job {

constexpr std::size_t kApproversMin = 2;
constexpr std::size_t kApprovalBytesMax = 256 * 1024;

struct Approval {
    std::string subject;
    std::string spki_sha256;
    WallTime signed_at{};
};

struct Authorization {
    std::string confirmation;   ///< "typed-project-id" or "signed-approvals"
    std::string operator_name;  ///< login name of who runs it
    std::vector<Approval> approvals;
    Bytes approvals_der;  ///< the approvers' CMS, kept as evidence; empty when typed
};

/// Throws Error(authorisation) unless at least kApproversMin distinct people with distinct keys and
/// the role approver signed exactly these bytes, none of them the operator, none in the future.
[[nodiscard]] Authorization check_approvals(const Manifest& manifest, ByteView signature_der,
                                            std::string_view roots_pem,
                                            const std::string& operator_name, WallTime now);

/// Throws Error(authorisation) before `not_before` and after `not_after`.
void check_dates(const Manifest& manifest, WallTime now);

}  // namespace efface::job
