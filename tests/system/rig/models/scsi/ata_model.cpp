// SPDX-License-Identifier: Apache-2.0
// An ATA drive behind a translation layer.
#include "fake/ata/drive.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "model.hpp"

namespace efface::rig {

ScsiModel make_ata_model(const std::vector<std::string>& options, const Clock& clock) {
    fake::AtaDriveOptions o;
    fake::SatBridgeOptions b;
    const auto tcg = std::make_shared<TcgModel>();
    apply_options(options,
                  {{"blocks", number(o.blocks)},
                   {"block_bytes", number(o.block_bytes)},
                   {"spare_blocks", number(o.spare_blocks)},
                   {"model", text(o.model)},
                   {"serial", text(o.serial)},
                   {"firmware", text(o.firmware)},
                   {"wwn", number(o.wwn)},
                   {"rotation", number(o.rotation)},
                   {"sanitize", number(o.sanitize)},
                   {"crypto_scramble", number(o.crypto_scramble)},
                   {"block_erase", number(o.block_erase)},
                   {"overwrite", number(o.overwrite)},
                   {"encrypts_all", number(o.encrypts_all)},
                   {"sanitize_time", milliseconds(o.sanitize_time)},
                   {"security", number(o.security)},
                   {"enhanced_erase", number(o.enhanced_erase)},
                   {"erase_time", milliseconds(o.erase_time)},
                   {"protected_area", number(o.protected_area)},
                   {"protected_blocks", number(o.protected_blocks)},
                   {"overlay", number(o.overlay)},
                   {"overlay_blocks", number(o.overlay_blocks)},
                   {"accessible_max", number(o.accessible_max)},
                   {"above_accessible_blocks", number(o.above_accessible_blocks)},
                   {"restore_needs_power_cycle", number(o.restore_needs_power_cycle)},
                   {"frozen_at_power_on", number(o.frozen_at_power_on)},
                   {"overlay_frozen_at_power_on", number(o.overlay_frozen_at_power_on)},
                   {"erases_nothing", number(o.erases_nothing)},
                   {"only_forgets", number(o.only_forgets)},
                   {"keeps_blocks", number(o.keeps_blocks)},
                   {"progress_stuck", number(o.progress_stuck)},
                   {"sanitize_refused", number(o.sanitize_refused)},
                   {"sanitize_fails", number(o.sanitize_fails)},
                   {"sanitize_forgotten", number(o.sanitize_forgotten)},
                   {"erase_refused", number(o.erase_refused)},
                   {"stays_enabled", number(o.stays_enabled)},
                   {"registers_lost", number(o.registers_lost)},
                   {"power_lost_in_erase", number(o.power_lost_in_erase)},
                   {"another_identity", number(o.another_identity)},
                   {"writes_reverted", number(o.writes_reverted)},
                   {"fixed_sense", number(b.fixed_sense)},
                   {"zero_registers", number(b.zero_registers)},
                   {"no_sense", number(b.no_sense)},
                   {"no_pass_through", number(b.no_pass_through)},
                   {"information_page", number(b.information_page)},
                   {"vendor", text(b.vendor)},
                   {"libata_failures", number(b.libata_failures)},
                   {"failure_key", number(b.failure_key)},
                   {"drops_extend", number(b.drops_extend)},
                   {"checksum_wrong", number(o.checksum_wrong)},
                   {"protected_area_off", number(o.protected_area_off)},
                   {"status_aborted_at_work", number(o.status_aborted_at_work)},
                   {"shown_sectors", number(b.shown_sectors)}},
                  tcg->options());
    const auto drive =
        std::make_shared<fake::AtaDrive>(o, clock, tcg->present() ? tcg.get() : nullptr);
    const auto bridge = std::make_shared<fake::SatBridge>(*drive, b);
    ScsiModel model;
    model.parts = {drive, bridge};
    model.transport = bridge.get();
    model.media = &drive->media();
    model.power_cycle = [drive, bridge, tcg] {
        drive->power_cycle();
        bridge->power_cycle();
        tcg->power_cycle();
    };
    if (tcg->present()) {
        tcg->begin(drive->media(), clock);
        drive->lock_by([tcg] { return tcg->locked(); });
        model.tcg = tcg;
    }
    return model;
}

}  // namespace efface::rig
