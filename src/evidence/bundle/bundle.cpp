// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/bundle.hpp"

#include <algorithm>
#include <set>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kFileMode = 0644;  // evidence is made to be shared
constexpr auto kFolderMode = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                             fs::perms::others_read | fs::perms::others_exec;

bool is_part(std::string_view part) noexcept {
    return !part.empty() && part.front() != '.' &&
           std::all_of(part.begin(), part.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

Json digest_of(std::string_view content) {
    return ObjectWriter().add("sha256", sha256_hex(content)).take();
}

Json digest_of(ByteView content) {
    return ObjectWriter().add("sha256", sha256_hex(content)).take();
}

/// Runs the work; what fails in it is a failure to write evidence.
template <typename Work>
auto writing_evidence(const char* doing, Work&& work) {
    try {
        return work();
    } catch (const fs::filesystem_error& error) {
        throw Error(ErrorCode::evidence, std::string(doing) + ": " + error.what());
    } catch (const Error& error) {
        throw Error(ErrorCode::evidence, std::string(doing) + ": " + error.what(), error.hint());
    }
}

void make_folder(const fs::path& folder) {
    if (!fs::is_directory(fs::symlink_status(folder))) {
        fs::create_directory(folder);
        fs::permissions(folder, kFolderMode);
        sync_directory(folder.has_parent_path() ? folder.parent_path() : fs::path("."));
    }
}

void write_evidence(const fs::path& staging, const EvidenceFile& file) {
    EFFACE_ASSERT(is_evidence_name(file.name));
    fs::path folder = staging;
    const fs::path parent = fs::path(file.name).parent_path();
    for (const fs::path& part : parent) {
        folder /= part;
        make_folder(folder);
    }
    write_file_durably(staging / file.name, file.content, kFileMode);
}

Staged stage(const fs::path& staging, const Json& statement, const std::vector<EvidenceFile>& files,
             const KeyStore& keys, WallTime at) {
    const std::string certificate = canonical_json(statement);
    const Bytes signature = cms_sign(as_bytes(certificate), keys.station_key(), at);
    fs::remove_all(staging);
    make_directories_durably(staging.parent_path());
    make_folder(staging);
    make_folder(staging / kEvidenceFolder);
    for (const EvidenceFile& file : files) {
        write_evidence(staging, file);
    }
    write_file_durably(staging / kRootFile, keys.root_certificate_pem(), kFileMode);
    write_file_durably(staging / kLogKeyFile, keys.log_verifier_key() + "\n", kFileMode);
    write_file_durably(staging / kCertificateFile, certificate, kFileMode);
    // Last: where the signature stands, everything else does too (staged_digests relies on it).
    write_file_durably(staging / kSignatureFile, signature, kFileMode);
    return {sha256_hex(certificate), sha256_hex(signature)};
}

void publish(const fs::path& staging, const RunProofs& proofs, const fs::path& destination) {
    write_file_durably(staging / kProofFile, tlog_proof_text(proofs.outcome), kFileMode);
    write_file_durably(staging / kIntentProofFile, tlog_proof_text(proofs.intent), kFileMode);
    write_file_durably(staging / kConsistencyProofFile, consistency_proof_text(proofs.consistency),
                       kFileMode);
    make_directories_durably(destination.parent_path());
    if (fs::exists(fs::symlink_status(destination))) {
        throw Error(ErrorCode::evidence, destination.string() + ": there is a bundle already");
    }
    fs::rename(staging, destination);
    sync_directory(destination.parent_path());
    sync_directory(staging.parent_path());
}

void add_acceptance(const fs::path& bundle, std::size_t number, std::string_view record,
                    ByteView signature) {
    const fs::path staging = bundle.parent_path() / (bundle.filename().string() + ".acceptance");
    const fs::path folder = bundle / kAcceptanceFolder;
    const bool first = !fs::exists(fs::symlink_status(folder));
    fs::remove_all(staging);
    make_folder(staging);
    const fs::path place = first ? staging / std::to_string(number) : staging;
    make_folder(place);
    write_file_durably(place / kAcceptanceFile, record, kFileMode);
    write_file_durably(place / kAcceptanceSignatureFile, signature, kFileMode);
    const fs::path destination = first ? folder : folder / std::to_string(number);
    if (fs::exists(fs::symlink_status(destination))) {
        throw Error(ErrorCode::evidence, destination.string() + ": there is one already");
    }
    fs::rename(staging, destination);
    sync_directory(destination.parent_path());
    sync_directory(bundle.parent_path());
}

}  // namespace

bool is_evidence_name(std::string_view name) noexcept {
    constexpr std::string_view kPrefix = "evidence/";
    if (name.size() > kEvidenceNameMax || name.substr(0, kPrefix.size()) != kPrefix) {
        return false;
    }
    std::size_t depth = 0;
    for (std::string_view rest = name.substr(kPrefix.size());; ++depth) {
        const std::size_t slash = rest.find('/');
        if (!is_part(rest.substr(0, slash)) || depth >= kEvidenceDepthMax) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        rest.remove_prefix(slash + 1);
    }
}

Json make_statement(Json predicate, const std::vector<EvidenceFile>& files) {
    EFFACE_ASSERT(predicate.is_object());
    const bool project = predicate.contains("projectIdentity");
    EFFACE_ASSERT(project != predicate.contains("targetIdentity"));
    EFFACE_ASSERT(files.size() <= kEvidenceFilesMax);
    Json subjects = Json::array();
    const std::string identity =
        canonical_json(predicate[project ? "projectIdentity" : "targetIdentity"]);
    subjects.push_back(ObjectWriter()
                           .add("name", project ? kProjectSubject : kTargetSubject)
                           .add("digest", digest_of(identity))
                           .take());
    std::set<std::string> names;
    for (const EvidenceFile& file : files) {
        EFFACE_ASSERT(is_evidence_name(file.name) && names.insert(file.name).second);
        subjects.push_back(ObjectWriter()
                               .add("name", file.name)
                               .add("mediaType", file.media_type)
                               .add("digest", digest_of(file.content))
                               .take());
    }
    return ObjectWriter()
        .add("_type", kStatementType)
        .add("predicateType", kPredicateType)
        .add("subject", std::move(subjects))
        .add("predicate", std::move(predicate))
        .take();
}

Staged stage_bundle(const fs::path& staging, const Json& statement,
                    const std::vector<EvidenceFile>& files, const KeyStore& keys, WallTime at) {
    return writing_evidence("staging the bundle", [&] {
        return stage(fs::absolute(staging), statement, files, keys, at);
    });
}

std::optional<Staged> staged_digests(const fs::path& staging, std::string_view roots_pem) {
    const auto certificate = read_file(staging / kCertificateFile, kCertificateBytesMax);
    const auto signature = read_file(staging / kSignatureFile, kSignatureBytesMax);
    if (!certificate || !signature || !cms_verify(*certificate, *signature, roots_pem).ok()) {
        return std::nullopt;
    }
    return Staged{sha256_hex(*certificate), sha256_hex(*signature)};
}

bool proves_announcement(std::string_view schema_version) noexcept {
    return schema_version != "1.0.0" && schema_version != "1.1.0";
}

RunProofs prove_run(const Log& log, std::uint64_t intent, std::uint64_t outcome,
                    std::uint64_t record_size) {
    return {log.prove(outcome),
            log.prove(intent),
            {record_size, log.prove_consistency(record_size), log.checkpoint()}};
}

void publish_bundle(const fs::path& staging, const RunProofs& proofs, const fs::path& destination) {
    writing_evidence("publishing the bundle",
                     [&] { publish(fs::absolute(staging), proofs, fs::absolute(destination)); });
}

void publish_acceptance(const fs::path& bundle, std::size_t number, std::string_view record,
                        ByteView signature) {
    writing_evidence("adding the acceptance",
                     [&] { add_acceptance(fs::canonical(bundle), number, record, signature); });
}

}  // namespace efface::evidence
