// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/memory.hpp"

#include <algorithm>

#include "catch.hpp"

using efface::Json;
using efface::method::Level;
using efface::policy::memory_claim;

namespace {

/// A tmpfs on a machine that never swapped and clears what it frees.
Json good_tmpfs() {
    return Json::parse(R"({"kind": "tmpfs", "filesystem": "tmpfs", "swappable": true,
        "contentFreed": false, "persistent": false,
        "machine": {"initOnFree": {"state": "on"}, "memoryToHost": [],
                    "swap": {"state": "off", "pagesWrittenOut": 0, "zswapPagesWrittenOut": 0,
                             "zswapBytes": 0}}})");
}

bool has(const efface::policy::MemoryClaim& claim, const std::string& id) {
    return std::any_of(claim.findings.begin(), claim.findings.end(),
                       [&](const auto& finding) { return to_string(finding.rule->code) == id; });
}

}  // namespace

TEST_CASE("content overwritten in place on a machine that never swapped is clear") {
    const auto claim = memory_claim(good_tmpfs());
    CHECK(claim.level == Level::clear);
    REQUIRE(claim.findings.size() == 1);
    CHECK(has(claim, "names-only-freed"));
}

TEST_CASE("memory is never claimed as purged, and no facts claim nothing") {
    CHECK(memory_claim(good_tmpfs()).level != Level::purge);
    CHECK(memory_claim(Json::object()).level == Level::none);
    CHECK(memory_claim(Json()).level == Level::none);
    CHECK(memory_claim(Json::array({1, 2})).level == Level::none);
    CHECK(has(memory_claim(Json::object()), "facts-unknown"));
}

TEST_CASE("a swap area in use takes the level of a tmpfs, but not of what is never swapped") {
    for (const char* state : {"used", "unknown", ""}) {
        auto facts = good_tmpfs();
        facts["machine"]["swap"]["state"] = state;
        CHECK(memory_claim(facts).level == Level::none);
        facts["swappable"] = false;
        CHECK(memory_claim(facts).level == Level::clear);
    }
    auto facts = good_tmpfs();
    facts["machine"].erase("swap");
    CHECK(memory_claim(facts).level == Level::none);
}

TEST_CASE("a machine that swapped before leaves the level and is an exception") {
    for (const char* state : {"off", "empty"}) {
        auto facts = good_tmpfs();
        facts["machine"]["swap"]["state"] = state;
        facts["machine"]["swap"]["pagesWrittenOut"] = 3U;
        const auto claim = memory_claim(facts);
        CHECK(claim.level == Level::clear);
        CHECK(has(claim, "swapped-before"));
        facts["machine"]["swap"].erase("pagesWrittenOut");
        CHECK(has(memory_claim(facts), "swapped-before"));
    }
}

TEST_CASE("pages in the pool of zswap are written pages, before the run and after it") {
    for (const bool after : {false, true}) {
        auto facts = good_tmpfs();
        facts["swapAfter"] = facts["machine"]["swap"];
        auto& swap = after ? facts["swapAfter"] : facts["machine"]["swap"];
        CHECK(memory_claim(facts).level == Level::clear);
        swap["zswapBytes"] = 4096U;
        CHECK(memory_claim(facts).level == Level::none);
        CHECK(has(memory_claim(facts), "zswap-pages"));
        swap.erase("zswapBytes");  // unknown: the worst
        CHECK(memory_claim(facts).level == Level::none);
        facts["swappable"] = false;
        CHECK(memory_claim(facts).level == Level::clear);
    }
    auto facts = good_tmpfs();
    facts["machine"]["swap"]["zswapPagesWrittenOut"] = 26144U;  // the pool is empty by now
    CHECK(memory_claim(facts).level == Level::clear);
    CHECK(has(memory_claim(facts), "swapped-before"));
    facts["machine"]["swap"].erase("zswapPagesWrittenOut");
    CHECK(has(memory_claim(facts), "swapped-before"));
}

TEST_CASE("swap that grew while the target was erased takes the level") {
    for (const char* counter : {"pagesWrittenOut", "zswapPagesWrittenOut"}) {
        auto facts = good_tmpfs();
        facts["machine"]["swap"][counter] = 7U;
        facts["swapAfter"] = facts["machine"]["swap"];
        CHECK(memory_claim(facts).level == Level::clear);
        facts["swapAfter"][counter] = 8U;
        CHECK(memory_claim(facts).level == Level::none);
        CHECK(has(memory_claim(facts), "swap-grew"));
        facts["swapAfter"].erase(counter);
        CHECK(has(memory_claim(facts), "swap-grew"));
    }
    auto facts = good_tmpfs();
    facts["swapAfter"] = facts["machine"]["swap"];
    facts["swapAfter"]["state"] = "used";
    CHECK(memory_claim(facts).level == Level::none);
    CHECK(has(memory_claim(facts), "swap-in-use"));
}

