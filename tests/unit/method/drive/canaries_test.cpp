// SPDX-License-Identifier: Apache-2.0
// Placing canaries on media that refuse, and what a block shows of a promise.
#include "drive/medium/canaries.hpp"

#include <cerrno>

#include "catch.hpp"

using namespace efface;
using namespace efface::method;

namespace {

constexpr std::uint64_t kBytes = std::uint64_t{16} << 20U;

/// Counts what is asked of it, and refuses from some place on.
class Refusing final : public device::BlockTarget {
  public:
    [[nodiscard]] std::uint64_t size_bytes() const override { return kBytes; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        ++reads;
        const auto found = written_.find(offset);
        for (std::size_t i = 0; i < into.size(); ++i) {
            into[i] = found == written_.end() ? std::uint8_t{0} : found->second[i];
        }
        return answer(offset, reads_from, into.size());
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        ++writes;
        written_[offset] = Bytes(from.begin(), from.end());
        if (on_write) {
            on_write();
        }
        return answer(offset, writes_from, from.size());
    }
    int flush() override { return 0; }

    std::uint64_t reads_from = kBytes;   ///< fail there and behind
    std::uint64_t writes_from = kBytes;  ///< likewise
    unsigned reads = 0;
    unsigned writes = 0;
    std::function<void()> on_write;

  private:
    static device::IoResult answer(std::uint64_t offset, std::uint64_t from, std::size_t bytes) {
        return offset >= from ? device::IoResult{0, EIO} : device::IoResult{bytes, 0};
    }
    std::map<std::uint64_t, Bytes> written_;
};

SurfaceMarks mark(Refusing& medium, const std::stop_token& stop = {}) {
    return mark_surface({.name = "a", .storage = &medium}, 0, Bytes(kCanarySeedBytes, 7), stop);
}

}  // namespace

TEST_CASE("a medium that refuses everything is not asked a thousand times") {
    Refusing medium;
    medium.reads_from = 0;
    medium.writes_from = 0;
    const auto marks = mark(medium);
    CHECK(marks.canaries.empty());
    CHECK(marks.refused > 1000);
    CHECK(medium.writes == kFailuresInARowMax);
    CHECK(medium.reads == kFailuresInARowMax);
    for (const auto& sample : marks.samples) {
        CHECK(sample.sha256.empty());
    }
}

TEST_CASE("one that refuses in part is asked for the rest of it") {
    Refusing medium;
    const auto all = mark(medium);
    CHECK(all.refused == 0);
    Refusing half;
    half.writes_from = kBytes / 2;
    const auto marks = mark(half);
    CHECK(marks.canaries.size() + marks.refused == all.canaries.size());
    CHECK(marks.canaries.size() > all.canaries.size() / 3);
    CHECK(half.writes == marks.canaries.size() + kFailuresInARowMax);
}

TEST_CASE("placing canaries ends when the run is to stop") {
    Refusing medium;
    std::stop_source stop;
    medium.on_write = [&] {
        if (medium.writes == 10) {
            stop.request_stop();
        }
    };
    (void)mark(medium, stop.get_token());
    CHECK(medium.writes == 10);
}

TEST_CASE("a value of deallocated blocks counts where the promise has one, for whole blocks") {
    const Bytes pattern{0x5c, 0xa1, 0xa1, 0x5c};
    Bytes block;
    while (block.size() < 4096) {
        block.insert(block.end(), pattern.begin(), pattern.end());
    }
    const Promise alone{pattern, {}};
    const Promise either{pattern, {0x00, 0xff}};
    CHECK(look_at_block(alone, block) == BlockShows::promised);
    CHECK(look_at_block(either, block) == BlockShows::promised);
    CHECK(look_at_block(alone, Bytes(4096, 0)) == BlockShows::other);
    CHECK(look_at_block(either, Bytes(4096, 0)) == BlockShows::deallocated);
    CHECK(look_at_block(either, Bytes(4096, 0xff)) == BlockShows::deallocated);
    CHECK(look_at_block(either, Bytes(4096, 0x55)) == BlockShows::other);
    std::fill(block.begin() + 512, block.end(), std::uint8_t{0});  // neither the one nor the other
    CHECK(look_at_block(either, block) == BlockShows::other);
}
