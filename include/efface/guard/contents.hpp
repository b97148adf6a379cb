// SPDX-License-Identifier: Apache-2.0
// What an erase destroys: shown in the plan, bound by its digest.
#pragma once

#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::guard {

/// One thing that is on a target.
struct Content {
    std::string where;         ///< kernel name of the target or of its partition; a file's name
    std::string type;          ///< "ext4", "crypto_LUKS", "gpt", "linux_raid_member", ...
    std::string uuid;          ///< in lower case; empty where there is none
    std::string label;         ///< of the file system, name of the array, volume group or pool
    std::string last_mounted;  ///< ext2/3/4: where it was mounted last
    /// Whether others need it: an array, a volume group, a pool, a file system on several devices
    /// (of which it may be the journal), hosts that share it. What this host can see of them is a
    /// use; a person or the order must name it before it is torn.
    bool member = false;

    /// By what an order releases a member: its UUID, else its label, else its type.
    [[nodiscard]] std::string name() const;
    friend bool operator==(const Content&, const Content&) = default;
};
[[nodiscard]] Json to_json(const std::vector<Content>& contents);
/// "ext4 file system "data" on sda1, UUID ..., last mounted at /srv": one line for a person.
[[nodiscard]] std::string to_text(const Content& content);

/// Reads the target and its partitions; everything that signatures_on() finds, and of a file how
/// many names it has. What cannot be read is of
/// type "unreadable".
[[nodiscard]] std::vector<Content> contents_of(const inventory::Identity& identity,
                                               const inventory::SystemView& view = {});

/// Members that are not released, each a reason to refuse (`member`). A name of `released` fits a
/// UUID without regard to case and dashes, a label exactly.
[[nodiscard]] std::vector<Reason> unreleased_members(const std::vector<Content>& contents,
                                                     const std::vector<std::string>& released);

}  // namespace efface::guard
