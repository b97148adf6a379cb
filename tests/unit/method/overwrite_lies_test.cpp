// SPDX-License-Identifier: Apache-2.0
// Overwriting a device that lies: whenever it is called sanitized, nothing of what stood there is
// left. Lies of the device's own reads that no reader can see through are counted apart.
#include <cerrno>
#include <set>

#include "efface/method/overwrite.hpp"

#include "catch.hpp"
#include "fake/lying_transport.hpp"
#include "memory/support.hpp"

using namespace efface;
using namespace efface::method;
using fake::Lie;

namespace {

constexpr std::uint64_t kBlocks = 4096;
constexpr std::uint32_t kBlock = 512;

stream::Pattern random_pattern() {
    return {stream::Pattern::Kind::random, Bytes(stream::kStreamKeyBytes, 0x17)};
}
stream::Pattern zeros() {
    return {stream::Pattern::Kind::repeating, Bytes(1, 0)};
}

/// One overwriting job over several processes.
struct OverwriteJob {
    OverwriteJob(device::BlockTarget& over, const stream::Pattern& pattern, ReadBack read_back)
        : target(over) {
        task.path = "/dev/a";
        task.read_back = read_back;
        task.seed = Bytes(32, 9);
        task.options.slot_bytes = 64U << 10U;
        task.options.watermark_bytes = 256U << 10U;
        PassState pass;
        pass.pattern = pattern;
        state.passes.push_back(pass);
    }
    Outcome run() {
        OverwriteHooks hooks;
        hooks.save = [this](const OverwriteState& now) {
            if (stop_at != 0 && now.passes.back().written_to >= stop_at) {
                stop.request_stop();
            }
        };
        hooks.still_there = [] { return true; };
        hooks.celsius = [] { return std::optional<int>(); };
        hooks.drop_cache = [this] {
            if (on_drop) {
                on_drop();
            }
            return 0;
        };
        Overwrite method(task, state, target, std::move(hooks), clock);
        test::Watcher watcher;
        return method.run(guard::clear_memory("/dev/a", {}, [] { return guard::MemoryLook(); }),
                          watcher, stop.get_token());
    }
    device::BlockTarget& target;
    OverwriteTask task;
    OverwriteState state;
    fake::FixedClock clock;
    std::stop_source stop;
    std::uint64_t stop_at = 0;
    std::function<void()> on_drop;
};

/// Memory that keeps less than it says, or has bad sectors.
class OddDisk final : public device::BlockTarget {
  public:
    explicit OddDisk(std::uint64_t true_bytes) : kept(true_bytes, 0x5a) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return kBlocks * kBlock; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return kBlock; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        for (std::size_t i = 0; i < into.size(); ++i) {
            const std::uint64_t at = offset + i;
            into[i] = at < kept.size() ? kept[at] : wraps ? kept[at % kept.size()] : 0;
        }
        return bad(offset, into.size()) ? device::IoResult{0, EIO}
                                        : device::IoResult{into.size(), 0};
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        if (bad(offset, from.size())) {
            return {0, EIO};
        }
        for (std::size_t i = 0; i < from.size(); ++i) {
            const std::uint64_t at = offset + i;
            if (at < kept.size() || wraps) {
                kept[at % kept.size()] = from[i];
            }
        }
        return {from.size(), 0};
    }
    [[nodiscard]] int flush() override { return 0; }

    Bytes kept;
    bool wraps = false;
    std::set<std::uint64_t> bad_blocks;

  private:
    [[nodiscard]] bool bad(std::uint64_t offset, std::uint64_t length) const {
        const auto first = bad_blocks.lower_bound(offset / kBlock);
        return first != bad_blocks.end() && *first * kBlock < offset + length;
    }
};

fake::DriveMedia full_medium() {
    fake::DriveMedia media(kBlocks, kBlock);
    Bytes block(kBlock);
    for (std::uint64_t at = 0; at < kBlocks; ++at) {
        write_be<std::uint64_t>(block, 8, at | 0xa5a5000000000000U);
        media.write(at, block);
    }
    return media;
}

}  // namespace

TEST_CASE("a device that keeps less than it says is found out, whatever is written", "[table]") {
    for (const bool wraps : {false, true}) {
        for (const std::uint64_t share : {2U, 4U, 64U}) {
            for (const auto& pattern : {zeros(), random_pattern()}) {
                OddDisk disk(kBlocks * kBlock / share);
                disk.wraps = wraps;
                OverwriteJob job(disk, pattern, ReadBack::full);
                const auto outcome = job.run();
                INFO(wraps << " " << share << " " << to_json(outcome.reasons).dump());
                CHECK(outcome.verdict == Verdict::not_sanitized);
                if (pattern.kind == stream::Pattern::Kind::repeating) {
                    REQUIRE(outcome.reasons.size() == 1);
                    CHECK(outcome.reasons.front().code == ReasonCode::less_than_it_says);
                }
            }
        }
    }
    OddDisk honest(kBlocks * kBlock);
    OverwriteJob job(honest, zeros(), ReadBack::full);
    CHECK(job.run().verdict == Verdict::sanitized);
    CHECK(all_zero(honest.kept));
}

