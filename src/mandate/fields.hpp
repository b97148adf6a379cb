// SPDX-License-Identifier: Apache-2.0
// Fields that manifests and orders share. Each throws Error(usage) naming the place. None of their
// texts has hidden characters: hidden_characters.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/mandate/choice.hpp"
#include "efface/mandate/terms.hpp"

namespace efface::mandate {

/// A short text for records: not empty, at most 256 bytes.
[[nodiscard]] std::string required_text(ObjectReader& reader, const char* key);
/// The same, or empty when it is not there.
[[nodiscard]] std::string optional_text(ObjectReader& reader, const char* key);
/// Letters, digits, '.', '_', '-': safe in file names and on a terminal.
[[nodiscard]] std::string identifier(ObjectReader& reader, const char* key);
[[nodiscard]] std::string path_field(ObjectReader& reader, const char* key, std::string value);
[[nodiscard]] std::optional<WallTime> time_field(ObjectReader& reader, const char* key);
/// Not empty, each once; none when it is not there.
[[nodiscard]] std::vector<std::string> names_field(ObjectReader& reader, const char* key);
/// ticket, not_before, not_after, retention_until, minimum_level.
[[nodiscard]] Terms read_terms(ObjectReader& reader);
/// policy, fallbacks, credential_file, credential_authority, pattern, verification, bad_blocks,
/// limits.
[[nodiscard]] ErasureChoice read_choice(ObjectReader& reader, rules::Level minimum);

}  // namespace efface::mandate
