// SPDX-License-Identifier: Apache-2.0
#include "sweep.hpp"

#include <fmt/format.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <bitset>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "efface/device/aligned_buffer.hpp"
#include "efface/device/memory/taken_memory.hpp"
#include "efface/stream/keyed_stream.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
/// The stretch of the key stream that is written again and again: it stays in the cache.
constexpr std::size_t kTileBytes = kMebibyte;
constexpr std::uint64_t kChunkBytesMin = kMebibyte;
constexpr std::uint64_t kChunkBytesMax = 64 * kMebibyte;
/// A chunk is at most this part of what is free, so that others get room between two.
constexpr std::uint64_t kChunkPart = 64;

constexpr std::uint64_t kMarginPart = 64;
constexpr std::uint64_t kMarginBytesMin = 8 * kMebibyte;
constexpr std::uint64_t kMarginBytesMax = 1024 * kMebibyte;
/// Below the limit of a control group, for page tables and for the program itself.
constexpr std::uint64_t kGroupMarginBytes = 8 * kMebibyte;

constexpr unsigned kListenMs = 50;
constexpr unsigned kMsPerSecond = 1000;

std::uint64_t less(std::uint64_t from, std::uint64_t what) noexcept {
    return from > what ? from - what : 0;
}

/// Numbers of physical frames, each counted once.
class FrameSet {
  public:
    void add(std::uint64_t frame) {
        auto& block = blocks_[frame / kFramesOfBlock];
        const auto at = static_cast<std::size_t>(frame % kFramesOfBlock);
        count_ += block.test(at) ? 0U : 1U;
        block.set(at);
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  private:
    static constexpr std::size_t kFramesOfBlock = 4096;
    std::unordered_map<std::uint64_t, std::bitset<kFramesOfBlock>> blocks_;
    std::uint64_t count_ = 0;
};

device::WorkerReport to_report(const SweepTally& tally) {
    return {
        tally.passes,     tally.held_bytes,     tally.planned_bytes, tally.compared_bytes,
        tally.mismatches, tally.returned_bytes, tally.frames,        tally.frames_known ? 1U : 0U,
        tally.error,      tally.ended ? 1U : 0U};
}

SweepTally from_report(const device::WorkerReport& report) {
    return {.passes = report[0],
            .held_bytes = report[1],
            .planned_bytes = report[2],
            .compared_bytes = report[3],
            .mismatches = report[4],
            .returned_bytes = report[5],
            .frames = report[6],
            .frames_known = report[7] != 0,
            .error = report[8],
            .ended = report[9] != 0};
}

/// What the worker does.
class Sweeper {
  public:
    Sweeper(FreePages& pages, ByteView tile, const device::WorkerLine& line)
        : pages_(pages),
          tile_(tile),
          line_(line),
          free_bytes_(pages.free_bytes()),
          unit_(sweep_unit_bytes(pages.huge_page_bytes())),
          chunk_bytes_(std::clamp(free_bytes_ / kChunkPart / unit_ * unit_, unit_,
                                  std::max(unit_, kChunkBytesMax / unit_ * unit_))) {
        tally_.frames_known = pages.huge_page_bytes() == 0;
    }

    int run() {
        while (tally_.passes < kSweepPassesMax && !halted()) {
            if (tally_.passes > 0) {
                (void)pages_.prepare();
            }
            const auto before = tally_.held_bytes;
            for (const auto node : pages_.nodes()) {
                take_from(node);
            }
            ++tally_.passes;
            if (tally_.held_bytes - before < std::max(free_bytes_ / kSweepNewPart, unit_)) {
                break;
            }
        }
        tally_.ended = !halted();
        tell();
        give_back();
        return 0;
    }

  private:
    [[nodiscard]] bool halted() {
        stopped_ = stopped_ || line_.stopped();
        return stopped_ || tally_.error != 0;
    }
    void tell() const { line_.tell(to_report(tally_)); }

