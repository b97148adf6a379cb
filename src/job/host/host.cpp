// SPDX-License-Identifier: Apache-2.0
#include "efface/job/host.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>

#include "efface/device/capabilities.hpp"

#include "drive.hpp"

namespace efface::job {

namespace {

/// How long another cryptsetup may keep its metadata lock before we give up.
constexpr unsigned kMetadataLockDeadlineMs = 10'000;

class LinuxHeldTarget final : public HeldTarget {
  public:
    explicit LinuxHeldTarget(std::unique_ptr<device::LinuxTarget> target)
        : target_(std::move(target)),
          zones_(device::make_linux_zones(target_->descriptor(), target_->size_bytes())) {}

    device::BlockTarget& storage() override { return *target_; }
    [[nodiscard]] device::TargetFacts facts() const override { return target_->facts(); }
    [[nodiscard]] device::ExtentReport extents() const override {
        if (target_->facts().is_block_device) {
            return {};
        }
        return device::extents_of(target_->descriptor());
    }
    [[nodiscard]] bool direct_io() const override { return target_->direct_io(); }
    void lock_metadata() override {
        lock_ = device::MetadataLock::acquire(*target_, kMetadataLockDeadlineMs);
    }
    [[nodiscard]] int drop_cache() override { return target_->drop_cache(); }
    [[nodiscard]] device::ZoneControl* zones() override { return zones_.get(); }

  private:
    std::unique_ptr<device::LinuxTarget> target_;
    std::unique_ptr<device::ZoneControl> zones_;
    std::optional<device::MetadataLock> lock_;
};

class LinuxHost final : public Host {
  public:
    explicit LinuxHost(const std::string& program) : library_(program) {}

    std::unique_ptr<HeldTarget> open(const std::string& path, device::Access access) override {
        return std::make_unique<LinuxHeldTarget>(device::LinuxTarget::open(path, access));
    }
    inventory::Identity identify(const std::string& path) override {
        return inventory::identify(path);
    }
    guard::Users users_of(const inventory::Identity& identity, Moment moment) override {
        if (moment == Moment::survey) {
            const auto look = this->look();
            auto uses = look->uses_of(identity);
            const bool may_go = std::any_of(uses.begin(), uses.end(), [](const auto& use) {
                return use.code == ReasonCode::opened || use.code == ReasonCode::busy;
            });
            if (!may_go) {
                return {std::move(uses), look->aliases_of(identity)};
            }
        }
        return looks_.users_of(identity, moment == Moment::now_unread ? guard::Blocks::left_alone
                                                                      : guard::Blocks::read);
    }
    void look_anew() override {
        const std::lock_guard lock(surveying_);
        survey_.reset();
    }
    std::vector<std::pair<std::size_t, std::size_t>> overlapping(
        const std::vector<inventory::Identity>& identities) override {
        return identities.size() < 2 ? std::vector<std::pair<std::size_t, std::size_t>>{}
                                     : look()->overlapping(identities);
    }
    guard::LuksDevices luks_devices() override { return look()->luks_devices(); }
    std::vector<guard::Content> contents_of(const inventory::Identity& identity) override {
        return guard::contents_of(identity);
    }
    std::vector<inventory::Layer> layers_below(const inventory::Identity& identity) override {
        return look()->layers_below(identity);
    }
    bool exists(const std::string& path) override {
        std::error_code error;
        return std::filesystem::exists(path, error) || error;
    }
    device::LuksLibrary& luks_library() override { return library_; }
    std::vector<inventory::Identity> disks() override {
        std::vector<inventory::Identity> found;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
            auto name = entry.path().filename().string();
            std::replace(name.begin(), name.end(), '!', '/');
            try {
                auto identity = inventory::identify("/dev/" + name);
                if (identity.kind == inventory::Kind::disk) {
                    found.push_back(std::move(identity));
                }
            } catch (const Error&) {
                continue;  // it went away, or has no node
            }
        }
        return found;
    }
    inventory::Drive drive_of(const inventory::Identity& identity) override {
        return inventory::drive_of(identity);
    }
    std::unique_ptr<DriveConnection> connect(const inventory::Drive& drive,
                                             const method::TcgCredential& credential) override {
        return connect_linux_drive(drive, credential);
    }
    std::string missing_for_devices() override { return device::missing_for_devices(); }
    int read_partitions_again(const std::string& path) override {
        return device::read_partitions_again(path);
    }
    std::optional<int> celsius(const inventory::Identity& identity) override {
        return inventory::temperature_celsius(identity);
    }
    inventory::Signature probe_signature(const std::string& path) override {
        return inventory::probe_signature(path);
    }
    std::vector<std::string> mappings_of_luks_uuid(const std::string& uuid) override {
        return inventory::mappings_of_luks_uuid(uuid);
    }

  private:
    std::shared_ptr<const guard::Look> look() {
        const std::lock_guard lock(surveying_);
        if (!survey_) {
            survey_ = looks_.fresh();
        }
        return survey_;
    }
    guard::Looks looks_;
    std::mutex surveying_;  ///< of `survey_`
    std::shared_ptr<const guard::Look> survey_;
    device::LuksLibraryProcess library_;
};

}  // namespace

std::unique_ptr<Host> make_linux_host(const std::string& program) {
    return std::make_unique<LinuxHost>(program);
}

}  // namespace efface::job
