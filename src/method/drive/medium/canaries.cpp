// SPDX-License-Identifier: Apache-2.0
#include "canaries.hpp"

#include <algorithm>
#include <cstring>

#include "efface/base/digest.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/rules/techniques.hpp"
#include "efface/stream/keyed_stream.hpp"

namespace efface::method {

namespace {

/// Behind what was visible before hidden areas were opened.
constexpr std::uint64_t kHiddenParts = 64;
constexpr std::size_t kPieceBytes = 512;

Digest key_of(ByteView seed, const std::string& purpose) {
    EFFACE_ASSERT(seed.size() == kCanarySeedBytes);
    Sha256 digest;
    digest.update(seed);
    digest.update(as_bytes(purpose));
    return digest.finish();
}

/// Pseudo-random numbers below a bound, one after the other.
class Numbers final {
  public:
    explicit Numbers(const Digest& key) : stream_(key) {}
    std::uint64_t below(std::uint64_t bound) {
        EFFACE_ASSERT(bound > 0);
        Bytes number(sizeof(std::uint64_t));
        stream_.fill(at_, number);
        at_ += number.size();
        return read_be<std::uint64_t>(number, 0) % bound;  // no bias that matters below 2^50
    }

  private:
    stream::KeyedStream stream_;
    std::uint64_t at_ = 0;
};

/// One place in each of `parts` equal parts of [begin, end), in whole blocks.
void scatter(std::uint64_t begin, std::uint64_t end, std::uint64_t parts, std::uint32_t block_bytes,
             Numbers& numbers, std::vector<std::uint64_t>& places) {
    const std::uint64_t blocks = (end - begin) / block_bytes;
    parts = std::min(parts, blocks / 2);
    for (std::uint64_t part = 0; part < parts; ++part) {
        const std::uint64_t first = blocks * part / parts;
        const std::uint64_t last = blocks * (part + 1) / parts;
        places.push_back(begin + (first + numbers.below(last - first)) * block_bytes);
    }
}

/// Drops what overlaps its neighbour; the first and the last place stay.
void keep_apart(std::vector<std::uint64_t>& places, std::uint32_t block_bytes) {
    std::sort(places.begin(), places.end());
    const std::uint64_t last = places.back();
    std::vector<std::uint64_t> kept;
    for (const std::uint64_t place : places) {
        const bool clear_of_last = place == last || place + block_bytes <= last;
        if (clear_of_last && (kept.empty() || kept.back() + block_bytes <= place)) {
            kept.push_back(place);
        }
    }
    places = std::move(kept);
}

std::vector<std::uint64_t> sample_places(std::uint64_t size, std::uint32_t block_bytes,
                                         const std::vector<std::uint64_t>& canaries,
                                         ByteView seed) {
    Numbers numbers(key_of(seed, "sample places"));
    std::vector<std::uint64_t> places;
    scatter(0, size, kSamples, block_bytes, numbers, places);
    std::erase_if(places, [&](std::uint64_t place) {
        const auto next = std::lower_bound(canaries.begin(), canaries.end(), place);
        return (next != canaries.end() && *next < place + block_bytes) ||
               (next != canaries.begin() && *std::prev(next) + block_bytes > place);
    });
    return places;
}

bool uniform(ByteView block) {
    return std::all_of(block.begin(), block.end(),
                       [&](std::uint8_t byte) { return byte == block.front(); });
}

/// A single sector of a canary that was kept is kept data.
bool holds_piece_of(ByteView block, ByteView canary) {
    for (std::size_t at = 0; at + kPieceBytes <= block.size(); at += kPieceBytes) {
        const auto piece = block.subspan(at, kPieceBytes);
        if (std::equal(piece.begin(), piece.end(), canary.subspan(at, kPieceBytes).begin())) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::uint64_t canary_parts() {
    return rules::techniques().family("drive").canaries.parts;
}

std::uint32_t canary_bytes() {
    return static_cast<std::uint32_t>(rules::techniques().family("drive").canaries.block_bytes_min);
}

std::vector<std::uint64_t> canary_places(std::uint64_t size_bytes, std::uint32_t block_bytes,
                                         std::uint32_t alignment, std::uint64_t visible_before,
                                         ByteView seed) {
    EFFACE_ASSERT(alignment > 0 && block_bytes % alignment == 0);
    const std::uint64_t size = size_bytes - size_bytes % alignment;
    if (size < block_bytes) {
        return {};
    }
    std::vector<std::uint64_t> places{0, size - block_bytes};
    Numbers numbers(key_of(seed, "canary places"));
    scatter(0, size, canary_parts(), block_bytes, numbers, places);
    if (visible_before > 0 && visible_before < size) {
        const std::uint64_t hidden = visible_before - visible_before % alignment;
        if (size - hidden >= block_bytes) {
            places.push_back(hidden);
        }
        scatter(hidden, size, kHiddenParts, block_bytes, numbers, places);
    }
    keep_apart(places, block_bytes);
    return places;
}

namespace {

/// Of places that are tried one after the other.
class Tries final {
  public:
    explicit Tries(const std::stop_token& stop) : stop_(stop) {}
    /// False: nothing more is to be tried.
    [[nodiscard]] bool go_on() const {
        return failures_ < kFailuresInARowMax && !stop_.stop_requested();
    }
    bool note(bool success) {
        failures_ = success ? 0 : failures_ + 1;
        return success;
    }

  private:
    const std::stop_token& stop_;
    unsigned failures_ = 0;
};

}  // namespace

SurfaceMarks mark_surface(const Surface& surface, std::uint64_t visible_before, ByteView seed,
                          const std::stop_token& stop) {
    auto& storage = *surface.storage;
    const std::uint32_t alignment = storage.preferred_alignment();
    SurfaceMarks marks;
    marks.name = surface.name;
    marks.size_bytes = storage.size_bytes();
    marks.block_bytes = std::max(canary_bytes(), alignment);
    auto wanted =
        canary_places(marks.size_bytes, marks.block_bytes, alignment, visible_before, seed);
    device::AlignedBuffer buffer(marks.block_bytes);
    const MutableByteView block = buffer.view();
    Tries samples(stop);
    for (const auto place : sample_places(marks.size_bytes, marks.block_bytes, wanted, seed)) {
        SampledBlock sample;
        sample.offset = place;
        if (samples.go_on() && samples.note(storage.read_at(place, block).complete(block.size()))) {
            sample.sha256 = sha256_hex(block);
            sample.uniform = uniform(block);
        }
        marks.samples.push_back(std::move(sample));
    }
    stream::KeyedStream content(key_of(seed, "canaries of " + surface.name));
    const std::size_t asked = wanted.size();
    Tries writes(stop);
    std::erase_if(wanted, [&](std::uint64_t place) {
        content.fill(place, block);
        return !writes.go_on() ||
               !writes.note(storage.write_at(place, block).complete(block.size()));
    });
    if (storage.flush() != 0) {
        wanted.clear();
    }
    // Only what the medium gives back can be missed afterwards.
    Tries reads(stop);
    std::erase_if(wanted, [&](std::uint64_t place) {
        Bytes expected(marks.block_bytes);
        content.fill(place, expected);
        return !reads.go_on() ||
               !reads.note(storage.read_at(place, block).complete(block.size())) ||
               !std::equal(block.begin(), block.end(), expected.begin());
    });
    marks.refused = asked - wanted.size();
    marks.canaries = std::move(wanted);
    return marks;
}

Bytes overwrite_pattern(ByteView seed) {
    const auto drawn = key_of(seed, "overwrite pattern");
    const std::uint8_t first = drawn[0];
    const std::uint8_t second = drawn[1] != first ? drawn[1] : static_cast<std::uint8_t>(~first);
    return {first, second, second, first};
}

std::string to_text(const Promise& promise) {
    return promise.repeated.empty()     ? "nothing"
           : all_zero(promise.repeated) ? "zeros"
                                        : to_hex(promise.repeated);
}

bool keeps(const Promise& promise, ByteView blocks) {
    const ByteView pattern = promise.repeated;
    EFFACE_ASSERT(pattern.empty() || blocks.size() % pattern.size() == 0);
    if (pattern.empty() || blocks.empty()) {
        return true;
    }
    return std::equal(pattern.begin(), pattern.end(), blocks.begin()) &&
           std::memcmp(blocks.data(), blocks.data() + pattern.size(),
                       blocks.size() - pattern.size()) == 0;
}

BlockShows look_at_block(const Promise& promise, ByteView block) {
    if (keeps(promise, block)) {
        return BlockShows::promised;
    }
    const auto& values = promise.deallocated;
    const bool uniform_block = !block.empty() && uniform(block);
    return uniform_block && std::find(values.begin(), values.end(), block.front()) != values.end()
               ? BlockShows::deallocated
               : BlockShows::other;
}

MarksSeen look_for(const SurfaceMarks& marks, ByteView seed, const Promise& promise,
                   const PlaceReader& read) {
    MarksSeen seen;
    stream::KeyedStream content(key_of(seed, "canaries of " + marks.name));
    device::AlignedBuffer buffer(marks.block_bytes);
    const MutableByteView block = buffer.view();
    Bytes expected(marks.block_bytes);
    bool expected_status = false;  // of the place read last
    const auto unreadable = [&](const std::string& status, bool as_expected) {
        expected_status = as_expected;
        ++seen.statuses[{status, as_expected}];
        return false;
    };
    // A read that brings nothing has seen nothing, whatever it answers.
    const auto readable = [&](std::uint64_t place) {
        content.fill(place, expected);
        std::copy(expected.begin(), expected.end(), block.begin());
        const auto answer = read(place, block);
        if (!answer.readable) {
            // Where content is promised every block can be read.
            return unreadable(answer.status, answer.expected && promise.repeated.empty());
        }
        if (!promise.repeated.empty()) {
            ++seen.promised_checked;
            const auto shows = look_at_block(promise, block);
            seen.promised_mismatches += shows == BlockShows::other ? 1U : 0U;
            if (shows == BlockShows::deallocated) {
                seen.deallocated.push_back(place);
            }
        }
        return true;
    };
    for (const auto place : marks.canaries) {
        if (!readable(place)) {
            seen.unreadable.push_back(place);
            if (!expected_status) {
                seen.unexpected.push_back(place);
            }
        } else if (holds_piece_of(block, expected)) {
            seen.intact.push_back(place);
        } else {
            ++seen.changed;
        }
    }
    for (const auto& sample : marks.samples) {
        const bool informative = !sample.sha256.empty() && !sample.uniform;
        bool read_it = readable(sample.offset);
        if (read_it && std::equal(expected.begin(), expected.end(), block.begin())) {
            read_it = unreadable("the read returned no data", false);
        }
        seen.samples.push_back(!informative                         ? SampleSeen::uninformative
                               : !read_it                           ? SampleSeen::unreadable
                               : sha256_hex(block) == sample.sha256 ? SampleSeen::unchanged
                                                                    : SampleSeen::changed);
    }
    return seen;
}

SomeSeen look_for_some(const SurfaceMarks& marks, std::size_t most, ByteView seed,
                       const PlaceReader& read) {
    SomeSeen seen;
    stream::KeyedStream content(key_of(seed, "canaries of " + marks.name));
    device::AlignedBuffer buffer(marks.block_bytes);
    const MutableByteView block = buffer.view();
    Bytes expected(marks.block_bytes);
    const auto readable = [&](std::uint64_t place) {
        std::fill(block.begin(), block.end(), std::uint8_t{0});
        const bool brought = read(place, block).readable;
        seen.read += brought ? 1U : 0U;
        return brought;
    };
    for (const auto place : spread(marks.canaries, most)) {
        content.fill(place, expected);
        if (readable(place) && holds_piece_of(block, expected)) {
            seen.intact.push_back(place);
        }
    }
    std::vector<std::uint64_t> telling;
    for (std::size_t i = 0; i < marks.samples.size(); ++i) {
        if (!marks.samples[i].sha256.empty() && !marks.samples[i].uniform) {
            telling.push_back(i);
        }
    }
    for (const auto number : spread(telling, most)) {
        const auto& sample = marks.samples[number];
        if (readable(sample.offset) && sha256_hex(block) == sample.sha256) {
            seen.unchanged.push_back(number);
        }
    }
    return seen;
}

std::vector<std::uint64_t> spread(const std::vector<std::uint64_t>& places, std::size_t most) {
    if (places.size() <= most) {
        return places;
    }
    EFFACE_ASSERT(most > 1);
    std::vector<std::uint64_t> some;
    for (std::size_t i = 0; i < most; ++i) {
        some.push_back(places[i * (places.size() - 1) / (most - 1)]);
    }
    return some;
}

std::optional<std::uint64_t> place_beside(const SurfaceMarks& marks, std::uint64_t canary) {
    const std::uint64_t length = marks.block_bytes;
    const auto overlaps = [&](std::uint64_t one, std::uint64_t other) {
        return one < other + length && other < one + length;
    };
    const auto is_free = [&](std::uint64_t place) {
        return std::none_of(marks.canaries.begin(), marks.canaries.end(),
                            [&](std::uint64_t other) { return overlaps(place, other); }) &&
               std::none_of(marks.samples.begin(), marks.samples.end(),
                            [&](const auto& sample) { return overlaps(place, sample.offset); });
    };
    if (canary + 2 * length <= marks.size_bytes && is_free(canary + length)) {
        return canary + length;
    }
    if (canary >= length && is_free(canary - length)) {
        return canary - length;
    }
    return std::nullopt;
}

}  // namespace efface::method
