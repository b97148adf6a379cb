// SPDX-License-Identifier: Apache-2.0
// Which targets are to be erased, how, and under which terms: efface-order(5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/mandate/choice.hpp"
#include "efface/mandate/terms.hpp"

namespace efface::mandate {

constexpr std::size_t kOrderBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kTargetsMax = 1024;

struct OrderTarget {
    std::string name;  ///< an absolute path, or memory:KIND:PLACE
    std::optional<std::string> serial;
    std::optional<std::string> wwid;
    std::optional<std::uint64_t> size_bytes;
    std::string asset_tag;
    /// Members of arrays, groups or pools that do not run, which may be torn: UUIDs or labels.
    std::vector<std::string> release_members;
};

struct Order {
    std::string id;
    std::string owner;
    std::string confidentiality;
    Terms terms;
    ErasureChoice choice;
    std::vector<OrderTarget> targets;  ///< with memory:free at the end where it says "sweep"

    std::string text;    ///< the bytes as read: what approvers sign
    std::string sha256;  ///< of `text`, hex
};

/// Whether a text means to be an order, of whatever version.
[[nodiscard]] bool is_order(std::string_view text) noexcept;
/// Throws Error(usage) naming the place for anything that efface-order(5) does not allow.
[[nodiscard]] Order parse_order(std::string_view text);
/// What is wrong in it is named with the file.
[[nodiscard]] Order load_order(const std::filesystem::path& path);

}  // namespace efface::mandate
