// SPDX-License-Identifier: Apache-2.0
// What a finished job left on its storage, in a few digests: enough to see later that a file system
// was made there, a header restored, a disk exchanged. No evidence: it stays in the journal.
#pragma once

#include <optional>
#include <string>

#include "efface/base/json.hpp"
#include "efface/device/block_target.hpp"

namespace efface::job {

/// Digests of the first and last 64 KiB and of 62 pieces of 4 KiB between them: a list of
/// {"offset", "length", "sha256"}; the digest of a piece that can not be read is null. Pieces of a
/// target that is too small for all of them overlap.
[[nodiscard]] Json sample_content(device::BlockTarget& target);

/// The first piece that is not what it was: its offset. What could not be read then or now is
/// passed over. nullopt when there is none, also for a null sample.
[[nodiscard]] std::optional<std::uint64_t> changed_since(const Json& sample,
                                                         device::BlockTarget& target);

}  // namespace efface::job
