// SPDX-License-Identifier: Apache-2.0
// One pass over a whole target at the speed of the device: writing a pattern, or reading and
// comparing with it. What happened is returned as counts and places; nothing here decides what it
// means.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/block_target.hpp"
#include "efface/stream/overwrite.hpp"
#include "efface/stream/pattern.hpp"

namespace efface::stream {

/// How a pass is going, for whoever decides whether it goes on.
struct Pace {
    std::uint64_t offset_bytes = 0;        ///< everything of the pass before it is done
    std::uint64_t bytes_done = 0;          ///< in this call
    std::uint64_t bytes_per_second = 0;    ///< over the last kPaceWindow; 0 until that has passed
    std::uint64_t fault_bytes = 0;         ///< not written or not read so far
    std::chrono::milliseconds elapsed{0};  ///< of this call, without pauses
};
constexpr std::chrono::seconds kPaceWindow{10};

struct PassOptions {
    std::size_t slots = 8;                           ///< transfers in flight
    std::size_t slot_bytes = std::size_t{1} << 20U;  ///< of one transfer
    unsigned retries = 2;                            ///< of one logical block, after the first try
    /// A failing region is left after so many failed blocks in a row; the rest of its slot is
    /// counted as failed without being tried block by block, so that a dying drive ends.
    unsigned failed_blocks_per_slot_max = 64;
    /// Flush and written() so often. No transfer begins so far beyond the oldest one that is not
    /// over, so that less than twice as much is written and not durable.
    std::uint64_t watermark_bytes = std::uint64_t{8} << 30U;
    std::chrono::seconds watermark_interval{10};  ///< or so often, whichever is first
};

/// Areas that were not transferred: all counted, the first kAreasMax kept, neighbours joined.
constexpr std::size_t kAreasMax = 1024;
struct FaultAreas {
    std::uint64_t count = 0;  ///< joined areas
    std::uint64_t bytes = 0;
    std::vector<Fault> areas;
};

struct FillReport {
    std::uint64_t bytes_written = 0;
    FaultAreas write_faults;
    std::uint64_t retries = 0;    ///< transfers that were repeated
    int flush_error = 0;          ///< the first; after one nothing before it is claimed
    bool stopped = false;         ///< by the stop token or the watcher; not completely written
    std::uint64_t watermark = 0;  ///< durable up to here
    std::string engine;           ///< of device::IoQueue
    std::string engine_note;
};

struct CheckReport {
    std::uint64_t bytes_planned = 0;
    std::uint64_t bytes_compared = 0;
    std::uint64_t blocks_different = 0;  ///< of the target's logical block size
    FaultAreas read_faults;
    std::vector<Range> different;       ///< joined, the first kAreasMax
    std::uint64_t different_areas = 0;  ///< joined, all
    /// What stood at the first places that differ (at most kDifferencesMax), for the record.
    struct Difference {
        std::uint64_t offset = 0;
        std::string found_sha256;  ///< of that logical block
        bool zero = false;         ///< it is all zeros
    };
    std::vector<Difference> differences;
    std::uint64_t retries = 0;
    bool stopped = false;
    std::string engine;
    std::string engine_note;

    [[nodiscard]] bool matches() const noexcept {
        return !stopped && blocks_different == 0 && read_faults.bytes == 0 &&
               bytes_compared == bytes_planned;
    }
};
constexpr std::size_t kDifferencesMax = 16;

/// What a pass is told from outside. Called by the thread that runs the pass.
class PassWatcher {
  public:
    virtual ~PassWatcher() = default;
    enum class Go { on, pause, stop };
    /// Asked at least once a second (of the clock), and at least once. While it says `pause` no
    /// new transfer starts and it is asked again every 100 ms.
    virtual Go go(const Pace& pace) = 0;
    /// Bytes done since the last call (also those that failed).
    virtual void advance(std::uint64_t bytes) = 0;
    /// Writing: everything before `offset_bytes` was tried and flushed; `so_far` are the counts of
    /// this call. In rising order; may journal.
    virtual void written(std::uint64_t offset_bytes, const FillReport& so_far) = 0;
    /// Checking: everything of the ranges before `offset_bytes` was compared.
    virtual void compared(std::uint64_t offset_bytes, const CheckReport& so_far) = 0;
};

/// Writes the pattern from `from` (a multiple of the logical block size) to the end of the target,
/// including a last piece of any length, and flushes at watermarks and at the end. The pattern is
/// made by another thread, ahead of the transfers. A failed transfer is tried again in halves down
/// to one logical block, which is tried `retries` more times, then counted. Nothing is thrown for
/// I/O. `clock` measures pace and watermarks.
[[nodiscard]] FillReport fill(device::BlockTarget& target, const Pattern& pattern,
                              std::uint64_t from, const PassOptions& options, PassWatcher& watcher,
                              const Clock& clock, std::stop_token stop);

/// Reads `ranges` (normalized, multiples of the logical block size but for the end of the target)
/// and compares with the pattern. Areas that could not be written are left out by the caller.
[[nodiscard]] CheckReport check(device::BlockTarget& target, const Pattern& pattern,
                                const std::vector<Range>& ranges, const PassOptions& options,
                                PassWatcher& watcher, const Clock& clock, std::stop_token stop);

/// The plan of NIST SP 800-88r1 section 4.7.1: at least kSubsections equal subsections, in each two
/// reads at pseudo-random places that do not overlap, together at least a tenth of the medium, and
/// the first and the last blocks. Derived from `seed` (32 bytes) alone, so that an auditor can
/// derive it again: efface-certificate(5) says how. Normalized, in block units.
constexpr std::size_t kSubsections = 1000;
[[nodiscard]] std::vector<Range> representative_ranges(std::uint64_t size_bytes,
                                                       std::uint32_t logical_block_bytes,
                                                       ByteView seed);

}  // namespace efface::stream
