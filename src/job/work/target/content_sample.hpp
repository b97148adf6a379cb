// SPDX-License-Identifier: Apache-2.0
// What a finished job left on its storage, in a few digests: enough to see later that a file system
// was made there, a header restored, a disk exchanged. No evidence: it stays in the journal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/device/block_target.hpp"

namespace efface::job {

struct ContentPiece {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::string sha256;  ///< hex; empty: it could not be read
};
/// The first and last 64 KiB and 62 pieces of 4 KiB between them. Pieces of a target that is too
/// small for all of them overlap. A piece that cannot be read as a whole is halved, down to a
/// block, as long as not too many reads fail.
using ContentSample = std::vector<ContentPiece>;

/// What was left on one block device of the target.
struct SurfaceSample {
    std::uint32_t surface = 0;  ///< the namespace of an NVMe drive; 0: the target itself
    ContentSample pieces;       ///< empty where it could not be opened
};
[[nodiscard]] Json to_json(const std::vector<SurfaceSample>& left);
/// Throws Error for what is none, and for an unknown field.
[[nodiscard]] std::vector<SurfaceSample> samples_from_json(const Json& json);

[[nodiscard]] ContentSample sample_content(device::BlockTarget& target);

/// The first piece that is not what it was, that could be read then or now alone, or that is more
/// than a block and cannot be read: its offset. nullopt when there is none.
[[nodiscard]] std::optional<std::uint64_t> changed_since(const ContentSample& sample,
                                                         device::BlockTarget& target);

}  // namespace efface::job
