// SPDX-License-Identifier: Apache-2.0
// Bytes as dumps show them.
#pragma once

#include <algorithm>
#include <string>

#include "efface/base/bytes.hpp"

#include "catch.hpp"

namespace efface::test {

/// Lower-case hex digits; blanks are left out.
inline Bytes hex(std::string text) {
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    const auto bytes = from_hex(text);
    REQUIRE(bytes.has_value());
    return *bytes;
}

}  // namespace efface::test
