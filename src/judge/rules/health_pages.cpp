// SPDX-License-Identifier: Apache-2.0
// What a drive reported of its health, read from the bytes that it gave: written again, so that the
// judge does not take the eraser's word. Layouts: NVMe Base 2.3, SMART / Health Information and
// Device Self-test logs; ACS-4, 9.5 (Device Statistics); ATA8-ACS, 7.52 (SMART); SPC-5, 7.3 and
// SBC-4, 6.4 (log pages), 5.22 (defect lists).
#include "health_pages.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "efface/base/digest.hpp"

namespace efface::judge {

namespace {

using Count = std::uint64_t;
constexpr Count kCountMax = (Count{1} << 53U) - 1;
constexpr std::size_t kAtaPage = 512;
constexpr Count kPlain = 0xffff'ffff;  ///< an attribute above it holds several numbers
constexpr Count kHoursMax = 175'320;   ///< twenty years; above it, minutes or seconds are counted

/// Saturates at what a record can carry.
Count product(Count count, Count unit) {
    return count > kCountMax / unit ? kCountMax : count * unit;
}

Count little(ByteView page, std::size_t at, std::size_t bytes) {
    Count value = 0;
    for (std::size_t i = bytes; i-- > 0;) {
        value = (value << 8U) | page[at + i];
    }
    return value;
}

/// Pages by their names, and what they say.
class Decoder final {
  public:
    explicit Decoder(const RecordView& look);
    /// The values as a record has them.
    [[nodiscard]] Json values(const std::string& command_set);

  private:
    [[nodiscard]] const Bytes* find(const std::string& name) const;
    void put(const char* name, std::optional<Count> value);
    void decode_nvme();
    void decode_ata();
    void decode_ata_smart();
    void decode_ata_status();
    void decode_wear(bool flash);
    void decode_scsi();
    void decode_scsi_errors();
    void decode_scsi_heat();
    [[nodiscard]] std::optional<Count> statistic(unsigned number, std::size_t at,
                                                 unsigned bytes) const;
    [[nodiscard]] std::optional<Count> raw(unsigned id, unsigned bytes, Count least,
                                           Count most) const;
    [[nodiscard]] std::optional<ByteView> parameter(const std::string& page, unsigned code,
                                                    std::size_t bytes_min) const;

