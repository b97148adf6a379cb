// SPDX-License-Identifier: Apache-2.0
#include "drive/models.hpp"
#include "variant.hpp"

namespace efface::job::variants {

namespace {

constexpr std::uint32_t kCrypto = 1;
constexpr std::uint32_t kBlock = 2;
constexpr std::uint32_t kOverwrite = 4;
constexpr std::uint32_t kVerification = 8;
constexpr std::uint32_t kInhibited = 1U << 29U;
constexpr std::uint32_t kVersion21 = 0x00020100;

std::uint32_t draw_capabilities(Dice& dice, Variant& variant) {
    std::uint32_t sanicap = 0;
    sanicap |= variant.has(dice, "no crypto erase", 5) ? 0 : kCrypto;
    sanicap |= variant.has(dice, "no block erase", 5) ? 0 : kBlock;
    sanicap |= variant.has(dice, "no overwrite", 6) ? 0 : kOverwrite;
    sanicap |= variant.has(dice, "media verification", 4) ? kVerification : 0;
    sanicap |= variant.has(dice, "no-deallocate inhibited", 6) ? kInhibited : 0;
    return sanicap | variant.of<std::uint32_t>(dice, "NODMMAS", {1, 0, 1, 2}) << 30U;
}

fake::NvmeDriveOptions draw_drive(Dice& dice, Variant& variant) {
    fake::NvmeDriveOptions drive;
    drive.sanicap = draw_capabilities(dice, variant);
    drive.namespaces = {{2048, 512, true, false, false}};
    if (variant.has(dice, "two namespaces", 3)) {
        drive.namespaces.push_back({512, 4096, true, false, false});
    }
    drive.spare_blocks = 64;
    drive.version =
        variant.of<std::uint32_t>(dice, "version", {0x00020100, 0x00010300, 0x00010400});
    drive.fna = variant.of<std::uint8_t>(dice, "FNA", {0x04, 0x00, 0x06, 0x0c, 0x05});
    drive.format = !variant.has(dice, "no Format NVM", 8);
    drive.broadcast_refused = variant.has(dice, "broadcast refused", 3);
    drive.namespace_management = !variant.has(dice, "no namespace management", 3);
    drive.event_log = !variant.has(dice, "no event log", 2);
    drive.deallocated_reads = variant.of<std::uint8_t>(dice, "DLFEAT", {1, 0, 2});
    drive.leaves = static_cast<fake::NvmeLeaves>(variant.of<int>(dice, "leaves", {0, 0, 1}));
    drive.scdw10_told = variant.has(dice, "SCDW10 has SANACT alone", 4) ? 7U : 0xffffffffU;
    drive.tells_erased = !variant.has(dice, "no GDE", 3);
    drive.tells_progress = !variant.has(dice, "no SPROG", 4);
    drive.deallocates_one_in = variant.of<unsigned>(dice, "deallocates one in", {1, 0, 3});
    if (drive.version < kVersion21) {
        drive.sanicap &= ~kVerification;  // nobody could see it
    }
    for (auto* estimate :
         {&drive.overwrite_estimate, &drive.block_estimate, &drive.crypto_estimate}) {
        *estimate = variant.of<std::uint32_t>(dice, "estimate", {60, 0, 1, 0xffffffff});
    }
    for (auto* time : {&drive.crypto_time, &drive.block_time, &drive.overwrite_time}) {
        *time = std::chrono::milliseconds(variant.of<int>(dice, "ms", {60'000, 0, 30, 3'600'000}));
    }
    return drive;
}

std::uint32_t bit_of(const std::string& technique) {
    return technique == "nvme-sanitize-crypto"  ? kCrypto
           : technique == "nvme-sanitize-block" ? kBlock
                                                : kOverwrite;
}

/// Overwriting reaches the block device that was named: there is one.
void keep_one(fake::NvmeDriveOptions& drive) {
    drive.namespaces.resize(1);
}

void ask_for(Dice& dice, fake::NvmeDriveOptions& drive, Variant& variant) {
    static const std::vector<std::string> kNamed{
        "nvme-sanitize-block",     "nvme-sanitize-crypto", "nvme-sanitize-overwrite",
        "nvme-sanitize-overwrite", "nvme-format-crypto",   "nvme-format-user-data"};
    if (dice.one_in(6)) {
        variant.technique = mandate::kPolicyAuto;
        variant.level = dice.one_in(2) ? method::Level::clear : method::Level::purge;
        if (variant.level == method::Level::clear) {
            keep_one(drive);
        }
        if (variant.level == method::Level::purge &&
            (drive.sanicap & (kCrypto | kBlock | kOverwrite)) == 0) {
            variant.may = {ReasonCode::level_not_reached};
        }
        return;
    }
    variant.technique = dice.of(kNamed);
    const bool formats = variant.technique.starts_with("nvme-format");
    const bool by_key = variant.technique == "nvme-format-crypto";
    const bool has = formats ? drive.format && (!by_key || (drive.fna & 4U) != 0)
                             : (drive.sanicap & bit_of(variant.technique)) != 0;
    if (!has) {
        variant.may = {ReasonCode::drive_lacks_technique};
    }
    if (dice.one_in(4)) {
        keep_one(drive);
        variant.fallbacks = {"overwrite-zero"};
        variant.may.clear();
    }
}

/// The same technique has been carried out once before: log page 81h says so already.
void sanitize_before(NvmeModel& model, const std::string& technique, DriveStation& station) {
    device::NvmeCommand command;
    command.opcode = 0x84;
    command.cdw10 = technique == "nvme-sanitize-crypto"  ? 4
                    : technique == "nvme-sanitize-block" ? 2
                                                         : 0x13;
    (void)model.drive.controller().submit(command);
    station.clock.advance(std::chrono::hours(24));
    command = {};
    command.opcode = 0x0a;  // whatever is asked brings it up to the clock
    command.cdw10 = 2;
    (void)model.drive.controller().submit(command);
}

}  // namespace

Variant draw_nvme(Dice& dice, DriveStation& station) {
    Variant variant;
    auto drive = draw_drive(dice, variant);
    ask_for(dice, drive, variant);
    variant.serial = drive.serial;
    auto model = std::make_unique<NvmeModel>(drive, station.clock);
    if (variant.has(dice, "sanitized before", 3)) {
        sanitize_before(*model, variant.technique, station);
    } else if (variant.technique.starts_with("nvme-sanitize") && variant.may.empty() &&
               variant.fallbacks.empty() && variant.has(dice, "an earlier sanitize failed", 4)) {
        model->drive.lies().sanitize_fails = true;
        sanitize_before(*model, variant.technique, station);
        model->drive.lies().sanitize_fails = false;
    }
    variant.model = std::move(model);
    return variant;
}

}  // namespace efface::job::variants
