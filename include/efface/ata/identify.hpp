// SPDX-License-Identifier: Apache-2.0
// What an ATA device says of itself: IDENTIFY DEVICE data (ACS-4, section 7.13; HPA, DCO and the
// security words as ATA8-ACS has them). Foreign bytes: what is short or absurd is "not reported".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

constexpr std::size_t kPageBytes = 512;

/// Word 128.
struct SecurityStatus {
    bool supported = false;
    bool enabled = false;  ///< a user password is set
    bool locked = false;
    bool frozen = false;
    bool count_expired = false;  ///< too many wrong passwords: a power cycle is needed
    bool enhanced_erase = false;
    bool level_maximum = false;

    friend bool operator==(const SecurityStatus&, const SecurityStatus&) = default;
};
[[nodiscard]] SecurityStatus decode_security_status(std::uint16_t word128);

/// Words 89 and 90.
struct EraseTime {
    std::chrono::minutes at_least{0};
    bool or_more = false;  ///< the field is at its largest value
};
/// nullopt: not reported (0).
[[nodiscard]] std::optional<EraseTime> decode_erase_time(std::uint16_t word);

/// Word 59.
struct SanitizeSupport {
    bool feature_set = false;
    bool crypto_scramble = false;
    bool overwrite = false;
    bool block_erase = false;
    bool antifreeze_lock = false;
};

struct Identify {
    /// Printable, without padding; empty where the device tells nothing.
    std::string serial;
    std::string firmware;
    std::string model;
    std::string wwn;  ///< 16 hex digits (words 108 to 111), or empty
    std::uint32_t logical_sector_bytes = kPageBytes;
    std::uint64_t sectors = 0;  ///< user addressable logical sectors, at present
    bool lba48 = false;
    SanitizeSupport sanitize;
    bool encrypts_all = false;  ///< word 69 bit 4
    SecurityStatus security;
    std::uint16_t master_password_id = 0;      ///< word 92; 0 and FFFFh: not reported
    std::optional<EraseTime> normal_erase;     ///< word 89
    std::optional<EraseTime> enhanced_erase;   ///< word 90
    bool host_protected_area = false;          ///< word 82 bit 10
    bool host_protected_area_enabled = false;  ///< word 85 bit 10, where it is told
    bool configuration_overlay = false;        ///< word 83 bit 11
    bool accessible_max_address = false;       ///< word 119 bit 8
    bool general_purpose_logging = false;      ///< word 84 bit 5
    bool smart = false;                        ///< word 85 bit 0: supported, and switched on
    bool smart_error_log = false;              ///< word 84 bit 0
    bool smart_self_test = false;              ///< word 84 bit 1
    bool trusted_computing = false;            ///< word 48 bit 0
    /// Word 217: 1 for flash, else revolutions per minute; nothing when not reported.
    std::optional<std::uint16_t> rotation;
    /// Word 255: nothing when the device gives no signature (before ATA-5).
    std::optional<bool> checksum_good;

    [[nodiscard]] bool flash() const noexcept { return rotation == std::uint16_t{1}; }
};
/// nullopt unless there are 512 bytes of an ATA device (word 0 bit 15 clear) that are not all zero.
[[nodiscard]] std::optional<Identify> decode_identify(ByteView page);

/// ECh. `into`: kPageBytes.
[[nodiscard]] device::AtaCommand identify_device(MutableByteView into);

/// E5h CHECK POWER MODE (ACS-4, section 7.3): wakes nothing.
[[nodiscard]] device::AtaCommand check_power_mode();
enum class PowerMode { standby, idle, active, other };
[[nodiscard]] PowerMode decode_power_mode(const device::AtaRegisters& registers);
[[nodiscard]] const char* to_string(PowerMode mode) noexcept;

}  // namespace efface::ata
