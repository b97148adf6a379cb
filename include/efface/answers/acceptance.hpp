// SPDX-License-Identifier: Apache-2.0
// The organisation's own decision on a certificate, which stands apart from it: accepted or
// rejected, by whom and why, signed, and bound to the certificate's digest. NIST SP 800-88r2 4.5.2
// (validation); efface-certificate(5), "Acceptance".
#pragma once

#include <filesystem>
#include <string>

#include "efface/answers/verify.hpp"
#include "efface/base/random.hpp"
#include "efface/evidence/keys.hpp"

namespace efface::answers {

enum class Decision { accepted, rejected };
[[nodiscard]] const char* to_string(Decision decision) noexcept;

struct AcceptanceInput {
    Decision decision = Decision::accepted;
    std::string reason;  ///< in words, not empty
};
/// Verifies the bundle, then adds acceptance/N with its signature to it, durably; gives N. An
/// acceptance that is there is never changed: the last one counts.
/// Error(usage) when the bundle is not proved or the reason is empty or too long;
/// Error(authorisation) when the key's role is neither approver nor witness, or its holder was the
/// run's operator; Error(evidence) when it can't be written.
[[nodiscard]] std::size_t add_acceptance(const std::filesystem::path& bundle,
                                         const TrustAnchors& anchors, const AcceptanceInput& input,
                                         const evidence::SigningKey& key, const Clock& clock,
                                         Random& random);

}  // namespace efface::answers
