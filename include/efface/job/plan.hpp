// SPDX-License-Identifier: Apache-2.0
// What will be done: everything that is known before the first destructive command, kept in the
// journal so that an interrupted run can go on when the headers are gone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/job/host.hpp"
#include "efface/job/objection.hpp"
#include "efface/job/run_result.hpp"
#include "efface/luks/header.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

enum class Role { in_place_header, detached_header, header_backup };
[[nodiscard]] const char* to_string(Role role) noexcept;

/// One place where key material is.
struct LocationPlan {
    Role role = Role::in_place_header;
    std::string path;       ///< canonical
    std::string data_path;  ///< of the payload, for a detached header; else empty
    std::string luks_uuid;
    luks::MetadataRegion region;
    std::vector<stream::Range> first;  ///< header copies
    bool destroy_slots = false;        ///< a header that libcryptsetup may be asked about
    // What must still hold when the run comes to it, also after a crash or a reboot.
    std::uint64_t size_bytes = 0;
    std::string serial;
    std::string wwid;
    std::uint64_t inode = 0;              ///< files
    std::string first_sector_sha256;      ///< before anything was changed
    std::vector<device::Extent> extents;  ///< where a file's blocks lie; empty where not known
    Bytes stream_key;                     ///< drawn when the run is announced; no secret afterwards
    Json record;  ///< the part of the certificate that is known: identity, layers, header, ...
};

struct VolumePlan {
    std::string name;
    std::string uuid;
    std::string engine;
    std::string asset_tag;
    bool gone = false;
    std::vector<LocationPlan> locations;
    method::Level level = method::Level::none;  ///< that success would claim
    std::vector<Reason> exceptions;             ///< that success would carry
    std::vector<Reason> residual_risks;
    Json eligibility;
    Json payload_sample;  ///< null when not taken
    Json encryption;      ///< facts for the certificate's ten items
    bool credential_declared = false;
    std::optional<bool> credential_opened;  ///< positive control; nullopt = could not be tried
    std::vector<Objection> objections;
};

struct ProjectPlan {
    std::vector<VolumePlan> volumes;
    std::vector<Objection> station;  ///< what preflight finds wanting
    std::optional<DoneBefore> done_before;
    std::optional<OpenJob> open_job;  ///< that would go on: `volumes` as it began with them
    [[nodiscard]] std::vector<Objection> objections() const;
    [[nodiscard]] method::Level level() const noexcept;
    [[nodiscard]] std::uint64_t bytes_to_overwrite() const noexcept;
};

/// Hex. Changes when the manifest, a target or what was found there changes.
[[nodiscard]] std::string plan_digest(const mandate::Manifest& manifest, const ProjectPlan& plan);

/// For `efface plan --json`: no keys, no journal fields.
[[nodiscard]] Json plan_document(const mandate::Manifest& manifest, const ProjectPlan& plan);

/// For the journal, and back. from_journal throws Error(internal) for a damaged journal.
[[nodiscard]] Json to_journal(const VolumePlan& plan);
[[nodiscard]] VolumePlan from_journal(const Json& json);

}  // namespace efface::job
