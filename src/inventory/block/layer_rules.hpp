// SPDX-License-Identifier: Apache-2.0
// What each kind of layer means for an overwrite: rules as data, no walking here.
#pragma once

#include <string>

#include "efface/device/linux_target.hpp"
#include "efface/inventory/block_graph.hpp"

namespace efface::inventory {

/// One without any flag.
[[nodiscard]] Layer make_layer(std::string name, std::string type);
/// What is not known counts as a layer that may keep copies.
[[nodiscard]] Layer unknown_layer(std::string name, std::string why);
/// A device-mapper target type as the kernel names it; an unknown one may keep copies.
[[nodiscard]] Layer dm_layer(const std::string& name, const std::string& target_type);
/// Without a readable table: what the UUID tells, else unknown.
[[nodiscard]] Layer dm_layer_by_uuid(const BlockNode& node);
[[nodiscard]] Layer md_layer(const BlockNode& node);
[[nodiscard]] Layer memory_layer(const BlockNode& node);
/// Disks and everything that is the last layer this machine can see.
[[nodiscard]] Layer medium_layer(const Folder& class_block, const BlockNode& node);
/// `on`: " on vda", or empty.
[[nodiscard]] Layer filesystem_layer(const device::ExtentReport& extents, const std::string& on);
[[nodiscard]] Layer filesystem_layer_by_type(const std::string& type, const std::string& on);

}  // namespace efface::inventory
