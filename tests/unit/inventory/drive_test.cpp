// SPDX-License-Identifier: Apache-2.0
// Trees as Linux drivers/nvme/host/sysfs.c and drivers/scsi/sd.c make them: a subsystem with two
// controllers and native multipath, one without, and two paths to one SCSI logical unit.
#include "efface/inventory/drive.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using namespace efface::inventory;

namespace {

std::vector<std::string> names(const std::vector<DriveSurface>& surfaces) {
    std::vector<std::string> list;
    for (const auto& surface : surfaces) {
        list.push_back(surface.name);
    }
    return list;
}

void put(const test::RecordedMachine& machine, const std::string& path, const std::string& text) {
    std::filesystem::create_directories((machine.root() / path).parent_path());
    machine.write(path, text);
}

void link_to(const test::RecordedMachine& machine, const std::string& link,
             const std::string& target) {
    const auto path = machine.root() / link;
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::remove_all(path);
    std::filesystem::create_directory_symlink(machine.root() / target, path);
}

Drive drive(const test::RecordedMachine& machine, const char* path) {
    auto identity = identify(path, machine.view());
    return drive_of(identity, machine.view());
}

/// /dev/nvme0n1 with its number in dev/block, as the kernel has it.
void number(const test::RecordedMachine& machine, const std::string& name,
            const std::string& number_text) {
    link_to(machine, "sys/dev/block/" + number_text, "sys/class/block/" + name);
}

}  // namespace

TEST_CASE("a namespace that two controllers reach belongs to their subsystem") {
    const test::RecordedMachine machine("server.tree");
    const std::string subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0/";
    put(machine, subsystem + "subsysnqn", "nqn.x\n");
    put(machine, subsystem + "nvme0n1/nsid", "1\n");
    put(machine, subsystem + "nvme0n2/nsid", "2\n");
    put(machine, subsystem + "nvme0/state", "connecting\n");
    put(machine, subsystem + "nvme1/state", "live\n");
    link_to(machine, "sys/class/nvme-subsystem/nvme-subsys0", subsystem);
    link_to(machine, "sys/class/nvme/nvme0", subsystem + "nvme0");
    link_to(machine, "sys/class/nvme/nvme1", subsystem + "nvme1");
    link_to(machine, "sys/class/block/nvme0n1/device", subsystem);
    put(machine, "sys/class/block/nvme0n1/nsid", "1\n");
    put(machine, "sys/class/block/nvme0n2/nsid", "2\n");
    number(machine, "nvme0n1", "259:0");
    const auto found = drive(machine, "/dev/nvme0n1");
    CHECK(found.protocol == Drive::Protocol::nvme);
    CHECK(names(found.surfaces) == std::vector<std::string>{"nvme0n1", "nvme0n2"});
    CHECK(found.surfaces.at(1).nsid == 2);
    REQUIRE(found.command_nodes.size() == 2);
    CHECK(found.command_nodes.front().ends_with("/nvme1"));  // the one that is live
    CHECK(found.other_paths.empty());
}

TEST_CASE("two disks with one WWID, serial number and size are two paths to one logical unit") {
    const test::RecordedMachine machine("server.tree");
    put(machine, "sys/class/block/sdb/size", "1000000\n");  // as sda
    for (const char* name : {"sda", "sdb"}) {
        const std::string device = std::string("sys/devices/scsi/") + name + "-unit/";
        put(machine, device + "wwid", "naa.5000c500a1b2c3d4\n");
        put(machine, device + "scsi_generic/sg7/dev", "21:7\n");
        link_to(machine, std::string("sys/class/block/") + name + "/device", device);
    }
    auto identity = identify("/dev/sda", machine.view());
    number(machine, "sda", std::to_string(identity.major) + ":" + std::to_string(identity.minor));
    const auto found = drive(machine, "/dev/sda");
    CHECK(found.protocol == Drive::Protocol::scsi);
    CHECK(names(found.surfaces) == std::vector<std::string>{"sda"});
    CHECK(names(found.other_paths) == std::vector<std::string>{"sdb"});
    REQUIRE(found.command_nodes.size() == 2);
    CHECK(found.command_nodes.front().ends_with("/sg7"));
    // A bad dock gives all its disks one WWID.
    put(machine, "sys/devices/scsi/sdb-unit/serial", "ANOTHER\n");
    CHECK(drive(machine, "/dev/sda").other_paths.empty());
    std::filesystem::remove(machine.root() / "sys/devices/scsi/sdb-unit/serial");
    put(machine, "sys/class/block/sdb/size", "2000000\n");
    CHECK(drive(machine, "/dev/sda").other_paths.empty());
}

