// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/sense.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace efface::scsi {

namespace {

constexpr std::size_t kHeaderBytes = 8;
/// Up to and including the qualifier in the fixed format (SPC-5, table 48).
constexpr std::size_t kFixedBytesMin = 14;
constexpr std::size_t kDescriptorSenseKeySpecific = 0x02;
/// What sense_text() quotes of bytes that it cannot read.
constexpr std::size_t kQuotedBytesMax = 18;

struct Words {
    std::uint16_t code;
    std::string_view text;
};

// SPC-5, annex F, table F.1; not all of it.
constexpr std::array kWords{
    Words{0x0000, "no additional sense information"},
    Words{0x001d, "ATA pass-through information available"},
    Words{0x0401, "logical unit is becoming ready"},
    Words{0x0402, "initializing command required"},
    Words{0x0404, "format in progress"},
    Words{0x0409, "self-test in progress"},
    Words{0x041b, "sanitize in progress"},
    Words{0x0424, "depopulation in progress"},
    Words{0x0425, "depopulation restoration in progress"},
    Words{0x0b01, "warning: specified temperature exceeded"},
    Words{0x1100, "unrecovered read error"},
    Words{0x1115, "write after sanitize required"},
    Words{0x1a00, "parameter list length error"},
    Words{0x2000, "invalid command operation code"},
    Words{0x2002, "access denied: no access rights"},
    Words{0x2100, "logical block address out of range"},
    Words{0x2106, "attempt to read invalid data"},
    Words{0x2400, "invalid field in CDB"},
    Words{0x2500, "logical unit not supported"},
    Words{0x2600, "invalid field in parameter list"},
    Words{0x2700, "write protected"},
    Words{0x2900, "power on, reset or bus device reset occurred"},
    Words{0x2901, "power on occurred"},
    Words{0x2902, "bus reset occurred"},
    Words{0x2903, "bus device reset function occurred"},
    Words{0x2a01, "mode parameters changed"},
    Words{0x2a09, "capacity data has changed"},
    Words{0x2c00, "command sequence error"},
    Words{0x3100, "medium format corrupted"},
    Words{0x3101, "format command failed"},
    Words{0x3103, "sanitize command failed"},
    Words{0x3104, "depopulation failed"},
    Words{0x3105, "depopulation restoration failed"},
    Words{0x3808, "depopulation interrupted"},
    Words{0x3a00, "medium not present"},
    Words{0x4400, "internal target failure"},
    Words{0x5d00, "failure prediction threshold exceeded"},
    Words{0x5e00, "low power condition on"},
    Words{0x7471, "logical unit access not authorized"},
};

std::string_view words_of(std::uint16_t code) {
    const auto* found = std::find_if(kWords.begin(), kWords.end(),
                                     [code](const Words& words) { return words.code == code; });
    return found == kWords.end() ? std::string_view() : found->text;
}

/// PROGRESS INDICATION of three sense-key-specific bytes (SPC-5, section 4.4.2.4).
std::optional<std::uint16_t> progress_of(const SenseData& sense, ByteView specific) {
    const bool valid = (specific[0] & 0x80U) != 0;
    if (!valid || !(sense.is(SenseKey::no_sense) || sense.is(SenseKey::not_ready))) {
        return std::nullopt;
    }
    return read_be<std::uint16_t>(specific, 1);
}

std::optional<SenseData> decode_fixed(ByteView bytes) {
    if (bytes.size() < kFixedBytesMin) {
        return std::nullopt;
    }
    // An ADDITIONAL SENSE LENGTH of 0 is seen from devices that fill the rest nevertheless.
    const std::size_t told = bytes[7] == 0 ? bytes.size() : kHeaderBytes + bytes[7];
    const ByteView valid = bytes.first(std::min(bytes.size(), told));
    SenseData sense;
    sense.key = bytes[2] & 0x0fU;
    if (valid.size() >= kFixedBytesMin) {
        sense.code = read_be<std::uint16_t>(valid, 12);
    }
    if (valid.size() >= 18) {
        sense.progress = progress_of(sense, valid.subspan(15, 3));
    }
    return sense;
}

std::optional<SenseData> decode_descriptors(ByteView bytes) {
    if (bytes.size() < kHeaderBytes) {
        return std::nullopt;
    }
    SenseData sense;
    sense.descriptor_format = true;
    sense.key = bytes[1] & 0x0fU;
    sense.code = read_be<std::uint16_t>(bytes, 2);
    const std::size_t end = std::min(bytes.size(), kHeaderBytes + bytes[7]);
    // Each step takes at least the two bytes of a descriptor's own header.
    for (std::size_t at = kHeaderBytes; at + 2 <= end;) {
        const std::size_t length = bytes[at + 1];
        if (length > end - at - 2) {
            break;
        }
        if (bytes[at] == kDescriptorSenseKeySpecific && length >= 5) {
            sense.progress = progress_of(sense, bytes.subspan(at + 4, 3));
        }
        at += 2 + length;
    }
    return sense;
}

}  // namespace

std::optional<SenseData> decode_sense(ByteView bytes) {
    if (bytes.empty()) {
        return std::nullopt;
    }
    const ByteView bounded = bytes.first(std::min(bytes.size(), kSenseBytesMax));
    const unsigned response = bounded[0] & 0x7fU;
    if (response < 0x70 || response > 0x73) {
        return std::nullopt;
    }
    auto sense = response <= 0x71 ? decode_fixed(bounded) : decode_descriptors(bounded);
    if (sense) {
        sense->deferred = (response & 1U) != 0;
    }
    return sense;
}

std::string to_string(const SenseData& sense) {
    std::string text =
        fmt::format("{:x}/{:02x}/{:02x}", sense.key, sense.code >> 8U, sense.code & 0xffU);
    const std::string_view words = words_of(sense.code);
    if (!words.empty()) {
        text += fmt::format(" {}", words);
    }
    if (sense.deferred) {
        text += " (of an earlier command)";
    }
    return text;
}

std::string sense_text(ByteView bytes) {
    if (all_zero(bytes)) {
        return "no sense data";
    }
    const auto sense = decode_sense(bytes);
    if (sense) {
        return to_string(*sense);
    }
    return "unreadable sense data: " + to_hex(bytes.first(std::min(bytes.size(), kQuotedBytesMax)));
}

}  // namespace efface::scsi
