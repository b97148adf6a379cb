// SPDX-License-Identifier: Apache-2.0
// Where the targets of one command lie: looked at once, before any of its runs begins.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efface/job/context.hpp"

namespace efface::job {

class Places final {
  public:
    /// What is not there, or no storage, is left to its own run. `host` outlives this.
    Places(Host& host, const std::vector<std::string>& targets);

    /// Throws Error(usage, same_storage_twice) when two of the targets are the same storage or
    /// share blocks, whatever they are called.
    void check_distinct() const;

    /// Throws Error(usage, own_document) when one of `outputs`, to which this run will write, lies
    /// on one of the targets, or one of `documents`, which say what is to be erased; and when an
    /// output is one of these documents, or keys, log, journals or certificates in `state`. What is
    /// neither a file nor a block device is passed over.
    void refuse_own_files(const StateDirectory& state, const std::vector<std::string>& outputs,
                          const std::vector<std::string>& documents) const;

  private:
    struct Place {
        std::string name;  ///< printable
        inventory::Identity identity;
        /// st_dev, of a mount all of whose files are erased; then there is no identity.
        std::optional<std::uint64_t> filesystem;
    };
    struct OnTarget {
        std::string target;
        std::string file;
    };
    [[nodiscard]] static std::optional<Place> place_of(Host& host, const std::string& name);
    [[nodiscard]] static std::vector<Place> places_of(Host& host,
                                                      const std::vector<std::string>& names);
    [[nodiscard]] static bool lies_in(const Place& inner, const Place& outer);
    [[nodiscard]] static std::vector<std::pair<const Place*, const Place*>> shared(
        Host& host, const std::vector<Place>& places);
    [[nodiscard]] std::optional<OnTarget> on_target(const std::vector<std::string>& files) const;

    Host& host_;
    std::vector<Place> targets_;
};

}  // namespace efface::job
