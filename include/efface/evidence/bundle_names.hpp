// SPDX-License-Identifier: Apache-2.0
// The names and bounds of a bundle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace efface::evidence {

constexpr const char* kCertificateFile = "certificate.json";
constexpr const char* kSignatureFile = "certificate.json.p7s";
constexpr const char* kProofFile = "certificate.json.tlog-proof";
constexpr const char* kIntentProofFile = "certificate.json.intent-proof";
constexpr const char* kConsistencyProofFile = "certificate.json.consistency-proof";
constexpr const char* kRootFile = "root.pem";
constexpr const char* kLogKeyFile = "log.vkey";
constexpr const char* kRevocationsFile = "crl.pem";
constexpr const char* kEvidenceFolder = "evidence";
/// acceptance/N/acceptance.json and its .p7s, N from 1 without a gap: what was decided later.
constexpr const char* kAcceptanceFolder = "acceptance";
constexpr const char* kAcceptanceFile = "acceptance.json";
constexpr const char* kAcceptanceSignatureFile = "acceptance.json.p7s";
/// What the owner ordered and what people signed about it; bound like all evidence files.
constexpr const char* kManifestEvidence = "evidence/manifest.json";
constexpr const char* kApprovalsEvidence = "evidence/manifest.json.p7s";
constexpr const char* kProjectSubject = "project-identity";  ///< of predicate.projectIdentity
constexpr const char* kTargetSubject = "target-identity";    ///< of predicate.targetIdentity

constexpr std::size_t kSignatureBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kAnchorBytesMax = std::size_t{256} * 1024;  ///< root.pem, log.vkey
constexpr std::size_t kProofBytesMax = std::size_t{256} * 1024;
constexpr std::size_t kManifestBytesMax = std::size_t{4} << 20U;
constexpr std::uint64_t kEvidenceFileBytesMax = std::uint64_t{256} << 20U;
constexpr std::size_t kEvidenceFilesMax = 8192;
constexpr std::size_t kEvidenceDepthMax = 8;
constexpr std::size_t kEvidenceNameMax = 255;
constexpr std::size_t kAcceptanceBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kAcceptancesMax = 64;

/// "evidence/" and further parts of A-Z a-z 0-9 . _ -, none of which starts with a dot.
[[nodiscard]] bool is_evidence_name(std::string_view name) noexcept;

}  // namespace efface::evidence
