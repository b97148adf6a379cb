// SPDX-License-Identifier: Apache-2.0
// Persistent Event Log, NVMe Base 2.3, section 5.2.12.1.14.
#include <algorithm>
#include <array>

#include "efface/nvme/logs.hpp"

namespace efface::nvme {

namespace {

constexpr std::uint8_t kIdentifier = 0x0d;
constexpr std::size_t kEventHeaderBytes = 24;  ///< of revision 1; EHL counts from its byte 3
constexpr std::size_t kLengthOffset = 3;
constexpr std::size_t kErasureEventsMax = 4096;
constexpr std::uint64_t kTimeMask = 0xffffffffffff;

bool tells_of_an_erasure(std::uint8_t type) {
    constexpr std::array<std::uint8_t, 5> kTypes{0x07, 0x08, 0x09, 0x0a, 0x0e};
    return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

/// `data` is what is behind the vendor's own bytes; a short one leaves zeros.
void read_fields(ErasureEvent& event, ByteView data) {
    const auto dword = [&](std::size_t at) {
        return at + 4 <= data.size() ? read_le<std::uint32_t>(data, at) : 0U;
    };
    const auto word = [&](std::size_t at) {
        return at + 2 <= data.size() ? read_le<std::uint16_t>(data, at) : std::uint16_t{0};
    };
    switch (event.type) {
        case ErasureEvent::Type::format_start:
            event.nsid = dword(0);
            event.cdw10 = dword(8);
            return;
        case ErasureEvent::Type::format_completion:
            event.nsid = dword(0);
            event.status = dword(8);
            return;
        case ErasureEvent::Type::sanitize_start:
            event.cdw10 = dword(4);
            event.cdw11 = dword(8);
            return;
        case ErasureEvent::Type::sanitize_completion:
            event.sprog = word(0);
            event.sstat = word(2);
            return;
        case ErasureEvent::Type::media_verification:
            return;
    }
}

}  // namespace

std::optional<std::uint64_t> event_log_bytes(ByteView header) {
    if (header.size() < kEventLogHeaderBytes || header[0] != kIdentifier) {
        return std::nullopt;
    }
    return read_le<std::uint64_t>(header, 8);
}

std::vector<ErasureEvent> decode_erasure_events(ByteView page) {
    std::vector<ErasureEvent> found;
    if (!event_log_bytes(page)) {
        return found;
    }
    std::size_t at = kEventLogHeaderBytes;
    while (at < page.size() && page.size() - at >= kEventHeaderBytes &&
           found.size() < kErasureEventsMax) {
        const ByteView rest = page.subspan(at);
        const std::size_t header = kLengthOffset + rest[2];
        const std::size_t vendor = read_le<std::uint16_t>(rest, 20);
        const std::size_t length = read_le<std::uint16_t>(rest, 22);
        if (header < kEventHeaderBytes || vendor > length || header + length > rest.size()) {
            break;
        }
        if (tells_of_an_erasure(rest[0])) {
            ErasureEvent event;
            event.type = static_cast<ErasureEvent::Type>(rest[0]);
            event.controller_id = read_le<std::uint16_t>(rest, 4);
            event.milliseconds = read_le<std::uint64_t>(rest, 6) & kTimeMask;
            read_fields(event, rest.subspan(header + vendor, length - vendor));
            found.push_back(event);
        }
        at += header + length;
    }
    return found;
}

}  // namespace efface::nvme
