// SPDX-License-Identifier: Apache-2.0
// What a record may claim of free pages, segments and queues.
#include <map>

#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kWritten = 536870912;  // of the example

/// The example as an honest record of another kind.
void become(Json& p, const char* kind, const char* place) {
    for (Json* identity :
         {&p["targetIdentity"], &p["target"]["identity"], &p["target"]["identityAfter"]}) {
        (*identity)["kind"] = kind;
        (*identity)["place"] = place;
    }
    p["target"]["kind"] = kind;
    const std::string_view name(kind);
    const bool mount = name == "tmpfs" || name == "ramfs" || name == "hugetlbfs";
    set_controls(p, mount ? std::vector<const char*>{"empty"} : std::vector<const char*>{});
}

void swept(Json& p, std::uint64_t free, std::uint64_t taken) {
    p["sanitization"]["sweep"] =
        ObjectWriter().add("freeBytes", free).add("takenBytes", taken).add("passes", 2U).take();
}

void honest_free(Json& p) {
    become(p, "free", "");
    swept(p, kWritten + kWritten / 20, kWritten);
    p["verification"]["method"] = "sampled-read-back";
    p["verification"]["bytesPlanned"] = kWritten / 16;
    p["verification"]["bytesCompared"] = kWritten / 16;
    p["result"]["status"] = "sanitized-with-exceptions";
    p["result"]["exceptions"] = Json::array(
        {reason("lists of each CPU", "kernel-keeps"), reason("a rest", "free-not-taken")});
}

void honest_pool(Json& p) {
    become(p, "hugepages", "2048kB");
    swept(p, kWritten, kWritten);
}

void honest_segment(Json& p) {
    become(p, "sysv", "32769");
    p["target"]["facts"]["residentBytes"] = kWritten;
    set_controls(p, {"attached-by-nobody-else", "segment-gone"});
    p["target"]["identityAfter"]["removed"] = true;
}

void honest_queue(Json& p) {
    become(p, "mqueue", "jobs");
    set_controls(p, {"queue-empty", "queue-gone"});
    p["target"]["identityAfter"]["removed"] = true;
    p["sanitization"]["passes"] = Json::array();
    p["verification"] = ObjectWriter()
                            .add("method", "device-state")
                            .add("performed", true)
                            .add("result", "pass")
                            .add("independentOfEraser", false)
                            .add("bytesPlanned", 0U)
                            .add("bytesCompared", 0U)
                            .add("mismatches", 0U)
                            .add("readFaults", p["verification"]["readFaults"])
                            .take();
    p["result"]["status"] = "sanitized-with-exceptions";
    p["result"]["exceptions"] = Json::array({reason("freed only", "content-only-freed")});
    set_level(p, "none");
}

void honest_area(Json& p) {
    become(p, "swap", "/dev/loop7");
    p["target"]["facts"]["contentFreed"] = false;
    p["target"]["facts"]["swappable"] = false;
}

void cleared(Json& p) {
    p["target"]["facts"]["machine"]["initOnFree"]["state"] = "on";
    p["result"]["status"] = "sanitized";
    p["result"]["exceptions"] = Json::array();
    set_level(p, "clear");
}

/// On a machine that clears what is freed.
void honest_zram(Json& p) {
    honest_queue(p);
    become(p, "zram", "zram1");
    set_controls(p, {"no-size", "not-initialised", "nothing-stored"});
    cleared(p);
}

void honest_area_on_zram(Json& p) {
    honest_zram(p);
    become(p, "swap", "/dev/zram1");
    set_controls(p, {"no-size", "not-initialised", "nothing-stored"});
    p["target"]["facts"]["contentFreed"] = true;
    p["target"]["facts"]["swappable"] = false;
}

void honest_cleared_queue(Json& p) {
    honest_queue(p);
    cleared(p);
}

std::string after(const Change& honest, const Change& change) {
    return memory([&](Json& p) {
        honest(p);
        change(p);
    });
}

const Change kNothing = [](Json&) {};

}  // namespace

TEST_CASE("honest records of free pages, segments and queues hold") {
    const std::map<std::string, Change> honest = {{"free", honest_free},
                                                  {"pool", honest_pool},
                                                  {"segment", honest_segment},
                                                  {"queue", honest_queue},
                                                  {"area", honest_area},
                                                  {"zram", honest_zram},
                                                  {"area on zram", honest_area_on_zram},
                                                  {"cleared queue", honest_cleared_queue}};
    for (const auto& [name, change] : honest) {
        INFO(name);
        CHECK(after(change, kNothing).empty());
    }
}

