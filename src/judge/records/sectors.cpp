// SPDX-License-Identifier: Apache-2.0
// Sectors that were formatted before an erase.
#include <bit>

#include "target_claim.hpp"

namespace efface::judge {

namespace {

/// MODE SELECT names the size, FORMAT UNIT makes it so.
void check_format_commands(const RecordView& commands) {
    bool selected = false;
    bool formatted = false;
    for (const RecordView& command : commands.items()) {
        const std::string_view bytes = command.at("bytes").text();
        selected = selected || bytes.starts_with("15") || bytes.starts_with("55");
        formatted = formatted || (selected && bytes.starts_with("04"));
    }
    if (!formatted) {
        commands.fail("are not those that format sectors");
    }
}

}  // namespace

void check_sector_format(const RecordView& predicate, const Claim& claim) {
    constexpr std::uint64_t kSmallest = 512;
    const RecordView operation = predicate.at("sanitization").at("operation");
    const auto format = operation.maybe("sectorFormat");
    if (!format) {
        return;
    }
    const std::uint64_t before = format->at("before").number();
    if (before >= kSmallest && std::has_single_bit(before)) {
        format->at("before").fail("can be addressed: it was not to be formatted");
    }
    const std::uint64_t after = format->at("after").number();
    if (after != kSmallest && after != 4096) {
        format->at("after").fail("is neither 512 nor 4096");
    }
    const WallTime began = format->at("startedAt").time();
    const auto ended = time_of(*format, "endedAt");
    const WallTime from = predicate.at("sanitization").at("startedAt").time();
    const auto erased = time_of(operation, "startedAt");
    if (began < from || (ended && *ended < began) || (ended && erased && *erased < *ended)) {
        format->fail("is out of order");
    }
    if (!ended && (erased || claim.success)) {
        format->at("endedAt").fail("is missing, yet the drive was told to erase");
    }
    if (!claim.success) {
        return;
    }
    check_format_commands(format->at("commands"));
    const auto now = predicate.at("target").at("drive").at("facts").maybe("blockBytes");
    if (!now || now->number() != after) {
        format->at("after").fail("is not the size of the drive's sectors");
    }
}

}  // namespace efface::judge
