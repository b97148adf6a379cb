// SPDX-License-Identifier: Apache-2.0
// The parts that every certificate has, whatever was erased.
#pragma once

#include "efface/evidence/bundle.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/terms.hpp"

#include "journal/journal.hpp"

namespace efface::job {

struct CertificateParts {
    const RunState& run;
    const evidence::KeyStore& keys;
    const mandate::Terms& terms;
    std::vector<PreviousAttempt> previous;
    std::string certificate_id;
    WallTime issued_at{};
    Json tool;
    Json environment;
};
/// schemaVersion, certificateId, supersedes, issuedAt, issuer, validation, attempts, tool,
/// environment, personnel, signaturePolicy, log, retention.
[[nodiscard]] Json common_predicate(const CertificateParts& parts);

/// The manifest or order and its approvals (DER, or empty), and the observations (JSON lines). An
/// empty text is left out.
[[nodiscard]] std::vector<evidence::EvidenceFile> evidence_files(const std::string& manifest,
                                                                 ByteView approvals,
                                                                 const std::string& observations);

/// {"sha256": hex}: how records name a digest.
[[nodiscard]] Json sha256_record(const std::string& hex);

/// `dataOwner`; without a confidentiality when it is empty.
[[nodiscard]] Json owner_record(const std::string& organization, const std::string& project_id,
                                const std::string& confidentiality);
/// `authorization` without the policy: who confirmed, who approved, the ticket, the date.
[[nodiscard]] Json authorization_record(const RunState& run, const mandate::Terms& terms);
/// `sanitization.standards`.
[[nodiscard]] Json standards_record();

}  // namespace efface::job
