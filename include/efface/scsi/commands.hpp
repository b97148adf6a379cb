// SPDX-License-Identifier: Apache-2.0
// Command descriptor blocks of the commands that need no file of their own: all CDBs that the
// program sends are in this module. Lengths are in bytes, counts in logical blocks.
#pragma once

#include <cstdint>
#include <optional>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

/// SPC-5, section 6.47.
[[nodiscard]] Bytes test_unit_ready_cdb();
/// SPC-5, section 6.38. Asks for the fixed format (DESC 0); the answer may be either.
[[nodiscard]] Bytes request_sense_cdb(std::uint8_t allocation_length);

/// SBC-4, section 5.16.
[[nodiscard]] Bytes read_16_cdb(std::uint64_t block, std::uint32_t blocks);
/// SBC-4, section 5.40.
[[nodiscard]] Bytes write_16_cdb(std::uint64_t block, std::uint32_t blocks);
/// SBC-4, section 5.34. Of the whole medium.
[[nodiscard]] Bytes synchronize_cache_16_cdb();
/// SBC-4, section 5.50: the data-out block on each of `blocks` (not 0) blocks. UNMAP, ANCHOR and
/// NDOB are 0: what is written is written.
[[nodiscard]] Bytes write_same_16_cdb(std::uint64_t block, std::uint32_t blocks);

/// The forms of ten bytes of the same four, for disks that know no others. READ, WRITE and WRITE
/// SAME take what fits_ten_bytes() (asserted): 32 bits of an address, 16 of a count.
constexpr std::uint32_t kTenByteBlocksMax = 0xffff;
[[nodiscard]] bool fits_ten_bytes(std::uint64_t block, std::uint32_t blocks) noexcept;
[[nodiscard]] Bytes read_10_cdb(std::uint64_t block, std::uint32_t blocks);
[[nodiscard]] Bytes write_10_cdb(std::uint64_t block, std::uint32_t blocks);
[[nodiscard]] Bytes write_same_10_cdb(std::uint64_t block, std::uint32_t blocks);
[[nodiscard]] Bytes synchronize_cache_10_cdb();

/// SPC-5, sections 6.40 and 6.41. The length is counted in blocks of 512 bytes (INC_512 1).
[[nodiscard]] Bytes security_protocol_in_cdb(std::uint8_t protocol, std::uint16_t specific,
                                             std::uint32_t blocks);
[[nodiscard]] Bytes security_protocol_out_cdb(std::uint8_t protocol, std::uint16_t specific,
                                              std::uint32_t blocks);

/// SPC-5, section 6.33: SELECT REPORT 0, the units of the target that can be addressed.
[[nodiscard]] Bytes report_luns_cdb(std::uint32_t allocation_length);
/// How many; nullopt when the answer is too short to say.
[[nodiscard]] std::optional<std::uint32_t> decode_lun_count(ByteView bytes);

/// REPORT SUPPORTED OPERATION CODES for one command (SPC-5, section 6.35): REPORTING OPTIONS 010b
/// with a service action, 001b without; RCTD 0.
[[nodiscard]] Bytes report_supported_operation_codes_cdb(std::uint8_t opcode,
                                                         std::optional<std::uint16_t> action,
                                                         std::uint32_t allocation_length);
/// The same for all commands: REPORTING OPTIONS 000b.
[[nodiscard]] Bytes report_all_operation_codes_cdb(std::uint32_t allocation_length);
/// The SUPPORT field (SPC-5, table 284).
enum class Support : std::uint8_t {
    not_told = 0,  ///< not available at the moment
    unsupported = 1,
    supported = 3,
    vendor_specific = 5,  ///< something else than the standard's command
};
/// nullopt for a short answer; values that the standard does not list are not_told.
[[nodiscard]] std::optional<Support> decode_support(ByteView bytes);
/// Of the list of all commands: supported when it is there. nullopt for a list that is empty or
/// cut off.
[[nodiscard]] std::optional<Support> find_support(ByteView list, std::uint8_t opcode,
                                                  std::optional<std::uint16_t> action);

}  // namespace efface::scsi
