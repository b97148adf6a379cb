// SPDX-License-Identifier: Apache-2.0
// One copy of a header, read and understood as far as it goes. inspect.cpp weighs them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/luks/header.hpp"

#include "reading.hpp"

namespace efface::luks {

/// LUKS2_HDR_MAX: the largest of the nine header sizes.
constexpr std::uint64_t kHeaderBytesMax = std::uint64_t{4} << 20U;

/// What one copy says about the volume.
struct Metadata {
    std::vector<Keyslot> keyslots;
    std::vector<Segment> segments;
    std::vector<Token> tokens;
    std::vector<KeyDigest> digests;
    std::vector<std::string> requirements;
    std::uint64_t key_bytes = 0;
    std::optional<std::uint64_t> data_offset;
    std::uint64_t metadata_end = 0;
};

struct CopyReading {
    HeaderCopy copy;
    Metadata metadata;
    std::string json_sha256;          ///< of the JSON text: both copies of LUKS2 hold the same
    std::uint64_t stated_offset = 0;  ///< LUKS2 hdr_offset
};

/// Reads the copy at `offset`, whose sign was seen. Never throws for content.
[[nodiscard]] CopyReading read_copy(device::BlockTarget& target, std::uint64_t offset, Sign sign);

/// LUKS1: `bytes` are the first kBinaryHeaderBytes of the place, zero-filled where the target ends.
void parse_luks1(ByteView bytes, std::uint64_t target_bytes, CopyReading& reading);

/// LUKS2: reads the whole header area of `reading.copy.offset`, whose first bytes are `bytes`.
void read_luks2(device::BlockTarget& target, ByteView bytes, Sign sign, CopyReading& reading);

/// The JSON area of LUKS2 (text up to its first NUL) within a header of `header_bytes`.
/// nullopt when it is not JSON or larger than our bounds; problems go to `defects`.
[[nodiscard]] std::optional<Json> parse_luks2_text(std::string_view text,
                                                   std::vector<std::string>& defects);
[[nodiscard]] Metadata parse_luks2_metadata(const Json& root, std::uint64_t header_bytes,
                                            std::uint64_t target_bytes,
                                            std::vector<std::string>& defects);

/// The key areas with a known place.
[[nodiscard]] std::vector<Range> areas_of(const std::vector<Keyslot>& keyslots);
/// Adds a defect for every two key areas that share bytes.
void check_overlaps(const std::vector<Keyslot>& keyslots, std::vector<std::string>& defects);

}  // namespace efface::luks
