// SPDX-License-Identifier: Apache-2.0
// The four kinds of drive as a station has them. Clocks outlive the models.
#pragma once

#include <memory>

#include "efface/ata/sat_tunnel.hpp"

#include "fake/ata/drive.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "fake/nvme/drive.hpp"
#include "fake/scsi/drive.hpp"
#include "fake/tcg/drive.hpp"
#include "station.hpp"

namespace efface::job {

class NvmeModel final : public DriveModel {
  public:
    NvmeModel(fake::NvmeDriveOptions options, const Clock& clock);
    ~NvmeModel() override;
    std::vector<method::CommandSet*> command_sets() override { return {set_.get()}; }
    std::vector<device::BlockTarget*> surfaces() override;
    std::vector<fake::DriveMedia*> media() override;

    fake::NvmeDrive drive;

  private:
    std::unique_ptr<method::CommandSet> set_;
    std::vector<std::unique_ptr<device::BlockTarget>> surfaces_;
};

class ScsiModel final : public DriveModel {
  public:
    ScsiModel(fake::ScsiDriveOptions options, const Clock& clock);
    ~ScsiModel() override;
    std::vector<method::CommandSet*> command_sets() override { return {set_.get()}; }
    std::vector<device::BlockTarget*> surfaces() override { return {surface_.get()}; }
    std::vector<fake::DriveMedia*> media() override { return {&drive.media()}; }

    fake::ScsiDrive drive;

  private:
    std::unique_ptr<method::CommandSet> set_;
    std::unique_ptr<device::BlockTarget> surface_;
};

/// An ATA drive behind a translation layer, spoken to through it.
class AtaModel final : public DriveModel {
  public:
    AtaModel(fake::AtaDriveOptions options, const Clock& clock,
             fake::SatBridgeOptions bridge_options = {});
    ~AtaModel() override;
    std::vector<method::CommandSet*> command_sets() override { return {set_.get()}; }
    std::vector<device::BlockTarget*> surfaces() override { return {surface_.get()}; }
    std::vector<fake::DriveMedia*> media() override { return {&drive.media()}; }

    fake::AtaDrive drive;
    fake::SatBridge bridge;

  private:
    ata::SatTunnel tunnel_;
    fake::SeededRandom random_{"ata"};
    std::unique_ptr<method::CommandSet> set_;
    std::unique_ptr<device::BlockTarget> surface_;
};

/// A self-encrypting NVMe drive, shown its PSID, or `shown` as if it were.
class TcgModel final : public DriveModel {
  public:
    TcgModel(fake::TcgDriveOptions options, const fake::FixedClock& clock,
             std::function<void(std::chrono::milliseconds)> pause, const std::string& shown = {});
    ~TcgModel() override;
    std::vector<method::CommandSet*> command_sets() override;
    std::vector<device::BlockTarget*> surfaces() override { return {surface_.get()}; }
    std::vector<fake::DriveMedia*> media() override { return {&nvme->media(1)}; }

    /// Before and after each security command; may throw.
    std::function<void()> on_command = [] {};
    std::unique_ptr<fake::TcgDrive> tcg;
    std::unique_ptr<fake::NvmeDrive> nvme;

  private:
    class Late;
    std::unique_ptr<Late> late_;
    std::unique_ptr<method::CommandSet> nvme_set_;
    std::unique_ptr<device::SecurityTransport> channel_;
    std::unique_ptr<method::CommandSet> tcg_set_;
    std::unique_ptr<method::CommandSet> identified_;
    std::unique_ptr<device::BlockTarget> surface_;
};

}  // namespace efface::job
