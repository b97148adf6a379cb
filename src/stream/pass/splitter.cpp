// SPDX-License-Identifier: Apache-2.0
#include "splitter.hpp"

namespace efface::stream {

void Splitter::begin(std::uint64_t offset, std::size_t length) {
    EFFACE_ASSERT(limits_.unit_bytes > 0 && length > 0 && length % limits_.unit_bytes == 0);
    rest_.assign(1, {offset, length, 0});
    failed_.clear();
    moved_ = 0;
    answers_ = 0;
    failed_in_row_ = 0;
}

std::optional<Span> Splitter::next() const {
    return rest_.empty() ? std::nullopt : std::optional<Span>(rest_.back());
}

std::size_t Splitter::answer(const device::IoResult& result) {
    EFFACE_ASSERT(!rest_.empty());
    const Span span = rest_.back();
    EFFACE_ASSERT(result.bytes <= span.length);
    rest_.pop_back();
    ++answers_;
    // All moved and yet an error: nothing of it is believed.
    const std::size_t believed =
        result.error != 0 && result.bytes == span.length ? 0 : result.bytes;
    const std::size_t moved = believed / limits_.unit_bytes * limits_.unit_bytes;
    moved_ += moved;
    if (moved > 0) {
        failed_in_row_ = 0;
    }
    if (moved == 0) {
        nothing_moved(span, result.error);
    } else if (moved < span.length) {
        rest_.push_back({span.offset + moved, span.length - moved, 0});
    }
    return moved;
}

void Splitter::nothing_moved(const Span& span, int error) {
    const std::size_t unit = limits_.unit_bytes;
    if (span.length > unit) {
        const std::size_t half = (span.length / unit + 1) / 2 * unit;
        rest_.push_back({span.offset + half, span.length - half, 0});
        rest_.push_back({span.offset, half, 0});
        return;
    }
    if (span.tries < limits_.retries) {
        rest_.push_back({span.offset, span.length, span.tries + 1});
        return;
    }
    add_failed(span.offset, span.length, error);
    ++failed_in_row_;
    if (failed_in_row_ >= limits_.failed_in_row_max) {
        while (!rest_.empty()) {
            const Span left = rest_.back();
            rest_.pop_back();
            add_failed(left.offset, left.length, error);
        }
    }
}

void Splitter::add_failed(std::uint64_t offset, std::size_t length, int error) {
    if (!failed_.empty()) {
        Failed& last = failed_.back();
        if (last.offset + last.length == offset && last.error == error) {
            last.length += length;
            return;
        }
    }
    failed_.push_back({offset, length, error});
}

}  // namespace efface::stream
