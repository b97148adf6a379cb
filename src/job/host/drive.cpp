// SPDX-License-Identifier: Apache-2.0
#include "drive.hpp"

#include <algorithm>
#include <fstream>
#include <thread>

#include "efface/ata/sat_tunnel.hpp"
#include "efface/base/clock.hpp"
#include "efface/base/random.hpp"
#include "efface/device/drive/linux_nvme.hpp"
#include "efface/device/drive/linux_scsi.hpp"
#include "efface/device/drive/linux_secure_erase.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "drive/identified_set.hpp"

namespace efface::job {

namespace {

/// The first node that can be opened.
device::LinuxScsi open_scsi(const std::vector<std::string>& nodes) {
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
        try {
            return device::LinuxScsi::open(nodes[i]);
        } catch (const Error&) {
            continue;  // the sg driver is not there
        }
    }
    return device::LinuxScsi::open(nodes.back());
}

void pause(std::chrono::milliseconds duration) {
    std::this_thread::sleep_for(duration);
}

class NvmeConnection final : public DriveConnection {
  public:
    NvmeConnection(const inventory::Drive& drive, const method::TcgCredential& credential)
        : controller_(std::filesystem::path(drive.command_nodes.front()).filename().string()) {
        std::vector<method::NvmePlace> places;
        std::vector<device::NvmeNamespaceNode> nodes;
        for (const auto& surface : drive.surfaces) {
            places.push_back({surface.name, surface.nsid});
            nodes.push_back({surface.nsid, surface.path});
        }
        transport_ = device::LinuxNvme::open(drive.command_nodes.front(), nodes);
        nvme_ = method::make_nvme_drive(*transport_, std::move(places));
        channel_ = method::make_security_channel(static_cast<device::NvmeTransport&>(*transport_));
        tcg_ = method::make_tcg_drive(*channel_, credential, clock_, pause);
        identified_tcg_ = std::make_unique<IdentifiedSet>(*tcg_, *nvme_);
    }
    std::vector<method::CommandSet*> command_sets() override {
        return {nvme_.get(), identified_tcg_.get()};
    }
    std::vector<method::DriveSurvey> surveys() override {
        std::vector<method::DriveSurvey> all{nvme_->survey()};
        all.push_back(identified_tcg_->survey_beside(all.front()));
        return all;
    }
    void rescan() override {
        std::ofstream("/sys/class/nvme/" + controller_ + "/rescan_controller") << "1";
    }
    /// Controller Reset: the write returns when the controller is ready again, or fails.
    bool reset() override {
        std::ofstream file("/sys/class/nvme/" + controller_ + "/reset_controller");
        file << "1" << std::flush;
        return file.good();
    }

  private:
    std::string controller_;
    SystemClock clock_;
    std::unique_ptr<device::LinuxNvme> transport_;
    std::unique_ptr<method::CommandSet> nvme_;
    std::unique_ptr<device::SecurityTransport> channel_;
    std::unique_ptr<method::CommandSet> tcg_;
    std::unique_ptr<IdentifiedSet> identified_tcg_;
};

/// A SCSI disk, or an ATA one behind a translation layer: which one it is, the drive tells.
class ScsiConnection final : public DriveConnection {
  public:
    ScsiConnection(const inventory::Drive& drive, const method::TcgCredential& credential)
        : surface_(drive.surfaces.front()),
          transport_(open_scsi(drive.command_nodes)),
          tunnel_(transport_) {
        scsi_ = method::make_scsi_drive(transport_, surface_.name, clock_);
        const bool ata = method::scsi_is_translated(transport_);
        if (ata) {
            ata_ = method::make_ata_drive(tunnel_, surface_.name, random_);
            channel_ = method::make_security_channel(static_cast<device::AtaTransport&>(tunnel_));
        } else {
            channel_ =
                method::make_security_channel(static_cast<device::ScsiTransport&>(transport_));
        }
        tcg_ = method::make_tcg_drive(*channel_, credential, clock_, pause);
        identified_tcg_ = std::make_unique<IdentifiedSet>(*tcg_, ata ? *ata_ : *scsi_);
    }
    std::vector<method::CommandSet*> command_sets() override {
        std::vector<method::CommandSet*> sets;
        if (ata_) {
            sets.push_back(ata_.get());
        }
        sets.push_back(scsi_.get());
        sets.push_back(identified_tcg_.get());
        return sets;
    }
    std::vector<method::DriveSurvey> surveys() override {
        std::vector<method::DriveSurvey> all;
        if (ata_) {
            all.push_back(ata_->survey());
        }
        all.push_back(scsi_->survey());
        all.push_back(identified_tcg_->survey_beside(all.front()));  // the first knows whose it is
        return all;
    }
    void rescan() override {
        // Linux Documentation/scsi: sd reads the capacity again. The name of a surface is its
        // label, the path is where it is now.
        const auto name = std::filesystem::path(surface_.path).filename().string();
        std::ofstream("/sys/class/block/" + name + "/device/rescan") << "1";
    }
    bool reset() override { return transport_.reset(); }

  private:
    SystemClock clock_;
    SystemRandom random_;
    inventory::DriveSurface surface_;
    device::LinuxScsi transport_;
    ata::SatTunnel tunnel_;
    std::unique_ptr<method::CommandSet> scsi_;
    std::unique_ptr<method::CommandSet> ata_;
    std::unique_ptr<device::SecurityTransport> channel_;
    std::unique_ptr<method::CommandSet> tcg_;
    std::unique_ptr<IdentifiedSet> identified_tcg_;
};

/// A device whose driver offers secure erase (eMMC, virtio): the kernel says who it is.
class BlockConnection final : public DriveConnection {
  public:
    explicit BlockConnection(const inventory::Drive& drive)
        : target_(device::LinuxSecureErase::open(drive.surfaces.front().path)),
          block_(method::make_block_secure_erase(target_, clock_)),
          identified_(*block_, {drive.model, drive.serial, drive.wwid}) {}
    std::vector<method::CommandSet*> command_sets() override { return {&identified_}; }
    void rescan() override {}

  private:
    SystemClock clock_;
    device::LinuxSecureErase target_;
    std::unique_ptr<method::CommandSet> block_;
    IdentifiedSet identified_;
};

}  // namespace

std::unique_ptr<DriveConnection> connect_linux_drive(const inventory::Drive& drive,
                                                     const method::TcgCredential& credential) {
    if (drive.surfaces.empty() ||
        (drive.command_nodes.empty() && drive.protocol != inventory::Drive::Protocol::none)) {
        throw Error(ErrorCode::usage, "it is not a drive that accepts erase commands");
    }
    if (drive.protocol == inventory::Drive::Protocol::none) {
        return std::make_unique<BlockConnection>(drive);
    }
    if (drive.protocol == inventory::Drive::Protocol::nvme) {
        return std::make_unique<NvmeConnection>(drive, credential);
    }
    return std::make_unique<ScsiConnection>(drive, credential);
}

}  // namespace efface::job
