// SPDX-License-Identifier: Apache-2.0
#include "disguise.hpp"

#include <algorithm>

namespace efface::fake {

namespace {

Bytes block_of(const DriveMedia& media, std::uint64_t block) {
    Bytes content(media.block_bytes());
    media.read(block, content);
    return content;
}

}  // namespace

std::string Lie::text() const {
    static const char* const kKeeps[] = {"nothing",   "everything",   "before-marks",
                                         "last-half", "all-but-ends", "all-but-marks"};
    static const char* const kShows[] = {
        "medium", "status", "status-where-kept", "zeros", "ones", "noise", "before", "no-data"};
    static const char* const kUntil[] = {"forever", "reset", "write"};
    static const char* const kPath[] = {"all", "kernel", "command"};
    static const char* const kLoses[] = {"", ", loses all writes", ", loses writes to its half"};
    return std::string("keeps ") + kKeeps[static_cast<std::size_t>(keeps)] + ", shows " +
           kShows[static_cast<std::size_t>(shows)] + " " + std::to_string(status) + ", until " +
           kUntil[static_cast<std::size_t>(until)] + ", by " +
           kPath[static_cast<std::size_t>(path)] + kLoses[static_cast<std::size_t>(loses)];
}

bool Lie::beyond_reading(std::string_view content) const {
    const bool anything = content == "nothing" && (shows == Shows::ones || shows == Shows::noise);
    const bool zeros = (content == "nothing" || content == "zeros") && shows == Shows::zeros;
    return keeps != Keeps::nothing && path == Path::all && (anything || zeros);
}

Disguise::Disguise(DriveMedia& media, Lie lie) : media_(media), lie_(lie), original_(media) {}

void Disguise::erasure_begins() {
    at_start_ = media_;
}

bool Disguise::kept(std::uint64_t block) const {
    constexpr std::uint64_t kEnds = 16;
    const std::uint64_t blocks = media_.blocks();
    switch (lie_.keeps) {
        case Lie::Keeps::nothing:
            return false;
        case Lie::Keeps::everything:
        case Lie::Keeps::before_marks:
            return true;
        case Lie::Keeps::last_half:
            return block >= blocks / 2;
        case Lie::Keeps::all_but_ends:
            return block >= kEnds && block + kEnds < blocks;
        case Lie::Keeps::all_but_marks:
            return block_of(*at_start_, block) == block_of(original_, block);
    }
    return false;
}

void Disguise::erasure_ends() {
    if (!at_start_ || hides_) {
        return;
    }
    const bool before = lie_.keeps == Lie::Keeps::before_marks;
    for (std::uint64_t block = 0; block < media_.blocks(); ++block) {
        if (kept(block)) {
            media_.write(block, block_of(before ? original_ : *at_start_, block));
        }
    }
    hides_ = lie_.shows != Lie::Shows::medium;
}

void Disguise::reset() {
    hides_ = hides_ && lie_.until != Lie::Until::reset;
}

bool Disguise::takes_write(std::uint64_t block) {
    hides_ = hides_ && lie_.until != Lie::Until::write;
    return lie_.loses == Lie::Loses::nothing ||
           (lie_.loses == Lie::Loses::last_half && block < media_.blocks() / 2);
}

Disguise::Answer Disguise::read(bool by_kernel, std::uint64_t block, MutableByteView into) {
    const bool this_way =
        lie_.path == Lie::Path::all || (lie_.path == Lie::Path::kernel) == by_kernel;
    if (!hides_ || !this_way) {
        return Answer::real;
    }
    switch (lie_.shows) {
        case Lie::Shows::medium:
            return Answer::real;
        case Lie::Shows::status:
            return Answer::status;
        case Lie::Shows::status_where_kept:
            for (std::uint64_t i = 0; i < into.size() / media_.block_bytes(); ++i) {
                if (block_of(media_, block + i) == block_of(original_, block + i)) {
                    return Answer::status;
                }
            }
            return Answer::real;
        case Lie::Shows::zeros:
            std::fill(into.begin(), into.end(), std::uint8_t{0});
            return Answer::filled;
        case Lie::Shows::ones:
            std::fill(into.begin(), into.end(), std::uint8_t{0xff});
            return Answer::filled;
        case Lie::Shows::noise:
            for (auto& byte : into) {
                noise_ = static_cast<std::uint8_t>(noise_ * 5U + 1U);
                byte = static_cast<std::uint8_t>(noise_ ^ (noise_ >> 3U));
            }
            noise_ = static_cast<std::uint8_t>(noise_ + 2U);
            return Answer::filled;
        case Lie::Shows::before:
            original_.read(block, into);
            return Answer::filled;
        case Lie::Shows::no_data:
            return Answer::nothing;
    }
    return Answer::real;
}

std::uint64_t Disguise::left() const {
    std::uint64_t left = 0;
    for (std::uint64_t block = 0; block < media_.blocks(); ++block) {
        left += block_of(media_, block) == block_of(original_, block) ? 1U : 0U;
    }
    return left;
}

}  // namespace efface::fake
