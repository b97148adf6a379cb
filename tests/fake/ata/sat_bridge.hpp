// SPDX-License-Identifier: Apache-2.0
// A SCSI to ATA translation layer in front of a drive, as libata, SAS adapters and USB bridges have
// one (SAT-4), and ways of being a bad one.
#pragma once

#include <optional>
#include <string>

#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/scsi_transport.hpp"

namespace efface::fake {

struct SatBridgeOptions {
    bool fixed_sense = false;      ///< also for ATA PASS-THROUGH
    bool zero_registers = false;   ///< the descriptor is there, and empty
    bool no_sense = false;         ///< GOOD whatever CK_COND asks for
    bool no_pass_through = false;  ///< 5/20/00
    bool information_page = true;  ///< VPD 89h
    std::string vendor = "ATA";
    /// A command that the drive aborts ends as libata before Linux 6.11 has it end: fixed format,
    /// with the registers behind INFORMATION.
    bool libata_failures = false;
    std::uint8_t failure_key = 0xb;   ///< of these: ABORTED COMMAND, or 5 with 21/04
    bool drops_extend = false;        ///< sends and returns registers of 28-bit commands alone
    bool drops_high_bytes = false;    ///< the same, and says EXTEND
    std::uint64_t shown_sectors = 0;  ///< not 0: all that a host is shown of the drive
};

/// The drive outlives it. One logical block is one logical sector.
class SatBridge final : public device::ScsiTransport {
  public:
    SatBridge(device::AtaTransport& drive, const SatBridgeOptions& what)
        : options(what), drive_(drive) {}

    device::ScsiCompletion submit(const device::ScsiCommand& command) override;

    /// Unit attention 29/01 before the next command but INQUIRY, REQUEST SENSE and REPORT LUNS.
    void power_cycle() noexcept { attention_ = true; }

    SatBridgeOptions options;

  private:
    struct Disk {
        Bytes identify;
        std::string model, serial, firmware;
        std::uint64_t wwn = 0;
        std::uint64_t sectors = 0;
        std::uint32_t sector_bytes = 512;
        bool lba48 = true;
        std::uint16_t rotation = 0;
    };

    /// nullopt: the drive did not answer.
    [[nodiscard]] std::optional<Disk> disk();
    [[nodiscard]] device::ScsiCompletion check(std::uint8_t key, std::uint8_t code,
                                               std::uint8_t qualifier = 0) const;
    [[nodiscard]] device::ScsiCompletion data_in(const device::ScsiCommand& command, ByteView data,
                                                 std::size_t allocation) const;
    [[nodiscard]] device::ScsiCompletion from_ata(const device::AtaCompletion& answer,
                                                  std::size_t bytes) const;

    [[nodiscard]] device::ScsiCompletion inquiry(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion product_data(const device::ScsiCommand& command,
                                                      const Disk& disk);
    [[nodiscard]] device::ScsiCompletion mode_sense(const device::ScsiCommand& command) const;
    [[nodiscard]] device::ScsiCompletion mode_select(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion capacity(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion read_write(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion synchronize();
    [[nodiscard]] device::ScsiCompletion security_protocol(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion pass_through(const device::ScsiCommand& command);
    [[nodiscard]] device::ScsiCompletion pass_through_answer(const device::AtaCommand& command,
                                                             const device::AtaCompletion& answer,
                                                             bool status_wanted) const;

    device::AtaTransport& drive_;
    bool attention_ = false;
    bool descriptor_sense_ = false;  ///< D_SENSE of the control mode page
    /// As last identified: pass-through must put no command of its own between two of the host's.
    std::uint32_t sector_bytes_ = 0;
};

}  // namespace efface::fake
