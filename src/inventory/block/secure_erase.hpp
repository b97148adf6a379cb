// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/inventory/drive.hpp"
#include "efface/inventory/folder.hpp"

namespace efface::inventory {

/// Of the whole disk with this kernel name.
[[nodiscard]] SecureErase secure_erase_of(const Folder& class_block, const std::string& name);

}  // namespace efface::inventory
