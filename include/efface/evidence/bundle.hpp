// SPDX-License-Identifier: Apache-2.0
// The bundle: one folder that says what was done and proves who said it. Never half there.
//   certificate.json  .p7s  .tlog-proof  .intent-proof  .consistency-proof      evidence/...
//   root.pem log.vkey (for convenience; an auditor takes both out of band)
//   verify-bundle is not shipped inside.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/log.hpp"

namespace efface::evidence {

constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";
constexpr const char* kPredicateType = "https://efface.example/attestation/sanitization/v1";
/// What is written. What 1.0.0 wrote still verifies (its reasons are texts without codes), and what
/// 1.1.0 wrote (as 1.0.0 without proof that the run was announced before).
constexpr const char* kSchemaVersion = "1.2.0";
/// Whether a bundle with a record of this version must hold the proofs of its announcement.
[[nodiscard]] bool proves_announcement(std::string_view schema_version) noexcept;
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
/// `staging` (made again; what was there is removed), everything fsynced.
struct Staged {
    std::string certificate_sha256;
    std::string signature_sha256;
};
[[nodiscard]] Staged stage_bundle(const std::filesystem::path& staging, const Json& statement,
                                  const std::vector<EvidenceFile>& files, const KeyStore& keys,
                                  WallTime at);
/// The digests of what is in `staging`, for a run that was interrupted after staging; nullopt
/// unless certificate.json and .p7s are there, complete and verify with `roots_pem`.
[[nodiscard]] std::optional<Staged> staged_digests(const std::filesystem::path& staging,
                                                   std::string_view roots_pem);
/// What the log proves of a run, all of it under one checkpoint.
struct RunProofs {
    TlogProof outcome;
    TlogProof intent;
    ConsistencyProof consistency;  ///< from the tree of the record's checkpoint on
};
/// Under the present checkpoint of the log. Throws Error(evidence), and Error(usage) when the log
/// has no such entries.
[[nodiscard]] RunProofs prove_run(const Log& log, std::uint64_t intent, std::uint64_t outcome,
                                  std::uint64_t record_size);

/// Adds the proofs and renames the folder to its final name. Durable when it returns.
/// Error(evidence) on failure, with everything still in `staging`.
void publish_bundle(const std::filesystem::path& staging, const RunProofs& proofs,
                    const std::filesystem::path& destination);

/// Adds acceptance/`number` with its two files to a published bundle: completely or not at all,
/// durable when it returns. Error(evidence) on failure.
void publish_acceptance(const std::filesystem::path& bundle, std::size_t number,
                        std::string_view record, ByteView signature);

}  // namespace efface::evidence
