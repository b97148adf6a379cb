// SPDX-License-Identifier: Apache-2.0
#include "columns.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <numeric>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"
#include "efface/view/page.hpp"

#include "text.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kBetween = 2;
constexpr std::size_t kShortestText = 24;
constexpr const char* kNothing = "-";
constexpr std::string_view kCut = " ...";

/// As it is typed in a shell: "used-by" for USED BY.
std::string as_typed(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) {
        return letter == ' ' || letter == '_' ? '-' : static_cast<char>(std::tolower(letter));
    });
    return name;
}

/// These columns of a table, by index.
Table selected(const Table& table, const std::vector<std::size_t>& chosen) {
    Table result;
    for (const auto i : chosen) {
        result.columns.push_back(table.columns[i]);
    }
    for (const auto& row : table.rows) {
        auto& cells = result.rows.emplace_back();
        for (const auto i : chosen) {
            cells.push_back(row[i]);
        }
    }
    return result;
}

/// As many whole words of `text` as fit, the first one in any case.
std::string shortened(const std::string& text, std::size_t columns) {
    if (view::columns_of(text) <= columns) {
        return text;
    }
    std::size_t end = text.find(' ');
    while (end != std::string::npos) {
        const auto next = text.find(' ', end + 1);
        const auto more = text.substr(0, next);
        if (next == std::string::npos || view::columns_of(more) + kCut.size() > columns) {
            break;
        }
        end = next;
    }
    return end == std::string::npos ? text : text.substr(0, end) + std::string(kCut);
}

std::size_t first_word(const std::string& text) {
    const auto end = text.find(' ');
    return view::columns_of(text.substr(0, end)) + (end == std::string::npos ? 0 : kCut.size());
}

/// How wide a column is at least, and at most.
struct Widths {
    std::size_t least = 0;
    std::size_t most = 0;
};

std::vector<Widths> widths_of(const Table& table) {
    std::vector<Widths> widths;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const std::size_t heading = view::columns_of(table.columns[i].name);
        Widths width{heading, heading};
        for (const auto& row : table.rows) {
            const auto whole = view::columns_of(row[i].text);
            width.most = std::max(width.most, whole);
            const auto least =
                table.columns[i].may_shorten
                    ? std::min(whole, std::max(kShortestText, first_word(row[i].text)))
                    : whole;
            width.least = std::max(width.least, least);
        }
        widths.push_back(width);
    }
    return widths;
}

std::size_t together(const std::vector<std::size_t>& widths) {
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
           (widths.empty() ? 0 : (widths.size() - 1) * kBetween);
}

/// Columns by importance, the most important first.
std::vector<std::size_t> by_importance(const Table& table) {
    std::vector<std::size_t> order(table.columns.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return table.columns[a].keep > table.columns[b].keep;
    });
    return order;
}

/// The most important columns that have room beside each other, and the first in any case.
std::vector<bool> those_that_fit(const Table& table, std::size_t columns) {
    const auto widths = widths_of(table);
    std::vector<bool> chosen(widths.size());
    std::size_t used = 0;
    for (const auto i : by_importance(table)) {
        const auto more = used + (used == 0 ? 0 : kBetween) + widths[i].least;
        if (used == 0 || more <= columns) {
            chosen[i] = true;
            used = more;
        }
    }
    return chosen;
}

/// What remains of the line goes to those that had to be shortened, the most important first.
std::vector<std::size_t> final_widths(const Table& table, std::size_t columns) {
    const auto widths = widths_of(table);
    std::vector<std::size_t> result;
    for (const auto& width : widths) {
        result.push_back(columns == 0 ? width.most : width.least);
    }
    for (const auto i : by_importance(table)) {
        const auto used = together(result);
        const auto room = columns > used ? columns - used : 0;
        result[i] += std::min(room, widths[i].most - result[i]);
    }
    return result;
}

std::string line_of(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                    const Screen& screen) {
    std::string line;
    std::size_t owed = 0;  // blanks that stand before the next cell
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto text = shortened(cells[i].text, widths[i]);
        if (!text.empty()) {
            line += std::string(owed, ' ') + screen.paint(cells[i].meaning, text);
            owed = 0;
        }
        owed += widths[i] - std::min(widths[i], view::columns_of(text)) + kBetween;
    }
    return line + "\n";
}

}  // namespace

std::vector<std::string> typed_names(const Table& table) {
    std::vector<std::string> names;
    for (const auto& column : table.columns) {
        names.push_back(as_typed(column.name));
    }
    return names;
}

Table pick(Table table, const std::string& names) {
    const auto known = typed_names(table);
    std::string all;
    for (const auto& one : known) {
        all += (all.empty() ? "" : ",") + one;
    }
    const auto hint = "some of -o " + all;
    if (names.empty()) {
        throw Error(ErrorCode::usage, "no column is named", hint);
    }
    std::vector<std::size_t> chosen;
    for (std::size_t at = 0; at <= names.size();) {
        const auto end = std::min(names.find(',', at), names.size());
        const auto word = names.substr(at, end - at);
        const auto found = std::find(known.begin(), known.end(), as_typed(word));
        if (found == known.end()) {
            const auto meant = most_alike(as_typed(word), known);
            throw Error(ErrorCode::usage,
                        "there is no column \"" + printable(word) + "\"" +
                            (meant ? ": did you mean " + *meant + "?" : ""),
                        hint);
        }
        chosen.push_back(static_cast<std::size_t>(found - known.begin()));
        at = end + 1;
    }
    return selected(table, chosen);
}

Table without_empty(Table table) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const bool any = std::any_of(table.rows.begin(), table.rows.end(), [i](const auto& row) {
            return !row[i].text.empty() && row[i].text != kNothing;
        });
        if (any || table.rows.empty()) {
            chosen.push_back(i);
        }
    }
    return selected(table, chosen);
}

FittedTable fit(const Table& whole, unsigned columns, const Screen& screen) {
    Table table = whole;
    for (auto& row : table.rows) {
        for (auto& cell : row) {
            cell.text = view::visible(cell.text);
        }
    }
    FittedTable result;
    const auto chosen = columns == 0 ? std::vector<bool>(table.columns.size(), true)
                                     : those_that_fit(table, columns);
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen[i]) {
            kept.push_back(i);
        } else {
            result.left_out.emplace_back(table.columns[i].name);
        }
    }
    table = selected(table, kept);
    const auto widths = final_widths(table, columns);
    std::vector<Cell> heading;
    for (const auto& column : table.columns) {
        heading.push_back({column.name, Meaning::quiet});
    }
    result.text = line_of(heading, widths, screen);
    for (const auto& row : table.rows) {
        result.text += line_of(row, widths, screen);
    }
    return result;
}

}  // namespace efface::cli
