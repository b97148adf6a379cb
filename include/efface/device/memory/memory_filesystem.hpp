// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace efface::device {

/// "tmpfs", "ramfs" or "hugetlbfs"; empty for every other file system. `magic`: f_type of
/// statfs(2), of which the lower 32 bits count.
[[nodiscard]] std::string_view memory_filesystem(std::uint64_t magic) noexcept;

}  // namespace efface::device
