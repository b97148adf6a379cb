// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/commands.hpp"

namespace efface::scsi {

namespace {

constexpr std::uint8_t kRequestSense = 0x03;
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
