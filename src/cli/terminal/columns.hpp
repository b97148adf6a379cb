// SPDX-License-Identifier: Apache-2.0
// A table that fits the screen by leaving columns out. No word is ever broken.
#pragma once

#include <string>
#include <vector>

#include "screen.hpp"

namespace efface::cli {

struct Cell {
    std::string text;  ///< whatever it holds; it is made safe and stays on its line
    Meaning meaning = Meaning::plain;
};

struct Column {
    const char* name;          ///< its heading: "USED BY"
    unsigned keep = 0;         ///< those with more are chosen first
    bool may_shorten = false;  ///< words for people: cut behind a word, with "..." at the end
};

struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;  ///< each with a cell a column
};

/// The columns as they are typed: "name", "used-by".
[[nodiscard]] std::vector<std::string> typed_names(const Table& table);
/// Only these columns, in this order: "name,used-by", of either case, also with the blanks of the
/// heading. Throws Error(usage) that lists the columns for a name that is none.
[[nodiscard]] Table pick(Table table, const std::string& names);
/// Without the columns in which no row has anything but "-".
[[nodiscard]] Table without_empty(Table table);

struct FittedTable {
    std::string text;  ///< safe on a screen, coloured, every line with its line feed
    std::vector<std::string> left_out;
};
/// Columns as wide as their widest cell, two spaces between, the last one not padded; together at
/// most `columns` wide (0: as wide as they are).
[[nodiscard]] FittedTable fit(const Table& table, unsigned columns, const Screen& screen);

}  // namespace efface::cli