    /// Where less comes free than is asked for, the next request is smaller.
    void take_from(std::optional<unsigned> node) {
        std::uint64_t most = chunk_bytes_;
        while (!halted()) {
            const auto room =
                std::min(pages_.room_bytes(node), less(pages_.held_bytes_max(), tally_.held_bytes));
            const auto bytes = std::min(most, room) / unit_ * unit_;
            if (bytes == 0) {
                return;
            }
            auto taking = device::TakenMemory::take({bytes, pages_.huge_page_bytes(), node});
            if (taking.memory) {
                overwrite(*taking.memory);
                held_.push_back(std::move(*taking.memory));
                tell();
            } else if (taking.error != ENOMEM && taking.error != EAGAIN) {
                tally_.error = static_cast<std::uint64_t>(taking.error);
            } else {
                most = bytes / 2;
            }
        }
    }

    void overwrite(const device::TakenMemory& memory) {
        const auto bytes = memory.bytes();
        const bool all = pages_.huge_page_bytes() != 0;
        for (std::size_t at = 0; at < bytes.size(); at += tile_.size()) {
            const auto part = bytes.subspan(at, std::min(tile_.size(), bytes.size() - at));
            std::memcpy(part.data(), tile_.data(), part.size());
        }
        for (std::size_t at = 0; at < bytes.size(); at += tile_.size()) {
            const auto part = bytes.subspan(at, std::min(tile_.size(), bytes.size() - at));
            compare(part.first(
                all ? part.size()
                    : std::min<std::size_t>(part.size(), kTileBytes / kSweepSamplePart)));
        }
        tally_.held_bytes += bytes.size();
        if (tally_.frames_known) {
            count_frames(bytes);
        }
    }

    /// Reads what was written at the start of a tile.
    void compare(ByteView part) {
        tally_.planned_bytes += part.size();
        for (std::size_t at = 0; at < part.size(); at += kMemoryPieceBytes) {
            const auto length = std::min(kMemoryPieceBytes, part.size() - at);
            if (std::memcmp(part.data() + at, tile_.data() + at, length) != 0) {
                ++tally_.mismatches;
            }
            tally_.compared_bytes += length;
        }
    }

    void count_frames(ByteView memory) {
        const auto frames = device::page_frames(memory);
        tally_.frames_known = frames.has_value();
        for (const auto frame : frames.value_or(std::vector<std::uint64_t>{})) {
            frames_.add(frame);
        }
        tally_.frames = frames_.count();
    }

    /// The next to have it finds zeros. Who was stopped is in a hurry: the pattern is not a secret.
    void give_back() {
        while (!held_.empty()) {
            const auto bytes = held_.back().bytes();
            if (!halted()) {
                ::explicit_bzero(bytes.data(), bytes.size());
                tally_.returned_bytes += bytes.size();
            }
            held_.pop_back();
            tell();
        }
    }

    FreePages& pages_;
    ByteView tile_;
    const device::WorkerLine& line_;
    std::uint64_t free_bytes_;
    std::uint64_t unit_;  ///< the least that is taken
    std::uint64_t chunk_bytes_;
    bool stopped_ = false;
    SweepTally tally_;
    FrameSet frames_;
    std::vector<device::TakenMemory> held_;
};

/// Listens until the worker has ended; its last word.
SweepTally listen(const device::ExpendableWorker& worker, MemoryRun& run,
                  const SweepPatience& patience) {
    SweepTally tally;
    bool silent = false;
    std::uint64_t told = 0;
    unsigned silent_ms = 0;
    unsigned stopping_ms = 0;
    bool asked = false;
    for (;;) {  // ends with the worker, which is killed when it does not stop or hangs
        device::WorkerReport report{};
        const auto heard = worker.hear(report, kListenMs);
        if (heard == device::ExpendableWorker::Heard::end) {
            tally.silent = silent;
            return tally;
        }
        if (heard == device::ExpendableWorker::Heard::report) {
            tally = from_report(report);
            const auto done = tally.held_bytes + tally.returned_bytes;
            run.progress().advance(less(done, told));
            told = std::max(told, done);
            silent_ms = 0;
        } else {
            silent_ms += kListenMs;
            stopping_ms += asked ? kListenMs : 0;
        }
        if (run.stopped() && !asked) {
            worker.ask_to_stop();
            asked = true;
        }
        if (stopping_ms >= patience.stop_ms || silent_ms >= patience.silence_ms) {
            worker.kill();
            silent = true;
            silent_ms = 0;
            stopping_ms = 0;
        }
    }
}

}  // namespace

