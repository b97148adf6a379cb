// SPDX-License-Identifier: Apache-2.0
// A drive that erases itself, NVMe, SCSI, ATA or self-encrypting, honest or not.
#include "drive/models.hpp"
#include "target.hpp"
#include "watched_drive.hpp"

namespace efface::job::worlds {

namespace {

constexpr std::uint64_t kBlocks = 2048;
constexpr std::uint32_t kBlockBytes = 512;
/// Which are always looked at when an order is given again: the first 64 KiB.
constexpr std::uint64_t kBlocksSampled = 128;

class Drive final : public TargetInWorld {
  public:
    Drive(Surroundings surroundings, Dice& dice, bool self_encrypting);

    [[nodiscard]] RunResult erase(RunContext& context, const Asked& asked,
                                  const std::stop_token& stop) override {
        open_ = true;
        auto result = TargetInWorld::erase(context, asked, stop);
        open_ = !result.verdict;
        return result;
    }
    [[nodiscard]] std::vector<Bytes> media() override {
        std::vector<Bytes> all;
        for (auto* medium : model_->media()) {
            all.push_back(medium->everything());
        }
        return all;
    }
    [[nodiscard]] std::string left(const RunResult& result, const Json& predicate) override;
    [[nodiscard]] bool changes_by_itself() override {
        const auto phase = model_->command_sets().front()->state().phase;
        return phase == method::Phase::running || phase == method::Phase::unknown;
    }
    std::string interfere(Dice& dice) override;
    std::string trouble(Dice& dice) override;
    Ranges write_in_between(Dice& /*dice*/) override { return {}; }
    void cut_power() override { power_cycle_(); }
    void mend() override;

  private:
    void make_nvme(Dice& dice);
    void make_scsi(Dice& dice);
    void make_ata(Dice& dice);
    void make_self_encrypting();
    void attach(const std::string& serial);
    void fill(fake::DriveMedia& medium, std::uint8_t owner, std::uint64_t first,
              std::uint64_t count);

