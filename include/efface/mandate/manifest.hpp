// SPDX-License-Identifier: Apache-2.0
// What is to be erased: efface-project(5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/mandate/terms.hpp"

namespace efface::mandate {

constexpr std::size_t kManifestBytesMax = std::size_t{4} << 20U;
constexpr std::size_t kVolumesMax = 4096;
constexpr std::size_t kHeaderBackupsMax = 64;

struct HeaderBackup {
    std::string path;
    bool gone = false;
};

/// Where the project's own passphrase or key stands: a path, never the secret.
struct CredentialReference {
    std::string path;
    bool strip_newline = false;  ///< a passphrase file: one line feed at its end is not part of it
};

struct Volume {
    std::string name;
    std::string path;  ///< the LUKS device or image; with `header`, the data device
    std::string uuid;  ///< lower case
    std::string engine;
    std::optional<std::string> header;
    std::vector<HeaderBackup> header_backups;
    std::optional<CredentialReference> credential;
    std::optional<std::string> serial;
    std::optional<std::uint64_t> size_bytes;
    std::string asset_tag;
    /// Members of arrays, groups and pools on it that may be torn, by UUID or label.
    std::vector<std::string> release_members;
    bool gone = false;
};

/// What the owner states in the manifest; without it no level is claimed.
struct Attestation {
    bool encrypted_since_first_use = false;
    bool all_key_copies_declared = false;
    std::string by;
};

struct Manifest {
    std::string project_id;
    std::string owner;
    std::string confidentiality;
    Terms terms;
    Attestation attestation;
    std::vector<Volume> volumes;

    std::string text;    ///< the bytes as read: what approvers sign
    std::string sha256;  ///< of `text`, hex
};

/// Throws Error(usage) naming the place for anything that efface-project(5) does not allow.
[[nodiscard]] Manifest parse_manifest(std::string_view text);
/// The same for a file; Error(usage) when there is none.
[[nodiscard]] Manifest load_manifest(const std::filesystem::path& path);

/// What names this project's storage for ever, independent of a manifest's other content.
[[nodiscard]] Json project_identity(const Manifest& manifest);

/// Each path that the manifest names: volumes, headers, backups.
[[nodiscard]] std::vector<std::string> places_of(const Manifest& manifest);

/// Whether a text means to be a manifest, of whatever version.
[[nodiscard]] bool is_manifest(std::string_view text) noexcept;

}  // namespace efface::mandate
