// SPDX-License-Identifier: Apache-2.0
#include "efface/base/reason.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "efface/base/error.hpp"

#include "catch.hpp"

using namespace efface;

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
    std::ifstream file(path);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// One item of efface-reasons.7, each part in one line.
struct Item {
    std::string meaning;
    std::string next_step;
};

/// ".It Sy NAME", the meaning as a sentence, ".Em Next :", the next step as one.
std::map<std::string, Item> items_of_the_page() {
    std::map<std::string, Item> items;
    std::istringstream page(content_of(fs::path(EFFACE_SOURCE) / "man/efface-reasons.7"));
    const std::string item_mark = ".It Sy ";
    const std::string next_mark = ".Em Next :";
    std::string* into = nullptr;
    Item* item = nullptr;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(item_mark)) {
            const auto name = line.substr(item_mark.size());
            INFO(name);
            CHECK_FALSE(items.contains(name));
            item = &items[name];
            into = &item->meaning;
        } else if (line == next_mark && item != nullptr) {
            into = &item->next_step;
        } else if (line.starts_with(".")) {
            into = nullptr;
        } else if (into != nullptr) {
            *into += (into->empty() ? "" : " ") + line;
        }
    }
    return items;
}

/// The words of the sources of the program, without the list of codes itself.
std::set<std::string> words_of_the_sources() {
    std::set<std::string> words;
    const std::regex code("ReasonCode::([a-z_0-9]+)");
    for (const char* folder : {"src", "include"}) {
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(EFFACE_SOURCE) / folder)) {
            const auto type = entry.path().extension();
            if (type != ".cpp" && type != ".hpp") {
                continue;
            }
            const auto text = content_of(entry.path());
            for (std::sregex_iterator found(text.begin(), text.end(), code), end; found != end;
                 ++found) {
                words.insert((*found)[1]);
            }
        }
    }
    return words;
}

}  // namespace

TEST_CASE("reasons: each has a name of its own in kebab case, a meaning and a next step",
          "[base][reason]") {
    const std::regex kebab("[a-z][a-z0-9]*(-[a-z0-9]+)*");
    std::set<std::string> names;
    for (const auto& row : reason_meanings()) {
        INFO(row.name);
        CHECK(std::regex_match(row.name, kebab));
        CHECK(names.insert(row.name).second);
        CHECK_FALSE(std::string(row.meaning).empty());
        CHECK_FALSE(std::string(row.next_step).empty());
    }
    CHECK(names.size() > 100);
}

TEST_CASE("reasons: a name leads to its code and back", "[base][reason]") {
    for (const auto& row : reason_meanings()) {
        CHECK(to_string(row.code) == std::string(row.name));
        CHECK(reason_code_from_string(row.name) == row.code);
    }
    CHECK(reason_code_from_string("alias") == std::nullopt);
    CHECK(reason_code_from_string("") == std::nullopt);
}

TEST_CASE("reasons: JSON of one is read as the same one, and nothing else is", "[base][reason]") {
    const std::vector<Reason> reasons{{ReasonCode::busy, "x"}, {ReasonCode::mounted, ""}};
    CHECK(reasons_from_json(to_json(reasons)) == reasons);
    for (const char* wrong : {R"("busy")", R"({"code":"busy"})", R"({"text":"x"})",
                              R"({"code":"no-such-code","text":"x"})", R"({"code":1,"text":"x"})",
                              R"({"code":"busy","text":null})"}) {
        INFO(wrong);
        try {
            (void)reason_from_json(nlohmann::json::parse(wrong));
            FAIL_CHECK("it was read");
        } catch (const Error& error) {
            CHECK(error.reason() == ReasonCode::journal_damaged);
        }
    }
}

TEST_CASE("reasons: an error without a more exact code has that of its exit status",
          "[base][reason]") {
    CHECK(Error(ErrorCode::usage, "x").reason() == ReasonCode::bad_usage);
    CHECK(Error(ErrorCode::busy, "x").reason() == ReasonCode::busy);
    const Error exact(ErrorCode::safety, ReasonCode::mounted, "x", "unmount it");
    CHECK(exact.reason() == ReasonCode::mounted);
    CHECK(exact.code() == ErrorCode::safety);
    CHECK(exact.hint() == "unmount it");
}

TEST_CASE("reasons: the manual lists exactly these, in these words", "[base][reason]") {
    auto items = items_of_the_page();
    for (const auto& row : reason_meanings()) {
        INFO(row.name);
        const auto found = items.find(row.name);
        if (found == items.end()) {
            FAIL_CHECK("it does not stand in efface-reasons.7");
            continue;
        }
        CHECK(found->second.meaning == row.meaning + std::string("."));
        CHECK(found->second.next_step == row.next_step + std::string("."));
        items.erase(found);
    }
    for (const auto& [name, item] : items) {
        FAIL_CHECK("efface-reasons.7 has a code that there is not: " << name);
    }
}

TEST_CASE("reasons: the script that verifies bundles knows exactly these", "[base][reason]") {
    std::string names;
    for (const auto& row : reason_meanings()) {
        names += row.name;
        names += '\n';
    }
    CHECK(content_of(fs::path(EFFACE_SOURCE) / "scripts/verify_bundle/reason_codes") == names);
}

TEST_CASE("reasons: no code is dead", "[base][reason]") {
    const auto used = words_of_the_sources();
    for (const auto& row : reason_meanings()) {
        std::string enumerator = row.name;
        std::replace(enumerator.begin(), enumerator.end(), '-', '_');
        INFO(row.name);
        CHECK(used.contains(enumerator));
    }
}
