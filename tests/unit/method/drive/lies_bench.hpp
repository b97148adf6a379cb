// SPDX-License-Identifier: Apache-2.0
// One drive of each kind behind transports that lie, and a whole job on it through the engine.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "efface/device/drive/secure_erase.hpp"
#include "efface/method/drive/command_sets.hpp"
#include "efface/method/drive/erase.hpp"

#include "drive/identified_set.hpp"
#include "fake/ata/drive.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/lying_transport.hpp"
#include "fake/nvme/drive.hpp"
#include "fake/scsi/drive.hpp"
#include "fake/tcg/drive.hpp"
#include "memory/support.hpp"

namespace efface::test {

constexpr const char* kTableTechniques[] = {"nvme-sanitize-block",
                                            "nvme-sanitize-crypto",
                                            "nvme-sanitize-overwrite",
                                            "nvme-format-crypto",
                                            "nvme-format-user-data",
                                            "ata-sanitize-block",
                                            "ata-sanitize-crypto",
                                            "ata-sanitize-overwrite",
                                            "ata-security-enhanced",
                                            "ata-security-normal",
                                            "scsi-sanitize-block",
                                            "scsi-sanitize-crypto",
                                            "scsi-sanitize-overwrite",
                                            "scsi-format-unit",
                                            "scsi-write-same",
                                            "tcg-psid-revert",
                                            "tcg-revert",
                                            "tcg-genkey",
                                            "block-secure-erase"};

/// All a drive is for a host: a medium, its commands, and the job that asks them.
class LiesModel {
  public:
    virtual ~LiesModel() = default;
    virtual fake::DriveMedia& media() = 0;
    virtual void tell(fake::Disguise& disguise, fake::Garbler& garbler) = 0;
    virtual method::CommandSet& commands() = 0;
};

constexpr std::uint64_t kLiesBlocks = 1024;

class NvmeLiesModel final : public LiesModel {
  public:
    explicit NvmeLiesModel(const Clock& clock) : drive_(options(), clock) {}
    static fake::NvmeDriveOptions options() {
        fake::NvmeDriveOptions made;
        made.namespaces = {{kLiesBlocks, 512, true, false}};
        return made;
    }
    fake::DriveMedia& media() override { return drive_.media(1); }
    void tell(fake::Disguise& disguise, fake::Garbler& garbler) override {
        lying_ = std::make_unique<fake::LyingNvme>(drive_.controller(), disguise, garbler);
        set_ = method::make_nvme_drive(*lying_, {{"a", 1}});
    }
    method::CommandSet& commands() override { return *set_; }

  private:
    fake::NvmeDrive drive_;
    std::unique_ptr<fake::LyingNvme> lying_;
    std::unique_ptr<method::CommandSet> set_;
};

class AtaLiesModel final : public LiesModel {
  public:
    explicit AtaLiesModel(const Clock& clock) : drive_(options(), clock) {}
    static fake::AtaDriveOptions options() {
        fake::AtaDriveOptions made;
        made.blocks = kLiesBlocks;
        return made;
    }
    fake::DriveMedia& media() override { return drive_.media(); }
    void tell(fake::Disguise& disguise, fake::Garbler& garbler) override {
        lying_ = std::make_unique<fake::LyingAta>(drive_, disguise, garbler);
        set_ = method::make_ata_drive(*lying_, "a", random_);
    }
    method::CommandSet& commands() override { return *set_; }

  private:
    fake::AtaDrive drive_;
    fake::SeededRandom random_{"lies"};
    std::unique_ptr<fake::LyingAta> lying_;
    std::unique_ptr<method::CommandSet> set_;
};

class ScsiLiesModel final : public LiesModel {
  public:
    explicit ScsiLiesModel(const Clock& clock) : clock_(clock), drive_(options(), clock) {}
    static fake::ScsiDriveOptions options() {
        fake::ScsiDriveOptions made;
        made.blocks = kLiesBlocks;
        return made;
    }
    fake::DriveMedia& media() override { return drive_.media(); }
    void tell(fake::Disguise& disguise, fake::Garbler& garbler) override {
        lying_ = std::make_unique<fake::LyingScsi>(drive_, disguise, garbler);
        set_ = method::make_scsi_drive(*lying_, "a", clock_);
    }
    method::CommandSet& commands() override { return *set_; }

  private:
    const Clock& clock_;
    fake::ScsiDrive drive_;
    std::unique_ptr<fake::LyingScsi> lying_;
    std::unique_ptr<method::CommandSet> set_;
};

/// A self-encrypting NVMe drive, shown the credential of the technique.
class TcgLiesModel final : public LiesModel {
  public:
    TcgLiesModel(std::string_view technique, fake::FixedClock& clock)
        : clock_(clock),
          changes_keys_(technique == "tcg-genkey"),
          nvme_(NvmeLiesModel::options(), clock, &late_),
          tcg_({}, nvme_.media(1), clock) {
        late_.drive = &tcg_;
    }
    fake::DriveMedia& media() override { return nvme_.media(1); }
    void tell(fake::Disguise& disguise, fake::Garbler& garbler) override {
        const fake::TcgDriveOptions made;
        lying_ = std::make_unique<fake::LyingNvme>(nvme_.controller(), disguise, garbler);
        nvme_set_ = method::make_nvme_drive(*lying_, {{"a", 1}});
        channel_ = method::make_security_channel(static_cast<device::NvmeTransport&>(*lying_));
        const method::TcgCredential psid{SecretBytes(as_bytes(made.psid)),
                                         mandate::Authority::psid};
        const method::TcgCredential admin{SecretBytes(as_bytes(made.locking_admin)),
                                          mandate::Authority::admin};
        tcg_set_ = method::make_tcg_drive(
            *channel_, changes_keys_ ? admin : psid, clock_,
            [this](std::chrono::milliseconds time) { clock_.advance(time); });
        set_ = std::make_unique<job::IdentifiedSet>(*tcg_set_, *nvme_set_);
    }
    method::CommandSet& commands() override { return *set_; }

