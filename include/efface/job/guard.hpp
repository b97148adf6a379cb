// SPDX-License-Identifier: Apache-2.0
// Stands between the tool and somebody's data. Looks at every target before anything happens, and
// again at the opened one right before the first destructive command. Fails closed.
#pragma once

#include "efface/base/random.hpp"
#include "efface/job/plan.hpp"
#include "efface/luks/payload_sample.hpp"
#include "efface/method/memory.hpp"

namespace efface::job {

class Guard final {
  public:
    Guard(Host& host, Random& random) : host_(host), random_(random) {}

    /// Looks at one volume and everything declared with it; changes nothing. What speaks against
    /// it is in `objections`. Throws Error only for failures of the machine.
    [[nodiscard]] VolumePlan survey(const mandate::Volume& volume,
                                    const mandate::Manifest& manifest);

    /// Positive control with the project's own credential, before anything is destroyed: an
    /// objection when its file cannot be read or a readable header refuses it.
    void try_credential(VolumePlan& plan, const mandate::Volume& volume);

    /// Looks again at the place as it is now, opened exclusively. The header may be half gone when
    /// `resumed`. Throws Error(safety), naming what changed; nothing was written then.
    [[nodiscard]] guard::Held clear(const LocationPlan& plan, bool resumed,
                                    Moment moment = Moment::now);

    /// Looks again at a block device or file that will be erased completely, and holds it with
    /// every other name of its storage. `identity` is target_identity() as surveyed,
    /// `disk_sequence` of what was confirmed in this process. Throws as guard::hold().
    [[nodiscard]] guard::Held clear_target(const std::string& path, const Json& identity,
                                           Moment moment = Moment::now,
                                           std::optional<std::uint64_t> disk_sequence = {});
    /// The same for memory, which its method surveys itself. `name` is memory:KIND:PLACE.
    [[nodiscard]] static guard::Clearance clear_memory(method::MemoryMethod& method,
                                                       const std::string& name,
                                                       const Json& identity);

  private:
    struct Survey;  ///< of one volume, in the making
    std::vector<inventory::Use> uses_of(const inventory::Identity& identity, Role role,
                                        Moment moment);
    void survey_gone(Survey& survey);
    void survey_backups(Survey& survey);
    static void check_header_file(Survey& survey, const std::string& path,
                                  const luks::Header& header, std::uint64_t size_bytes);
    void survey_location(Survey& survey, Role role, const std::string& path);
    void survey_first_header_left(Survey& survey);
    void survey_payload(Survey& survey, std::optional<luks::SampleReport>& sample);
    void object_to_mappings(Survey& survey);
    void object_to_what_is_left(Survey& survey, const std::string& path);
    Host& host_;
    Random& random_;
};

/// What names a device or file for ever: kind, model, serial, wwid, size, and its place where it
/// has neither serial nor wwid.
[[nodiscard]] Json target_identity(const inventory::Identity& identity);

/// Content of a credential reference in locked memory. Throws Error(usage) when it is missing.
[[nodiscard]] SecretBytes read_credential(const mandate::CredentialReference& reference);

}  // namespace efface::job
