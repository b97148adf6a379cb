// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "efface/guard/users.hpp"
#include "efface/inventory/list.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using inventory::Identity;
using inventory::Kind;
using inventory::Layer;
using test::RecordedMachine;

namespace {

std::string types_of(const std::vector<Layer>& layers) {
    std::string text;
    for (const Layer& layer : layers) {
        text += (text.empty() ? "" : " ") + layer.type;
    }
    return text;
}

std::vector<Layer> layers_of(const RecordedMachine& machine, const std::string& path) {
    return inventory::layers_below(inventory::identify(path, machine.view()), machine.view());
}

}  // namespace

TEST_CASE("a disk is identified by what sysfs says of it") {
    const RecordedMachine machine{"server.tree"};
    const Identity disk = inventory::identify("/dev/sdb", machine.view());
    CHECK(disk.kind == Kind::disk);
    CHECK(disk.canonical_path == "/dev/sdb");
    CHECK(disk.major == 8);
    CHECK(disk.minor == 16);
    CHECK(disk.size_bytes == 1024000000);
    CHECK(disk.logical_block_bytes == 4096);
    CHECK(disk.disk_sequence == 17U);
    CHECK(disk.model == "ST4000NM0023");
    CHECK(disk.wwid == "naa.5000c50084b3a1f7");
    CHECK(disk.transport == "sas");
    CHECK(disk.rotational);
    CHECK_FALSE(disk.read_only);
}

TEST_CASE("the serial number of a SCSI disk is read from its VPD page 80h") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdb/device/vpd_pg80",
                  std::string{"\x00\x80\x00\x08Z1Z0ABCDtrailing", 20});
    CHECK(inventory::identify("/dev/sdb", machine.view()).serial == "Z1Z0ABCD");
}

TEST_CASE("a VPD page that claims more than it holds gives what is there") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdb/device/vpd_pg80", std::string{"\x00\x80\xff\xffZ1", 6});
    CHECK(inventory::identify("/dev/sdb", machine.view()).serial == "Z1");
    machine.write("sys/class/block/sdb/device/vpd_pg80", std::string{"\x00\x80", 2});
    CHECK(inventory::identify("/dev/sdb", machine.view()).serial.empty());
}

TEST_CASE("an NVMe namespace carries the model, serial and WWID of its controller") {
    const RecordedMachine machine{"server.tree"};
    const Identity disk = inventory::identify("/dev/nvme0n1", machine.view());
    CHECK(disk.model == "SAMSUNG MZQL23T8HCLS-00A07");
    CHECK(disk.serial == "S64HNE0R602301");
    CHECK(disk.wwid == "eui.36344730526001230025384700000001");
    CHECK(disk.transport == "nvme");
    CHECK_FALSE(disk.rotational);
}

TEST_CASE("the transport is told from the place in the topology") {
    const RecordedMachine machine{"server.tree"};
    const auto transport = [&machine](const char* path) {
        return inventory::identify(path, machine.view()).transport;
    };
    CHECK(transport("/dev/sda") == "sata");
    CHECK(transport("/dev/sdc") == "fc");
    CHECK(transport("/dev/sdg1") == "usb");
    CHECK(transport("/dev/vdb") == "virtio");
    CHECK(transport("/dev/nbd0") == "nbd");
    CHECK(transport("/dev/dm-0") == "device-mapper");
    CHECK(transport("/dev/loop0") == "loop");
}

TEST_CASE("a partition carries its UUID and the identity of its disk") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdg/device/model", "Portable SSD T5\n");
    const Identity partition = inventory::identify("/dev/sdg1", machine.view());
    CHECK(partition.kind == Kind::partition);
    CHECK(partition.partition_uuid == "0fc63daf-8483-4772-8e79-3d69d8477de4");
    CHECK(partition.model == "Portable SSD T5");
}

TEST_CASE("device strings that are not printable do not reach the record") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdb/device/model", "EVIL\x1b[2J\x07 DISK\n");
    CHECK(inventory::identify("/dev/sdb", machine.view()).model == "EVIL?[2J? DISK");
}

TEST_CASE("a device is found through the symbolic links of /dev") {
    const RecordedMachine machine{"server.tree"};
    const auto by_id = machine.root() / "dev/disk/by-id";
    std::filesystem::create_directories(by_id);
    machine.write("dev/sdb", "");
    std::filesystem::create_symlink("../../sdb", by_id / "wwn-0x5000c50084b3a1f7");
    CHECK(inventory::identify("/dev/disk/by-id/wwn-0x5000c50084b3a1f7", machine.view())
              .canonical_path == "/dev/sdb");
    CHECK(inventory::identify("/dev/mapper/vg-root", machine.view()).canonical_path == "/dev/dm-0");
}