  private:
    struct Late final : device::SecurityTransport {
        device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                       MutableByteView into) override {
            return drive->receive(protocol, specific, into);
        }
        device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                    ByteView from) override {
            return drive->send(protocol, specific, from);
        }
        device::SecurityTransport* drive = nullptr;
    };
    fake::FixedClock& clock_;
    bool changes_keys_;
    Late late_;
    fake::NvmeDrive nvme_;
    fake::TcgDrive tcg_;
    std::unique_ptr<fake::LyingNvme> lying_;
    std::unique_ptr<method::CommandSet> nvme_set_;
    std::unique_ptr<device::SecurityTransport> channel_;
    std::unique_ptr<method::CommandSet> tcg_set_;
    std::unique_ptr<method::CommandSet> set_;
};

class BlockLiesModel final : public LiesModel, private device::SecureErase {
  public:
    explicit BlockLiesModel(const Clock& clock) : clock_(clock), media_(kLiesBlocks, 512) {}
    fake::DriveMedia& media() override { return media_; }
    void tell(fake::Disguise& /*disguise*/, fake::Garbler& /*garbler*/) override {
        set_ = method::make_block_secure_erase(*this, clock_);
        identified_ = std::make_unique<job::IdentifiedSet>(
            *set_, job::KernelIdentity{"MODEL", "SERIAL", "wwid"});
    }
    method::CommandSet& commands() override { return *identified_; }

  private:
    [[nodiscard]] std::uint64_t size_bytes() const override { return kLiesBlocks * 512; }
    [[nodiscard]] std::uint32_t block_bytes() const override { return 512; }
    [[nodiscard]] int probe() override { return 0; }
    [[nodiscard]] int erase(std::uint64_t offset, std::uint64_t length) override {
        media_.erase(offset / 512, length / 512, fake::DriveMedia::Leave::zeros);
        return 0;
    }
    const Clock& clock_;
    fake::DriveMedia media_;
    std::unique_ptr<method::CommandSet> set_;
    std::unique_ptr<method::CommandSet> identified_;
};

class LiesBench final : private method::DriveAccess {
  public:
    /// `shown`: of its blocks, by the kernel.
    LiesBench(const char* technique, const fake::Lie& lie, std::uint64_t shown = kLiesBlocks,
              fake::Garbler garbler = fake::Garbler())
        : model(make(technique, clock)), disguise(fill(model->media()), lie), garbler_(garbler) {
        model->tell(disguise, garbler_);
        surface_ = std::make_unique<fake::LyingTarget>(model->media(), disguise, shown);
        state.seed = Bytes(method::kCanarySeedBytes, 7);
        task.path = "/dev/a";
        task.technique = technique;
    }

    static unsigned statuses_of(std::string_view technique) {
        return technique.starts_with("ata")     ? fake::kAtaLieStatuses
               : technique.starts_with("scsi")  ? fake::kScsiLieStatuses
               : technique.starts_with("block") ? 1U
                                                : fake::kNvmeLieStatuses;
    }

    method::Outcome run() {
        Watcher watcher;
        return erase_drive(task, state, *this, clock,
                           guard::clear_memory("/dev/a", {}, [] { return guard::MemoryLook(); }),
                           watcher, {});
    }

    fake::FixedClock clock;
    std::unique_ptr<LiesModel> model;
    fake::Disguise disguise;
    method::EraseState state;
    method::EraseTask task;
    unsigned resets = 0;

  private:
    void save(const method::EraseState& now) override {
        using Step = method::EraseState::Step;
        if (now.step == Step::start && now.started_at.empty()) {
            disguise.erasure_begins();
        } else if (now.step == Step::check) {
            disguise.erasure_ends();
        }
    }
    bool wait(std::chrono::milliseconds pause) override {
        clock.advance(pause);
        return true;
    }
    method::CommandSet& commands() override { return model->commands(); }
    std::vector<method::Surface> surfaces() override { return {{"a", surface_.get()}}; }
    std::string reattach() override { return {}; }
    bool reset() override {
        ++resets;
        disguise.reset();
        return true;
    }

    static std::unique_ptr<LiesModel> make(std::string_view technique, fake::FixedClock& clock) {
        if (technique.starts_with("nvme")) {
            return std::make_unique<NvmeLiesModel>(clock);
        }
        if (technique.starts_with("ata")) {
            return std::make_unique<AtaLiesModel>(clock);
        }
        if (technique.starts_with("scsi")) {
            return std::make_unique<ScsiLiesModel>(clock);
        }
        if (technique.starts_with("tcg")) {
            return std::make_unique<TcgLiesModel>(technique, clock);
        }
        return std::make_unique<BlockLiesModel>(clock);
    }
    /// No two blocks are the same, and none is uniform.
    static Bytes content() {
        constexpr std::size_t kBlock = 512;
        Bytes all(kLiesBlocks * kBlock);
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = static_cast<std::uint8_t>(i * 7 + (i / kBlock) * 31);
        }
        for (std::uint64_t at = 0; at < kLiesBlocks; ++at) {
            write_be<std::uint64_t>(all, at * kBlock + 8, at | 0xa5a5000000000000U);
        }
        return all;
    }
    static fake::DriveMedia& fill(fake::DriveMedia& media) {
        static const Bytes kContent = content();
        media.write(0, kContent);
        return media;
    }
    fake::Garbler garbler_;
    std::unique_ptr<fake::LyingTarget> surface_;
};

}  // namespace efface::test