TEST_CASE("a sweep claims what it took of what was free, and no level with less than nine tenths") {
    const auto half = [](Json& p) { swept(p, 2 * kWritten, kWritten); };
    CHECK_THAT(after(honest_free, half), Contains("too little of what was free"));
    CHECK(after(honest_free, [&](Json& p) {
              half(p);
              set_level(p, "none");
          }).empty());
    CHECK_THAT(after(honest_pool,
                     [](Json& p) {
                         swept(p, 2 * kWritten, kWritten);
                         with_exception(p, "free-not-taken");
                     }),
               Contains("too little of what was free"));
    CHECK_THAT(after(honest_free, [](Json& p) { swept(p, kWritten, kWritten + 4096); }),
               Contains("add up"));
    CHECK_THAT(after(honest_free, [](Json& p) { swept(p, 3 * kWritten, 3 * kWritten); }),
               Contains("add up"));
    CHECK_THAT(after(honest_free, [](Json& p) { swept(p, kWritten, 0); }), Contains("add up"));
    CHECK_THAT(after(honest_free, [](Json& p) { p["sanitization"]["sweep"]["passes"] = 0U; }),
               Contains("add up"));
    CHECK_FALSE(after(honest_free, [](Json& p) { p["sanitization"].erase("sweep"); }).empty());
    CHECK_FALSE(
        after(honest_free, [](Json& p) { p["sanitization"]["sweep"]["extra"] = 1U; }).empty());
    CHECK_THAT(memory([](Json& p) { swept(p, kWritten, kWritten); }), Contains("free pages"));
}

TEST_CASE("what a sweep did not reach is named, and it is never without exceptions") {
    for (const std::size_t left_out : {0U, 1U}) {
        CHECK_THAT(after(honest_free, [&](Json& p) { p["result"]["exceptions"].erase(left_out); }),
                   Contains("needs an exception"));
    }
    CHECK_FALSE(after(honest_free, [](Json& p) {
                    p["result"]["status"] = "sanitized";
                    p["result"]["exceptions"] = Json::array();
                }).empty());
    CHECK_THAT(after(honest_pool, [](Json& p) { swept(p, kWritten + 1, kWritten); }),
               Contains("needs an exception"));
}

TEST_CASE("what was taken was written and read back: a sixteenth of plain pages, all of a pool") {
    const auto compared = [](std::uint64_t bytes) {
        return [bytes](Json& p) {
            p["verification"]["bytesPlanned"] = bytes;
            p["verification"]["bytesCompared"] = bytes;
        };
    };
    CHECK_THAT(after(honest_free, compared(kWritten / 16 - 1)), Contains("too little"));
    CHECK_FALSE(after(honest_pool, compared(kWritten - 4096)).empty());
    CHECK_FALSE(after(honest_segment, compared(0)).empty());
    CHECK_FALSE(after(honest_segment, compared(kWritten - 4096)).empty());
    for (const auto& honest : {honest_free, honest_pool, honest_segment}) {
        CHECK_FALSE(
            after(honest, [](Json& p) { p["sanitization"]["passes"] = Json::array(); }).empty());
    }
}

TEST_CASE("a queue's messages were only freed, unless the kernel clears what is freed") {
    CHECK_THAT(after(honest_queue, [](Json& p) { set_level(p, "clear"); }), Contains("freed"));
    CHECK_FALSE(after(honest_queue, [](Json& p) { with_exception(p); }).empty());
    for (const char* state : {"off", "unknown", ""}) {
        CHECK_FALSE(after(honest_cleared_queue, [&](Json& p) {
                        p["target"]["facts"]["machine"]["initOnFree"]["state"] = state;
                    }).empty());
    }
}

TEST_CASE("a segment and a queue are gone afterwards") {
    for (const auto& honest : {honest_segment, honest_queue}) {
        CHECK_THAT(after(honest, [](Json& p) { p["target"]["identityAfter"]["removed"] = false; }),
                   Contains("is not set"));
        CHECK_THAT(after(honest, [](Json& p) { p["target"]["identityAfter"].erase("removed"); }),
                   Contains("is not set"));
    }
}

TEST_CASE("a segment and a queue were asked after, and all bytes of a segment were written") {
    for (const auto& honest : {honest_segment, honest_queue}) {
        const std::size_t count = 2;
        for (std::size_t left_out = 0; left_out < count; ++left_out) {
            CHECK_THAT(after(honest,
                             [&](Json& p) {
                                 auto& controls = p["sanitization"]["negativeControls"];
                                 REQUIRE(controls.size() == count);
                                 controls.erase(left_out);
                             }),
                       Contains("lacks"));
        }
        CHECK_FALSE(
            after(honest, [](Json& p) { p["sanitization"].erase("negativeControls"); }).empty());
    }
    const auto resident = [](const Json& bytes) {
        return after(honest_segment,
                     [&](Json& p) { p["target"]["facts"]["residentBytes"] = bytes; });
    };
    CHECK(resident(0U).empty());
    CHECK_THAT(resident(kWritten + 1), Contains("more than was written"));
    CHECK_FALSE(resident(nullptr).empty());
}

