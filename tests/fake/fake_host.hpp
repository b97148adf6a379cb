// SPDX-License-Identifier: Apache-2.0
// A machine whose disks are in memory: a whole run can be held, killed and lied to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "efface/job/host.hpp"

#include "fake/disk/memory_disk.hpp"
#include "fake/luks/scripted_luks_library.hpp"

namespace efface::fake {

class FakeHost final : public job::Host {
  public:
    /// One disk and what the machine says of it.
    struct Disk {
        std::shared_ptr<MemoryDisk> disk;
        inventory::Identity identity;
        std::vector<inventory::Use> uses;
        std::vector<guard::Content> contents;
        std::vector<inventory::Layer> layers;
        device::ExtentReport extents;
        bool opened_exclusively = false;
        /// Stands in for `disk`: the medium of a drive model. Borrowed.
        device::BlockTarget* medium = nullptr;
        device::ZoneControl* zones = nullptr;  ///< of `medium`; borrowed
        bool blocks_change = false;  ///< the size of a logical block is what the medium has now
    };

    /// Adds a disk under a path; it is a block device with a serial number.
    Disk& add(const std::string& path, Bytes contents);
    [[nodiscard]] Disk& at(const std::string& path) { return disks_.at(path); }
    void remove(const std::string& path) { disks_.erase(path); }
    /// Also of one that is open.
    void rename(const std::string& from, const std::string& to);
    /// Every disk loses what was not flushed.
    void cut_power();

    ScriptedLuksLibrary library;
    inventory::Signature signature{"", "", "", "", false, 1};
    std::vector<std::string> mappings;
    std::optional<int> temperature;
    std::vector<job::Moment> moments;  ///< of every question about use, of any thread
    /// How often each kind of look was taken, by any thread: "identify", "uses", "contents",
    /// "layers", "disks", "luks", "drive", "connect", "open", "hold".
    std::map<std::string, unsigned> looks;
    inventory::SystemView trees;  ///< by which it describes itself
    /// Paths of devices that cannot be read, whatever they are.
    std::vector<std::string> unread_devices;
    /// Called before each answer about use, as somebody else's doing in between.
    std::function<void()> before_uses;

    /// The drive below every disk here, and how it is spoken to; none by default.
    inventory::Drive drive;
    std::function<std::unique_ptr<job::DriveConnection>()> connection;

    std::vector<inventory::Identity> disks() override;
    inventory::Drive drive_of(const inventory::Identity& /*identity*/) override {
        count("drive");
        return drive;
    }
    std::unique_ptr<job::DriveConnection> connect(const inventory::Drive& drive,
                                                  const method::TcgCredential& credential) override;
    std::unique_ptr<job::HeldTarget> open(const std::string& path, device::Access access) override;
    inventory::Identity identify(const std::string& path) override;
    /// The aliases are the other paths of the drive.
    guard::Users users_of(const inventory::Identity& identity, job::Moment moment) override;
    /// The same path or inode, or paths of the drive.
    std::vector<std::pair<std::size_t, std::size_t>> overlapping(
        const std::vector<inventory::Identity>& identities) override;
    std::vector<guard::Content> contents_of(const inventory::Identity& identity) override {
        count("contents");
        return disks_.at(identity.canonical_path).contents;
    }
    /// Every disk with a LUKS header, as its medium is now: no fault of a disk plays a part.
    guard::LuksDevices luks_devices() override;
    std::vector<inventory::Layer> layers_below(const inventory::Identity& identity) override;
    bool exists(const std::string& path) override { return disks_.contains(path); }
    device::LuksLibrary& luks_library() override { return library; }
    std::optional<int> celsius(const inventory::Identity& /*identity*/) override {
        return temperature;
    }
    inventory::SystemView view() override { return trees; }
    inventory::Signature probe_signature(const std::string& /*path*/) override { return signature; }
    std::vector<std::string> mappings_of_luks_uuid(const std::string& /*uuid*/) override {
        return mappings;
    }

  private:
    void count(const char* look);
    [[nodiscard]] inventory::Identity identity_at(const std::string& path);
    std::mutex mutex_;  ///< of `moments` and `looks`
    [[nodiscard]] std::vector<std::string> other_paths() const;

    std::map<std::string, Disk> disks_;
};

}  // namespace efface::fake
