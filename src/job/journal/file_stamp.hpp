// SPDX-License-Identifier: Apache-2.0
// Whether a file is the one that was read before.
#pragma once

#include <filesystem>
#include <string>

namespace efface::job {

/// Another text for every other version of a file: efface moves each to its name, and who writes
/// into one changes its times. Mode and owner are in it. Empty: there is no such file.
[[nodiscard]] std::string file_stamp(const std::filesystem::path& file);

}  // namespace efface::job
