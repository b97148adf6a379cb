// SPDX-License-Identifier: Apache-2.0
// Nothing that a record has is left out of its page: each leaf of the stored records is changed,
// and the page must change with it.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "efface/view/text.hpp"

#include "catch.hpp"
#include "example_files.hpp"

using namespace efface;
using namespace efface::view;

namespace {

struct LeftOut {
    std::regex leaf;
    const char* why;
};
/// What the page only counts or names.
const std::vector<LeftOut>& left_out() {
    static const std::vector<LeftOut> kList{
        {std::regex("/predicate/verification/canaries/surfaces/\\d+/offsets/\\d+"),
         "places of canaries: their number, the first and the last"},
        {std::regex("/predicate/verification/(canaries|samples)/surfaces/\\d+/.*/\\d+"),
         "places: the first eight, and how many"},
        {std::regex(
             "/predicate/(sanitization/status(Before|After)|target/health/\\w+/pages)/\\d+/hex"),
         "raw pages: their length and digest"},
        {std::regex("/predicate/sanitization/operation/commands/(1[6-9]|[2-9]\\d|\\d{3,})/.*"),
         "commands: the first sixteen, and how many"},
        {std::regex(".*/areas/([89]|\\d{2,})/.*"), "areas: the first eight, and how many"},
        // One place or part of a list of plain values that is longer than a page can show.
        {std::regex(".*/(1[6-9]|[2-9]\\d|\\d{3,})"), "values: the first sixteen, and how many"},
    };
    return kList;
}

bool is_left_out(const std::string& leaf) {
    return std::any_of(left_out().begin(), left_out().end(),
                       [&](const LeftOut& one) { return std::regex_match(leaf, one.leaf); });
}

void add_leaves(const Json& value, const std::string& path, std::vector<std::string>& leaves) {
    if (value.is_object()) {
        for (const auto& [key, below] : value.items()) {
            add_leaves(below, path + "/" + key, leaves);
        }
    } else if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            add_leaves(value[i], path + "/" + std::to_string(i), leaves);
        }
    } else if (!value.is_null() && value != "") {
        leaves.push_back(path);
    }
}

/// Another value of the same kind.
Json changed(const Json& value) {
    if (value.is_boolean()) {
        return !value.get<bool>();
    }
    if (value.is_number_unsigned()) {
        return value.get<std::uint64_t>() + 1;
    }
    if (value.is_number()) {
        return value.get<std::int64_t>() + 1;
    }
    return value.get<std::string>() + "~";
}

/// But for the digest of the record, which changes with everything.
std::string page_of(const Json& record) {
    std::istringstream lines(render_text(record));
    std::string page;
    for (std::string line; std::getline(lines, line);) {
        page += line.starts_with("  Record sha256") ? "" : line + "\n";
    }
    return page;
}

std::vector<std::string> records() {
    std::vector<std::string> paths;
    const std::filesystem::path data = EFFACE_TEST_DATA;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data / "golden")) {
        if (entry.path().filename() == "certificate.json") {
            paths.push_back(entry.path().string());
        }
    }
    for (const auto& entry : std::filesystem::directory_iterator(data / "evidence")) {
        if (entry.path().filename().string().starts_with("predicate-")) {
            paths.push_back(entry.path().string());
        }
    }
    return paths;
}

}  // namespace

TEST_CASE("Every leaf of a record is on its page", "[view][leaves]") {
    const auto paths = records();
    REQUIRE(paths.size() > 8);
    std::set<std::string> missing;
    for (const auto& path : paths) {
        Json record = json_in(path);
        if (!record.contains("predicate")) {
            record = Json{{"predicate", record}};
        }
        const auto page = page_of(record);
        std::vector<std::string> leaves;
        add_leaves(record, "", leaves);
        CHECK(leaves.size() > 50);
        for (const auto& leaf : leaves) {
            Json& value = record[Json::json_pointer(leaf)];
            const Json before = value;
            value = changed(before);
            if (page_of(record) == page && !is_left_out(leaf)) {
                missing.insert(leaf + " of " + path);
            }
            value = before;
        }
    }
    for (const auto& leaf : missing) {
        UNSCOPED_INFO(leaf);
    }
    CHECK(missing.empty());
}

TEST_CASE("A page says nothing twice and nothing empty", "[view][leaves]") {
    for (const auto& path : records()) {
        Json record = json_in(path);
        if (!record.contains("predicate")) {
            record = Json{{"predicate", record}};
        }
        const auto page = page_of(record);
        CAPTURE(path);
        for (const char* nonsense : {"flush error none", "flush error 0", "no-magic pass",
                                     "not examined: not examined", ": ,", "\n  : "}) {
            CHECK(page.find(nonsense) == std::string::npos);
        }
        std::set<std::string> risks;
        for (const Json& risk : record.at("predicate").at("result").at("residualRisks")) {
            const auto text =
                risk.is_object() ? risk.at("text").get<std::string>() : risk.get<std::string>();
            const auto begin = "- " + text.substr(0, 60);
            const auto first = page.find(begin);
            CHECK(first != std::string::npos);
            CHECK(page.find(begin, first + 1) == std::string::npos);
        }
    }
}
