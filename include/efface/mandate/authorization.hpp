// SPDX-License-Identifier: Apache-2.0
// Who allowed it: a person at the terminal who typed what names the target, or two approvers who
// signed the bytes of the manifest or order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/evidence/cms.hpp"

namespace efface::mandate {

constexpr std::size_t kApproversMin = 2;
constexpr std::size_t kApprovalBytesMax = std::size_t{256} << 10U;

struct Approval {
    std::string subject;
    std::string spki_sha256;
    WallTime signed_at{};
};

struct Authorization {
    std::string confirmation;   ///< "typed-project-id", "typed-token" or "signed-approvals"
    std::string operator_name;  ///< login name of who runs it
    std::vector<Approval> approvals;
    Bytes approvals_der;  ///< the approvers' CMS, kept as evidence; empty when typed
};

/// What a record calls the operator of whom no login was recorded begins with the user's name and
/// then says so, and what the environment claims: "root (no login uid; SUDO_USER is bob)". Whether
/// the person may be any of them: then neither approves nor accepts that run.
[[nodiscard]] bool may_be_operator(std::string_view person, std::string_view operator_name);

/// Whether these people suffice: asked before the run, and by who judges its record. At least
/// kApproversMin different people with names, no key twice, none of whom may be the operator, none
/// later than `by`, when the run began. Throws Error(authorisation).
void check_approvers(const std::vector<Approval>& approvals, const std::string& operator_name,
                     WallTime by);

/// Who signed. Throws Error(authorisation) unless each has the role approver, and says when.
[[nodiscard]] std::vector<Approval> approvals_in(const evidence::CmsReport& report);

/// Throws Error(authorisation) unless exactly `text` was signed, by such people, and none of their
/// keys is revoked: not even later than it signed, as what was allowed is allowed no longer.
[[nodiscard]] Authorization check_approvals(std::string_view text, ByteView signature_der,
                                            std::string_view roots_pem,
                                            const std::string& operator_name, WallTime now,
                                            std::string_view revocations_pem = {});

}  // namespace efface::mandate
