// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include "fake/scsi/drive.hpp"
#include "fake/scsi/vendor.hpp"

namespace efface::rig {

ScsiModel make_scsi_model(const std::vector<std::string>& options, const Clock& clock) {
    fake::ScsiDriveOptions o;
    fake::ScsiVendorOptions v;
    unsigned opcodes = 0;  // ScsiVendorOptions::Opcodes
    const auto tcg = std::make_shared<TcgModel>();
    apply_options(options,
                  {{"blocks", number(o.blocks)},
                   {"block_bytes", number(o.block_bytes)},
                   {"spare_blocks", number(o.spare_blocks)},
                   {"vendor", text(o.vendor)},
                   {"product", text(o.product)},
                   {"revision", text(o.revision)},
                   {"serial", text(o.serial)},
                   {"naa", number(o.naa)},
                   {"rotation", number(o.rotation)},
                   {"after_block_erase", number(o.after_block_erase)},
                   {"after_crypto_erase", number(o.after_crypto_erase)},
                   {"self_test_seconds", number(o.self_test_seconds)},
                   {"write_same_blocks_max", number(o.write_same_blocks_max)},
                   {"descriptor_sense", number(o.descriptor_sense)},
                   {"reduced_blocks", number(o.reduced_blocks)},
                   {"depopulated_blocks", number(o.depopulated_blocks)},
                   {"element_restorable", number(o.element_restorable)},
                   {"sanitize_time", milliseconds(o.sanitize_time)},
                   {"format_time", milliseconds(o.format_time)},
                   {"restore_time", milliseconds(o.restore_time)},
                   {"has_overwrite", number(o.has_overwrite)},
                   {"has_block_erase", number(o.has_block_erase)},
                   {"has_crypto_erase", number(o.has_crypto_erase)},
                   {"has_format", number(o.has_format)},
                   {"has_write_same", number(o.has_write_same)},
                   {"reports_opcodes", number(o.reports_opcodes)},
                   {"fails", number(o.fails)},
                   {"sanitize_refused", number(o.sanitize_refused)},
                   {"progress_stuck", number(o.progress_stuck)},
                   {"hangs", number(o.hangs)},
                   {"resets", number(o.resets)},
                   {"write_same_fails", number(o.write_same_fails)},
                   {"erases_nothing", number(o.erases_nothing)},
                   {"hides", number(o.hides)},
                   {"shows_after_write", number(o.shows_after_write)},
                   {"only_forgets", number(o.only_forgets)},
                   {"format_erases_nothing", number(o.format_erases_nothing)},
                   {"keeps_share", share(o.keeps_share)},
                   {"vanishes", number(o.vanishes)},
                   {"forgets_on_power_loss", number(o.forgets_on_power_loss)},
                   {"serial_after_reset", text(o.serial_after_reset)},
                   {"opcodes", number(opcodes)},
                   {"no_modes", number(v.no_modes)},
                   {"write_same_ten_only", number(v.write_same_ten_only)},
                   {"write_same_most", number(v.write_same_most)},
                   {"sanitize_waits", number(v.sanitize_waits)},
                   {"format_waits", number(v.format_waits)},
                   {"format_without_list", number(v.format_without_list)},
                   {"pattern_bytes", number(v.pattern_bytes)},
                   {"no_progress", number(v.no_progress)}},
                  tcg->options());
    const auto drive = std::make_shared<fake::ScsiDrive>(o, clock);
    v.opcodes = static_cast<fake::ScsiVendorOptions::Opcodes>(opcodes);
    v.descriptor_sense = o.descriptor_sense;
    const auto vendor = std::make_shared<fake::ScsiVendor>(*drive, v);
    ScsiModel model;
    model.parts = {drive, vendor};
    model.transport = vendor.get();
    model.media = &drive->media();
    model.power_cycle = [drive, tcg] {
        drive->power_cycle();
        tcg->power_cycle();
    };
    if (tcg->present()) {
        tcg->begin(drive->media(), clock);
        drive->attach(tcg.get(), [tcg] { return tcg->locked(); });
        model.tcg = tcg;
    }
    return model;
}

}  // namespace efface::rig
