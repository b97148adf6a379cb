// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "efface/view/page.hpp"

namespace efface::cli {

namespace {

/// Digits only, at least one; what is behind them is left in `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const bool digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!digit || error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::optional<std::uint64_t> times(std::uint64_t value, std::uint64_t factor) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(value, factor, &product) ? std::nullopt : std::optional(product);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& letter : out) {
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
    return out;
}

/// Damerau's distance, with neighbours exchanged at most once.
std::size_t letters_apart(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> rows(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            rows[i][j] =
                std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[a.size()][b.size()];
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    const auto number = take_number(text);
    if (!number) {
        return std::nullopt;
    }
    std::string unit = lower(text);
    if (unit.empty() || unit == "b") {
        return number;
    }
    constexpr std::string_view kPrefixes = "kmgtpe";
    const auto power = kPrefixes.find(unit.front());
    const std::string behind = unit.substr(1);
    const bool binary = behind == "i" || behind == "ib";
    if (power == std::string_view::npos || (!binary && !behind.empty() && behind != "b")) {
        return std::nullopt;
    }
    std::optional<std::uint64_t> value = number;
    for (std::size_t i = 0; value && i <= power; ++i) {
        value = times(*value, binary ? 1024 : 1000);
    }
    return value;
}

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
    const auto number = take_number(text);
    const std::string unit = lower(text);
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kUnits{
        {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}}};
    const auto* found = std::find_if(kUnits.begin(), kUnits.end(),
                                     [&](const auto& known) { return known.first == unit; });
    return number && found != kUnits.end() ? times(*number, found->second) : std::nullopt;
}

std::optional<std::string> most_alike(std::string_view word,
                                      const std::vector<std::string>& words) {
    constexpr std::size_t kLettersMax = 64;
    std::optional<std::string> best;
    std::size_t fewest = word.size() > kLettersMax ? 0 : (word.size() + 1) / 2;
    for (const auto& known : words) {
        const std::size_t apart =
            word.size() > kLettersMax ? fewest : letters_apart(lower(word), known);
        if (apart < fewest) {
            fewest = apart;
            best = known;
        }
    }
    return best;
}

std::string listed(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < kUnits.size()) {
        value /= 1024.0;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string human_seconds(std::uint64_t seconds) {
    if (seconds >= 3600) {
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

std::string table(std::vector<std::vector<std::string>> rows) {
    std::vector<std::size_t> widths;
    for (auto& row : rows) {
        std::transform(row.begin(), row.end(), row.begin(),
                       [](const std::string& cell) { return view::visible(cell); });
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

}  // namespace efface::cli