TEST_CASE("more bad places than are kept one by one: nobody knows what was reached", "[table]") {
    for (const unsigned step : {64U, 3U}) {
        OddDisk disk(kBlocks * kBlock);
        for (std::uint64_t block = 1; block < kBlocks; block += step) {
            disk.bad_blocks.insert(block);
        }
        OverwriteJob job(disk, random_pattern(), ReadBack::full);
        job.task.options.failed_blocks_per_slot_max = 1000;
        const auto outcome = job.run();
        INFO(step << to_json(outcome.reasons).dump());
        const bool few = step == 64;
        CHECK(outcome.verdict ==
              (few ? Verdict::sanitized_with_exceptions : Verdict::indeterminate));
        CHECK(test::has(outcome.reasons, ReasonCode::too_many_faults) == !few);
        CHECK(test::has(outcome.exceptions, ReasonCode::write_failed));
    }
}

TEST_CASE("of what an earlier process wrote everything is read, not a sample", "[table]") {
    OddDisk disk(kBlocks * kBlock);
    OverwriteJob job(disk, random_pattern(), ReadBack::representative);
    job.stop_at = kBlocks * kBlock / 2;
    CHECK(job.run().verdict == Verdict::not_sanitized);
    REQUIRE(job.state.passes.back().written_to > 0);
    REQUIRE(job.state.passes.back().completed_at.empty());
    job.stop = std::stop_source();
    job.stop_at = 0;
    SECTION("nobody has used it meanwhile") {
        const auto outcome = job.run();
        CHECK(outcome.verdict == Verdict::sanitized);
        CHECK(outcome.record.at("verification").at("method") == "full-read-back");
        CHECK(outcome.record.at("verification").at("bytesCompared") == kBlocks * kBlock);
    }
    SECTION("one block was written meanwhile, wherever") {
        const auto block = GENERATE(0U, 77U, 501U);
        disk.kept[std::size_t{block} * kBlock] ^= 1U;
        CHECK(job.run().verdict == Verdict::not_sanitized);
    }
    SECTION("all was written, only the look was left") {
        job.on_drop = [&] { job.stop.request_stop(); };
        CHECK(job.run().verdict == Verdict::not_sanitized);
        REQUIRE_FALSE(job.state.passes.back().completed_at.empty());
        job.stop = std::stop_source();
        job.on_drop = nullptr;
        disk.kept[std::size_t{3000} * kBlock] ^= 1U;
        CHECK(job.run().verdict == Verdict::not_sanitized);
    }
}

TEST_CASE("every lie of a device that is overwritten, every way to read back", "[table]") {
    using Shows = Lie::Shows;
    unsigned runs = 0;
    unsigned sanitized = 0;
    unsigned beyond = 0;
    for (const auto loses : {Lie::Loses::nothing, Lie::Loses::all, Lie::Loses::last_half}) {
        for (const auto keeps :
             {Lie::Keeps::nothing, Lie::Keeps::before_marks, Lie::Keeps::last_half}) {
            for (const auto shows :
                 {Shows::medium, Shows::status, Shows::status_where_kept, Shows::zeros, Shows::ones,
                  Shows::noise, Shows::before, Shows::no_data}) {
                for (const auto read_back :
                     {ReadBack::full, ReadBack::representative, ReadBack::none}) {
                    for (const auto& pattern : {zeros(), random_pattern()}) {
                        Lie lie;
                        lie.loses = loses;
                        lie.keeps = keeps;
                        lie.shows = shows;
                        auto media = full_medium();
                        fake::Disguise disguise(media, lie);
                        fake::LyingTarget target(media, disguise, kBlocks);
                        OverwriteJob job(target, pattern, read_back);
                        job.on_drop = [&] {  // before the look; of a probe nothing is written yet
                            if (!job.state.passes.back().completed_at.empty()) {
                                disguise.erasure_begins();
                                disguise.erasure_ends();
                            }
                        };
                        const auto outcome = job.run();
                        ++runs;
                        sanitized += outcome.verdict == Verdict::sanitized ? 1U : 0U;
                        const bool zero = pattern.kind == stream::Pattern::Kind::repeating;
                        if (lie.beyond_reading(zero ? "zeros" : "random") &&
                            loses == Lie::Loses::nothing) {
                            ++beyond;
                            continue;
                        }
                        INFO(lie.text() << " " << static_cast<int>(read_back) << zero);
                        INFO(to_json(outcome.reasons).dump());
                        const bool claims = outcome.verdict <= Verdict::sanitized_with_exceptions;
                        CHECK((!claims || disguise.left() == 0));
                        CHECK((!claims || read_back != ReadBack::none));
                    }
                }
            }
        }
    }
    WARN("overwriting: " << runs << " runs, " << sanitized << " sanitized, " << beyond
                         << " of them disguised beyond reading");
    CHECK(sanitized > 0);
}
