// SPDX-License-Identifier: Apache-2.0
// Names of stations and people, which are names of files, too. Private to the evidence module.
#pragma once

#include <algorithm>
#include <string_view>

namespace efface::evidence {

constexpr std::size_t kPersonNameMax = 64;

/// Of a-z 0-9 . _ - and, with `capitals`, A-Z; not a hidden file.
[[nodiscard]] inline bool is_identifier(std::string_view text, std::size_t size_max,
                                        bool capitals) {
    return !text.empty() && text.size() <= size_max && text.front() != '.' &&
           std::all_of(text.begin(), text.end(), [capitals](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                      c == '-' || (capitals && c >= 'A' && c <= 'Z');
           });
}

}  // namespace efface::evidence
