// SPDX-License-Identifier: Apache-2.0
// The bundle: one folder that says what was done and proves who said it. Never half there.
//   certificate.json  .p7s  .tlog-proof      evidence/...      root.pem log.vkey (for convenience;
//   an auditor takes both out of band)       verify-bundle is not shipped inside.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/log.hpp"

namespace efface::evidence {

constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";
constexpr const char* kPredicateType = "https://efface.example/attestation/sanitization/v1";
/// What is written; what 1.0.0 wrote still verifies (its reasons are texts without codes).
constexpr const char* kSchemaVersion = "1.1.0";
/// Largest certificate.json that is written or read.
constexpr std::size_t kCertificateBytesMax = std::size_t{64} << 20U;

/// File names relative to the bundle, with the media type that the subject entry states.
struct EvidenceFile {
    std::string name;        ///< "evidence/volume-1/header.json": no "..", no absolute path
    std::string media_type;  ///< "application/json"
    Bytes content;
};

/// subject[0] and one subject a file; `_type`, `predicateType`. subject[0] is "project-identity"
/// or "target-identity", with the digest over the canonical form of predicate.projectIdentity or
/// predicate.targetIdentity, of which exactly one must be there (asserted).
[[nodiscard]] Json make_statement(Json predicate, const std::vector<EvidenceFile>& files);

/// Writes certificate.json (canonical), its .p7s, evidence files, root.pem and log.vkey into
/// `staging` (made anew; what was there is removed), everything fsynced.
struct Staged {
    std::string certificate_sha256;
    std::string signature_sha256;
};
[[nodiscard]] Staged stage_bundle(const std::filesystem::path& staging, const Json& statement,
                                  const std::vector<EvidenceFile>& files, const KeyStore& keys,
                                  WallTime at);
/// The digests of what stands in `staging`, for a run that was interrupted after staging; nullopt
/// unless certificate.json and .p7s are there, complete and verify with `roots_pem`.
[[nodiscard]] std::optional<Staged> staged_digests(const std::filesystem::path& staging,
                                                   std::string_view roots_pem);
/// Adds the proof and renames the folder to its final name. Durable when it returns.
/// Error(evidence) on failure, with everything still in `staging`.
void publish_bundle(const std::filesystem::path& staging, const TlogProof& proof,
                    const std::filesystem::path& destination);

/// What an auditor trusts from elsewhere.
struct TrustAnchors {
    std::string roots_pem;
    std::string log_verifier_key;  ///< one line; line feeds at its end are taken off
    std::optional<std::filesystem::path> log_directory;  ///< the whole log, to see what is missing
};

struct Check {
    std::string name;  ///< "signature", "required signers", "log inclusion", ...
    bool passed = false;
    std::string detail;  ///< in plain words: what was proved, or what is wrong
};
struct Verification {
    std::vector<Check> checks;  ///< in order; the later ones are left out when an early one fails
    Json certificate;           ///< null unless it parsed and its signature is good
    [[nodiscard]] bool ok() const noexcept;
};
/// Strict and offline. Foreign input throughout: bounded, no links followed, never throws for it.
[[nodiscard]] Verification verify_bundle(const std::filesystem::path& bundle,
                                         const TrustAnchors& anchors);

/// The checks for a person: "ok      name: detail" or "FAILED  name: detail" each, wrapped to at
/// most 100 columns, every line with its line feed.
[[nodiscard]] std::string render_verification(const Verification& verification);

/// The certificate for a person: plain text of at most 100 columns, no control characters.
/// Title "Certificate of sanitization" only for sanitized and sanitized-with-exceptions; else
/// "Record of unsuccessful sanitization".
[[nodiscard]] std::string render_text(const Json& certificate);

}  // namespace efface::evidence