TEST_CASE("removed files that could not be counted are a risk that is named, not a level lost") {
    auto facts = good_tmpfs();
    facts["removedFiles"] = "unknown";
    CHECK(memory_claim(facts).level == Level::clear);
    CHECK(has(memory_claim(facts), "holders-unknown"));
}

TEST_CASE("content that is only freed is worth a level where the kernel clears what it frees") {
    auto facts = good_tmpfs();
    facts["kind"] = "zram";
    facts["contentFreed"] = true;
    CHECK(memory_claim(facts).level == Level::clear);
    for (const char* state : {"off", "unknown"}) {
        facts["machine"]["initOnFree"]["state"] = state;
        const auto claim = memory_claim(facts);
        CHECK(claim.level == Level::none);
        CHECK(has(claim, "content-only-freed"));
    }
    facts["machine"].erase("initOnFree");
    CHECK(memory_claim(facts).level == Level::none);
}

TEST_CASE("a module that erased itself is worth no level: nothing was read back") {
    auto facts = good_tmpfs();
    facts["kind"] = "dimm";
    facts["firmware"] = true;
    CHECK(memory_claim(facts).level == Level::none);
}

TEST_CASE("a swap area is worth no more than the layers below it") {
    auto facts = good_tmpfs();
    facts["kind"] = "swap";
    facts["swappable"] = false;
    CHECK(memory_claim(facts).level == Level::none);  // nobody said what is below
    facts["layers"] = Json::parse(R"([{"name": "loop1", "type": "loop"}])");
    CHECK(memory_claim(facts).level == Level::clear);
    auto pool = facts;
    pool["machine"]["swap"]["zswapBytes"] = 4096U;
    CHECK(memory_claim(pool).level == Level::none);
    for (const char* flag : {"copyOnWrite", "thin", "remote"}) {
        auto worse = facts;
        worse["layers"].push_back({{"name", "x"}, {flag, true}});
        CHECK(memory_claim(worse).level == Level::none);
        worse["layers"].back()[flag] = "yes";  // of another type: the worse answer
        CHECK(memory_claim(worse).level == Level::none);
    }
    facts["layers"].push_back({{"name", "vda"}, {"flash", true}});
    CHECK(memory_claim(facts).level == Level::clear);
    CHECK(has(memory_claim(facts), "flash"));
}

TEST_CASE(
    "a sweep is worth a level with nine tenths of what was free, and never without exception") {
    auto facts = good_tmpfs();
    facts.erase("filesystem");
    facts["kind"] = "free";
    facts["swappable"] = false;
    CHECK(memory_claim(facts).level == Level::none);  // nobody said how much
    struct Row {
        std::uint64_t free;
        std::uint64_t taken;
        Level level;
    };
    for (const Row& row :
         {Row{1000, 1000, Level::clear}, Row{1000, 900, Level::clear}, Row{1000, 899, Level::none},
          Row{1000, 0, Level::none}, Row{0, 0, Level::none}, Row{9, 8, Level::none},
          Row{9, 9, Level::clear}}) {
        INFO(row.taken << " of " << row.free);
        facts["sweep"] = {{"freeBytes", row.free}, {"takenBytes", row.taken}};
        for (const char* kind : {"free", "hugepages"}) {
            facts["kind"] = kind;
            const auto claim = memory_claim(facts);
            CHECK(claim.level == row.level);
            CHECK(has(claim, "free-not-taken") == (row.level == Level::none));
            CHECK(has(claim, "kernel-keeps") == (facts["kind"] == "free"));
        }
    }
    facts["sweep"] = {{"freeBytes", 1000U}, {"takenBytes", "all"}};
    CHECK(memory_claim(facts).level == Level::none);
    facts["kind"] = "tmpfs";  // of others it says nothing
    CHECK(memory_claim(facts).level == Level::clear);
}

TEST_CASE("the table of memory has ids of its own, and its digest tells it from another") {
    const auto& rules = efface::policy::memory_rules();
    for (const auto& rule : rules) {
        CHECK(std::count_if(rules.begin(), rules.end(),
                            [&](const auto& other) { return other.code == rule.code; }) == 1);
    }
    CHECK(efface::policy::memory_policy_digest().size() == 64);
}
