// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/commands.hpp"

namespace efface::scsi {

namespace {

constexpr std::uint8_t kRequestSense = 0x03;
constexpr std::uint8_t kRead10 = 0x28;
constexpr std::uint8_t kWrite10 = 0x2a;
constexpr std::uint8_t kSynchronizeCache10 = 0x35;
constexpr std::uint8_t kWriteSame10 = 0x41;
constexpr std::uint8_t kRead16 = 0x88;
constexpr std::uint8_t kWrite16 = 0x8a;
constexpr std::uint8_t kSynchronizeCache16 = 0x91;
constexpr std::uint8_t kWriteSame16 = 0x93;
constexpr std::uint8_t kReportLuns = 0xa0;
constexpr std::uint8_t kSecurityProtocolIn = 0xa2;
constexpr std::uint8_t kMaintenanceIn = 0xa3;
constexpr std::uint8_t kIncrementOf512 = 0x80;  // INC_512 in byte 4
constexpr std::uint8_t kSecurityProtocolOut = 0xb5;
constexpr std::uint8_t kReportSupportedOperationCodes = 0x0c;
constexpr std::uint8_t kOneCommand = 0x01;
constexpr std::uint8_t kOneCommandWithAction = 0x02;

/// The 16-byte form with LOGICAL BLOCK ADDRESS at 2 and a count at 10.
Bytes block_cdb(std::uint8_t opcode, std::uint64_t block, std::uint32_t blocks) {
    Bytes cdb(16, 0);
    cdb[0] = opcode;
    write_be<std::uint64_t>(cdb, 2, block);
    write_be<std::uint32_t>(cdb, 10, blocks);
    return cdb;
}

/// The 10-byte form: 32 bits of an address, 16 of a count.
Bytes short_block_cdb(std::uint8_t opcode, std::uint64_t block, std::uint32_t blocks) {
    EFFACE_ASSERT(fits_ten_bytes(block, blocks));
    Bytes cdb(10, 0);
    cdb[0] = opcode;
    write_be<std::uint32_t>(cdb, 2, static_cast<std::uint32_t>(block));
    write_be<std::uint16_t>(cdb, 7, static_cast<std::uint16_t>(blocks));
    return cdb;
}

Bytes security_cdb(std::uint8_t opcode, std::uint8_t protocol, std::uint16_t specific,
                   std::uint32_t blocks) {
    Bytes cdb(12, 0);
    cdb[0] = opcode;
    cdb[1] = protocol;
    write_be<std::uint16_t>(cdb, 2, specific);
    cdb[4] = kIncrementOf512;
    write_be<std::uint32_t>(cdb, 6, blocks);
    return cdb;
}

}  // namespace

Bytes test_unit_ready_cdb() {
    return Bytes(6, 0);
}

Bytes request_sense_cdb(std::uint8_t allocation_length) {
    return {kRequestSense, 0, 0, 0, allocation_length, 0};
}

Bytes read_16_cdb(std::uint64_t block, std::uint32_t blocks) {
    return block_cdb(kRead16, block, blocks);
}

Bytes write_16_cdb(std::uint64_t block, std::uint32_t blocks) {
    return block_cdb(kWrite16, block, blocks);
}

bool fits_ten_bytes(std::uint64_t block, std::uint32_t blocks) noexcept {
    return block <= 0xffffffffU && blocks <= kTenByteBlocksMax;
}

Bytes read_10_cdb(std::uint64_t block, std::uint32_t blocks) {
    return short_block_cdb(kRead10, block, blocks);
}

Bytes write_10_cdb(std::uint64_t block, std::uint32_t blocks) {
    return short_block_cdb(kWrite10, block, blocks);
}

Bytes write_same_10_cdb(std::uint64_t block, std::uint32_t blocks) {
    EFFACE_ASSERT(blocks > 0);
    return short_block_cdb(kWriteSame10, block, blocks);
}

Bytes synchronize_cache_10_cdb() {
    return short_block_cdb(kSynchronizeCache10, 0, 0);
}

Bytes synchronize_cache_16_cdb() {
    return block_cdb(kSynchronizeCache16, 0, 0);
}

Bytes write_same_16_cdb(std::uint64_t block, std::uint32_t blocks) {
    EFFACE_ASSERT(blocks > 0);
    return block_cdb(kWriteSame16, block, blocks);
}

Bytes security_protocol_in_cdb(std::uint8_t protocol, std::uint16_t specific,
                               std::uint32_t blocks) {
    return security_cdb(kSecurityProtocolIn, protocol, specific, blocks);
}

Bytes security_protocol_out_cdb(std::uint8_t protocol, std::uint16_t specific,
                                std::uint32_t blocks) {
    return security_cdb(kSecurityProtocolOut, protocol, specific, blocks);
}

Bytes report_luns_cdb(std::uint32_t allocation_length) {
    Bytes cdb(12, 0);
    cdb[0] = kReportLuns;
    write_be<std::uint32_t>(cdb, 6, allocation_length);
    return cdb;
}

std::optional<std::uint32_t> decode_lun_count(ByteView bytes) {
    constexpr std::uint32_t kLunBytes = 8;
    if (bytes.size() < 8) {
        return std::nullopt;
    }
    return read_be<std::uint32_t>(bytes, 0) / kLunBytes;
}

Bytes report_supported_operation_codes_cdb(std::uint8_t opcode, std::optional<std::uint16_t> action,
                                           std::uint32_t allocation_length) {
    Bytes cdb(12, 0);
    cdb[0] = kMaintenanceIn;
    cdb[1] = kReportSupportedOperationCodes;
    cdb[2] = action ? kOneCommandWithAction : kOneCommand;
    cdb[3] = opcode;
    write_be<std::uint16_t>(cdb, 4, action.value_or(0));
    write_be<std::uint32_t>(cdb, 6, allocation_length);
    return cdb;
}

Bytes report_all_operation_codes_cdb(std::uint32_t allocation_length) {
    Bytes cdb(12, 0);
    cdb[0] = kMaintenanceIn;
    cdb[1] = kReportSupportedOperationCodes;
    write_be<std::uint32_t>(cdb, 6, allocation_length);
    return cdb;
}

std::optional<Support> find_support(ByteView list, std::uint8_t opcode,
                                    std::optional<std::uint16_t> action) {
    constexpr std::size_t kHeaderBytes = 4;
    constexpr std::size_t kDescriptorBytes = 8;
    constexpr std::size_t kTimeoutsBytes = 12;
    constexpr std::uint8_t kHasAction = 0x01;    // SERVACTV
    constexpr std::uint8_t kHasTimeouts = 0x02;  // CTDP
    if (list.size() < kHeaderBytes) {
        return std::nullopt;
    }
    const std::size_t told = read_be<std::uint32_t>(list, 0);
    if (told == 0 || told > list.size() - kHeaderBytes) {
        return std::nullopt;  // cut off: what is missing may are behind
    }
    for (std::size_t at = kHeaderBytes; at + kDescriptorBytes <= kHeaderBytes + told;) {
        const std::uint8_t flags = list[at + 5];
        const bool same_action = !action || ((flags & kHasAction) != 0 &&
                                             read_be<std::uint16_t>(list, at + 2) == *action);
        if (list[at] == opcode && same_action) {
            return Support::supported;
        }
        at += kDescriptorBytes + ((flags & kHasTimeouts) != 0 ? kTimeoutsBytes : 0);
    }
    return Support::unsupported;
}

std::optional<Support> decode_support(ByteView bytes) {
    if (bytes.size() < 4) {
        return std::nullopt;
    }
    switch (bytes[1] & 0x07U) {
        case 1:
            return Support::unsupported;
        case 3:
            return Support::supported;
        case 5:
            return Support::vendor_specific;
        default:
            return Support::not_told;
    }
}

}  // namespace efface::scsi
