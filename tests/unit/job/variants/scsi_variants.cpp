// SPDX-License-Identifier: Apache-2.0
#include "behind_scsi.hpp"
#include "fake/scsi/drive.hpp"
#include "fake/scsi/vendor.hpp"
#include "variant.hpp"

namespace efface::job::variants {

namespace {

using Opcodes = fake::ScsiVendorOptions::Opcodes;
using std::chrono::milliseconds;

class Model final : public DriveModel {
  public:
    Model(const fake::ScsiDriveOptions& drive, const fake::ScsiVendorOptions& vendor,
          const Clock& clock)
        : drive_(drive, clock),
          vendor_(drive_, vendor),
          host_(vendor_, drive.block_bytes, vendor.ten_byte_only, clock) {}
    std::vector<method::CommandSet*> command_sets() override { return host_.command_sets(); }
    std::vector<device::BlockTarget*> surfaces() override { return {&host_.disk()}; }
    std::vector<fake::DriveMedia*> media() override { return {&drive_.media()}; }
    /// An earlier SANITIZE has failed.
    void fail() {
        device::ScsiCommand command;
        command.cdb = {0x48, 0x02, 0, 0, 0, 0, 0, 0, 0, 0};
        drive_.options().fails = true;
        (void)drive_.submit(command);
        drive_.options().fails = false;
    }

