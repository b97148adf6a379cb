// SPDX-License-Identifier: Apache-2.0
#include "efface/base/error.hpp"
#include "efface/inventory/memory_name.hpp"

#include "catch.hpp"

using namespace efface;
using inventory::parse_memory_target;

TEST_CASE("a memory target is a kind and a place") {
    CHECK(parse_memory_target("memory:tmpfs:/mnt/scratch") ==
          inventory::MemoryTargetName{"tmpfs", "/mnt/scratch"});
    CHECK(parse_memory_target("memory:swap:/dev/disk/by-id/a:b")->place == "/dev/disk/by-id/a:b");
    CHECK(parse_memory_target("memory:pmem:pmem1.1")->place == "pmem1.1");
    CHECK(to_string(*parse_memory_target("memory:zram:zram1")) == "memory:zram:zram1");
    CHECK(parse_memory_target("memory:sysv:0")->place == "0");
    CHECK(parse_memory_target("memory:sysv:2147483647")->place == "2147483647");
    CHECK(parse_memory_target("memory:mqueue:a b:c")->place == "a b:c");
    CHECK(parse_memory_target("memory:hugepages:1048576kB")->place == "1048576kB");
    CHECK(parse_memory_target("memory:free") == inventory::MemoryTargetName{"free", ""});
    CHECK(to_string(*parse_memory_target("memory:free")) == inventory::kFreeMemoryTarget);
    CHECK_FALSE(parse_memory_target("/dev/sda"));
    CHECK_FALSE(parse_memory_target("memory"));
    CHECK_FALSE(parse_memory_target(""));
}

TEST_CASE("a malformed memory target is a usage error that lists the kinds") {
    for (const char* text : {"memory:",
                             "memory:tmpfs",
                             "memory:tmpfs:",
                             "memory:tmpfs:mnt",
                             "memory:tmpfs:/mnt/",
                             "memory:tmpfs:/mnt/../etc",
                             "memory:tmpfs:/mnt//a",
                             "memory:zram:/dev/zram0",
                             "memory:zram:zram",
                             "memory:zram:zram0/../../x",
                             "memory:brd:sda",
                             "memory:disk:/dev/sda",
                             "memory:dimm:mem0",
                             "memory:cxl:nmem0",
                             "memory:devdax:0.0",
                             "memory:TMPFS:/mnt",
                             "memory:free:",
                             "memory:free:x",
                             "memory:freed",
                             "memory:sysv:",
                             "memory:sysv:-1",
                             "memory:sysv:01",
                             "memory:sysv:1x",
                             "memory:sysv:2147483648",
                             "memory:sysv:99999999999",
                             "memory:mqueue:",
                             "memory:mqueue:/a",
                             "memory:mqueue:a/b",
                             "memory:mqueue:..",
                             "memory:hugepages:",
                             "memory:hugepages:kB",
                             "memory:hugepages:0kB",
                             "memory:hugepages:2048",
                             "memory:hugepages:2 MB",
                             "memory:hugepages:02048kB"}) {
        INFO(text);
        try {
            static_cast<void>(parse_memory_target(text));
            FAIL("it was accepted");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::usage);
            for (const auto& kind : inventory::memory_kinds()) {
                CHECK(error.hint().find(kind) != std::string::npos);
            }
        }
    }
}