Json sweep_json(std::uint64_t free_bytes, std::uint64_t taken_bytes, std::uint64_t passes) {
    return ObjectWriter()
        .add("freeBytes", free_bytes)
        .add("takenBytes", std::min(taken_bytes, free_bytes))
        .add("passes", passes)
        .take();
}

std::uint64_t sweep_unit_bytes(std::uint64_t huge_page_bytes) noexcept {
    return huge_page_bytes != 0 ? huge_page_bytes : kChunkBytesMin;
}

std::uint64_t sweep_margin_bytes(std::uint64_t total_bytes) noexcept {
    return std::clamp(total_bytes / kMarginPart, kMarginBytesMin, kMarginBytesMax);
}

std::uint64_t sweep_room_bytes(const inventory::FreeMemory& memory,
                               std::optional<unsigned> node) noexcept {
    if (memory.limit_unknown) {
        return 0;
    }
    const auto margin = sweep_margin_bytes(memory.total_bytes);
    auto room = less(std::min(memory.free_bytes, memory.available_bytes), margin);
    if (memory.limit) {
        room = std::min(room, less(memory.limit->room_bytes, kGroupMarginBytes));
    }
    if (node) {
        const auto found = std::find_if(memory.nodes.begin(), memory.nodes.end(),
                                        [&](const auto& one) { return one.id == *node; });
        const auto free = found == memory.nodes.end() ? 0 : found->free_bytes;
        room = std::min(room, less(free, margin / std::max<std::size_t>(memory.nodes.size(), 1)));
    }
    return room;
}

std::uint64_t sweep_expected_bytes(const inventory::FreeMemory& memory) noexcept {
    auto emptied = memory;
    emptied.free_bytes = std::max(memory.free_bytes, memory.available_bytes);
    return sweep_room_bytes(emptied);
}

SweepTally sweep(FreePages& pages, MemoryRun& run, const SweepPatience& patience) {
    // Plain memory, made before the fork: the worker has neither the key nor OpenSSL's locks.
    device::AlignedBuffer tile(kTileBytes);
    stream::KeyedStream(run.key()).fill(0, tile.view());
    run.begin_pass(0);
    auto worker = device::ExpendableWorker::start(
        [&](const device::WorkerLine& line) { return Sweeper(pages, tile.view(), line).run(); });
    const auto tally = listen(worker, run, patience);
    const auto end = worker.wait();
    run.pass.bytes_planned = tally.held_bytes;
    run.pass.bytes_written = tally.held_bytes;
    run.end_pass();
    run.verification.method = pages.huge_page_bytes() != 0 ? "full-read-back" : "sampled-read-back";
    run.verification.performed = tally.held_bytes != 0;
    run.verification.bytes_planned = tally.planned_bytes;
    run.verification.bytes_compared = tally.compared_bytes;
    run.verification.mismatches = tally.mismatches;
    const bool good = end.signal == 0 && end.status == 0 && tally.ended;
    run.step("take, overwrite, compare and give back",
             good ? "done" : (run.stopped() ? "stopped" : "failed"),
             fmt::format("{} passes, {} bytes at a time", tally.passes, tally.held_bytes));
    if (tally.error != 0) {
        run.fail({ReasonCode::kernel_refused, "the kernel refused to provide memory: " +
                                                  errno_text(static_cast<int>(tally.error))});
    } else if (tally.silent && !run.stopped()) {
        run.fail({ReasonCode::not_completed,
                  fmt::format("the worker did not answer for {} s and was killed",
                              patience.silence_ms / kMsPerSecond)});
    } else if (end.signal != 0 && !run.stopped()) {
        run.fail(
            {ReasonCode::not_completed,
             fmt::format(
                 "the worker was ended by signal {}: the kernel ends it first when memory runs out",
                 end.signal)});
    } else if (end.status != 0) {
        run.fail({ReasonCode::not_completed,
                  fmt::format("the worker ended with status {}", end.status)});
    }
    return tally;
}

}  // namespace efface::method
