// SPDX-License-Identifier: Apache-2.0
// What a unit reports of its health: log pages (SPC-5, sections 6.8 and 7.3; SBC-4, section 6.4)
// and the length of its grown defect list (SBC-4, sections 5.22 and 5.23). Foreign bytes: another
// page, or one that is too short, is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

struct LogPage {
    std::uint8_t page = 0;
    std::uint8_t subpage = 0;
    friend bool operator==(const LogPage&, const LogPage&) = default;
};
constexpr LogPage kLogSupported{0x00, 0x00};
constexpr LogPage kLogSupportedSubpages{0x00, 0xff};
constexpr LogPage kLogWriteErrors{0x02, 0x00};
constexpr LogPage kLogReadErrors{0x03, 0x00};
constexpr LogPage kLogVerifyErrors{0x05, 0x00};
constexpr LogPage kLogTemperature{0x0d, 0x00};
constexpr LogPage kLogSelfTests{0x10, 0x00};
constexpr LogPage kLogSolidState{0x11, 0x00};
constexpr LogPage kLogBackgroundScan{0x15, 0x00};
constexpr LogPage kLogPendingDefects{0x15, 0x01};
constexpr LogPage kLogInformational{0x2f, 0x00};

/// LOG SENSE (SPC-5, section 6.8), cumulative values.
[[nodiscard]] Bytes log_sense_cdb(const LogPage& page, std::uint16_t allocation_length);

/// Of page 00h, with or without subpages.
[[nodiscard]] std::vector<LogPage> decode_log_list(ByteView bytes);

/// One parameter; its bytes are borrowed from the page.
struct LogParameter {
    std::uint16_t code = 0;
    ByteView bytes;
};
/// Those that the page holds whole; nullopt when it is another page.
[[nodiscard]] std::optional<std::vector<LogParameter>> decode_log_parameters(ByteView bytes,
                                                                             const LogPage& page);

constexpr std::uint16_t kErrorsBytesProcessed = 0x0005;
constexpr std::uint16_t kErrorsUncorrected = 0x0006;
/// A parameter of pages 02h, 03h and 05h: 1 to 8 bytes.
[[nodiscard]] std::optional<std::uint64_t> decode_error_counter(ByteView bytes, const LogPage& page,
                                                                std::uint16_t parameter);
/// Page 0Dh; 255 means that it is not available.
[[nodiscard]] std::optional<std::uint8_t> decode_temperature(ByteView bytes);
/// Page 10h: SELF-TEST RESULTS of the newest: 0 completed without error, 1 and 2 aborted, 3 to 7
/// failed, 15 in progress. 255: there was none.
constexpr std::uint8_t kNoSelfTest = 255;
[[nodiscard]] std::optional<std::uint8_t> decode_newest_self_test(ByteView bytes);
/// Page 11h: PERCENTAGE USED ENDURANCE INDICATOR.
[[nodiscard]] std::optional<std::uint8_t> decode_endurance(ByteView bytes);
/// Page 15h: ACCUMULATED POWER ON MINUTES.
[[nodiscard]] std::optional<std::uint32_t> decode_power_on_minutes(ByteView bytes);
/// Page 15h, subpage 01h.
[[nodiscard]] std::optional<std::uint32_t> decode_pending_defects(ByteView bytes);

/// Page 2Fh.
struct InformationalExceptions {
    std::uint8_t sense_code = 0;  ///< ADDITIONAL SENSE CODE; 5Dh: a failure is predicted
    std::optional<std::uint8_t> temperature;
};
[[nodiscard]] std::optional<InformationalExceptions> decode_informational(ByteView bytes);

/// READ DEFECT DATA of the grown list alone (REQ_GLIST), in the format "bytes from index": the
/// header tells how long the list is.
constexpr std::size_t kDefectHeader12Bytes = 8;
constexpr std::size_t kDefectHeader10Bytes = 4;
[[nodiscard]] Bytes read_defect_data_12_cdb();
[[nodiscard]] Bytes read_defect_data_10_cdb();
/// Descriptors of the list; nullopt when it is not the grown list alone, or has another format.
[[nodiscard]] std::optional<std::uint64_t> decode_defects_12(ByteView bytes);
[[nodiscard]] std::optional<std::uint64_t> decode_defects_10(ByteView bytes);

}  // namespace efface::scsi