    std::map<std::string, Bytes> pages_;
    std::map<unsigned, Bytes> attributes_;  ///< the first entry of each
    Json values_ = Json::object();
};

Decoder::Decoder(const RecordView& look) {
    for (const RecordView& page : look.at("pages").items()) {
        const Bytes bytes = from_hex(page.at("hex").text(std::string::npos)).value_or(Bytes{});
        if (sha256_hex(bytes) != page.at("sha256").text()) {
            page.at("sha256").fail("is not the digest of the page");
        }
        if (!pages_.emplace(page.at("page").text(), bytes).second) {
            page.at("page").fail("is there twice");
        }
    }
}

const Bytes* Decoder::find(const std::string& name) const {
    const auto found = pages_.find(name);
    return found == pages_.end() ? nullptr : &found->second;
}

void Decoder::put(const char* name, std::optional<Count> value) {
    if (value) {
        values_[name] = std::min(*value, kCountMax);
    }
}

void Decoder::decode_nvme() {
    constexpr Count kUnitBytes = 512'000;
    constexpr unsigned kFailing = 0x0d;
    const Bytes* smart = find("NVMe log 02h");
    if (smart != nullptr && smart->size() == 512 && !all_zero(*smart)) {
        const auto long_count = [&](std::size_t at) {
            return little(*smart, at + 8, 8) != 0 ? kCountMax
                                                  : std::min(little(*smart, at, 8), kCountMax);
        };
        put("hostWrittenBytes", product(long_count(48), kUnitBytes));
        put("powerCycles", long_count(112));
        put("powerOnHours", long_count(128));
        put("mediaErrors", long_count(160));
        put("loggedErrors", long_count(176));
        put("sparePercent", (*smart)[3]);
        put("wearPercent", (*smart)[5]);
        if (const Count kelvin = little(*smart, 1, 2); kelvin != 0) {
            values_["celsius"] = static_cast<std::int64_t>(kelvin) - 273;
        }
        values_["failing"] = ((*smart)[0] & kFailing) != 0;
    }
    const Bytes* tests = find("NVMe log 06h");
    if (tests != nullptr && tests->size() > 4) {
        const unsigned newest = (*tests)[4];
        const unsigned result = newest & 15U;
        values_["selfTest"] = ((*tests)[0] & 15U) != 0                    ? "running"
                              : newest == 0 || result == 15               ? "never"
                              : result == 0                               ? "passed"
                              : result == 5 || result == 6 || result == 7 ? "failed"
                                                                          : "aborted";
    }
}

bool is_smart_page(const Bytes* page) {
    unsigned sum = 0;
    for (std::size_t i = 0; page != nullptr && i < page->size(); ++i) {
        sum += (*page)[i];
    }
    return page != nullptr && page->size() == kAtaPage && !all_zero(*page) && sum % 256 == 0;
}

/// By identifier, the first entry of each.
std::map<unsigned, Bytes> smart_entries(const Bytes* page) {
    constexpr std::size_t kEntryBytes = 12;
    constexpr std::size_t kEnd = 2 + 30 * kEntryBytes;
    std::map<unsigned, Bytes> entries;
    for (std::size_t at = 2; is_smart_page(page) && at < kEnd; at += kEntryBytes) {
        const auto first = page->begin() + static_cast<std::ptrdiff_t>(at);
        if (*first != 0) {
            entries.emplace(*first, Bytes(first, first + kEntryBytes));
        }
    }
    return entries;
}

std::optional<Count> Decoder::statistic(unsigned number, std::size_t at, unsigned bytes) const {
    constexpr unsigned kSupportedAndValid = 0xc0;
    const Bytes* page = find("ATA log 04h page 0" + std::to_string(number) + "h");
    if (page == nullptr || page->size() != kAtaPage || (*page)[2] != number ||
        little(*page, 0, 2) == 0 || ((*page)[at + 7] & kSupportedAndValid) != kSupportedAndValid) {
        return std::nullopt;
    }
    return little(*page, at, bytes);
}

/// What lies outside of these bounds counts something else.
std::optional<Count> Decoder::raw(unsigned id, unsigned bytes, Count least, Count most) const {
    const auto found = attributes_.find(id);
    const Count value = found == attributes_.end() ? 0 : little(found->second, 5, bytes);
    return found == attributes_.end() || value < least || value > most ? std::nullopt
                                                                       : std::optional(value);
}

void Decoder::decode_ata_status() {
    const auto thresholds = smart_entries(find("ATA SMART READ THRESHOLDS"));
    if (const Bytes* status = find("ATA SMART RETURN STATUS");
        status != nullptr && status->size() == 11 && ((*status)[0] & 0x21U) == 0) {
        const Count told = little(*status, 5, 2);
        if (told == 0xc24f || told == 0x2cf4) {
            values_["failing"] = told == 0x2cf4;
            return;
        }
    }
    if (attributes_.empty() || thresholds.empty()) {
        return;
    }
    bool failing = false;
    for (const auto& [id, limit] : thresholds) {
        const auto found = attributes_.find(id);
        failing = failing || (found != attributes_.end() && (found->second[1] & 1U) != 0 &&
                              limit[1] != 0 && found->second[3] <= limit[1]);
    }
    values_["failing"] = failing;
}

void Decoder::decode_ata_smart() {
    attributes_ = smart_entries(find("ATA SMART READ DATA"));
    decode_ata_status();
    if (const Bytes* errors = find("ATA SMART log 01h"); is_smart_page(errors)) {
        put("loggedErrors", little(*errors, 452, 2));
    }
    const Bytes* tests = find("ATA SMART log 06h");
    if (!is_smart_page(tests) || (*tests)[508] > 21) {
        return;
    }
    if ((*tests)[508] == 0) {
        values_["selfTest"] = "never";
        return;
    }
    constexpr std::array<const char*, 16> kResults{
        "passed", "aborted", "aborted", "failed", "failed", "failed", "failed", "failed",
        "failed", "",        "",        "",       "",       "",       "",       "running"};
    const std::string result = kResults[(*tests)[3 + ((*tests)[508] - std::size_t{1}) * 24] >> 4U];
    if (!result.empty()) {
        values_["selfTest"] = result;
    }
}

std::optional<Count> either(std::optional<Count> first, std::optional<Count> second) {
    return first ? first : second;
}

void Decoder::decode_wear(bool flash) {
    auto wear = statistic(7, 8, 1);
    for (const unsigned id : {231U, 177U}) {
        const auto found = attributes_.find(id);
        if (!wear && flash && found != attributes_.end()) {
            wear = 100 - std::min<Count>(found->second[3], 100);
        }
    }
    put("wearPercent", wear);
}

void Decoder::decode_ata() {
    const Bytes* identify = find("ATA IDENTIFY DEVICE");
    if (identify == nullptr || identify->size() != kAtaPage) {
        return;
    }
    const auto word = [&](std::size_t number) { return little(*identify, 2 * number, 2); };
    Count sector = kAtaPage;
    if (word(106) >> 14U == 1 && (word(106) & 0x1000U) != 0) {
        const Count words = little(*identify, 234, 4);
        sector = words >= 256 && words <= (Count{1} << 16U) / 2 ? 2 * words : sector;
    }
    decode_ata_smart();
    put("powerOnHours", either(statistic(1, 16, 4), raw(9, 3, 0, kHoursMax)));
    put("powerCycles", either(statistic(1, 8, 4), raw(12, 6, 0, kPlain)));
    if (const auto sectors = statistic(1, 24, 6)) {
        put("hostWrittenBytes", product(*sectors, sector));
    }
    put("reallocated", either(statistic(3, 32, 4), raw(5, 2, 0, kPlain)));
    put("pending",
        either(statistic(1, 64, 4), either(statistic(3, 56, 4), raw(197, 6, 0, kPlain))));
    put("mediaErrors",
        either(statistic(4, 8, 4), either(raw(187, 6, 0, kPlain), raw(198, 6, 0, kPlain))));
    decode_wear(word(217) == 1);
    if (const auto heat =
            either(statistic(5, 8, 1), either(raw(194, 1, 1, kPlain), raw(190, 1, 1, kPlain)))) {
        values_["celsius"] =
            *heat < 128 ? static_cast<std::int64_t>(*heat) : static_cast<std::int64_t>(*heat) - 256;
    }
    for (const unsigned id : {177U, 199U, 231U, 233U, 241U, 242U}) {
        if (const auto found = attributes_.find(id); found != attributes_.end()) {
            values_["attributes"].push_back(ObjectWriter()
                                                .add("id", id)
                                                .add("normalized", found->second[3])
                                                .add("raw", little(found->second, 5, 6))
                                                .take());
        }
    }
}

/// The first parameter of this code that is long enough; a page is named as "15h/01h".
std::optional<ByteView> Decoder::parameter(const std::string& page, unsigned code,
                                           std::size_t bytes_min) const {
    constexpr std::size_t kHeader = 4;
    const Bytes* bytes = find("SCSI log page " + page);
    const auto number = static_cast<unsigned>(std::stoul(page.substr(0, 2), nullptr, 16));
    const unsigned subpage = page.size() > 3 ? 1 : 0;
    if (bytes == nullptr || bytes->size() < kHeader || ((*bytes)[0] & 0x3fU) != number ||
        (((*bytes)[0] & 0x40U) != 0 ? (*bytes)[1] : 0U) != subpage) {
        return std::nullopt;
    }
    const ByteView all(*bytes);
    const std::size_t end =
        std::min<std::size_t>(bytes->size(), kHeader + read_be<std::uint16_t>(all, 2));
    for (std::size_t at = kHeader; at + kHeader <= end;) {
        const std::size_t length = all[at + 3];
        const std::size_t next = at + kHeader + length;
        if (next <= end && read_be<std::uint16_t>(all, at) == code && length >= bytes_min) {
            return all.subspan(at + kHeader, length);
        }
        at = next;
    }
    return std::nullopt;
}

std::optional<Count> big(const std::optional<ByteView>& bytes) {
    if (!bytes || bytes->size() > 8) {
        return std::nullopt;
    }
    Count value = 0;
    for (const std::uint8_t byte : *bytes) {
        value = (value << 8U) | byte;
    }
    return value;
}

void Decoder::decode_scsi_errors() {
    std::optional<Count> errors;
    for (const char* page : {"02h", "03h", "05h"}) {
        if (const auto count = big(parameter(page, 6, 1))) {
            errors = std::min(std::min(*count, kCountMax) + errors.value_or(0), kCountMax);
        }
    }
    put("mediaErrors", errors);
    put("hostWrittenBytes", big(parameter("02h", 5, 1)));
    for (const auto& [name, at, bytes] : {std::tuple{"SCSI READ DEFECT DATA (12)", 4U, 4U},
                                          std::tuple{"SCSI READ DEFECT DATA (10)", 2U, 2U}}) {
        const Bytes* list = find(name);
        if (list == nullptr || list->size() < at + bytes || ((*list)[1] & 0x18U) != 0x08) {
            continue;
        }
        const unsigned format = (*list)[1] & 7U;
        if (format <= 5) {
            put("reallocated", *big(ByteView(*list).subspan(at, bytes)) / (format == 0 ? 4 : 8));
            return;  // the longer list counts where both are there
        }
    }
}

void Decoder::decode_scsi_heat() {
    const auto heat = parameter("0Dh", 0, 2);
    if (heat && (*heat)[1] != 0xff) {
        values_["celsius"] = (*heat)[1];
    }
    const auto exceptions = parameter("2Fh", 0, 2);
    if (!exceptions) {
        return;
    }
    values_["failing"] = (*exceptions)[0] == 0x5d;
    const unsigned other = exceptions->size() > 2 ? (*exceptions)[2] : 0;
    if (!values_.contains("celsius") && other != 0 && other != 0xff) {
        values_["celsius"] = other;
    }
}

void Decoder::decode_scsi() {
    decode_scsi_errors();
    decode_scsi_heat();
    if (const auto test = parameter("10h", 1, 16)) {
        const unsigned result = (*test)[0] & 15U;
        const std::string word = all_zero(*test) ? "never"
                                 : result == 0   ? "passed"
                                 : result <= 2   ? "aborted"
                                 : result <= 7   ? "failed"
                                 : result == 15  ? "running"
                                                 : "";
        if (!word.empty()) {
            values_["selfTest"] = word;
        }
    }
    if (const auto wear = parameter("11h", 1, 4)) {
        put("wearPercent", (*wear)[3]);
    }
    if (const auto scan = parameter("15h", 0, 4)) {
        put("powerOnHours", read_be<std::uint32_t>(*scan, 0) / 60);
    }
    if (const auto pending = parameter("15h/01h", 0, 4)) {
        put("pending", read_be<std::uint32_t>(*pending, 0));
    }
}

Json Decoder::values(const std::string& command_set) {
    if (command_set == "nvme") {
        decode_nvme();
    } else if (command_set == "ata") {
        decode_ata();
    } else {
        decode_scsi();
    }
    return values_;
}

}  // namespace

Json health_values(const RecordView& look) {
    return Decoder(look).values(look.at("commandSet").text());
}

}  // namespace efface::judge