TEST_CASE("the record of an identity leaves out the path as given") {
    const RecordedMachine machine{"server.tree"};
    Identity disk = inventory::identify("/dev/nvme0n1", machine.view());
    const Json before = to_json(disk);
    disk.path = "/dev/disk/by-id/other";
    CHECK(to_json(disk) == before);
    CHECK(before.at("serialNumber") == "S64HNE0R602301");
    CHECK(before.at("kind") == "disk");
    CHECK(before.at("deviceNumber") == "259:0");
    CHECK(before.at("sizeBytes") == 4096000000);
    disk.serial = "S64HNE0R602302";
    CHECK(to_json(disk) != before);
}

TEST_CASE("every identity can be written in canonical form, also with a hostile file name") {
    Identity file;
    file.kind = Kind::file;
    file.canonical_path = "/srv/\x01 \xff K\xc3\xb6nig.img";
    file.inode = ~std::uint64_t{0};
    CHECK_NOTHROW(canonical_json(to_json(file)));
    CHECK(to_json(file).at("canonicalPath") == "/srv/? \xef\xbf\xbd K\xc3\xb6nig.img");
    CHECK(to_json(file).at("inode") == "18446744073709551615");
}

TEST_CASE("the layers of an NVMe disk are itself, as flash") {
    const RecordedMachine machine{"server.tree"};
    const auto layers = layers_of(machine, "/dev/nvme0n1");
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].type == "disk");
    CHECK(layers[0].flash);
    CHECK_FALSE(layers[0].copy_on_write);
}

TEST_CASE("a virtio disk is no flash, but a hypervisor may keep copies") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/vdb/queue/rotational", "0\n");
    const auto layers = layers_of(machine, "/dev/vdb");
    REQUIRE(layers.size() == 1);
    CHECK_FALSE(layers[0].flash);
    CHECK(layers[0].note == "a hypervisor may keep copies");
}

TEST_CASE("a network block device is a remote medium") {
    const RecordedMachine machine{"server.tree"};
    const auto layers = layers_of(machine, "/dev/nbd0");
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].remote);
}

TEST_CASE("recorded in the rig: the layers of LUKS on RAID 1 on image files") {
    const RecordedMachine machine{"lvm-on-luks-on-md.tree"};
    const auto layers = layers_of(machine, "/dev/md0");
    CHECK(types_of(layers) == "md-raid1 loop loop file filesystem file filesystem");
    CHECK(layers[0].mirror);
    CHECK(layers[4].name == "tmpfs file system");
    CHECK(layers[4].note.find("swapped") != std::string::npos);
}

TEST_CASE("a device-mapper table that cannot be read may hide copies") {
    const RecordedMachine machine{"lvm-on-luks-on-md.tree"};
    const auto layers = layers_of(machine, "/dev/dm-1");
    REQUIRE(layers.size() > 1);
    CHECK(layers[0].type == "dm-unknown");
    CHECK(layers[0].copy_on_write);
    CHECK(layers[1].type == "dm-crypt");
    CHECK_FALSE(layers[1].copy_on_write);
}

TEST_CASE("an image file on btrfs lies on a copy-on-write file system") {
    const RecordedMachine machine{"btrfs.tree"};
    Identity file;
    file.kind = Kind::file;
    file.canonical_path = "/run/scratch/work/m/volume.img";
    const auto layers = inventory::layers_below(file, machine.view());
    CHECK(types_of(layers) == "file filesystem loop loop file filesystem file filesystem");
    CHECK(layers[1].name == "btrfs file system on loop0, loop1");
    CHECK(layers[1].copy_on_write);
}

TEST_CASE("a ring of devices that rest on each other ends") {
    const RecordedMachine machine{"server.tree"};
    std::filesystem::create_directories(machine.root() / "sys/class/block/dm-2/slaves/dm-3");
    const auto layers = layers_of(machine, "/dev/dm-3");
    CHECK(layers.size() == 4);
    const Identity map = inventory::identify("/dev/dm-3", machine.view());
    CHECK(test::count_of(guard::uses_of(map, machine.view()), ReasonCode::active_mapping) <= 1);
}

TEST_CASE("the record of layers names flags only where they are set") {
    Layer plain;
    plain.name = "loop3";
    plain.type = "loop";
    Layer thin;
    thin.name = "dm-2";
    thin.type = "dm-thin";
    thin.copy_on_write = true;
    thin.thin = true;
    CHECK(to_json(std::vector{plain, thin}).dump() ==
          R"([{"name":"loop3","type":"loop"},)"
          R"({"copyOnWrite":true,"name":"dm-2","thin":true,"type":"dm-thin"}])");
}

