// SPDX-License-Identifier: Apache-2.0
// Sectors that a host cannot address: host protected area and device configuration overlay
// (ATA8-ACS, sections 4.10, 7.10, 7.31 and 7.50), accessible max address (ACS-4, section 7.2);
// reading and writing of sectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

/// F8h, or 27h where 48-bit commands are supported.
[[nodiscard]] device::AtaCommand read_native_max_address(bool lba48);
/// F9h or 37h, not volatile: only one may be sent in a power cycle, and READ NATIVE MAX ADDRESS
/// must come directly before it.
[[nodiscard]] device::AtaCommand set_max_address(bool lba48, std::uint64_t max_lba);

/// 78h: GET NATIVE MAX ADDRESS EXT.
[[nodiscard]] device::AtaCommand get_native_max_address();
/// 78h: SET ACCESSIBLE MAX ADDRESS EXT, kept over power cycles.
[[nodiscard]] device::AtaCommand set_accessible_max_address(std::uint64_t max_lba);

/// The address that these commands return: 28 bits (with 3:0 of DEVICE) or 48.
[[nodiscard]] std::uint64_t decode_max_lba(const device::AtaRegisters& registers, bool lba48);

/// B1h. IDENTIFY aborts when the overlay is frozen, RESTORE also while a protected area is set.
[[nodiscard]] device::AtaCommand dco_identify(MutableByteView into);
[[nodiscard]] device::AtaCommand dco_restore();
[[nodiscard]] device::AtaCommand dco_freeze_lock();
/// The largest address that the device can be configured to; nullopt when the page is short,
/// empty, or fails its checksum.
[[nodiscard]] std::optional<std::uint64_t> decode_dco_max_lba(ByteView page);

/// 24h READ SECTORS EXT, or 20h. `count` sectors are as long as `into` together (asserted); 1 to
/// 65535, or 255 without 48-bit commands.
[[nodiscard]] device::AtaCommand read_sectors(bool lba48, std::uint64_t lba, std::uint16_t count,
                                              MutableByteView into);

/// 34h WRITE SECTORS EXT, or 30h; likewise.
[[nodiscard]] device::AtaCommand write_sectors(bool lba48, std::uint64_t lba, std::uint16_t count,
                                               ByteView from);
/// EAh FLUSH CACHE EXT, or E7h.
[[nodiscard]] device::AtaCommand flush_cache(bool lba48);

/// The ERROR register (ACS-4, section 6.3), for a person: "UNC", "IDNF ABRT".
[[nodiscard]] std::string error_text(const device::AtaRegisters& registers);

}  // namespace efface::ata