TEST_CASE("many drives are found as each of them is found alone") {
    const test::RecordedMachine machine("server.tree");
    put(machine, "sys/class/block/sdb/size", "1000000\n");  // as sda
    std::vector<Identity> identities;
    for (const char* name : {"sda", "sdb"}) {
        put(machine, std::string("sys/devices/scsi/") + name + "-unit/wwid",
            "naa.5000c500a1b2c3d4\n");
        link_to(machine, std::string("sys/class/block/") + name + "/device",
                std::string("sys/devices/scsi/") + name + "-unit");
        identities.push_back(identify(std::string("/dev/") + name, machine.view()));
        number(machine, name,
               std::to_string(identities.back().major) + ":" +
                   std::to_string(identities.back().minor));
    }
    identities.push_back(identify("/dev/loop0", machine.view()));
    const auto found = drives_of(identities, machine.view());
    REQUIRE(found.size() == 3);
    CHECK(names(found[0].surfaces) == std::vector<std::string>{"sda"});
    CHECK(names(found[0].other_paths) == std::vector<std::string>{"sdb"});
    CHECK(names(found[1].surfaces) == std::vector<std::string>{"sdb"});
    CHECK(names(found[1].other_paths) == std::vector<std::string>{"sda"});
    CHECK(found[2].protocol == Drive::Protocol::none);
}

TEST_CASE("secure erase of the block layer is told where sysfs tells of it") {
    const test::RecordedMachine machine("server.tree");
    number(machine, "vdb", "254:16");
    const auto asked = [&] { return drive(machine, "/dev/vdb").secure_erase; };
    // As /sys/block/vda/device/features of a virtio disk with SEG_MAX, BLK_SIZE, FLUSH and MQ.
    std::string features(128, '0');
    for (const std::size_t bit : {2U, 6U, 9U, 12U, 32U}) {
        features[bit] = '1';
    }
    put(machine, "sys/class/block/vdb/device/features", features + "\n");
    CHECK(asked().offer == SecureErase::Offer::none);
    CHECK_FALSE(asked().why.empty());
    CHECK(drive(machine, "/dev/vdb").surfaces.empty());
    features[16] = '1';  // VIRTIO_BLK_F_SECURE_ERASE of linux/virtio_blk.h
    put(machine, "sys/class/block/vdb/device/features", features + "\n");
    CHECK(asked().offer == SecureErase::Offer::yes);
    CHECK(drive(machine, "/dev/vdb").surfaces.size() == 1);
    put(machine, "sys/class/block/vdb/device/features", "");
    CHECK(asked().offer == SecureErase::Offer::not_told);
    CHECK(drive(machine, "/dev/loop0").secure_erase.why.empty());
}

TEST_CASE("an SD card has no secure erase, of an eMMC nobody knows before it is asked") {
    const test::RecordedMachine machine("server.tree");
    // The number of a disk that is there, under the name of a card.
    link_to(machine, "sys/dev/block/254:16", "sys/class/block/mmcblk0");
    const auto identity = identify("/dev/vdb", machine.view());
    REQUIRE(identity.major == 254);
    REQUIRE(identity.minor == 16);
    const auto offer = [&](const char* type) {
        put(machine, "sys/class/block/mmcblk0/device/type", type);
        return drive_of(identity, machine.view()).secure_erase.offer;
    };
    CHECK(offer("SD\n") == SecureErase::Offer::none);
    CHECK(offer("MMC\n") == SecureErase::Offer::not_told);
}

TEST_CASE("what is no drive takes no commands") {
    const test::RecordedMachine machine("server.tree");
    for (const char* path : {"/dev/loop0", "/dev/sda2", "/dev/dm-0", "/dev/vdb"}) {
        const auto found = drive(machine, path);
        CHECK(found.protocol == Drive::Protocol::none);
        CHECK(found.command_nodes.empty());
    }
}
