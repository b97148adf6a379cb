// SPDX-License-Identifier: Apache-2.0
#include "content_sample.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

namespace efface::job {

namespace {

constexpr std::uint64_t kEndBytes = 64 * 1024;
constexpr std::uint64_t kPieceBytes = 4096;
constexpr std::uint64_t kPieces = 62;
/// So many failed reads more are made to find what can be read beside a bad block: each may take a
/// disk half a minute.
constexpr unsigned kFailuresMax = 24;

/// Empty when it cannot be read.
std::string digest_of(device::BlockTarget& target, std::uint64_t offset, std::uint64_t length) {
    Bytes content(static_cast<std::size_t>(length));
    if (!target.read_at(offset, content).complete(content.size())) {
        return {};
    }
    return sha256_hex(content);
}

ContentPiece piece_from_json(const Json& json) {
    ObjectReader reader(json, "a piece");
    ContentPiece piece{reader.required_unsigned("offset"), reader.required_unsigned("length"),
                       reader.required_string("sha256")};
    reader.refuse_unknown_keys();
    const auto digest = from_hex(piece.sha256);
    if (!digest || (!digest->empty() && digest->size() != sizeof(Digest))) {
        reader.fail("sha256", "is none");
    }
    return piece;
}

}  // namespace

Json to_json(const std::vector<SurfaceSample>& left) {
    Json list = Json::array();
    for (const auto& one : left) {
        Json pieces = Json::array();
        for (const auto& piece : one.pieces) {
            pieces.push_back(ObjectWriter()
                                 .add("offset", piece.offset)
                                 .add("length", piece.length)
                                 .add("sha256", piece.sha256)
                                 .take());
        }
        list.push_back(
            ObjectWriter().add("surface", one.surface).add("pieces", std::move(pieces)).take());
    }
    return list;
}

std::vector<SurfaceSample> samples_from_json(const Json& json) {
    std::vector<SurfaceSample> left;
    for (const auto& one : json) {
        ObjectReader reader(one, "a sample");
        SurfaceSample sample;
        const auto surface = reader.required_unsigned("surface");
        if (surface > UINT32_MAX) {
            reader.fail("surface", "is no namespace");
        }
        sample.surface = static_cast<std::uint32_t>(surface);
        for (const auto& piece : reader.required_array("pieces")) {
            sample.pieces.push_back(piece_from_json(piece));
        }
        reader.refuse_unknown_keys();
        left.push_back(std::move(sample));
    }
    return left;
}

namespace {

/// Halves what cannot be read as a whole, so that a bad block hides its neighbours no longer than
/// `failures_left` allows.
void sample_piece(device::BlockTarget& target, std::uint64_t offset, std::uint64_t length,
                  unsigned& failures_left, ContentSample& sample) {
    auto digest = digest_of(target, offset, length);
    const std::uint64_t unit = target.preferred_alignment();
    const std::uint64_t half = length / 2 / unit * unit;
    if (!digest.empty() || half == 0 || failures_left == 0) {
        sample.push_back({offset, length, std::move(digest)});
        return;
    }
    --failures_left;
    sample_piece(target, offset, half, failures_left, sample);
    sample_piece(target, offset + half, length - half, failures_left, sample);
}

}  // namespace

ContentSample sample_content(device::BlockTarget& target) {
    const auto size = target.size_bytes();
    ContentSample sample;
    unsigned failures_left = kFailuresMax;
    const auto add = [&](std::uint64_t offset, std::uint64_t length) {
        if (length > 0) {
            sample_piece(target, offset, length, failures_left, sample);
        }
    };
    const auto end = std::min(size, kEndBytes);
    add(0, end);
    for (std::uint64_t i = 1; i <= kPieces && size > 2 * kEndBytes; ++i) {
        const auto offset = size / (kPieces + 1) * i / kPieceBytes * kPieceBytes;
        add(offset, std::min(kPieceBytes, size - offset));
    }
    const auto last = (size - end) / kPieceBytes * kPieceBytes;
    add(last, size - last);
    return sample;
}

std::optional<std::uint64_t> changed_since(const ContentSample& sample,
                                           device::BlockTarget& target) {
    for (const auto& piece : sample) {
        if (piece.length > kEndBytes + kPieceBytes || piece.offset > target.size_bytes() ||
            piece.length > target.size_bytes() - piece.offset) {
            return piece.offset;
        }
        const auto now = digest_of(target, piece.offset, piece.length);
        // What can be read now and could not, or could and cannot now, is not as it was left, as
        // far as can be told. Beside one bad block nothing hides; among several anything may.
        const bool hides = now.empty() && piece.length > target.preferred_alignment();
        if (now != piece.sha256 || hides) {
            return piece.offset;
        }
    }
    return std::nullopt;
}

}  // namespace efface::job
