// SPDX-License-Identifier: Apache-2.0
// A lie about an erasure: what of the medium is really kept, and how reads hide that. Decorators of
// the transports and of the kernel's block device (lying_transport.hpp) tell it, so that any read
// can be any bytes or any status, by any path, until something makes the old data readable again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drive_media.hpp"

namespace efface::fake {

struct Lie {
    /// What the drive keeps, although it reports success.
    enum class Keeps {
        nothing,       ///< honest
        everything,    ///< as it was when the erasure began
        before_marks,  ///< as it was before the host wrote anything: its writes are gone
        last_half,
        all_but_ends,   ///< the first and the last blocks alone are erased
        all_but_marks,  ///< only what the host wrote is erased
    } keeps = Keeps::nothing;
    /// What a read gives afterwards.
    enum class Shows {
        medium,
        status,             ///< an error, of which `status` is the number
        status_where_kept,  ///< the same, only where old data stands
        zeros,
        ones,
        noise,
        before,   ///< what stood there before the host wrote anything
        no_data,  ///< success, and not a byte
    } shows = Shows::medium;
    unsigned status = 0;
    enum class Until { forever, reset, write } until = Until::forever;
    enum class Path { all, kernel, command } path = Path::all;
    /// Writes of the host that are answered with success and lost.
    enum class Loses { nothing, all, last_half } loses = Loses::nothing;

    [[nodiscard]] std::string text() const;
    /// Nobody who reads can know: every path shows what the technique leaves ("nothing" certain,
    /// "zeros" or a pattern of the job's).
    [[nodiscard]] bool beyond_reading(std::string_view content) const;
};

class Disguise final {
  public:
    /// The medium is full of what is to be erased. It outlives this.
    Disguise(DriveMedia& media, Lie lie);

    void erasure_begins();
    void erasure_ends();
    void reset();
    /// Called for every write of the host. False: it is lost.
    [[nodiscard]] bool takes_write(std::uint64_t block);

    enum class Answer { real, filled, status, nothing };
    /// `into` is one or more whole blocks from `block` on.
    [[nodiscard]] Answer read(bool by_kernel, std::uint64_t block, MutableByteView into);

    [[nodiscard]] const Lie& lie() const noexcept { return lie_; }
    /// Blocks of the first content that stand where they stood.
    [[nodiscard]] std::uint64_t left() const;

  private:
    [[nodiscard]] bool kept(std::uint64_t block) const;

    DriveMedia& media_;
    Lie lie_;
    DriveMedia original_;
    std::optional<DriveMedia> at_start_;
    bool hides_ = false;
    std::uint8_t noise_ = 1;
};

}  // namespace efface::fake
