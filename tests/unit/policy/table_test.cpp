// SPDX-License-Identifier: Apache-2.0
// The table of techniques and those who name techniques: policies, kinds of memory, the manual.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "efface/base/file.hpp"
#include "efface/method/memory.hpp"
#include "efface/policy/firmware.hpp"
#include "efface/policy/key_destruction.hpp"
#include "efface/policy/memory.hpp"
#include "efface/policy/overwrite.hpp"
#include "efface/rules/techniques.hpp"
#include "efface/rules/verdict.hpp"

#include "catch.hpp"

using namespace efface;
using rules::techniques;

namespace {

/// What the overview of efface-methods(7) says that a method claims at best, by its name there.
std::map<std::string, std::string> claims_of_manual() {
    constexpr std::size_t kManualBytesMax = std::size_t{1} << 20U;
    const auto text = read_text_file(EFFACE_SOURCE "/man/efface-methods.7", kManualBytesMax);
    REQUIRE(text);
    std::map<std::string, std::string> claims;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        const auto name = line.find(" Ta ");
        const auto claim = line.rfind(" Ta ");
        if (line.starts_with(".It ") && name != claim && name != std::string::npos) {
            claims[line.substr(4, name - 4)] = line.substr(claim + 4);
        }
    }
    return claims;
}

/// The name by which the manual lists a row.
std::string name_in_manual(const rules::Technique& row, const std::string& kind) {
    if (row.family->name == "keys") {
        return row.policy;
    }
    if (row.family->name == "overwrite") {
        return "overwrite: a device";
    }
    if (row.family->name == "memory") {
        static const std::map<std::string, std::string> kGroups = {{"tmpfs", "tmpfs, ramfs"},
                                                                   {"ramfs", "tmpfs, ramfs"},
                                                                   {"pmem", "pmem, devdax"},
                                                                   {"devdax", "pmem, devdax"},
                                                                   {"dimm", "dimm, cxl"},
                                                                   {"cxl", "dimm, cxl"},
                                                                   {"ram", "brd"}};
        const auto group = kGroups.find(kind);
        return "memory: " + (group == kGroups.end() ? kind : group->second);
    }
    for (const char* start :
         {"nvme-sanitize-", "nvme-format-", "ata-sanitize-", "scsi-sanitize-"}) {
        if (row.name.starts_with(start)) {
            return std::string(start) + "*";
        }
    }
    return row.name;
}

}  // namespace

TEST_CASE("every row of the table stands in the manual, with the level that it claims at best") {
    const auto claims = claims_of_manual();
    for (const auto& row : techniques().rows()) {
        for (const std::string& kind : row.kinds.empty() ? rules::Words{""} : row.kinds) {
            const auto name = name_in_manual(row, kind);
            INFO(name);
            REQUIRE(claims.count(name) == 1);
            const bool higher =
                rules::level_rank(row.level_disk) > rules::level_rank(row.level_flash);
            const std::string& best = higher ? row.level_disk : row.level_flash;
            CHECK(claims.at(name).starts_with(best));
        }
    }
}

TEST_CASE("a target is of one row of its technique, and every kind of memory has one") {
    std::map<std::string, std::set<std::string>> kinds;
    for (const auto& row : techniques().rows()) {
        INFO(row.name);
        CHECK(row.source.size() > 10);
        if (row.kinds.empty()) {
            CHECK(kinds[row.name].insert("").second);
        }
        for (const auto& kind : row.kinds) {
            CHECK(kinds[row.name].insert(kind).second);
        }
    }
    for (std::string kind : inventory::memory_kinds()) {
        INFO(kind);
        kind = kind == "brd" ? "ram" : kind;
        CHECK(techniques().find(policy::kMemoryPolicyId, kind) != nullptr);
    }
}

TEST_CASE("policies are those of the table, in its order") {
    std::size_t drives = 0;
    std::size_t overwrites = 0;
    for (const auto& row : techniques().rows()) {
        if (!row.command_set.empty()) {
            const auto& known = policy::firmware_techniques().at(drives++);
            CHECK(known.name == row.name);
            CHECK(known.command_set == row.command_set);
            CHECK(rules::command_set_of(row.name) == row.command_set);
            CHECK(std::string(method::to_string(known.on_flash)) == row.level_flash);
            CHECK(std::string(method::to_string(known.on_disk)) == row.level_disk);
        } else if (!row.passes.empty()) {
            const auto& known = policy::overwrite_policies().at(overwrites++);
            CHECK(known.name == row.name);
            CHECK(known.passes.size() == row.passes.size());
        }
    }
    CHECK(drives == policy::firmware_techniques().size());
    CHECK(overwrites == policy::overwrite_policies().size());
    CHECK(techniques().find("cryptographic-erase")->policy == policy::kPolicyId);
}

TEST_CASE("a table with a field or a word that nobody knows is refused") {
    const auto read = [](const char* text) { const rules::Techniques table(text); };
    CHECK_NOTHROW(read(R"({"format":1,"families":{"drive":{}},"rows":[]})"));
    for (const char* text :
         {R"({"format":2,"families":{},"rows":[]})", R"({"format":1,"families":{},"rows":[{}]})",
          R"({"format":1,"families":{"drive":{"weather":1}},"rows":[]})",
          R"({"format":1,"families":{"drive":{"conditions":[{"path":"a"}]}},"rows":[]})",
          R"({"format":1,"families":{"a":{}},"rows":[{"technique":"x","family":"b","title":"t",)"
          R"("source":"s","level":"none"}]})",
          R"({"format":1,"families":{"a":{}},"rows":[{"technique":"x","family":"a","title":"t",)"
          R"("source":"s","level":"best"}]})"}) {
        INFO(text);
        CHECK_THROWS_AS(read(text), Error);
    }
}
