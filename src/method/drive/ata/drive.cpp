// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "efface/ata/capacity.hpp"
#include "efface/ata/logs.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "link.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kAtaReadSectorsMax = 128;

class AtaDrive final : public CommandSet {
  public:
    AtaDrive(device::AtaTransport& ata, std::string surface, Random& random)
        : ata_(ata), surface_(std::move(surface)), random_(random) {}

    [[nodiscard]] std::string_view name() const override { return "ata"; }
    [[nodiscard]] DriveSurvey survey() override;
    [[nodiscard]] HealthLook health() override { return ask_ata_health(ata_); }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] std::unique_ptr<Operation> make(std::string_view technique,
                                                  OperationMemory& memory) override;
    [[nodiscard]] OpenedAreas open_hidden_areas(OperationMemory& memory) override {
        return ata_open_hidden_areas(ata_, memory);
    }
    [[nodiscard]] ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                         MutableByteView into) override;
    [[nodiscard]] WriteStatus write_by_command(const std::string& surface, std::uint64_t offset,
                                               ByteView from) override;
    [[nodiscard]] bool flush_by_command(const std::string& surface) override;

  private:
    /// Why nothing can be read or written there; empty: nothing is in the way.
    [[nodiscard]] std::string problem_at(const std::string& surface, std::uint64_t offset,
                                         std::size_t bytes);
    void add_security_page(DriveSurvey& survey, const AtaLook& look);

    device::AtaTransport& ata_;
    std::string surface_;
    Random& random_;
    std::optional<ata::Identify> known_;  ///< for reading
};

/// Log 30h page 06h says again, and independently of word 69, whether all data is encrypted.
void AtaDrive::add_security_page(DriveSurvey& survey, const AtaLook& look) {
    if (!look.identify.general_purpose_logging || look.power_mode == ata::PowerMode::standby) {
        return;
    }
    Bytes page(ata::kPageBytes);
    const auto has_log = ata_.submit(ata::read_log(ata::kLogDirectory, 0, page));
    if (!has_log.accepted || ata::decode_log_pages(page, ata::kLogIdentifyDeviceData) == 0) {
        return;
    }
    const auto answer =
        ata_.submit(ata::read_log(ata::kLogIdentifyDeviceData, ata::kPageSecurity, page));
    const auto security = answer.accepted ? ata::decode_security_page(page) : std::nullopt;
    if (security) {
        survey.facts["encryptsAll"] = look.identify.encrypts_all || security->encrypts_all;
        survey.pages.push_back({"ATA log 30h page 06h", std::move(page)});
    }
}

DriveSurvey AtaDrive::survey() {
    DriveSurvey survey;
    auto look = ata_look(ata_);
    if (!look.error.empty()) {
        survey.error = look.error;
        return survey;
    }
    const auto& identify = look.identify;
    survey.model = identify.model;
    survey.serial = identify.serial;
    survey.wwn = identify.wwn;
    survey.firmware = identify.firmware;
    const bool asleep = look.power_mode == ata::PowerMode::standby;
    auto capacity = ata_capacity(ata_, identify, asleep);
    if (look.wide_unreadable.empty()) {
        look.wide_unreadable = capacity.short_address;
    }
    survey.techniques = ata_techniques(look);
    survey.facts = ata_facts(look);
    if (identify.sectors > 0) {
        survey.sizes.push_back({surface_, identify.sectors * identify.logical_sector_bytes,
                                identify.logical_sector_bytes});
    }
    survey.pages = look.pages;
    survey.hidden_areas = ata_hidden_areas(identify, capacity);
    if (capacity.native) {
        survey.facts["nativeMaxLba"] = *capacity.native - 1;
    }
    std::move(capacity.pages.begin(), capacity.pages.end(), std::back_inserter(survey.pages));
    add_security_page(survey, look);
    if (look.sanitize == AtaLook::Sanitize::failed) {
        survey.residual_risks.push_back(
            {ReasonCode::drive_failed,
             "an earlier SANITIZE operation failed: " + look.sanitize_detail});
    }
    known_ = identify;
    return survey;
}

OperationState AtaDrive::state() {
    return ata_sanitize_state(ata_look(ata_));
}

std::unique_ptr<Operation> AtaDrive::make(std::string_view technique, OperationMemory& memory) {
    if (const auto kind = ata_sanitize_of(technique)) {
        return make_ata_sanitize(ata_, *kind, memory);
    }
    if (technique == kAtaSecurityEnhanced || technique == kAtaSecurityNormal) {
        return make_ata_security_erase(ata_, technique == kAtaSecurityEnhanced, random_, memory);
    }
    return nullptr;
}

std::string AtaDrive::problem_at(const std::string& surface, std::uint64_t offset,
                                 std::size_t bytes) {
    if (surface != surface_) {
        return "no such surface";
    }
    if (!known_) {
        auto identity = ata_identify(ata_);
        if (!identity.error.empty()) {
            return identity.error;
        }
        known_ = std::move(identity.identify);
    }
    const std::uint64_t sector = known_->logical_sector_bytes;
    return offset % sector != 0 || bytes % sector != 0 ? "not aligned to its sectors" : "";
}

ReadStatus AtaDrive::read_status(const std::string& surface, std::uint64_t offset,
                                 MutableByteView into) {
    if (const auto problem = problem_at(surface, offset, into.size()); !problem.empty()) {
        return {.status = problem};
    }
    const std::uint64_t sector = known_->logical_sector_bytes;
    std::uint64_t lba = offset / sector;
    while (!into.empty()) {
        const auto count = std::min<std::uint64_t>(into.size() / sector, kAtaReadSectorsMax);
        const auto piece = into.first(static_cast<std::size_t>(count * sector));
        const auto answer = ata_.submit(
            ata::read_sectors(known_->lba48, lba, static_cast<std::uint16_t>(count), piece));
        if (answer.error != 0 || !answer.accepted) {
            // The standard names no error that an erased sector would answer with.
            return {.status = fmt::format("LBA {}: {}", lba, ata_answer_text(answer))};
        }
        lba += count;
        into = into.subspan(piece.size());
    }
    return {.readable = true, .expected = true, .status = "read"};
}

WriteStatus AtaDrive::write_by_command(const std::string& surface, std::uint64_t offset,
                                       ByteView from) {
    if (const auto problem = problem_at(surface, offset, from.size()); !problem.empty()) {
        return {.status = problem};
    }
    const std::uint64_t sector = known_->logical_sector_bytes;
    std::uint64_t lba = offset / sector;
    while (!from.empty()) {
        const auto count = std::min<std::uint64_t>(from.size() / sector, kAtaReadSectorsMax);
        const auto piece = from.first(static_cast<std::size_t>(count * sector));
        const auto answer = ata_.submit(
            ata::write_sectors(known_->lba48, lba, static_cast<std::uint16_t>(count), piece));
        if (answer.error != 0 || !answer.accepted) {
            return {.status = fmt::format("LBA {}: {}", lba, ata_answer_text(answer))};
        }
        lba += count;
        from = from.subspan(piece.size());
    }
    return {.written = true, .status = "written"};
}

bool AtaDrive::flush_by_command(const std::string& surface) {
    return problem_at(surface, 0, 0).empty() &&
           ata_taken(ata_.submit(ata::flush_cache(known_->lba48)));
}

}  // namespace

std::unique_ptr<CommandSet> make_ata_drive(device::AtaTransport& ata, std::string surface_name,
                                           Random& random) {
    return std::make_unique<AtaDrive>(ata, std::move(surface_name), random);
}

}  // namespace efface::method
