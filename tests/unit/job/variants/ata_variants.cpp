// SPDX-License-Identifier: Apache-2.0
#include "behind_scsi.hpp"
#include "fake/ata/drive.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "variant.hpp"

namespace efface::job::variants {

namespace {

class Model final : public DriveModel {
  public:
    Model(const fake::AtaDriveOptions& options, const fake::SatBridgeOptions& bridge_options,
          const Clock& clock)
        : drive(options, clock),
          bridge(drive, bridge_options),
          host_(bridge, options.block_bytes, false, clock) {}
    std::vector<method::CommandSet*> command_sets() override { return host_.command_sets(); }
    std::vector<device::BlockTarget*> surfaces() override { return {&host_.disk()}; }
    std::vector<fake::DriveMedia*> media() override { return {&drive.media()}; }

    fake::AtaDrive drive;
    fake::SatBridge bridge;

  private:
    BehindScsi host_;
};

fake::AtaDriveOptions draw_drive(Dice& dice, Variant& variant) {
    fake::AtaDriveOptions drive;
    drive.blocks = 2048;
    drive.spare_blocks = 64;
    drive.block_bytes = variant.of<std::uint32_t>(dice, "sectors of", {512, 512, 4096});
    drive.rotation = variant.of<std::uint16_t>(dice, "rotation", {1, 0, 7200});
    drive.sanitize = !variant.has(dice, "no SANITIZE", 4);
    drive.crypto_scramble = drive.sanitize && !variant.has(dice, "no CRYPTO SCRAMBLE", 5);
    drive.block_erase = drive.sanitize && !variant.has(dice, "no BLOCK ERASE", 5);
    drive.overwrite = drive.sanitize && !variant.has(dice, "no OVERWRITE", 5);
    drive.sanitize_time = std::chrono::milliseconds(
        variant.of<int>(dice, "ms of a sanitize", {2'000, 0, 30, 3'600'000}));
    drive.security = !variant.has(dice, "no SECURITY", 6);
    drive.enhanced_erase = drive.security && !variant.has(dice, "no enhanced erase", 4);
    drive.normal_time_word = variant.of<std::uint16_t>(dice, "time", {1, 0, 254, 255});
    drive.enhanced_time_word = drive.normal_time_word;
    drive.frozen_at_power_on = variant.has(dice, "security frozen", 6);
    drive.standby = variant.has(dice, "asleep", 6);
    drive.encrypts_all = variant.has(dice, "encrypts all", 3);
    if (variant.has(dice, "protected area", 6)) {
        drive.protected_area = true;
        drive.protected_blocks = variant.of<std::uint64_t>(dice, "protected", {0, 256});
    } else {
        drive.protected_area_off = variant.has(dice, "protected area supported, not enabled", 3);
    }
    if (variant.has(dice, "overlay", 6)) {
        drive.overlay = true;
        drive.overlay_blocks = variant.of<std::uint64_t>(dice, "overlaid", {0, 256});
        drive.overlay_frozen_at_power_on =
            drive.overlay_blocks == 0 && variant.has(dice, "overlay frozen", 3);
    }
    drive.checksum_wrong = variant.has(dice, "IDENTIFY sums to nothing", 6);
    drive.status_aborted_at_work = variant.has(dice, "STATUS aborts at work", 6);
    drive.sanitize_refused = variant.has(dice, "SANITIZE refused", 8);
    return drive;
}

fake::SatBridgeOptions draw_bridge(Dice& dice, Variant& variant) {
    fake::SatBridgeOptions bridge;
    bridge.information_page = !variant.has(dice, "no VPD 89h", 3);
    bridge.vendor = variant.has(dice, "a vendor's name", 2) ? "USBVEND" : "ATA";
    bridge.no_pass_through = variant.has(dice, "no pass-through", 8);
    bridge.libata_failures = variant.has(dice, "failures in fixed format", 2);
    bridge.failure_key = bridge.libata_failures && variant.has(dice, "5/21/04", 2) ? 0x5 : 0xb;
    bridge.drops_extend = variant.has(dice, "EXTEND dropped", 12);
    bridge.drops_high_bytes = !bridge.drops_extend && variant.has(dice, "high bytes dropped", 12);
    return bridge;
}

/// What may keep the technique from being carried out.
std::set<ReasonCode> obstacles(const std::string& technique, const fake::AtaDriveOptions& drive,
                               const fake::SatBridgeOptions& bridge) {
    std::set<ReasonCode> may;
    if (bridge.no_pass_through) {
        may.insert(ReasonCode::drive_path);
        return may;
    }
    if (technique.starts_with("ata-sanitize")) {
        const bool has = technique == "ata-sanitize-block"    ? drive.block_erase
                         : technique == "ata-sanitize-crypto" ? drive.crypto_scramble
                                                              : drive.overwrite;
        if (!has) {
            may.insert(ReasonCode::drive_lacks_technique);
        }
        if (bridge.drops_extend || bridge.drops_high_bytes) {
            may.insert({ReasonCode::drive_path, ReasonCode::drive_refused});
        }
        if (drive.sanitize_refused) {
            may.insert(ReasonCode::drive_refused);
        }
        return may;
    }
    const bool enhanced = technique == "ata-security-enhanced";
    if (!drive.security || (enhanced && !drive.enhanced_erase)) {
        may.insert(ReasonCode::drive_lacks_technique);
    }
    if (drive.frozen_at_power_on) {
        may.insert(ReasonCode::drive_frozen);
    }
    // Nobody could say when it is over: a short address is no address.
    if (bridge.drops_extend || bridge.drops_high_bytes) {
        may.insert(ReasonCode::drive_path);
    }
    return may;
}

/// Overwriting does not reach what is hidden, and says so: nothing is.
void show_all(fake::AtaDriveOptions& drive) {
    drive.protected_blocks = 0;
    drive.overlay_blocks = 0;
}

void ask_for(Dice& dice, fake::AtaDriveOptions& drive, const fake::SatBridgeOptions& bridge,
             Variant& variant) {
    static const std::vector<std::string> kNamed{"ata-sanitize-block", "ata-sanitize-crypto",
                                                 "ata-sanitize-overwrite", "ata-security-enhanced",
                                                 "ata-security-normal"};
    if (dice.one_in(6)) {
        variant.technique = mandate::kPolicyAuto;
        variant.level = dice.one_in(2) ? method::Level::clear : method::Level::purge;
        if (variant.level == method::Level::clear) {
            show_all(drive);
        }
        const bool sanitizes = drive.block_erase || drive.crypto_scramble || drive.overwrite;
        const bool offered = sanitizes && !drive.sanitize_refused && !bridge.no_pass_through &&
                             !bridge.drops_extend && !bridge.drops_high_bytes;
        if (variant.level == method::Level::purge && !offered) {
            variant.may = {ReasonCode::level_not_reached, ReasonCode::drive_lacks_technique,
                           ReasonCode::drive_path, ReasonCode::drive_refused,
                           ReasonCode::drive_frozen};
        }
        return;
    }
    variant.technique = dice.of(kNamed);
    variant.may = obstacles(variant.technique, drive, bridge);
    if (dice.one_in(3)) {
        show_all(drive);
        variant.fallbacks = {"overwrite-zero"};
        variant.may.clear();
    }
}

}  // namespace

Variant draw_ata(Dice& dice, DriveStation& station) {
    Variant variant;
    auto drive = draw_drive(dice, variant);
    const auto bridge = draw_bridge(dice, variant);
    if (bridge.drops_extend || bridge.drops_high_bytes) {
        show_all(drive);  // whether something is hidden would not be known: a named exception
    }
    ask_for(dice, drive, bridge, variant);
    variant.serial = drive.serial;
    auto model = std::make_unique<Model>(drive, bridge, station.clock);
    variant.power_cycle = [&made = *model] {
        made.drive.power_cycle();
        made.bridge.power_cycle();
    };
    if (variant.technique.starts_with("ata-sanitize") && variant.may.empty() &&
        variant.fallbacks.empty() && drive.block_erase && drive.protected_blocks == 0 &&
        drive.overlay_blocks == 0 && variant.has(dice, "an earlier SANITIZE failed", 4)) {
        device::AtaCommand command;
        command.command = 0xb4;
        command.extended = true;
        command.features = 0x0012;
        command.lba = 0x426b4572;
        model->drive.options.sanitize_fails = true;
        (void)model->drive.submit(command);
        station.clock.advance(std::chrono::hours(24));
        command = {};
        command.command = 0xe5;
        (void)model->drive.submit(command);
        model->drive.options.sanitize_fails = false;
    }
    variant.model = std::move(model);
    return variant;
}

}  // namespace efface::job::variants
