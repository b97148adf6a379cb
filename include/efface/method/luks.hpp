// SPDX-License-Identifier: Apache-2.0
// Destroys every key that a LUKS header holds, at one place where it is: in front of its
// payload, in a detached header, or in a backup file.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/progress.hpp"
#include "efface/device/block_target.hpp"
#include "efface/device/luks_library.hpp"
#include "efface/guard/clearance.hpp"
#include "efface/inventory/inventory.hpp"
#include "efface/luks/header.hpp"
#include "efface/method/outcome.hpp"

namespace efface::method {

/// [{"offset", "length"}], as records and journals have ranges.
[[nodiscard]] Json ranges_json(const std::vector<stream::Range>& ranges);

/// SHA-256 of one named area before it is destroyed.
struct AreaDigest {
    std::string name;  ///< "primary header", "keyslot 3 area"
    stream::Range range;
    std::string sha256;  ///< empty: could not be read
};
/// Digests of every header copy and key area of `header` within the target.
[[nodiscard]] std::vector<AreaDigest> pre_state(device::BlockTarget& target,
                                                const luks::Header& header);

/// What is asked of the machine around the target, before and after.
class Surroundings {
  public:
    virtual ~Surroundings() = default;
    /// libblkid on a descriptor of its own.
    virtual inventory::Signature probe_signature(const std::string& path) = 0;
    virtual std::vector<std::string> mappings_of_luks_uuid(const std::string& uuid) = 0;
};

/// Everything decided beforehand; kept in the journal, so that an interrupted run resumes
/// the same key over the same ranges although the header is gone.
struct LuksKeyTask {
    std::string path;  ///< canonical
    std::string luks_uuid;
    luks::MetadataRegion region;
    std::vector<stream::Range> first;  ///< header copies: overwritten and flushed before the rest
    std::vector<AreaDigest> before;    ///< as surveyed: each must have changed in the end
    /// stream::kStreamKeyBytes, drawn after the survey. With the read-back this shows that every
    /// block differs from what was surveyed, also when an earlier run wrote part of the pattern:
    /// nothing that was there then can equal a stream whose key did not exist.
    SecretBytes stream_key;
    bool destroy_slots = true;  ///< ask libcryptsetup first; pointless for an unreadable header
};

class LuksKeyDestruction final {
  public:
    /// All references must outlive the method. `location` names the same storage as `target`;
    /// `credential` may be null.
    LuksKeyDestruction(const LuksKeyTask& task, device::BlockTarget& target,
                       device::LuksLibrary& library, device::LuksLocation location,
                       Surroundings& surroundings, const SecretBytes* credential,
                       const Clock& clock);

    /// Why it cannot run on this target; nullopt when it can.
    [[nodiscard]] std::optional<Reason> objection() const;
    /// Erases and verifies. Answers of the medium are in the Outcome; throws Error only for
    /// failures outside it. After a stop the verdict is not_sanitized and running again resumes.
    [[nodiscard]] Outcome run(guard::Clearance clearance, ProgressSink& progress,
                              std::stop_token stop);

  private:
    void destroy_slots(Outcome& outcome);
    bool overwrite(Outcome& outcome, ProgressSink& progress, const std::stop_token& stop);
    void read_back(Outcome& outcome, ProgressSink& progress, const std::stop_token& stop);
    void negative_controls(Outcome& outcome);
    void observe(Outcome& outcome, const char* what, const Json& raw) const;

    const LuksKeyTask& task_;
    device::BlockTarget& target_;
    device::LuksLibrary& library_;
    device::LuksLocation location_;
    Surroundings& surroundings_;
    const SecretBytes* credential_;
    const Clock& clock_;
};

}  // namespace efface::method
