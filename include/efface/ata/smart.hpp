// SPDX-License-Identifier: Apache-2.0
// What a drive reports of its health: SMART (ACS-3, section 7.48; ATA8-ACS, section 7.52: its data
// structures are those of ATA-3 and later drafts) and the Device Statistics log (ACS-4, section
// 9.5). Foreign bytes: what is short, empty or fails its checksum is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

/// B0h with this feature. `into`: 512 bytes (asserted).
[[nodiscard]] device::AtaCommand smart_read_data(MutableByteView into);
[[nodiscard]] device::AtaCommand smart_read_thresholds(MutableByteView into);
[[nodiscard]] device::AtaCommand smart_read_log(std::uint8_t log, MutableByteView into);
[[nodiscard]] device::AtaCommand smart_return_status();

constexpr std::uint8_t kSmartLogErrors = 0x01;     ///< summary error log
constexpr std::uint8_t kSmartLogSelfTests = 0x06;  ///< self-test log
constexpr std::uint8_t kLogDeviceStatistics = 0x04;

/// True: a threshold was exceeded. nullopt: neither of the two answers of the standard.
[[nodiscard]] std::optional<bool> decode_smart_status(const device::AtaRegisters& registers);

/// One of the vendor's attributes.
struct SmartAttribute {
    std::uint8_t id = 0;
    bool prefailure = false;  ///< below its threshold the drive is about to fail
    std::uint8_t value = 0;   ///< normalized: what is worse is lower
    std::uint64_t raw = 0;    ///< 48 bits, whose meaning is the vendor's
};
/// Of SMART READ DATA; empty where the page is none.
[[nodiscard]] std::vector<SmartAttribute> decode_smart_attributes(ByteView page);

struct SmartThreshold {
    std::uint8_t id = 0;
    std::uint8_t threshold = 0;
};
[[nodiscard]] std::vector<SmartThreshold> decode_smart_thresholds(ByteView page);

/// Errors in the life of the device (summary error log, bytes 452 and 453).
[[nodiscard]] std::optional<std::uint16_t> decode_error_count(ByteView page);

/// Self-test execution status of the newest entry of the self-test log, bits 7:4: 0 completed
/// without error, 1 and 2 aborted, 3 to 8 failed, 15 in progress. 255: the log is empty.
constexpr std::uint8_t kNoSelfTest = 255;
[[nodiscard]] std::optional<std::uint8_t> decode_newest_self_test(ByteView page);

/// A statistic: where it is, and how many of its bytes count.
struct Statistic {
    std::uint8_t page = 0;
    std::uint16_t offset = 0;
    std::uint8_t bytes = 0;
};
constexpr Statistic kPowerOnResets{1, 8, 4};
constexpr Statistic kPowerOnHours{1, 16, 4};
constexpr Statistic kSectorsWritten{1, 24, 6};
constexpr Statistic kPendingErrors{1, 64, 4};
constexpr Statistic kReallocatedSectors{3, 32, 4};
constexpr Statistic kReallocationCandidates{3, 56, 4};
constexpr Statistic kUncorrectableErrors{4, 8, 4};
constexpr Statistic kCurrentTemperature{5, 8, 1};  ///< two's complement
constexpr Statistic kPercentageUsed{7, 8, 1};

/// The pages that the log has, by its page 00h.
[[nodiscard]] std::vector<std::uint8_t> decode_statistics_pages(ByteView page);
/// nullopt: another page, or the drive does not support it, or has no valid value now.
[[nodiscard]] std::optional<std::uint64_t> decode_statistic(ByteView page,
                                                            const Statistic& statistic);

}  // namespace efface::ata
