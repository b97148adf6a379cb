// SPDX-License-Identifier: Apache-2.0
// What a record claims of its target, for the rules that hold it against the figures. Every
// function throws Error(usage) that names the place. Private to the judge module.
#pragma once

#include <cstdint>
#include <string>

#include "efface/rules/techniques.hpp"

#include "rules/claims.hpp"

namespace efface::judge {

struct Claim {
    Schema schema = Schema::v1_0;
    TargetType type = TargetType::media;
    std::string status;
    std::string level;
    std::string technique;
    bool drive = false;                        ///< the technique is the drive's own
    const rules::Techniques* table = nullptr;  ///< never null
    const rules::Technique* row = nullptr;     ///< none: no technique that is known to erase
    const rules::Family* family = nullptr;     ///< never null
    bool success = false;
    bool whole = false;  ///< sanitized, without exceptions
    std::uint64_t size = 0;
};

/// A size or offset: a number that JSON can carry.
[[nodiscard]] std::uint64_t bytes_of(const RecordView& value);
/// The serial number that an identity states; "" when it states none.
[[nodiscard]] std::string serial_of(const RecordView& identity);
/// The target is named once, by the identity that was signed as the subject, and is still the same
/// afterwards.
void check_identities(const RecordView& predicate, const Claim& claim);
/// Storage that was hidden and neither opened nor covered is an exception.
void check_hidden_areas(const RecordView& predicate, const Claim& claim);
/// Techniques that were asked for before the one that was done.
void check_passed_over(const RecordView& sanitization);
/// Whether no more than one in so many is missing. 0: any number may be.
[[nodiscard]] bool is_enough(std::uint64_t read, std::uint64_t of, std::uint64_t one_in) noexcept;
/// Whatever the verdict: bytes that are looked for are those that belong to the seed of this job,
/// which no drive has by chance.
void check_promised_content(const RecordView& verification);
/// Blocks that show what deallocated ones read as, where a pattern was expected: only where the
/// drive itself reports that it deallocated some (NVMe log page 81h, SOS 4).
void check_deallocated(const RecordView& sanitization, const RecordView& verification);
/// Whatever the verdict: what was read and what could not be read is what there is, and reading
/// everything is said exactly where it was done.
void check_whole_medium(const RecordView& verification, const Claim& claim);
/// What a claim depends on was read: nine tenths of the canaries of each surface, and of what was
/// to be read back, and what could not be read is named.
void check_drive_was_read(const RecordView& predicate, const Claim& claim);
/// Storage that the host does not show is not covered by assumption: it was opened and looked at,
/// or it is an exception with the code hidden-area.
void check_unseen_areas(const RecordView& predicate, const Claim& claim);
void check_overwrite_was_read(const RecordView& predicate, const Claim& claim);
/// Only free pages are swept, whatever the verdict and the type of the record.
void check_sweep_place(const RecordView& predicate, const Claim& claim);
/// What was overwritten, or taken out of the free pages, or only freed: no more is claimed.
void check_memory_rules(const RecordView& predicate, const Claim& claim);
/// Pages that may be in swap or in zswap.
void check_swap_rules(const RecordView& predicate, const Claim& claim);
/// A drive's own erase: what it reported and what was seen, and that they support the verdict.
void check_drive_rules(const RecordView& predicate, const Claim& claim);

/// Odd sectors were formatted first, and to a size that Linux can address. Of a success: it was
/// ended before the erase was begun, both commands of it were sent, and the drive has the new size.
void check_sector_format(const RecordView& predicate, const Claim& claim);

}  // namespace efface::judge
