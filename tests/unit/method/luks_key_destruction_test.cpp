// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "efface/base/digest.hpp"
#include "efface/method/luks.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/fake_host.hpp"
#include "fake/luks/luks1_image.hpp"
#include "memory/support.hpp"

using namespace efface;
using namespace efface::method;

namespace {

const std::string kUuid = "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10";

struct Bench {
    Bench() : disk(fake::luks1_image(kUuid)) {
        task.path = "/dev/a";
        task.luks_uuid = kUuid;
        task.region.ranges = {{0, fake::kLuks1PayloadOffset}};
        task.stream_key = SecretBytes(std::size_t{32});
    }
    LuksKeyDestruction method() {
        return {task, disk, host.library, {"/dev/a", {}}, host, nullptr, clock};
    }
    fake::FakeHost host;
    fake::FixedClock clock;
    fake::MemoryDisk disk;
    LuksKeyTask task;
};

}  // namespace

TEST_CASE("luks key destruction: it writes and reads the region once", "[method]") {
    Bench bench;
    CHECK_FALSE(bench.method().objection());
    test::Watcher watcher;
    (void)bench.method().run(
        guard::clear_memory(bench.task.path, {}, [] { return guard::MemoryLook(); }), watcher, {});
    CHECK(watcher.bytes == 2 * fake::kLuks1PayloadOffset);
}

TEST_CASE("luks key destruction: it objects to an empty region and to a target that shrank",
          "[method]") {
    Bench bench;
    SECTION("empty") {
        bench.task.region.ranges.clear();
    }
    SECTION("shrunk") {
        bench.task.region.ranges = {{0, fake::kLuks1ImageBytes + 512}};
    }
    CHECK(bench.method().objection());
}

TEST_CASE("luks key destruction: the pre-state names header and key areas with their digests",
          "[method]") {
    Bench bench;
    const auto areas = pre_state(bench.disk, luks::inspect(bench.disk));
    REQUIRE(areas.size() >= 9);
    CHECK(areas.at(0).name == "primary header");
    const auto slot = std::find_if(areas.begin(), areas.end(), [](const AreaDigest& area) {
        return area.name == "keyslot 0 area";
    });
    REQUIRE(slot != areas.end());
    CHECK(slot->range.offset == 4096);
    CHECK(slot->sha256 ==
          sha256_hex(ByteView(bench.disk.media())
                         .subspan(4096, static_cast<std::size_t>(slot->range.length))));
}

TEST_CASE("luks key destruction: an area that cannot be read has no digest", "[method]") {
    Bench bench;
    const auto header = luks::inspect(bench.disk);
    bench.disk.set_hook([](const fake::Operation& operation) {
        return operation.offset >= 4096 ? fake::Fault{fake::Fault::Kind::fail, EIO, 0}
                                        : fake::Fault{};
    });
    const auto areas = pre_state(bench.disk, header);
    CHECK_FALSE(areas.at(0).sha256.empty());
    CHECK(areas.at(1).sha256.empty());
}
