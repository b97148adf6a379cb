// SPDX-License-Identifier: Apache-2.0
// Files that the tests read.
#pragma once

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"

namespace efface {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20U;

[[nodiscard]] inline Json json_in(const std::string& path) {
    return parse_json(read_text_file(path, kFileBytesMax).value(), path);
}

/// A whole predicate of a project.
[[nodiscard]] inline Json predicate_example() {
    return json_in(EFFACE_TEST_DATA "/evidence/predicate-example.json");
}

}  // namespace efface
