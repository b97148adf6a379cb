// SPDX-License-Identifier: Apache-2.0
// Whether what is there is what an order or manifest names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/mandate/manifest.hpp"
#include "efface/mandate/order.hpp"

namespace efface::mandate {

/// What was found.
struct Found {
    std::string serial;
    std::string wwid;
    std::optional<std::uint64_t> size_bytes;  ///< nullopt: it has none that stays
};

/// One field that says something else than what was found.
struct Difference {
    const char* key;  ///< "serial", "wwid" or "size_bytes"
    std::string found;
    std::string said;
};

/// Empty: it may be the one that is named. What is not said differs from nothing.
[[nodiscard]] std::vector<Difference> differences(const OrderTarget& said, const Found& found);
/// The same; a volume has no WWID.
[[nodiscard]] std::vector<Difference> differences(const Volume& said, const Found& found);

}  // namespace efface::mandate
