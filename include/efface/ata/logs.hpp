// SPDX-License-Identifier: Apache-2.0
// General purpose logs (ACS-4, sections 9.2, 9.7 and 9.10); 10h and 30h can also be read while a
// drive sanitizes.
#pragma once

#include <cstdint>
#include <optional>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

constexpr std::uint8_t kLogDirectory = 0x00;
constexpr std::uint8_t kLogNcqCommandError = 0x10;
constexpr std::uint8_t kLogIdentifyDeviceData = 0x30;
constexpr std::uint16_t kPageSecurity = 0x06;

/// 2Fh READ LOG EXT, one page. `into`: 512 bytes (asserted).
[[nodiscard]] device::AtaCommand read_log(std::uint8_t log, std::uint16_t page,
                                          MutableByteView into);

/// Pages of a log, by the directory; 0: there is no such log, or no directory.
[[nodiscard]] std::uint16_t decode_log_pages(ByteView directory, std::uint8_t log);

/// Log 10h: the command that failed last among queued ones.
struct NcqError {
    bool queued = false;  ///< NQ clear: `tag` means something
    std::uint8_t tag = 0;
    std::uint8_t status = 0;
    std::uint8_t error = 0;
    std::uint64_t lba = 0;
};
/// nullopt when the page is short or its checksum is wrong.
[[nodiscard]] std::optional<NcqError> decode_ncq_error(ByteView page);

/// Log 30h page 06h, its security capabilities.
struct SecurityPage {
    bool encrypts_all = false;
    bool restricted_sanitize_overrides_security = false;
};
/// nullopt when it is not that page, or its fields are not valid.
[[nodiscard]] std::optional<SecurityPage> decode_security_page(ByteView page);

}  // namespace efface::ata