TEST_CASE("the list shows every device with a size, sorted as people count") {
    const RecordedMachine machine{"server.tree"};
    std::string names;
    for (const auto& entry : guard::list_storage(machine.view())) {
        names += entry.identity.path.substr(5) + ' ';
    }
    CHECK(names ==
          "bcache0 dm-0 dm-1 dm-2 dm-3 loop0 loop1 loop2 md1 nbd0 nvme0n1 sda sda1 sda2 sda3 sdb "
          "sdc sdd sde sde1 sdf sdg sdg1 sdi sdi1 vdb ");
}

TEST_CASE("a fixed drive of no bytes is listed, an empty reader is not") {
    for (const bool removable : {false, true}) {
        const RecordedMachine machine{"server.tree"};
        machine.write("sys/class/block/sdb/size", "0\n");
        machine.write("sys/class/block/sdb/removable", removable ? "1\n" : "0\n");
        const auto list = guard::list_storage(machine.view());
        const auto listed = std::any_of(list.begin(), list.end(), [](const auto& entry) {
            return entry.identity.path == "/dev/sdb" && entry.identity.size_bytes == 0;
        });
        CHECK(listed != removable);
    }
}

TEST_CASE("the list tells the parent and the uses of each device") {
    const RecordedMachine machine{"server.tree"};
    for (const auto& entry : guard::list_storage(machine.view())) {
        if (entry.identity.path == "/dev/sda2") {
            CHECK(entry.parent == "sda");
            CHECK(test::has(entry.uses, ReasonCode::root_or_boot));
        }
        if (entry.identity.path == "/dev/sdb") {
            CHECK(entry.uses.empty());
        }
    }
}

namespace {

/// A page of vital product data: its code, its length, its content.
std::string vpd_page(unsigned char code, const std::string& content) {
    std::string page(2, '\0');
    page[1] = static_cast<char>(code);
    page += static_cast<char>(content.size() >> 8U);
    page += static_cast<char>(content.size() & 0xffU);
    return page + content;
}

/// ATA strings: padded, the characters of each word exchanged.
std::string ata_words(std::string text, std::size_t bytes) {
    text.resize(bytes, ' ');
    for (std::size_t i = 0; i + 1 < bytes; i += 2) {
        std::swap(text[i], text[i + 1]);
    }
    return text;
}

}  // namespace

TEST_CASE("a serial number ends where NULs begin") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdb/device/vpd_pg80",
                  vpd_page(0x80, std::string("LIO0001\0\0\0", 10)));
    CHECK(inventory::identify("/dev/sdb", machine.view()).serial == "LIO0001");
}

TEST_CASE("a model that INQUIRY cuts is whole where the translation layer tells it") {
    const RecordedMachine machine{"server.tree"};
    const std::string model = "SAMSUNG MZ7LH3T8HMLT-00005";
    machine.write("sys/class/block/sdb/device/model", model.substr(0, 16) + "\n");
    std::string designator = "ATA     " + model;
    designator.resize(8 + 40, ' ');
    designator += "S455NY0M300001      ";
    const std::string header{'\x02', '\x01', '\0', static_cast<char>(designator.size())};
    machine.write("sys/class/block/sdb/device/vpd_pg83", vpd_page(0x83, header + designator));
    CHECK(inventory::identify("/dev/sdb", machine.view()).model == model);
}

TEST_CASE("a dock's serial number is not the drive's") {
    const RecordedMachine machine{"server.tree"};
    machine.write("sys/class/block/sdg/device/vpd_pg80", vpd_page(0x80, "DOCK123456789"));
    std::string page(56 + 512, '\0');
    page.replace(56 + 20, 20, ata_words("WD-WX11A0000001", 20));
    page.replace(56 + 54, 40, ata_words("WDC WD40EZAZ-00SF3B0", 40));
    machine.write("sys/class/block/sdg/device/vpd_pg89", vpd_page(0x89, page));
    const auto identity = inventory::identify("/dev/sdg", machine.view());
    CHECK(identity.serial == "WD-WX11A0000001");
    CHECK(identity.bridge_serial == "DOCK123456789");
    CHECK(inventory::to_json(identity).at("bridgeSerialNumber") == "DOCK123456789");
}

TEST_CASE("a multipath map is known by the disk that its paths are") {
    const RecordedMachine machine{"server.tree"};
    for (const char* path : {"sdc", "sdd"}) {
        machine.write(std::string("sys/class/block/") + path + "/device/serial", "SAN00001\n");
    }
    CHECK(inventory::identify("/dev/mapper/mpatha", machine.view()).serial == "SAN00001");
}
