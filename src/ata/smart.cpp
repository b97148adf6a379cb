// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/smart.hpp"

#include <algorithm>

#include "efface/ata/identify.hpp"

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint8_t kSmart = 0xb0;
constexpr std::uint64_t kSmartSignature = 0xc24f00;  // LBA 23:8, which every SMART command carries
constexpr std::uint64_t kThresholdExceeded = 0x2cf400;
constexpr std::uint64_t kSignatureMask = 0xffff00;

// SMART READ DATA and READ THRESHOLDS: a revision, then 30 entries of 12 bytes.
constexpr std::size_t kEntries = 30;
constexpr std::size_t kEntryBytes = 12;
constexpr std::size_t kEntriesAt = 2;

constexpr std::size_t kErrorCountAt = 452;
constexpr std::size_t kNewestTestAt = 508;
constexpr std::size_t kTests = 21;
constexpr std::size_t kTestBytes = 24;

constexpr std::uint64_t kStatisticSupported = std::uint64_t{1} << 63U;
constexpr std::uint64_t kStatisticValid = std::uint64_t{1} << 62U;

device::AtaCommand smart_page(std::uint8_t feature, std::uint8_t log, MutableByteView into) {
    auto command = one_page_in(kSmart, into);
    command.features = feature;
    command.lba = kSmartSignature | log;
    return command;
}

bool is_page(ByteView page) {
    return page.size() == kPageBytes && !all_zero(page) && sums_to_zero(page);
}

template <typename T, typename Decode>
std::vector<T> entries_of(ByteView page, const Decode& decode) {
    std::vector<T> list;
    for (std::size_t i = 0; i < kEntries && is_page(page); ++i) {
        const auto entry = page.subspan(kEntriesAt + i * kEntryBytes, kEntryBytes);
        if (entry[0] != 0) {
            list.push_back(decode(entry));
        }
    }
    return list;
}

/// Statistics pages have no checksum: their header names them (bits 23:16), with a revision.
bool is_statistics_page(ByteView page, std::uint8_t number) {
    return page.size() == kPageBytes && page[2] == number && read_le<std::uint16_t>(page, 0) != 0;
}

}  // namespace

device::AtaCommand smart_read_data(MutableByteView into) {
    return smart_page(0xd0, 0, into);
}

device::AtaCommand smart_read_thresholds(MutableByteView into) {
    return smart_page(0xd1, 0, into);
}

device::AtaCommand smart_read_log(std::uint8_t log, MutableByteView into) {
    return smart_page(0xd5, log, into);
}

device::AtaCommand smart_return_status() {
    auto command = non_data(kSmart);
    command.features = 0xda;
    command.lba = kSmartSignature;
    return command;
}

std::optional<bool> decode_smart_status(const device::AtaRegisters& registers) {
    const std::uint64_t told = registers.lba & kSignatureMask;
    if (registers.failed() || (told != kSmartSignature && told != kThresholdExceeded)) {
        return std::nullopt;
    }
    return told == kThresholdExceeded;
}

std::vector<SmartAttribute> decode_smart_attributes(ByteView page) {
    return entries_of<SmartAttribute>(page, [](ByteView entry) {
        SmartAttribute found;
        found.id = entry[0];
        found.prefailure = (entry[1] & 1U) != 0;
        found.value = entry[3];
        found.raw = read_le<std::uint32_t>(entry, 5) |
                    std::uint64_t{read_le<std::uint16_t>(entry, 9)} << 32U;
        return found;
    });
}

std::vector<SmartThreshold> decode_smart_thresholds(ByteView page) {
    return entries_of<SmartThreshold>(
        page, [](ByteView entry) { return SmartThreshold{.id = entry[0], .threshold = entry[1]}; });
}

std::optional<std::uint16_t> decode_error_count(ByteView page) {
    return is_page(page) ? std::optional(read_le<std::uint16_t>(page, kErrorCountAt))
                         : std::nullopt;
}

std::optional<std::uint8_t> decode_newest_self_test(ByteView page) {
    if (!is_page(page) || page[kNewestTestAt] > kTests) {
        return std::nullopt;
    }
    const std::size_t newest = page[kNewestTestAt];
    return newest == 0
               ? kNoSelfTest
               : static_cast<std::uint8_t>(page[kEntriesAt + (newest - 1) * kTestBytes + 1] >> 4U);
}

std::vector<std::uint8_t> decode_statistics_pages(ByteView page) {
    constexpr std::size_t kCountAt = 8;
    if (!is_statistics_page(page, 0)) {
        return {};
    }
    const std::size_t count = std::min<std::size_t>(page[kCountAt], page.size() - kCountAt - 1);
    const auto list = page.subspan(kCountAt + 1, count);
    return {list.begin(), list.end()};
}

std::optional<std::uint64_t> decode_statistic(ByteView page, const Statistic& statistic) {
    if (!is_statistics_page(page, statistic.page)) {
        return std::nullopt;
    }
    const auto word = read_le<std::uint64_t>(page, statistic.offset);
    if ((word & kStatisticSupported) == 0 || (word & kStatisticValid) == 0) {
        return std::nullopt;
    }
    return word & ((std::uint64_t{1} << (8U * statistic.bytes)) - 1);
}

}  // namespace efface::ata
