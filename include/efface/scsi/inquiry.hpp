// SPDX-License-Identifier: Apache-2.0
// Who a logical unit is and what it is made of: INQUIRY and its vital product data pages (SPC-5,
// sections 6.6 and 7.7; SBC-4, section 6.6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

constexpr std::uint8_t kVpdSupportedPages = 0x00;
constexpr std::uint8_t kVpdSerialNumber = 0x80;
constexpr std::uint8_t kVpdDesignators = 0x83;
constexpr std::uint8_t kVpdAtaInformation = 0x89;
constexpr std::uint8_t kVpdBlockLimits = 0xb0;
constexpr std::uint8_t kVpdBlockCharacteristics = 0xb1;
constexpr std::uint8_t kVpdProvisioning = 0xb2;

/// PERIPHERAL DEVICE TYPE (SPC-5, table 167) of the units that hold blocks.
constexpr std::uint8_t kTypeDirectAccess = 0x00;
constexpr std::uint8_t kTypeHostManagedZoned = 0x14;

/// INQUIRY; texts are printable and trimmed.
struct Inquiry {
    std::uint8_t qualifier = 0;  ///< 0: there is such a unit
    std::uint8_t device_type = 0;
    bool removable = false;
    std::uint8_t version = 0;
    std::string vendor;
    std::string product;
    std::string revision;
};
/// ALLOCATION LENGTH 96: the standard data. CDBs are made with inquiry_cdb().
[[nodiscard]] Bytes inquiry_cdb(std::uint16_t allocation_length);
[[nodiscard]] std::optional<Inquiry> decode_inquiry(ByteView bytes);

/// For every decoder of a VPD page: nullopt when it is another page or too short for what it
/// promises.
[[nodiscard]] Bytes vpd_cdb(std::uint8_t page, std::uint16_t allocation_length);
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_supported_pages(ByteView bytes);
[[nodiscard]] std::optional<std::string> decode_serial_number(ByteView bytes);

/// VPD 83h.
struct Designator {
    std::uint8_t association = 0;  ///< 0: the logical unit
    std::uint8_t type = 0;         ///< 2: EUI-64, 3: NAA
    std::uint8_t code_set = 0;     ///< 1: binary, 2: ASCII
    Bytes bytes;
};
constexpr std::size_t kDesignatorsMax = 64;
[[nodiscard]] std::optional<std::vector<Designator>> decode_designators(ByteView bytes);
/// The logical unit's name: "naa.5000c500a1b2c3d4", else "eui.0011223344556677"; empty when there
/// is neither.
[[nodiscard]] std::string world_wide_name(const std::vector<Designator>& designators);

/// VPD 89h: an ATA device behind a translation layer (SAT-4, section 12.4.2).
struct AtaInformation {
    std::string translator;    ///< vendor, product and revision of the layer
    std::uint8_t command = 0;  ///< ECh: IDENTIFY DEVICE
    Bytes identify;            ///< 512 bytes, as the device gave them
};
[[nodiscard]] std::optional<AtaInformation> decode_ata_information(ByteView bytes);

/// VPD B0h.
struct BlockLimits {
    bool write_same_needs_length = false;     ///< WSNZ
    std::uint64_t write_same_blocks_max = 0;  ///< 0: not reported
    std::uint32_t transfer_blocks_max = 0;    ///< 0: not reported
};
[[nodiscard]] std::optional<BlockLimits> decode_block_limits(ByteView bytes);

/// What a read of a block may answer after an erase, before it is written (SBC-4, section
/// 6.6.4: WABEREQ and WACEREQ).
enum class ReadAfterErase : std::uint8_t {
    not_specified = 0,
    good = 1,                  ///< GOOD, indeterminate data
    medium_error = 2,          ///< MEDIUM ERROR, not the one below
    write_required_error = 3,  ///< 3/11/15
};
[[nodiscard]] const char* to_string(ReadAfterErase value) noexcept;

enum class Zoned : std::uint8_t { not_reported = 0, host_aware = 1, device_managed = 2 };

/// VPD B1h.
struct BlockCharacteristics {
    std::uint16_t rotation = 0;  ///< 0: not reported, 1: does not rotate, else per minute
    ReadAfterErase after_block_erase = ReadAfterErase::not_specified;
    ReadAfterErase after_crypto_erase = ReadAfterErase::not_specified;
    std::uint8_t zoned = 0;                  ///< Zoned, or one that it does not list
    std::uint32_t depopulation_seconds = 0;  ///< 0: not reported
};
[[nodiscard]] std::optional<BlockCharacteristics> decode_block_characteristics(ByteView bytes);

/// VPD B2h.
struct Provisioning {
    bool unmap = false;                 ///< LBPU
    bool unmaps_by_write_same = false;  ///< LBPWS
    std::uint8_t reads_zeros = 0;       ///< LBPRZ
    std::uint8_t type = 0;              ///< 1: resource provisioned, 2: thin
};
[[nodiscard]] std::optional<Provisioning> decode_provisioning(ByteView bytes);

}  // namespace efface::scsi