TEST_CASE("a level that rests on overwriting needs a pass that was read back, whatever the kind") {
    const auto nothing_written = [](Json& p) {
        p["sanitization"]["passes"] = Json::array();
        p["verification"]["method"] = "device-state";
        p["verification"]["bytesPlanned"] = 0U;
        p["verification"]["bytesCompared"] = 0U;
    };
    const auto half = [](Json& p) {
        pass(p)["bytesWritten"] = kWritten / 2;
        p["verification"]["bytesPlanned"] = kWritten / 2;
        p["verification"]["bytesCompared"] = kWritten / 2;
    };
    for (const char* kind :
         {"tmpfs", "ramfs", "hugetlbfs", "file", "ram", "pmem", "devdax", "swap"}) {
        INFO(kind);
        const auto of_kind = [&](const Change& change) {
            return memory([&](Json& p) {
                become(p, kind, "/place");
                change(p);
            });
        };
        const bool device =
            std::string_view("ram pmem devdax swap").find(kind) != std::string::npos;
        CHECK(of_kind(kNothing).empty());
        CHECK_FALSE(of_kind(nothing_written).empty());
        CHECK_FALSE(of_kind([](Json& p) { pass(p)["bytesWritten"] = 0U; }).empty());
        CHECK_FALSE(of_kind([](Json& p) { p["verification"]["method"] = "device-state"; }).empty());
        // A mount may be larger than what is in its pages: holes, or what was erased before.
        CHECK(of_kind(half).empty() == !device);
        CHECK(of_kind([&](Json& p) {
                  half(p);
                  set_level(p, "none");
                  with_exception(p);
              }).empty());
    }
}

TEST_CASE("no level for what was only freed on a kernel that does not clear, nor for firmware") {
    for (const auto& honest : {honest_zram, honest_area_on_zram, honest_cleared_queue}) {
        for (const char* state : {"off", "unknown"}) {
            CHECK_FALSE(after(honest, [&](Json& p) {
                            p["target"]["facts"]["machine"]["initOnFree"]["state"] = state;
                        }).empty());
        }
    }
    CHECK_FALSE(after(honest_area_on_zram, [](Json& p) {
                    p["target"]["facts"]["contentFreed"] = false;
                }).empty());
    for (const char* kind : {"dimm", "cxl"}) {
        CHECK_THAT(memory([&](Json& p) {
                       become(p, kind, "nmem0");
                       set_controls(p, {"security-disabled"});
                   }),
                   Contains("does not reach clear"));
    }
}

TEST_CASE("what the machine says has its shape, and belongs to memory as a sweep does") {
    const auto says = [](const auto& of_type, const char* name, const Json& value) {
        return of_type([&](Json& p) { p["target"]["facts"]["machine"][name] = value; });
    };
    const Json off = ObjectWriter().add("state", "off").take();
    CHECK(says(memory, "initOnFree", off).empty());
    CHECK_FALSE(says(memory, "initOnFree", Json::object()).empty());
    CHECK_FALSE(says(memory, "initOnFree", ObjectWriter().add("state", "perhaps").take()).empty());
    CHECK_FALSE(says(memory, "initOnFree", "on").empty());
    CHECK_FALSE(says(memory, "states", ObjectWriter().add("tpm", "absent").take()).empty());
    CHECK_FALSE(memory([](Json& p) { swept(p, kWritten, kWritten); }).empty());
    for (const auto& of_type : {media, file}) {
        CHECK_FALSE(says(of_type, "initOnFree", off).empty());
        CHECK_FALSE(of_type([](Json& p) { swept(p, kWritten, kWritten); }).empty());
    }
}

TEST_CASE("facts of the machine are present, absent or unknown, each of them") {
    const auto with = [](const char* fact, const Json& state) {
        return memory([&](Json& p) {
            Json& states = p["target"]["facts"]["machine"]["states"];
            for (const char* name :
                 {"init-on-alloc", "init-on-free", "page-poisoning", "zswap", "swap-areas",
                  "swap-history", "hibernation-image", "crash-kernel", "crash-dumps", "pstore",
                  "efi-variables", "huge-pages", "persistent-memory", "nvme-memory",
                  "graphics-memory", "bmc", "tpm"}) {
                states[name] = "absent";
            }
            states[fact] = state;
        });
    };
    CHECK(with("tpm", "present").empty());
    CHECK(with("tpm", "unknown").empty());
    CHECK_FALSE(with("tpm", "maybe").empty());
    CHECK_FALSE(with("bmc", 1U).empty());
    CHECK_FALSE(with("bmc", nullptr).empty());
}
