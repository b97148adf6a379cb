// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string_view>

#include "efface/policy/rule.hpp"

namespace efface::policy {

/// Takes findings in the order of a table, whatever the order of the examination. The table
/// outlives it.
class Findings final {
  public:
    explicit Findings(const std::vector<Rule>& rules) : rules_(rules) {}
    /// `code` must be in the table (asserted).
    void add(ReasonCode code, const std::string& detail);
    [[nodiscard]] std::vector<Finding> in_table_order() &&;

  private:
    const std::vector<Rule>& rules_;
    std::vector<Finding> found_;
};

[[nodiscard]] bool starts_with_any(std::string_view text,
                                   std::initializer_list<std::string_view> prefixes);

/// Adds what the storage of one place says: copy-on-write, shared-extents, encoded-extents, thin,
/// remote-medium, memory-medium, mirror, flash, hypervisor.
void examine_storage(const StorageFacts& facts, Findings& findings);

}  // namespace efface::policy
