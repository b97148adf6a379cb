// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "efface/inventory/block_graph.hpp"

namespace efface::inventory {

/// One device of the machine by its kernel name; nullptr when there is none.
using NodeLookup = std::function<const BlockNode*(const std::string&)>;

/// Partition -> disk; device-mapper or md over exactly one device -> that device, a multipath map
/// -> the first of its paths; and so on.
[[nodiscard]] const BlockNode& disk_below(const BlockNode& node, const NodeLookup& lookup);

/// All but `path`, the canonical path and what needs a probe of the disk's contents.
[[nodiscard]] Identity identity_of(const Folder& class_block, const BlockNode& node,
                                   const NodeLookup& lookup);

/// "nvme", "nvme-tcp", "sata", "sas", "usb", "iscsi", "fc", "virtio", "mmc", "loop", ...
[[nodiscard]] std::string transport_of(const Folder& class_block, const BlockNode& disk);

/// GPT PARTUUID or its like, from the partition table on the disk; empty when there is none.
[[nodiscard]] std::string partition_uuid_on(const std::string& disk_path, unsigned major,
                                            unsigned minor);

}  // namespace efface::inventory
