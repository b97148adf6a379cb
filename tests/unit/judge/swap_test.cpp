// SPDX-License-Identifier: Apache-2.0
// What a certificate for memory may claim, given what swap and zswap looked like: generated for
// each look and each figure.
#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

namespace {

Json& look(Json& predicate, bool after) {
    auto& facts = predicate["target"]["facts"];
    return after ? facts["swapAfter"] : facts["machine"]["swap"];
}

/// An honest record of a machine that swapped before.
void swapped_before(Json& predicate) {
    predicate["result"]["status"] = "sanitized-with-exceptions";
    predicate["result"]["exceptions"] = Json::array({reason("pages were there", "swapped-before")});
    for (const bool after : {false, true}) {
        look(predicate, after)["state"] = "empty";
        look(predicate, after)["pagesWrittenOut"] = 7U;
        look(predicate, after)["zswapPagesWrittenOut"] = 9U;
    }
}

std::string after_swap(const Change& change) {
    return memory([&](Json& p) {
        swapped_before(p);
        change(p);
    });
}

}  // namespace

TEST_CASE("A machine that swapped before leaves the level, as an exception") {
    CHECK(memory(swapped_before).empty());
    CHECK_FALSE(memory([](Json& p) {
                    swapped_before(p);
                    p["result"]["status"] = "sanitized";
                    p["result"]["exceptions"] = Json::array();
                }).empty());
}

TEST_CASE("No level with pages in swap or in zswap, whenever they were seen") {
    for (const bool after : {false, true}) {
        for (const auto& [key, value] : {std::pair<const char*, Json>{"state", "used"},
                                         {"state", "unknown"},
                                         {"zswapBytes", 4096U},
                                         {"zswapBytes", nullptr}}) {
            INFO(after << key << value);
            const auto change = [&, &key = key, &value = value](Json& p) {
                look(p, after)[key] = value;
            };
            CHECK_FALSE(after_swap(change).empty());
            CHECK(after_swap([&](Json& p) {
                      change(p);
                      set_level(p, "none");
                  }).empty());
            CHECK(after_swap([&](Json& p) {  // the kernel never swaps it
                      change(p);
                      p["target"]["facts"]["swappable"] = false;
                      p["target"]["facts"]["mountOptions"] = "rw,noswap";
                  })
                      .empty());
        }
    }
}

TEST_CASE("No level where swap or zswap grew, and no plain success where any page was written") {
    for (const char* counter : {"pagesWrittenOut", "zswapPagesWrittenOut"}) {
        INFO(counter);
        CHECK_FALSE(after_swap([&](Json& p) { look(p, true)[counter] = 10U; }).empty());
        CHECK_FALSE(after_swap([&](Json& p) { look(p, true)[counter] = nullptr; }).empty());
        CHECK_FALSE(memory([&](Json& p) {
                        look(p, false)[counter] = 1U;
                        look(p, true)[counter] = 1U;
                    }).empty());
        CHECK_FALSE(memory([&](Json& p) {
                        look(p, false).erase(counter);
                        look(p, true).erase(counter);
                    }).empty());
    }
}

TEST_CASE("No level beside an exception that takes it, and none without the figures") {
    for (const char* code : {"swap-in-use", "zswap-pages", "swap-grew"}) {
        INFO(code);
        CHECK_FALSE(after_swap([&](Json& p) {
                        p["result"]["exceptions"].push_back(reason("there", code));
                    }).empty());
    }
    for (const char* key : {"swapAfter", "swappable", "machine"}) {
        CHECK_FALSE(memory([&](Json& p) { p["target"]["facts"].erase(key); }).empty());
    }
    const auto area = [](Json& p) {
        p["target"]["kind"] = "swap";
        set_controls(p, {"no-signature"});
        p["target"]["facts"]["swappable"] = false;
    };
    CHECK(memory(area).empty());
    CHECK_FALSE(memory([&](Json& p) {
                    area(p);
                    look(p, false)["zswapBytes"] = 4096U;
                }).empty());
}

TEST_CASE("What the kernel may swap is not said to be never swapped") {
    const auto never = [](const char* kind, const char* filesystem, const char* options) {
        return memory([&](Json& p) {
            for (Json* identity :
                 {&p["targetIdentity"], &p["target"]["identity"], &p["target"]["identityAfter"]}) {
                (*identity)["kind"] = kind;
            }
            p["target"]["kind"] = kind;
            p["target"]["facts"]["swappable"] = false;
            p["target"]["facts"]["filesystem"] = filesystem;
            p["target"]["facts"]["mountOptions"] = options;
            // All that a segment needs besides.
            p["target"]["facts"]["residentBytes"] = 0U;
            p["target"]["identityAfter"]["removed"] = true;
            const std::string_view name(kind);
            set_controls(p, name == "sysv" ? std::vector<const char*>{"attached-by-nobody-else",
                                                                      "segment-gone"}
                            : name == "tmpfs" || name == "ramfs" || name == "hugetlbfs"
                                ? std::vector<const char*>{"empty"}
                                : std::vector<const char*>{});
        });
    };
    for (const char* options : {"", "rw,size=1m", "rw,noswaps", "rw, noswap", "noswap=1"}) {
        CHECK_THAT(never("tmpfs", "tmpfs", options), Contains("may swap"));
        CHECK_THAT(never("file", "tmpfs", options), Contains("may swap"));
    }
    for (const char* kind : {"tmpfs", "file"}) {
        CHECK(never(kind, "tmpfs", "noswap,rw").empty());
    }
    CHECK_THAT(never("tmpfs", "ramfs", "rw"), Contains("may swap"));
    CHECK_THAT(never("file", "ext4", "rw"), Contains("may swap"));
    for (const char* filesystem : {"ramfs", "hugetlbfs"}) {
        CHECK(never("file", filesystem, "rw").empty());
        CHECK(never(filesystem, filesystem, "rw").empty());
    }
    CHECK_THAT(never("sysv", "tmpfs", "noswap"), Contains("may swap"));
    for (const char* kind : {"ram", "pmem", "devdax"}) {
        CHECK(never(kind, "", "").empty());
    }
}
