// SPDX-License-Identifier: Apache-2.0
#include "terminal/columns.hpp"

#include <sstream>

#include "efface/base/error.hpp"
#include "efface/view/page.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::cli;

namespace {

Table disks() {
    Table table;
    table.columns = {{"NAME", 9}, {"MODEL", 5}, {"SERIAL", 7}, {"USED BY", 8, true}, {"BUS", 1}};
    table.rows = {{{"sda"},
                   {"SAMPLE ONE 4000"},
                   {"ZC10A7WE"},
                   {"sda1 mounted at /srv/data/here (ext4)"},
                   {"sata"}},
                  {{"nvme0n1"}, {"-"}, {"S64GNE0T400123"}, {"-"}, {"nvme"}}};
    return table;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream input(text);
    for (std::string line; std::getline(input, line);) {
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

TEST_CASE("columns: every width is kept by leaving columns out, never by breaking words",
          "[cli][columns]") {
    const auto table = disks();
    const Screen screen;
    for (unsigned columns = 30; columns < 120; ++columns) {
        const auto fitted = fit(table, columns, screen);
        CAPTURE(columns, fitted.text);
        const auto lines = lines_of(fitted.text);
        CHECK(lines.size() == 3);
        for (const auto& line : lines) {
            CHECK(view::columns_of(line) <= columns);
        }
        // What is shown of a row is whole words of it.
        for (const char* word : {"sda", "nvme0n1"}) {
            CHECK(fitted.text.find(word) != std::string::npos);
        }
        const bool serial = fitted.text.find("SERIAL") != std::string::npos;
        CHECK(serial == (fitted.text.find("S64GNE0T400123") != std::string::npos));
        CHECK(fitted.left_out.empty() == (fitted.text.find("BUS") != std::string::npos &&
                                          fitted.text.find("MODEL") != std::string::npos));
    }
    CHECK(fit(table, 0, screen).left_out.empty());
    CHECK(fit(table, 0, screen).text.find("(ext4)") != std::string::npos);
}

TEST_CASE("columns: the most important stay, and smaller ones where they have room",
          "[cli][columns]") {
    // NAME 7, USED BY 24, SERIAL 14: 49 with their gaps; BUS takes 6 more, MODEL 17.
    CHECK(fit(disks(), 49, {}).left_out == std::vector<std::string>{"MODEL", "BUS"});
    CHECK(fit(disks(), 55, {}).left_out == std::vector<std::string>{"MODEL"});
    CHECK(fit(disks(), 72, {}).left_out.empty());
}

TEST_CASE("columns: those that are asked for, by name", "[cli][columns]") {
    const auto table = pick(disks(), "serial,Name,used by");
    REQUIRE(table.columns.size() == 3);
    CHECK(std::string(table.columns[0].name) == "SERIAL");
    CHECK(table.rows[1][1].text == "nvme0n1");
    for (const char* same : {"used by", "used-by", "USED_BY", "Used-By"}) {
        CHECK(std::string(pick(disks(), same).columns[0].name) == "USED BY");
    }
    CHECK(typed_names(disks()) ==
          std::vector<std::string>{"name", "model", "serial", "used-by", "bus"});
    for (const char* wrong : {"", "nam", "name,", ",", "name;serial"}) {
        CHECK_THROWS_AS(pick(disks(), wrong), Error);
    }
}

TEST_CASE("columns: what nobody has is no column", "[cli][columns]") {
    auto table = disks();
    for (auto& row : table.rows) {
        row[4].text = "-";
    }
    CHECK(without_empty(table).columns.size() == 4);
    table.rows.clear();
    CHECK(without_empty(table).columns.size() == 5);
}

TEST_CASE("columns: colours only where the screen has them, and they take no room",
          "[cli][columns]") {
    auto table = disks();
    table.rows[0][3].meaning = Meaning::bad;
    const Screen plain;
    Screen colours;
    colours.colours = true;
    const auto text = fit(table, 80, plain).text;
    CHECK(text.find('\033') == std::string::npos);
    auto painted = fit(table, 80, colours).text;
    CHECK(painted.find("\033[1;31m") != std::string::npos);
    for (std::size_t at = 0; (at = painted.find('\033')) != std::string::npos;) {
        painted.erase(at, painted.find('m', at) - at + 1);
    }
    CHECK(painted == text);
}
