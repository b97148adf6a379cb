// SPDX-License-Identifier: Apache-2.0
#include "content_sample.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

namespace efface::job {

namespace {

constexpr std::uint64_t kEndBytes = 64 * 1024;
constexpr std::uint64_t kPieceBytes = 4096;
constexpr std::uint64_t kPieces = 62;

/// Null when it can not be read.
Json digest_of(device::BlockTarget& target, std::uint64_t offset, std::uint64_t length) {
    Bytes content(static_cast<std::size_t>(length));
    if (!target.read_at(offset, content).complete(content.size())) {
        return nullptr;
    }
    return sha256_hex(content);
}

}  // namespace

Json sample_content(device::BlockTarget& target) {
    const auto size = target.size_bytes();
    Json sample = Json::array();
    const auto add = [&](std::uint64_t offset, std::uint64_t length) {
        if (length > 0) {
            sample.push_back(ObjectWriter()
                                 .add("offset", offset)
                                 .add("length", length)
                                 .add("sha256", digest_of(target, offset, length))
                                 .take());
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

std::optional<std::uint64_t> changed_since(const Json& sample, device::BlockTarget& target) {
    if (!sample.is_array()) {
        return std::nullopt;
    }
    for (const auto& piece : sample) {
        const auto offset = piece.at("offset").get<std::uint64_t>();
        const auto length = piece.at("length").get<std::uint64_t>();
        if (length > kEndBytes + kPieceBytes || offset > target.size_bytes() ||
            length > target.size_bytes() - offset) {
            return offset;
        }
        const auto now = digest_of(target, offset, length);
        if (now != piece.at("sha256") && !now.is_null() && !piece.at("sha256").is_null()) {
            return offset;
        }
    }
    return std::nullopt;
}

}  // namespace efface::job
