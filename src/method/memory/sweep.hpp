// SPDX-License-Identifier: Apache-2.0
// Free pages, taken and overwritten: of the machine, or of a pool of huge pages. A worker process
// takes all it may, locked, and holds it, so that no page is counted twice; then it looks again
// whether more has become free. It gives back zeros.
//
// A process of its own, as the kernel must not end someone else's where memory runs out after all:
// it offers itself first. What it had overwritten until then was overwritten; the record says so,
// and the target is not sanitized.
#pragma once

#include <optional>
#include <vector>

#include "efface/inventory/free_memory.hpp"

#include "run.hpp"

namespace efface::method {

/// Passes at most; each takes what became free since the one before, and the last finds nothing.
constexpr unsigned kSweepPassesMax = 8;
/// A pass that adds less than this part of what was free found nothing new.
constexpr std::uint64_t kSweepNewPart = 256;
/// Of plain pages one in so many is read back while it is locked; of a pool all.
constexpr std::uint64_t kSweepSamplePart = 16;

/// Where free pages come from. Asked in the worker: no locks of other threads behind it.
class FreePages {
  public:
    virtual ~FreePages() = default;
    /// Makes as much free as can be. 0 or an errno, which makes it no worse.
    virtual int prepare() { return 0; }
    [[nodiscard]] virtual std::uint64_t free_bytes() const = 0;
    /// What may be taken now; on one node where nodes() names them.
    [[nodiscard]] virtual std::uint64_t room_bytes(std::optional<unsigned> node) const = 0;
    /// Never more than this is held, whatever room_bytes() says.
    [[nodiscard]] virtual std::uint64_t held_bytes_max() const = 0;
    /// One after the other; {nullopt} where nodes do not matter.
    [[nodiscard]] virtual std::vector<std::optional<unsigned>> nodes() const {
        return {std::nullopt};
    }
    /// 0: plain pages.
    [[nodiscard]] virtual std::uint64_t huge_page_bytes() const { return 0; }
};

struct SweepTally {
    std::uint64_t passes = 0;
    std::uint64_t held_bytes = 0;      ///< taken and overwritten, all at one time
    std::uint64_t planned_bytes = 0;   ///< to be read back
    std::uint64_t compared_bytes = 0;  ///< of them
    std::uint64_t mismatches = 0;      ///< pieces of kMemoryPieceBytes
    std::uint64_t returned_bytes = 0;  ///< zeroed and given back
    std::uint64_t frames = 0;          ///< different physical frames of 4096 bytes
    bool frames_known = false;         ///< the kernel told the frame of each page
    std::uint64_t error = 0;           ///< errno that ended the taking
    bool ended = false;                ///< it came to its end, and was not stopped
    bool silent = false;               ///< it did not answer any more, and was killed
};

/// How long the worker is waited for before it is killed.
struct SweepPatience {
    unsigned stop_ms = 10'000;      ///< to give back what it holds, once it was asked to stop
    unsigned silence_ms = 300'000;  ///< between two reports: then it is taken for hung
};

/// Runs the worker to its end and fills pass and verification of `run`, but for completing it.
/// Steps say how it ended; what went wrong is a failure of `run`.
[[nodiscard]] SweepTally sweep(FreePages& pages, MemoryRun& run,
                               const SweepPatience& patience = {});

/// What a record and the rules know of a sweep: {"freeBytes", "takenBytes", "passes"}. Of what was
/// free no more than all can be taken.
[[nodiscard]] Json sweep_json(std::uint64_t free_bytes, std::uint64_t taken_bytes,
                              std::uint64_t passes);

/// The least that is taken: one page of a pool, whatever its size; of plain pages (0) more.
[[nodiscard]] std::uint64_t sweep_unit_bytes(std::uint64_t huge_page_bytes) noexcept;
/// What memory of the machine must stay free: a part of it, within bounds.
[[nodiscard]] std::uint64_t sweep_margin_bytes(std::uint64_t total_bytes) noexcept;
/// What may be taken of it now: MemFree and MemAvailable less the margin, and what the control
/// groups leave; on a node its free memory less its share of the margin.
[[nodiscard]] std::uint64_t sweep_room_bytes(const inventory::FreeMemory& memory,
                                             std::optional<unsigned> node = std::nullopt) noexcept;
/// What a sweep is expected to take, when what can be dropped has been dropped.
[[nodiscard]] std::uint64_t sweep_expected_bytes(const inventory::FreeMemory& memory) noexcept;

}  // namespace efface::method
