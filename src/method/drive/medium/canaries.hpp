// SPDX-License-Identifier: Apache-2.0
// Random blocks at recorded places, which an erase must change, and samples of what was there.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/method/drive/erase.hpp"

namespace efface::method {

/// Where on a surface of this size canaries belong: the first and the last block, one pseudo-random
/// in each of canary_parts(), and more behind `visible_before`, the size before hidden areas
/// were opened (0 or the size: nothing was hidden). Sorted, apart from each other, each a multiple
/// of `alignment`, which divides `block_bytes`.
[[nodiscard]] std::vector<std::uint64_t> canary_places(std::uint64_t size_bytes,
                                                       std::uint32_t block_bytes,
                                                       std::uint32_t alignment,
                                                       std::uint64_t visible_before, ByteView seed);

/// A medium on which so many places fail one after the other is not asked for the rest of them.
constexpr unsigned kFailuresInARowMax = 64;

/// Samples what is there, then writes, flushes and reads back. `refused` counts what failed and
/// what was given up; a surface that takes no canary at all has none in the list. Ends early, with
/// nothing that counts, when it is to stop.
[[nodiscard]] SurfaceMarks mark_surface(const Surface& surface, std::uint64_t visible_before,
                                        ByteView seed, const std::stop_token& stop);

/// What an overwrite by the drive itself is told to leave: no device is found with it by chance,
/// and one that only forgot where its data lie answers zeros. {a, b, b, a}, a and b being
/// different, as no standard says in which order a 32-bit pattern comes to the medium.
[[nodiscard]] Bytes overwrite_pattern(ByteView seed);

/// "nothing", "zeros" or the bytes in hex, for the record.
[[nodiscard]] std::string to_text(const Promise& promise);
/// True when whole blocks hold what was promised, or nothing was.
[[nodiscard]] bool keeps(const Promise& promise, ByteView blocks);
/// What one block shows of a promise: a value of deallocated blocks counts only where the promise
/// has one.
enum class BlockShows : std::uint8_t { promised, deallocated, other };
[[nodiscard]] BlockShows look_at_block(const Promise& promise, ByteView block);

enum class SampleSeen : std::uint8_t {
    unreadable,
    uninformative,  ///< it was not read before, or one byte repeated
    changed,
    unchanged,
};

/// What was found where the marks were.
struct MarksSeen {
    std::vector<std::uint64_t> intact;      ///< canaries that still stand
    std::vector<std::uint64_t> unreadable;  ///< canaries
    std::vector<std::uint64_t> unexpected;  ///< of these: not as the technique leaves blocks
    std::uint64_t changed = 0;              ///< canaries
    std::vector<SampleSeen> samples;        ///< in the order of the marks
    std::uint64_t promised_checked = 0;
    std::uint64_t promised_mismatches = 0;
    std::vector<std::uint64_t> deallocated;  ///< places that show a value of deallocated blocks
    struct Status {
        std::string text;
        bool expected = false;
        auto operator<=>(const Status&) const = default;
    };
    std::map<Status, std::uint64_t> statuses;  ///< of unreadable places: how many
};
/// Reads one place: as bytes, or with the drive's own status.
using PlaceReader = std::function<ReadStatus(std::uint64_t offset, MutableByteView into)>;
[[nodiscard]] MarksSeen look_for(const SurfaceMarks& marks, ByteView seed, const Promise& promise,
                                 const PlaceReader& read);
/// Of at most so many canaries and as many telling samples, from the first to the last: what is
/// still there, and how many places could be read.
struct SomeSeen {
    std::vector<std::uint64_t> intact;   ///< canaries
    std::vector<std::size_t> unchanged;  ///< samples, by their number
    std::uint64_t read = 0;
};
[[nodiscard]] SomeSeen look_for_some(const SurfaceMarks& marks, std::size_t most, ByteView seed,
                                     const PlaceReader& read);
/// Evenly from the first to the last, at most so many.
[[nodiscard]] std::vector<std::uint64_t> spread(const std::vector<std::uint64_t>& places,
                                                std::size_t most);
/// A place beside a canary, where nothing of ours is looked for; nothing when there is none.
[[nodiscard]] std::optional<std::uint64_t> place_beside(const SurfaceMarks& marks,
                                                        std::uint64_t canary);

}  // namespace efface::method
