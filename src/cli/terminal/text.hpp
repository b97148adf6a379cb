// SPDX-License-Identifier: Apache-2.0
// Numbers and tables for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace efface::cli {

/// IEC units, three digits: "16.0 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// "0:07", "1:02:03".
[[nodiscard]] std::string human_seconds(std::uint64_t seconds);
/// Columns as wide as their widest cell, two spaces between; the last one is not padded. A cell is
/// safe on a screen and stays on its line, whatever it holds.
[[nodiscard]] std::string table(std::vector<std::vector<std::string>> rows);

/// A number of bytes: digits, and K, M, G, T, P or E of either case with or without B behind it
/// (powers of 1000), or with i or iB (powers of 1024). "10MB" is 10,000,000. nullopt for anything
/// else: a sign, a fraction, what does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// A number of seconds: digits, and s, m, h or d of either case.
[[nodiscard]] std::optional<std::uint64_t> parse_seconds(std::string_view text);

/// "one, two".
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

/// The one of `words` that `word` was probably meant to be: as few letters as possible, and fewer
/// than half of them, wrong, missing, too many or exchanged with the next.
[[nodiscard]] std::optional<std::string> most_alike(std::string_view word,
                                                    const std::vector<std::string>& words);

}  // namespace efface::cli
