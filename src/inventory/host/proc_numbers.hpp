// SPDX-License-Identifier: Apache-2.0
// Numbers that the kernel tells of memory as text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace efface::inventory {

constexpr std::size_t kMeminfoBytesMax = std::size_t{64} << 10U;
constexpr std::uint64_t kKibibyte = 1024;  ///< the unit of "kB" there
constexpr std::size_t kVmstatBytesMax = std::size_t{256} << 10U;

/// Bytes by name, of /proc/meminfo and of a node's: "NAME:   123 kB", also behind "Node 0 ".
[[nodiscard]] std::map<std::string, std::uint64_t> meminfo(const std::string& text);

/// A counter of /proc/vmstat; nullopt when the kernel has none of this name.
[[nodiscard]] std::optional<std::uint64_t> vmstat_counter(const std::string& vmstat,
                                                          std::string_view wanted);

}  // namespace efface::inventory
