// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/log_pages.hpp"

#include <algorithm>

namespace efface::scsi {

namespace {

constexpr std::uint8_t kLogSense = 0x4d;
constexpr std::uint8_t kReadDefect10 = 0x37;
constexpr std::uint8_t kReadDefect12 = 0xb7;
constexpr std::uint8_t kCumulative = 0x40;
constexpr std::uint8_t kHasSubpage = 0x40;
constexpr std::uint8_t kGrownList = 0x08;
constexpr std::uint8_t kBytesFromIndex = 0x04;
constexpr std::size_t kLogHeaderBytes = 4;
constexpr std::size_t kParameterHeaderBytes = 4;

/// What is behind the header, as far as it came; nullopt when it is another page.
std::optional<ByteView> content_of(ByteView bytes, const LogPage& page) {
    if (bytes.size() < kLogHeaderBytes || (bytes[0] & 0x3fU) != page.page) {
        return std::nullopt;
    }
    const bool subpage = (bytes[0] & kHasSubpage) != 0;
    if (subpage ? bytes[1] != page.subpage : page.subpage != 0) {
        return std::nullopt;
    }
    const std::size_t length = read_be<std::uint16_t>(bytes, 2);
    return bytes.subspan(kLogHeaderBytes, std::min(length, bytes.size() - kLogHeaderBytes));
}

std::optional<ByteView> parameter_of(ByteView bytes, const LogPage& page, std::uint16_t code,
                                     std::size_t bytes_min) {
    const auto parameters = decode_log_parameters(bytes, page);
    if (!parameters) {
        return std::nullopt;
    }
    for (const auto& one : *parameters) {
        if (one.code == code && one.bytes.size() >= bytes_min) {
            return one.bytes;
        }
    }
    return std::nullopt;
}

/// The header's flags and format, and how many descriptors its length makes.
std::optional<std::uint64_t> defect_count(std::uint8_t flags, std::uint64_t length) {
    constexpr std::uint8_t kLists = 0x18;
    if ((flags & kLists) != kGrownList) {
        return std::nullopt;
    }
    switch (flags & 0x07U) {
        case 0:  // short block
            return length / 4;
        case 1:  // extended bytes from index, extended physical sector
        case 2:
        case 3:  // long block, bytes from index, physical sector
        case 4:
        case 5:
            return length / 8;
        default:
            return std::nullopt;
    }
}

}  // namespace

Bytes log_sense_cdb(const LogPage& page, std::uint16_t allocation_length) {
    Bytes cdb(10, 0);
    cdb[0] = kLogSense;
    cdb[2] = static_cast<std::uint8_t>(kCumulative | page.page);
    cdb[3] = page.subpage;
    write_be<std::uint16_t>(cdb, 7, allocation_length);
    return cdb;
}

std::vector<LogPage> decode_log_list(ByteView bytes) {
    std::vector<LogPage> list;
    if (const auto pages = content_of(bytes, kLogSupportedSubpages);
        pages && (bytes[0] & kHasSubpage) != 0) {
        for (std::size_t at = 0; at + 2 <= pages->size(); at += 2) {
            list.push_back({static_cast<std::uint8_t>((*pages)[at] & 0x3fU), (*pages)[at + 1]});
        }
    } else if (const auto plain = content_of(bytes, kLogSupported)) {
        for (const std::uint8_t page : *plain) {
            list.push_back({static_cast<std::uint8_t>(page & 0x3fU), 0});
        }
    }
    return list;
}

std::optional<std::vector<LogParameter>> decode_log_parameters(ByteView bytes,
                                                               const LogPage& page) {
    const auto content = content_of(bytes, page);
    if (!content) {
        return std::nullopt;
    }
    std::vector<LogParameter> list;
    std::size_t at = 0;
    while (content->size() - at >= kParameterHeaderBytes) {
        const std::size_t length = (*content)[at + 3];
        const std::size_t from = at + kParameterHeaderBytes;
        if (length > content->size() - from) {
            break;  // cut off
        }
        list.push_back({read_be<std::uint16_t>(*content, at), content->subspan(from, length)});
        at = from + length;
    }
    return list;
}

std::optional<std::uint64_t> decode_error_counter(ByteView bytes, const LogPage& page,
                                                  std::uint16_t parameter) {
    const auto value = parameter_of(bytes, page, parameter, 1);
    if (!value || value->size() > sizeof(std::uint64_t)) {
        return std::nullopt;
    }
    std::uint64_t count = 0;
    for (const std::uint8_t byte : *value) {
        count = (count << 8U) | byte;
    }
    return count;
}

std::optional<std::uint8_t> decode_temperature(ByteView bytes) {
    constexpr std::uint8_t kNotAvailable = 0xff;
    const auto value = parameter_of(bytes, kLogTemperature, 0, 2);
    return value && (*value)[1] != kNotAvailable ? std::optional((*value)[1]) : std::nullopt;
}

std::optional<std::uint8_t> decode_newest_self_test(ByteView bytes) {
    constexpr std::size_t kResultBytes = 0x10;
    const auto value = parameter_of(bytes, kLogSelfTests, 1, kResultBytes);
    if (!value) {
        return std::nullopt;
    }
    return all_zero(*value) ? kNoSelfTest : static_cast<std::uint8_t>((*value)[0] & 0x0fU);
}

std::optional<std::uint8_t> decode_endurance(ByteView bytes) {
    const auto value = parameter_of(bytes, kLogSolidState, 1, 4);
    return value ? std::optional((*value)[3]) : std::nullopt;
}

std::optional<std::uint32_t> decode_power_on_minutes(ByteView bytes) {
    const auto value = parameter_of(bytes, kLogBackgroundScan, 0, 4);
    return value ? std::optional(read_be<std::uint32_t>(*value, 0)) : std::nullopt;
}

std::optional<std::uint32_t> decode_pending_defects(ByteView bytes) {
    const auto value = parameter_of(bytes, kLogPendingDefects, 0, 4);
    return value ? std::optional(read_be<std::uint32_t>(*value, 0)) : std::nullopt;
}

std::optional<InformationalExceptions> decode_informational(ByteView bytes) {
    const auto value = parameter_of(bytes, kLogInformational, 0, 2);
    if (!value) {
        return std::nullopt;
    }
    InformationalExceptions found;
    found.sense_code = (*value)[0];
    if (value->size() >= 3 && (*value)[2] != 0 && (*value)[2] != 0xff) {
        found.temperature = (*value)[2];
    }
    return found;
}

Bytes read_defect_data_12_cdb() {
    Bytes cdb(12, 0);
    cdb[0] = kReadDefect12;
    cdb[1] = kGrownList | kBytesFromIndex;
    write_be<std::uint32_t>(cdb, 6, kDefectHeader12Bytes);
    return cdb;
}

Bytes read_defect_data_10_cdb() {
    Bytes cdb(10, 0);
    cdb[0] = kReadDefect10;
    cdb[2] = kGrownList | kBytesFromIndex;
    write_be<std::uint16_t>(cdb, 7, kDefectHeader10Bytes);
    return cdb;
}

std::optional<std::uint64_t> decode_defects_12(ByteView bytes) {
    return bytes.size() < kDefectHeader12Bytes
               ? std::nullopt
               : defect_count(bytes[1], read_be<std::uint32_t>(bytes, 4));
}

std::optional<std::uint64_t> decode_defects_10(ByteView bytes) {
    return bytes.size() < kDefectHeader10Bytes
               ? std::nullopt
               : defect_count(bytes[1], read_be<std::uint16_t>(bytes, 2));
}

}  // namespace efface::scsi