  private:
    fake::ScsiDrive drive_;
    fake::ScsiVendor vendor_;
    BehindScsi host_;
};

fake::ScsiDriveOptions draw_disk(Dice& dice, Variant& variant) {
    fake::ScsiDriveOptions disk;
    disk.blocks = 2048;
    disk.spare_blocks = 64;
    disk.block_bytes = variant.of<std::uint32_t>(dice, "blocks of", {512, 512, 4096});
    disk.has_block_erase = !variant.has(dice, "no BLOCK ERASE", 5);
    disk.has_crypto_erase = !variant.has(dice, "no CRYPTOGRAPHIC ERASE", 5);
    disk.has_overwrite = !variant.has(dice, "no OVERWRITE", 5);
    disk.has_format = !variant.has(dice, "no FORMAT UNIT", 8);
    disk.has_write_same = !variant.has(dice, "no WRITE SAME", 6);
    disk.protection_type = variant.of<std::uint8_t>(dice, "protection type", {0, 0, 0, 1, 2, 3});
    disk.self_test_seconds = variant.of<std::uint16_t>(dice, "self-test", {0, 1, 7200, 0xffff});
    disk.rotation = variant.of<std::uint16_t>(dice, "rotation", {1, 0, 7200});
    disk.sanitize_time =
        milliseconds(variant.of<int>(dice, "ms of a sanitize", {10'000, 0, 30, 7'200'000}));
    disk.format_time =
        milliseconds(variant.of<int>(dice, "ms of a format", {20'000, 0, 30, 7'200'000}));
    disk.after_block_erase = variant.of<std::uint8_t>(dice, "WABEREQ", {0, 1});
    disk.after_crypto_erase = variant.of<std::uint8_t>(dice, "WACEREQ", {0, 1});
    disk.write_same_blocks_max =
        variant.of<std::uint64_t>(dice, "WRITE SAME of at most", {0, 0, 64});
    disk.descriptor_sense = variant.has(dice, "descriptor sense", 2);
    disk.translation_layer = variant.has(dice, "VPD 89h and no pass-through", 10);
    disk.logical_units = variant.of<std::uint32_t>(dice, "logical units", {1, 1, 1, 2});
    if (variant.has(dice, "reduced capacity", 8)) {
        disk.reduced_blocks = disk.blocks / 2;
    }
    return disk;
}

fake::ScsiVendorOptions draw_vendor(Dice& dice, const fake::ScsiDriveOptions& disk,
                                    Variant& variant) {
    fake::ScsiVendorOptions vendor;
    vendor.opcodes =
        static_cast<Opcodes>(variant.of<int>(dice, "operation codes", {0, 0, 0, 1, 2, 3}));
    for (const std::uint8_t page : Bytes{0x80, 0x83, 0xb0, 0xb1}) {
        if (variant.has(dice, ("no VPD " + to_hex(Bytes{page})).c_str(), 8)) {
            vendor.missing_pages.push_back(page);
        }
    }
    vendor.no_modes = disk.reduced_blocks == 0 && variant.has(dice, "no modes", 5);
    vendor.no_luns = variant.has(dice, "no REPORT LUNS", 5);
    vendor.ten_byte_only = variant.has(dice, "ten bytes", 8);
    vendor.write_same_ten_only = variant.has(dice, "WRITE SAME (10)", 4);
    vendor.write_same_most =
        variant.of<std::uint32_t>(dice, "no more of WRITE SAME than", {0, 0, 0, 100});
    vendor.sanitize_waits = variant.has(dice, "SANITIZE without IMMED", 4);
    vendor.format_waits = variant.has(dice, "FORMAT UNIT without IMMED", 4);
    vendor.format_without_list = variant.has(dice, "FORMAT UNIT without FMTDATA", 5);
    vendor.pattern_bytes = static_cast<std::uint16_t>(
        variant.of<int>(dice, "pattern of", {0, 0, 4, static_cast<int>(disk.block_bytes)}));
    vendor.no_progress = variant.has(dice, "no progress", 3);
    vendor.idle_code = variant.of<std::uint16_t>(dice, "idle", {0, 0, 0x5d00, 0x0b01, 0x5e00});
    vendor.descriptor_sense = disk.descriptor_sense;
    return vendor;
}

bool is_told(const fake::ScsiVendorOptions& vendor) {
    return vendor.opcodes == Opcodes::all || vendor.opcodes == Opcodes::list_only;
}

/// What may keep the technique from being carried out.
std::set<ReasonCode> obstacles(const std::string& technique, const fake::ScsiDriveOptions& disk,
                               const fake::ScsiVendorOptions& vendor) {
    const std::set<ReasonCode> lacks{ReasonCode::drive_lacks_technique, ReasonCode::drive_refused};
    const bool has = technique == "scsi-sanitize-block"       ? disk.has_block_erase
                     : technique == "scsi-sanitize-crypto"    ? disk.has_crypto_erase
                     : technique == "scsi-sanitize-overwrite" ? disk.has_overwrite
                     : technique == "scsi-format-unit"        ? disk.has_format
                                                              : disk.has_write_same;
    if (!has) {
        return lacks;
    }
    // Type 3 is asked for in the list that this disk does not take.
    const bool loses_type = vendor.format_without_list && disk.protection_type == 3;
    return technique == "scsi-format-unit" && loses_type
               ? std::set<ReasonCode>{ReasonCode::drive_refused}
               : std::set<ReasonCode>{};
}

/// Overwriting does not reach what is hidden, and says so: nothing is.
void show_all(fake::ScsiDriveOptions& disk) {
    disk.reduced_blocks = 0;
}

void ask_for(Dice& dice, fake::ScsiDriveOptions& disk, const fake::ScsiVendorOptions& vendor,
             Variant& variant) {
    static const std::vector<std::string> kNamed{"scsi-sanitize-block", "scsi-sanitize-crypto",
                                                 "scsi-sanitize-overwrite", "scsi-format-unit",
                                                 "scsi-write-same"};
    if (dice.one_in(6)) {
        variant.technique = mandate::kPolicyAuto;
        variant.level = dice.one_in(2) ? method::Level::clear : method::Level::purge;
        if (variant.level == method::Level::clear) {
            show_all(disk);
        }
        const bool sanitizes = disk.has_block_erase || disk.has_crypto_erase || disk.has_overwrite;
        // What the disk does not tell is tried where it is named alone.
        const bool offered = is_told(vendor) && sanitizes && !disk.translation_layer &&
                             (disk.logical_units == 1 || vendor.no_luns);
        if (variant.level == method::Level::purge && !offered) {
            variant.may = {ReasonCode::level_not_reached, ReasonCode::drive_not_told,
                           ReasonCode::drive_lacks_technique, ReasonCode::drive_path};
        }
        return;
    }
    variant.technique = dice.of(kNamed);
    variant.may = obstacles(variant.technique, disk, vendor);
    if (dice.one_in(4)) {
        show_all(disk);
        variant.fallbacks = {"overwrite-zero"};
        variant.may.clear();
    }
}

}  // namespace

Variant draw_scsi(Dice& dice, DriveStation& station) {
    Variant variant;
    auto disk = draw_disk(dice, variant);
    const auto vendor = draw_vendor(dice, disk, variant);
    ask_for(dice, disk, vendor, variant);
    variant.serial = disk.serial;
    // Without a capacity there is no telling how long a block is, and nothing hidden to open.
    const bool fits = vendor.pattern_bytes != disk.block_bytes && disk.reduced_blocks == 0 &&
                      disk.has_block_erase && !vendor.sanitize_waits;
    const bool sanitizes = variant.technique.starts_with("scsi-sanitize") && variant.may.empty() &&
                           variant.fallbacks.empty();
    auto model = std::make_unique<Model>(disk, vendor, station.clock);
    if (sanitizes && fits && variant.has(dice, "an earlier SANITIZE failed", 4)) {
        model->fail();
    }
    variant.model = std::move(model);
    return variant;
}

}  // namespace efface::job::variants
