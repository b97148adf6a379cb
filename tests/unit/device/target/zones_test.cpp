// SPDX-License-Identifier: Apache-2.0
// What a zoned disk demands, on a model that refuses everything else.
#include "efface/device/zones.hpp"

#include "efface/device/io_queue.hpp"

#include "catch.hpp"
#include "fake/disk/zoned_disk.hpp"

using namespace efface;
using namespace efface::device;

namespace {

constexpr std::uint64_t kZone = std::uint64_t{64} << 10U;
constexpr std::uint64_t kDisk = 5 * kZone + 8192;

}  // namespace

TEST_CASE("a zoned disk is written from its beginning to its end, in pieces that straddle zones") {
    for (const std::size_t piece :
         {std::size_t{4096}, std::size_t{kZone}, std::size_t{kZone / 2 + 512},
          std::size_t{3 * kZone}, std::size_t{kDisk}}) {
        fake::ZonedDisk disk(kDisk, kZone, 1);
        std::fill(disk.medium.begin(), disk.medium.end(), std::uint8_t{0xdd});
        OrderedZones zones(disk, disk, disk.report());
        const Bytes content(piece, 0x5a);
        for (std::uint64_t at = 0; at < kDisk; at += piece) {
            const auto part = ByteView(content).first(
                static_cast<std::size_t>(std::min<std::uint64_t>(piece, kDisk - at)));
            CHECK(zones.write_at(at, part).complete(part.size()));
        }
        CHECK(disk.medium == Bytes(kDisk, 0x5a));
        CHECK(disk.resets == 5);  // the first one is conventional
        CHECK(disk.refused == 0);
    }
}

TEST_CASE("a write that is not at the write pointer is refused here, and nothing is reset for it") {
    fake::ZonedDisk disk(kDisk, kZone, 1);
    OrderedZones zones(disk, disk, disk.report());
    const Bytes block(512, 1);
    CHECK(zones.write_at(kZone + 512, block).error == EIO);  // full, and not at its beginning
    CHECK(zones.write_at(kZone, block).complete(512));
    CHECK(zones.write_at(kZone + 1024, block).error == EIO);
    CHECK(zones.write_at(kZone + 512, block).complete(512));
    CHECK(zones.write_at(kDisk, block).error == EIO);
    CHECK(zones.write_at(512, block).complete(512));  // conventional: anywhere
    CHECK(disk.resets == 1);
    CHECK(disk.refused == 0);
}

TEST_CASE("transfers to zones keep their order: the queue has one slot") {
    fake::ZonedDisk disk(kDisk, kZone, 0);
    OrderedZones zones(disk, disk, disk.report());
    CHECK(zones.make_queue(8, 4096)->slots() == 1);
}
