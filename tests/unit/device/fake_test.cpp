// SPDX-License-Identifier: Apache-2.0
// The fakes themselves: a fake that lies unasked proves nothing.
#include <cerrno>

#include "efface/base/error.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/disk/memory_disk.hpp"
#include "fake/luks/scripted_luks_library.hpp"

using efface::Bytes;
using namespace efface::fake;

TEST_CASE("a write to the memory disk is lost with the power until it is flushed") {
    MemoryDisk disk(Bytes(1024, 1));
    CHECK(disk.write_at(10, Bytes(4, 9)).complete(4));
    CHECK(disk.media()[10] == 9);
    CHECK(disk.durable()[10] == 1);
    disk.cut_power();
    CHECK(disk.media()[10] == 1);
    CHECK(disk.write_at(10, Bytes(4, 9)).complete(4));
    CHECK(disk.flush() == 0);
    disk.cut_power();
    CHECK(disk.media()[13] == 9);
    CHECK(disk.media()[14] == 1);
}

TEST_CASE("each fault of the memory disk does what its name says") {
    MemoryDisk disk(Bytes(1024, 1));
    Fault fault;
    disk.set_hook([&](const Operation&) { return fault; });
    fault = {Fault::Kind::fail, EIO, 0};
    CHECK(disk.write_at(0, Bytes(8, 9)).error == EIO);
    CHECK(disk.media()[0] == 1);
    fault = {Fault::Kind::drop, 0, 0};
    CHECK(disk.write_at(0, Bytes(8, 9)).complete(8));
    CHECK(disk.media()[0] == 1);
    fault = {Fault::Kind::shorten, 0, 3};
    CHECK(disk.write_at(0, Bytes(8, 9)).bytes == 3);
    CHECK(disk.media()[2] == 9);
    CHECK(disk.media()[3] == 1);
    fault = {Fault::Kind::partial, EIO, 5};
    const auto partial = disk.write_at(0, Bytes(8, 8));
    CHECK(partial.bytes == 5);
    CHECK(partial.error == EIO);
    fault = {Fault::Kind::corrupt, 0, 0};
    CHECK(disk.write_at(0, Bytes(8, 7)).complete(8));
    CHECK(std::count(disk.media().begin(), disk.media().begin() + 8, 7) == 7);
    CHECK(disk.operations() == 5);
}

TEST_CASE("the fixed clock moves by hand only") {
    FixedClock clock;
    CHECK(efface::to_rfc3339(clock.now()) == "2026-01-01T00:00:00Z");
    const auto before = clock.steady_now();
    clock.advance(std::chrono::minutes(2));
    CHECK(efface::to_rfc3339(clock.now()) == "2026-01-01T00:02:00Z");
    CHECK(clock.steady_now() - before == std::chrono::minutes(2));
}

TEST_CASE("seeded randomness is SHA-256 over seed and counter") {
    SeededRandom random("seed");
    Bytes bytes(36);
    random.fill(bytes);
    // printf 'seed:0' | sha256sum; printf 'seed:1' | sha256sum
    CHECK(efface::to_hex(bytes) ==
          "58f9082db66a15d660a3f65e1e2f12c31e4409635a583a6eaf0ba45c744b668881e4ba3b");
}

TEST_CASE("the scripted library answers as told, counts, and reaches the media") {
    MemoryDisk disk(Bytes(64, 1));
    ScriptedLuksLibrary library;
    library.on_destroy = zeroing(disk, 8, 8);
    library.unlock_after_destroy = efface::device::UnlockAnswer{0, -ENOENT, ""};
    const efface::device::LuksLocation location{"/x", {}};
    const efface::SecretBytes credential(efface::as_bytes("key"));
    CHECK(library.try_unlock(location, credential).code == 0);
    CHECK(library.destroy_keyslots(location).slots.size() == 1);
    CHECK(library.try_unlock(location, credential).code == -ENOENT);
    CHECK(library.load(location).type == "LUKS2");
    CHECK(disk.media()[7] == 1);
    CHECK(disk.media()[8] == 0);
    CHECK(disk.media()[15] == 0);
    CHECK(disk.media()[16] == 1);
    CHECK(library.loads == 1);
    CHECK(library.destroys == 1);
    CHECK(library.unlocks == 2);
}
