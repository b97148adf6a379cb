// SPDX-License-Identifier: Apache-2.0
// Numbers and tables for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace efface::cli {

/// IEC units, three digits: "16.0 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// "0:07", "1:02:03".
[[nodiscard]] std::string human_seconds(std::uint64_t seconds);
/// Columns as wide as their widest cell, two spaces between; the last one is not padded.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace efface::cli
