// SPDX-License-Identifier: Apache-2.0
// What a LUKS volume may be claimed to be, beyond the sums: that all of its key places were
// overwritten, and that the payload is known to be ciphertext. Private to the judge module.
#pragma once

#include <cstdint>
#include <string_view>

#include "efface/rules/techniques.hpp"

#include "rules/claims.hpp"

namespace efface::judge {

/// For a volume that is claimed as treated. `authorization` holds the owner's statement.
void check_volume_evidence(const RecordView& volume, const RecordView& authorization, Schema schema,
                           const rules::Family& family);
/// Whether a cipher specification of dm-crypt ("aes-xts-plain64", "capi:cbc(aes)-essiv:sha256"), in
/// any spelling, is one that hides what it is given: a known cipher with 128 bits and more, not
/// block by block.
[[nodiscard]] bool hides_payload(std::string_view encryption, std::uint64_t key_bytes,
                                 const rules::VolumeRule& rule);
/// Whether a list of reasons has one with this code. Never in 1.0.0, which has no codes.
[[nodiscard]] bool names_reason(const RecordView& list, std::string_view code);

/// Whether a layer below is what a rule names: a flag of it, or something in its note.
[[nodiscard]] bool is_named_layer(const RecordView& layer, const rules::NoLevelRule& rule);

}  // namespace efface::judge
