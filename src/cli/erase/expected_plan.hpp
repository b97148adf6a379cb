// SPDX-License-Identifier: Apache-2.0
// What --plan names: the plan that was shown, by its digest or as the file of `efface plan --out`.
#pragma once

#include <map>
#include <string>

namespace efface::cli {

class ExpectedPlan final {
  public:
    /// `named`: empty, 64 hexadecimal digits, or a file. Throws Error(usage) for a file that is no
    /// plan.
    explicit ExpectedPlan(const std::string& named);
    /// Of one of so many targets; empty when any plan is as good. Throws Error(usage) when a digest
    /// alone is given for several, and Error(safety, plan_changed) when the file has no plan of
    /// this target.
    [[nodiscard]] std::string digest_of(const std::string& target, std::size_t targets) const;
    /// Of a project. Throws Error(usage) when the file is a plan of targets.
    [[nodiscard]] std::string digest_of_project() const;
    [[nodiscard]] bool is_file() const noexcept { return is_file_; }

  private:
    std::string digest_;
    std::map<std::string, std::string> targets_;  ///< digests by name
    bool is_file_ = false;
};

}  // namespace efface::cli
