// SPDX-License-Identifier: Apache-2.0
// What a drive said of its erase, read from the bytes that it gave: written again, so that the
// judge does not take the eraser's word. Layouts: NVMe Base 2.3, Sanitize Status log and Identify
// Namespace; ACS-4, SANITIZE STATUS EXT and IDENTIFY DEVICE; SPC-5, 4.4.
#include "status_page.hpp"

#include <algorithm>
#include <array>

namespace efface::judge {

namespace {

unsigned byte_at(ByteView page, std::size_t at) {
    return at < page.size() ? page[at] : 0U;
}

/// Log page 81h: SSTAT says success, no state but idle goes on, and the command was this one, where
/// the drive tells which.
bool sanitize_log_is_done(ByteView page, std::uint64_t action) {
    constexpr std::size_t kThroughCdw10 = 8;
    constexpr unsigned kSuccess = 1;
    constexpr unsigned kSuccessDeallocated = 4;
    constexpr std::array<unsigned, 3> kErasing{2, 3, 4};
    if (page.size() < kThroughCdw10) {
        return false;
    }
    const unsigned outcome = byte_at(page, 2) & 7U;
    const unsigned state = byte_at(page, 36) & 15U;
    const unsigned told = byte_at(page, 4) & 7U;
    const bool other =
        std::find(kErasing.begin(), kErasing.end(), told) != kErasing.end() && told != action;
    return (outcome == kSuccess || outcome == kSuccessDeallocated) && state == 0 && !other;
}

/// Status, error, COUNT, LBA, device: COUNT bit 15 is "completed without error", 14 "in progress".
bool sanitize_registers_are_done(ByteView page) {
    constexpr std::size_t kRegisters = 11;
    constexpr unsigned kBusyFaultOrError = 0xa1;
    if (page.size() < kRegisters || (byte_at(page, 0) & kBusyFaultOrError) != 0) {
        return false;
    }
    const unsigned high = byte_at(page, 3);
    return (high & 0x80U) != 0 && (high & 0x40U) == 0;
}

/// Word 128: a completed SECURITY ERASE UNIT switches security off.
bool security_is_off(ByteView page) {
    constexpr std::size_t kIdentifyBytes = 512;
    return page.size() == kIdentifyBytes && (byte_at(page, 256) & 2U) == 0;
}

/// FPI of a namespace: nothing remains to be formatted.
bool format_has_ended(ByteView page) {
    constexpr std::size_t kThroughFpi = 33;
    const unsigned indicator = byte_at(page, 32);
    return page.size() >= kThroughFpi && ((indicator & 0x80U) == 0 || (indicator & 0x7fU) == 0);
}

/// Current sense data (SPC-5 4.4) of a unit that is at nothing and in no failure: none of "not
/// ready", "format or sanitize failed", "operation in progress", and no progress that is told.
bool unit_is_idle(ByteView page) {
    constexpr unsigned kRecoveredError = 1;
    constexpr unsigned kNotReady = 0x04;
    constexpr unsigned kFailed = 0x31;
    constexpr unsigned kInProgress = 0x0016;
    const unsigned response = byte_at(page, 0) & 0x7fU;
    const bool fixed = response == 0x70;
    const bool descriptors = response == 0x72;
    if (page.size() < (fixed ? 14U : 8U) || (!fixed && !descriptors)) {
        return false;
    }
    const unsigned key = byte_at(page, fixed ? 2 : 1) & 15U;
    const unsigned code = (byte_at(page, fixed ? 12 : 2) << 8U) | byte_at(page, fixed ? 13 : 3);
    const bool progress = fixed && key == 0 && (byte_at(page, 15) & 0x80U) != 0;
    return key <= kRecoveredError && code >> 8U != kNotReady && code >> 8U != kFailed &&
           code != kInProgress && !progress;
}

bool says_done(const rules::StatusRule& rule, ByteView page) {
    if (rule.decoder == "nvme-sanitize-log") {
        return sanitize_log_is_done(page, rule.action);
    }
    if (rule.decoder == "ata-sanitize-registers") {
        return sanitize_registers_are_done(page);
    }
    if (rule.decoder == "ata-security-off") {
        return security_is_off(page);
    }
    if (rule.decoder == "nvme-format-ended") {
        return format_has_ended(page);
    }
    return rule.decoder == "scsi-sense-idle" && unit_is_idle(page);
}

std::vector<RecordView> pages_of(const RecordView& pages, const std::string& name) {
    auto list = pages.items();
    std::erase_if(
        list, [&](const RecordView& page) { return !page.at("page").text().starts_with(name); });
    return list;
}

Bytes bytes_in(const RecordView& page) {
    return from_hex(page.at("hex").text(std::string::npos)).value_or(Bytes{});
}

}  // namespace

bool reports_deallocation(const RecordView& status_after) {
    constexpr unsigned kSuccessDeallocated = 4;
    const auto pages = pages_of(status_after, "NVMe log 81h");
    return !pages.empty() && (byte_at(bytes_in(pages.back()), 2) & 7U) == kSuccessDeallocated;
}

void check_status_page(const RecordView& sanitization, const rules::StatusRule& rule) {
    const auto before = pages_of(sanitization.at("statusBefore"), rule.page);
    const bool told = std::any_of(before.begin(), before.end(),
                                  [](const RecordView& page) { return !all_zero(bytes_in(page)); });
    if (!told) {
        sanitization.at("statusBefore").fail("contains no information: " + rule.page);
    }
    const auto after = pages_of(sanitization.at("statusAfter"), rule.page);
    if (after.empty()) {
        sanitization.at("statusAfter").fail("does not contain the drive's answer: " + rule.page);
    }
    // The last one was read last; of namespaces each has its own.
    const bool each = rule.decoder == "nvme-format-ended";
    for (std::size_t i = each ? 0 : after.size() - 1; i < after.size(); ++i) {
        if (!says_done(rule, bytes_in(after[i]))) {
            after[i].at("hex").fail("does not report completion");
        }
    }
}

namespace {

/// The drive said that it does not do it; what it did not answer is for its status to tell.
bool is_refusal(const std::string& answer) {
    const auto is_capital = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
    const bool status_of_tcg = std::all_of(answer.begin(), answer.end(), is_capital);
    return answer.starts_with("refused") || (status_of_tcg && answer != "SUCCESS");
}

}  // namespace

bool is_command(const RecordView& command, const rules::CommandRule& rule) {
    const std::string& name = command.at("name").text();
    const Bytes bytes = from_hex(command.at("bytes").text()).value_or(Bytes{});
    bool same = bytes.size() >= rule.bytes.size();
    for (std::size_t i = 0; same && i < rule.bytes.size(); ++i) {
        same = (bytes[i] & rule.mask[i]) == rule.bytes[i];
    }
    return (same && !is_refusal(command.at("answer").text()) &&
            std::any_of(rule.names.begin(), rule.names.end(),
                        [&](const auto& start) { return name.starts_with(start); })) ||
           std::any_of(rule.instead.begin(), rule.instead.end(),
                       [&](const auto& other) { return is_command(command, other); });
}

void check_commands(const RecordView& operation, const std::vector<rules::CommandRule>& rules) {
    const auto commands = operation.at("commands").items();
    for (const rules::CommandRule& rule : rules) {
        if (std::none_of(commands.begin(), commands.end(),
                         [&](const auto& command) { return is_command(command, rule); })) {
            operation.at("commands")
                .fail("do not have " + rule.names.front() + " with the bytes of this technique");
        }
    }
}

namespace {

/// Where a page has a name of the drive.
struct NamePlace {
    const char* page;
    const char* field;
    std::size_t at;
    std::size_t bytes;
    bool swapped;  ///< the two characters of each word, as ATA has them
};
constexpr std::array<NamePlace, 8> kNamePlaces{
    {{"NVMe Identify Controller", "serial", 4, 20, false},
     {"NVMe Identify Controller", "model", 24, 40, false},
     {"NVMe Identify Controller", "firmware", 64, 8, false},
     {"ATA IDENTIFY DEVICE", "serial", 20, 20, true},
     {"ATA IDENTIFY DEVICE", "firmware", 46, 8, true},
     {"ATA IDENTIFY DEVICE", "model", 54, 40, true},
     {"SCSI INQUIRY", "model", 16, 16, false},
     {"SCSI INQUIRY", "firmware", 32, 4, false}}};

/// "" where the page is too short or has other bytes than printable ASCII there.
std::string name_in(ByteView page, const NamePlace& place) {
    std::string name;
    for (std::size_t i = 0; i < place.bytes && place.at + place.bytes <= page.size(); ++i) {
        const std::uint8_t byte = page[place.at + (place.swapped ? i ^ 1U : i)];
        if (byte < 0x20 || byte > 0x7e) {
            return {};
        }
        name += static_cast<char>(byte);
    }
    const auto first = name.find_first_not_of(' ');
    return first == std::string::npos ? std::string()
                                      : name.substr(first, name.find_last_not_of(' ') + 1 - first);
}

}  // namespace

void check_identify_pages(const RecordView& predicate) {
    const RecordView drive = predicate.at("target").at("drive");
    for (const NamePlace& place : kNamePlaces) {
        const std::string& told = drive.at(place.field).text();
        for (const RecordView& page :
             pages_of(predicate.at("sanitization").at("statusBefore"), place.page)) {
            const std::string name = name_in(bytes_in(page), place);
            if (!name.empty() && !told.empty() && name != told) {
                drive.at(place.field).fail("differs from the page, which has " + name);
            }
        }
    }
}

}  // namespace efface::judge