    Surroundings around_;
    std::unique_ptr<DriveModel> model_;
    std::vector<std::unique_ptr<WatchedSurface>> surfaces_;
    std::function<void()> power_cycle_;
    std::function<void()> be_honest_;
    std::vector<std::function<void()>> lies_;
    std::vector<std::string> techniques_;
    bool open_ = false;  ///< a job on it has no verdict
};

Drive::Drive(Surroundings surroundings, Dice& dice, bool self_encrypting)
    : around_(std::move(surroundings)) {
    switch (self_encrypting ? 3 : dice.below(3)) {
        case 3:
            make_self_encrypting();
            break;
        case 0:
            make_nvme(dice);
            break;
        case 1:
            make_scsi(dice);
            break;
        default:
            make_ata(dice);
            break;
    }
    choice_.policy = dice.of(techniques_);
    if (!dice.one_in(3)) {
        order(R"("policy":")" + choice_.policy + R"(",)",
              R"(,"serial":")" + around_.host.at(target_).identity.serial + "\"",
              drawn_dates(dice, around_.clock.now()));
    }
}

void Drive::make_nvme(Dice& dice) {
    fake::NvmeDriveOptions options;
    options.namespaces = {{kBlocks, kBlockBytes, true, false}};
    if (dice.one_in(3)) {
        options.namespaces.push_back({kBlocks / 8, 4096, true, false});
    }
    options.spare_blocks = 16;
    options.leaves = dice.of<fake::NvmeLeaves>(
        {fake::NvmeLeaves::zeros, fake::NvmeLeaves::noise, fake::NvmeLeaves::unreadable});
    auto model = std::make_unique<NvmeModel>(options, around_.clock);
    auto& drive = model->drive;
    power_cycle_ = [&drive] { drive.power_cycle(); };
    be_honest_ = [&drive] { drive.lies() = {}; };
    using Lies = fake::NvmeLies;
    for (auto lie :
         {&Lies::erases_nothing, &Lies::progress_stuck, &Lies::sanitize_fails,
          &Lies::idle_after_sanitize, &Lies::ignores_sanitize, &Lies::reset_in_the_middle,
          &Lies::power_cut_in_the_middle, &Lies::hangs_in_the_middle, &Lies::loses_last_namespace,
          &Lies::reverts_writes, &Lies::format_unanswered}) {
        lies_.emplace_back([&drive, lie] { drive.lies().*lie = true; });
    }
    lies_.emplace_back([&drive] { drive.lies().keeps_permille = 100; });
    lies_.emplace_back([&drive] { drive.lies().sanitize_status = 0x020; });
    lies_.emplace_back([&drive] { drive.lies().format_status = 0x001; });
    techniques_ = {"nvme-sanitize-block", "nvme-sanitize-crypto", "nvme-sanitize-overwrite",
                   "nvme-format-user-data", "nvme-format-crypto"};
    model_ = std::move(model);
    attach(options.serial);
}

void Drive::make_scsi(Dice& dice) {
    fake::ScsiDriveOptions options;
    options.blocks = kBlocks;
    options.spare_blocks = 16;
    options.descriptor_sense = dice.one_in(2);
    options.reduced_blocks = dice.one_in(4) ? kBlocks / 2 : 0;
    auto model = std::make_unique<ScsiModel>(options, around_.clock);
    auto& drive = model->drive;
    power_cycle_ = [&drive] {
        drive.resume();
        drive.power_cycle();
    };
    using Options = fake::ScsiDriveOptions;
    const std::vector<bool Options::*> lies{
        &Options::fails,          &Options::sanitize_refused, &Options::progress_stuck,
        &Options::hangs,          &Options::resets,           &Options::write_same_fails,
        &Options::erases_nothing, &Options::vanishes,         &Options::format_erases_nothing,
        &Options::reverts_writes};
    for (auto lie : lies) {
        lies_.emplace_back([&drive, lie] { drive.options().*lie = true; });
    }
    lies_.emplace_back([&drive] { drive.options().keeps_share = 0.1; });
    be_honest_ = [&drive, lies] {
        for (auto lie : lies) {
            drive.options().*lie = false;
        }
        drive.options().keeps_share = 0;
    };
    techniques_ = {"scsi-sanitize-block", "scsi-sanitize-crypto", "scsi-sanitize-overwrite",
                   "scsi-format-unit", "scsi-write-same"};
    model_ = std::move(model);
    attach(options.serial);
    drive.remember();
}

void Drive::make_ata(Dice& dice) {
    fake::AtaDriveOptions options;
    options.blocks = kBlocks;
    options.spare_blocks = 16;
    if (dice.one_in(4)) {
        options.protected_area = true;
        options.protected_blocks = 256;
    }
    auto model = std::make_unique<AtaModel>(options, around_.clock);
    auto& drive = model->drive;
    power_cycle_ = [&drive] { drive.power_cycle(); };
    using Options = fake::AtaDriveOptions;
    const std::vector<bool Options::*> lies{
        &Options::erases_nothing,       &Options::progress_stuck,      &Options::sanitize_refused,
        &Options::sanitize_fails,       &Options::sanitize_forgotten,  &Options::registers_lost,
        &Options::password_answer_lost, &Options::prepare_refused,     &Options::erase_refused,
        &Options::erase_answer_lost,    &Options::power_lost_in_erase, &Options::stays_enabled,
        &Options::disable_refused,      &Options::writes_reverted};
    for (auto lie : lies) {
        lies_.emplace_back([&drive, lie] { drive.options.*lie = true; });
    }
    lies_.emplace_back([&drive] { drive.options.keeps_blocks = kBlocks / 10; });
    be_honest_ = [&drive, lies] {
        for (auto lie : lies) {
            drive.options.*lie = false;
        }
        drive.options.keeps_blocks = 0;
    };
    techniques_ = {"ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite",
                   "ata-security-enhanced", "ata-security-normal"};
    model_ = std::move(model);
    attach(options.serial);
}

/// With its PSID. What was reverted has no locking any more; whoever owns the drive takes it into
/// use again.
void Drive::make_self_encrypting() {
    auto model = std::make_unique<TcgModel>(fake::TcgDriveOptions{}, around_.clock,
                                            [this](std::chrono::milliseconds pause) {
                                                around_.clock.advance(pause);
                                                if (!around_.operation()) {
                                                    throw Error(ErrorCode::internal, "dead");
                                                }
                                            });
    auto& drive = *model->tcg;
    auto& controller = *model->nvme;
    power_cycle_ = [&drive, &controller] {
        drive.power_cycle();
        controller.power_cycle();
    };
    using Options = fake::TcgDriveOptions;
    const std::vector<bool Options::*> lies{&Options::keeps_data,
                                            &Options::stays_active,
                                            &Options::hangs,
                                            &Options::loses_answer,
                                            &Options::loses_command,
                                            &Options::closes_session,
                                            &Options::answers_garbage,
                                            &Options::answers_for_another,
                                            &Options::silent_while_working,
                                            &Options::refuses_security,
                                            &Options::gone};
    for (auto lie : lies) {
        lies_.emplace_back([&drive, lie] { drive.options().*lie = true; });
    }
    constexpr std::uint8_t kFail = 0x3f;
    lies_.emplace_back([&drive] { drive.options().fails_with = kFail; });
    be_honest_ = [&drive, lies] {
        for (auto lie : lies) {
            drive.options().*lie = false;
        }
        drive.options().fails_with = 0;
        drive.options().locking_active = true;
    };
    techniques_ = {"tcg-psid-revert"};
    model_ = std::move(model);
    attach(fake::NvmeDriveOptions{}.serial);
}

void Drive::fill(fake::DriveMedia& medium, std::uint8_t owner, std::uint64_t first,
                 std::uint64_t count) {
    const auto bytes = medium.block_bytes();
    medium.write(first, content_of(owner, count * bytes, first * bytes / sizeof(std::uint64_t)));
}

void Drive::attach(const std::string& serial) {
    for (auto* medium : model_->media()) {
        fill(*medium, 0, 0, medium->blocks());
    }
    auto& host = around_.host;
    host.drive.protocol = inventory::Drive::Protocol::nvme;
    host.drive.command_nodes = {"/dev/a"};
    std::uint32_t number = 0;
    for (auto* surface : model_->surfaces()) {
        surfaces_.push_back(std::make_unique<WatchedSurface>(*surface, around_));
        const std::string name(1, static_cast<char>('a' + number));
        auto& disk = host.add("/dev/" + name, Bytes(kBlockBytes));
        disk.medium = surfaces_.back().get();
        disk.identity.serial = serial;
        host.drive.surfaces.push_back({name, "/dev/" + name, ++number});
    }
    host.connection = [this] { return std::make_unique<Connection>(*model_, around_); };
}

/// A purge reaches what the drive keeps to itself; what only clears says that it does not.
/// Where nothing can be read back there is only the drive's report, and the record claims no level.
std::string Drive::left(const RunResult& result, const Json& /*predicate*/) {
    if (result.level == method::Level::none) {
        return {};
    }
    for (auto* medium : model_->media()) {
        auto all = medium->everything();
        if (result.level != method::Level::purge) {
            all.resize(medium->blocks() * medium->block_bytes());
        }
        if (auto place = first_left(all, 0); !place.empty()) {
            return place;
        }
        if (result.volumes.empty() && around_.host.drive.surfaces.size() > 1 &&
            choice_.policy.rfind("overwrite", 0) == 0) {
            break;  // one namespace was overwritten
        }
    }
    return {};
}

std::string Drive::interfere(Dice& dice) {
    auto& medium = *model_->media().front();
    const auto block = dice.below(kBlocksSampled);
    switch (dice.below(4)) {
        case 0:
            fill(medium, kForeign, block, 1);
            return "somebody writes one block";
        case 1:
            fill(medium, 0, 0, medium.blocks());
            return "somebody restores everything";
        case 2:
            if (open_) {  // who verifies by samples after a resume may miss one block
                fill(medium, 0, 0, medium.blocks());
                return "somebody restores everything";
            }
            fill(medium, 0, block, 1);
            return "somebody restores one block";
        default:
            power_cycle_();
            return "the power is gone for a moment";
    }
}

std::string Drive::trouble(Dice& dice) {
    be_honest_();
    if (!dice.one_in(2)) {
        return {};
    }
    const auto number = dice.below(lies_.size());
    lies_[number]();
    return "the drive's lie or fault " + std::to_string(number);
}

void Drive::mend() {
    be_honest_();
    power_cycle_();
    around_.clock.advance(std::chrono::hours(6));
}

}  // namespace

std::unique_ptr<Storage> make_drive(Surroundings surroundings, Dice& dice) {
    return std::make_unique<Drive>(std::move(surroundings), dice, false);
}

std::unique_ptr<Storage> make_self_encrypting(Surroundings surroundings, Dice& dice) {
    return std::make_unique<Drive>(std::move(surroundings), dice, true);
}

}  // namespace efface::job::worlds
