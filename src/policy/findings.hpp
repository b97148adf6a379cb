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
    /// The same of what nobody could look at: it counts as if it were so.
    void add_unknown(ReasonCode code, const std::string& detail);
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

/// Rules of what is below that hold however the storage is written.
namespace storage_rule {
inline constexpr Rule copy_on_write = {ReasonCode::copy_on_write, Effect::refuse,
                                       "an overwrite may leave the old blocks in the layer below",
                                       "measured: btrfs, snapshots"};
inline constexpr Rule thin = {ReasonCode::thin, Effect::refuse,
                              "the layer below does not map blocks one to one",
                              "dm-thin: an overwrite after a snapshot goes elsewhere"};
inline constexpr Rule encoded_extents = {
    ReasonCode::encoded_extents, Effect::refuse,
    "the file system stores the data in another form than it was written",
    "FIEMAP_EXTENT_ENCODED, _DATA_INLINE, _NOT_ALIGNED"};
inline constexpr Rule remote_medium = {ReasonCode::remote_medium, Effect::no_level,
                                       "copies on the remote side are out of reach", "fail closed"};
inline constexpr Rule mirror = {ReasonCode::mirror, Effect::exception,
                                "the legs of the mirror were not read back individually",
                                "a read is answered by any leg"};
inline constexpr Rule hypervisor = {ReasonCode::hypervisor, Effect::note,
                                    "a hypervisor below may keep copies or snapshots", ""};
}  // namespace storage_rule

}  // namespace efface::policy
