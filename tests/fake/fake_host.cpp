// SPDX-License-Identifier: Apache-2.0
#include "fake/fake_host.hpp"

#include <algorithm>
#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/luks/header.hpp"

namespace efface::fake {

namespace {

class FakeTarget final : public job::HeldTarget {
  public:
    FakeTarget(FakeHost::Disk& disk, bool exclusive) : disk_(disk), exclusive_(exclusive) {
        if (exclusive_ && disk_.opened_exclusively) {
            throw Error(ErrorCode::safety, ReasonCode::busy, disk_.identity.path + ": is in use");
        }
        disk_.opened_exclusively = disk_.opened_exclusively || exclusive_;
    }
    ~FakeTarget() override {
        if (exclusive_) {
            disk_.opened_exclusively = false;
        }
    }
    FakeTarget(const FakeTarget&) = delete;
    FakeTarget& operator=(const FakeTarget&) = delete;

    device::BlockTarget& storage() override {
        return disk_.medium == nullptr ? *disk_.disk : *disk_.medium;
    }
    [[nodiscard]] device::TargetFacts facts() const override {
        device::TargetFacts facts;
        facts.is_block_device = true;
        facts.disk_sequence = disk_.identity.disk_sequence;
        facts.size_bytes =
            disk_.medium == nullptr ? disk_.disk->size_bytes() : disk_.medium->size_bytes();
        facts.logical_block_bytes = 512;
        return facts;
    }
    [[nodiscard]] device::ExtentReport extents() const override { return disk_.extents; }
    [[nodiscard]] bool direct_io() const override { return true; }
    void lock_metadata() override {}
    [[nodiscard]] int drop_cache() override { return 0; }
    [[nodiscard]] device::ZoneControl* zones() override { return disk_.zones; }

  private:
    FakeHost::Disk& disk_;
    bool exclusive_;
};

/// What is on a disk, past its faults and counts.
class Content final : public device::BlockTarget {
  public:
    explicit Content(const Bytes& bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        const auto from = ByteView(bytes_).subspan(std::min<std::size_t>(offset, bytes_.size()));
        const auto count = std::min(into.size(), from.size());
        std::copy_n(from.begin(), count, into.begin());
        return {count, 0};
    }
    device::IoResult write_at(std::uint64_t /*offset*/, ByteView /*from*/) override {
        return {0, EROFS};
    }
    [[nodiscard]] int flush() override { return EROFS; }

  private:
    const Bytes& bytes_;
};

}  // namespace

FakeHost::Disk& FakeHost::add(const std::string& path, Bytes contents) {
    Disk disk;
    disk.identity.path = path;
    disk.identity.canonical_path = path;
    disk.identity.kind = inventory::Kind::disk;
    disk.identity.size_bytes = contents.size();
    disk.identity.logical_block_bytes = 512;
    disk.identity.serial = "SERIAL-" + path.substr(path.rfind('/') + 1);
    disk.identity.disk_sequence = 7;
    disk.disk = std::make_shared<MemoryDisk>(std::move(contents));
    return disks_[path] = std::move(disk);
}

void FakeHost::rename(const std::string& from, const std::string& to) {
    auto disk = disks_.extract(from);
    disk.key() = to;
    disk.mapped().identity.path = disk.mapped().identity.canonical_path = to;
    disks_.insert(std::move(disk));
}

void FakeHost::cut_power() {
    for (auto& [path, disk] : disks_) {
        disk.disk->cut_power();
        disk.opened_exclusively = false;
    }
}

void FakeHost::count(const char* look) {
    const std::lock_guard lock(mutex_);
    ++looks[look];
}

std::unique_ptr<job::HeldTarget> FakeHost::open(const std::string& path, device::Access access) {
    count(access == device::Access::exclusive ? "hold" : "open");
    const auto found = disks_.find(path);
    if (found == disks_.end()) {
        throw Error(ErrorCode::usage, path + ": there is no such device");
    }
    return std::make_unique<FakeTarget>(found->second, access == device::Access::exclusive);
}

std::unique_ptr<job::DriveConnection> FakeHost::connect(
    const inventory::Drive& /*drive*/, const method::TcgCredential& /*credential*/) {
    count("connect");
    if (!connection) {
        throw Error(ErrorCode::usage, "it is not a drive that accepts erase commands");
    }
    return connection();
}

inventory::Identity FakeHost::identify(const std::string& path) {
    count("identify");
    return identity_at(path);
}

inventory::Identity FakeHost::identity_at(const std::string& path) {
    const auto found = disks_.find(path);
    if (found == disks_.end()) {
        throw Error(ErrorCode::usage, path + ": there is no such device");
    }
    if (found->second.medium != nullptr) {
        found->second.identity.size_bytes = found->second.medium->size_bytes();
        if (found->second.blocks_change) {  // sd takes 512 bytes where it takes no size
            found->second.identity.logical_block_bytes =
                found->second.identity.size_bytes == 0
                    ? 512
                    : found->second.medium->preferred_alignment();
        }
    }
    return found->second.identity;
}

std::vector<inventory::Identity> FakeHost::disks() {
    count("disks");
    std::vector<inventory::Identity> found;
    for (const auto& [path, disk] : disks_) {
        found.push_back(identity_at(path));
    }
    return found;
}

guard::Users FakeHost::users_of(const inventory::Identity& identity, job::Moment moment) {
    count("uses");
    {
        const std::lock_guard lock(mutex_);
        moments.push_back(moment);
    }
    if (before_uses) {
        before_uses();
    }
    return {disks_.at(identity.canonical_path).uses, other_paths()};
}

std::vector<std::string> FakeHost::other_paths() const {
    std::vector<std::string> paths;
    for (const auto& path : drive.other_paths) {
        paths.push_back(path.path);
    }
    return paths;
}

std::vector<std::pair<std::size_t, std::size_t>> FakeHost::overlapping(
    const std::vector<inventory::Identity>& identities) {
    const auto names_of = [&](const inventory::Identity& identity) {
        auto names = other_paths();
        names.push_back(identity.canonical_path);
        if (identity.inode != 0) {
            names.push_back("inode " + std::to_string(identity.inode));
        }
        return names;
    };
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < identities.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const auto one = names_of(identities[i]);
            const auto other = names_of(identities[j]);
            if (std::any_of(one.begin(), one.end(), [&](const std::string& name) {
                    return std::find(other.begin(), other.end(), name) != other.end();
                })) {
                pairs.emplace_back(j, i);
            }
        }
    }
    return pairs;
}

guard::LuksDevices FakeHost::luks_devices() {
    count("luks");
    guard::LuksDevices devices;
    devices.unread = unread_devices;
    for (const auto& [path, disk] : disks_) {
        if (disk.medium != nullptr) {
            continue;
        }
        Content content(disk.disk->media());
        guard::LuksDevice device{disk.identity, {}, {}};
        for (const auto& copy : luks::find_header_copies(content).copies) {
            device.uuids.push_back(copy.uuid);
        }
        if (!device.uuids.empty()) {
            devices.found.push_back(std::move(device));
        }
    }
    return devices;
}

std::vector<inventory::Layer> FakeHost::layers_below(const inventory::Identity& identity) {
    count("layers");
    return disks_.at(identity.canonical_path).layers;
}

}  // namespace efface::fake
