// SPDX-License-Identifier: Apache-2.0
// Reading an untrusted bundle: no link is followed, nothing is read without a bound, and
// nothing may be in it that is not meant to.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"

namespace efface::evidence {

class BundleFiles final {
  public:
    /// Lists the folder. Error(usage) naming the first thing that must not be there, is too large
    /// or is missing; Error(internal) with the reason io_failed, here and below, where the system
    /// does not let us read, which says nothing of the bundle.
    explicit BundleFiles(const std::filesystem::path& bundle);

    /// One regular file of the bundle. Error(usage) when it is none or larger than `bytes_max`.
    [[nodiscard]] Bytes read(const std::string& name, std::size_t bytes_max) const;
    [[nodiscard]] std::string digest_hex(const std::string& name) const;
    /// Whether there is a file of this name beside the evidence folder.
    [[nodiscard]] bool has(const std::string& name) const;
    /// "evidence/..." names of all files below the evidence folder, sorted.
    [[nodiscard]] const std::vector<std::string>& evidence() const noexcept { return evidence_; }
    /// How many folders acceptance/N there are: 1 to this.
    [[nodiscard]] std::size_t acceptances() const noexcept { return acceptances_; }
    /// Holds the folder, for who adds to it, as long as this object lives; false when another does.
    [[nodiscard]] bool lock() const noexcept;

  private:
    [[nodiscard]] UniqueFd open_regular(const std::string& name, std::uint64_t bytes_max) const;
    UniqueFd folder_;
    std::set<std::string, std::less<>> names_;
    std::vector<std::string> evidence_;
    std::size_t acceptances_ = 0;
};

}  // namespace efface::evidence
