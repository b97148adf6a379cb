// SPDX-License-Identifier: Apache-2.0
// One storage by many names, on a recorded machine: each way to use it by one name against each
// other name, and what is beside it and must not be refused.
#include <string>
#include <vector>

#include "efface/guard/users.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using test::has;
using test::RecordedMachine;

namespace {

/// How a device is used.
struct Way {
    enum class Kind { mount, mount_elsewhere, swap, open, lio, nvmet, gadget } kind;
    std::string what;  ///< device number for a mount, else a path
};

void use(const RecordedMachine& machine, const Way& way) {
    const std::string root_line = "22 1 259:9 / / rw - ext4 /dev/vda rw\n";
    const std::string config = "sys/kernel/config/";
    switch (way.kind) {
        case Way::Kind::mount:
            machine.write("proc/self/mountinfo",
                          root_line + "23 22 " + way.what + " / /srv rw - ext4 /dev/x rw\n");
            break;
        case Way::Kind::mount_elsewhere:
            machine.write("proc/77/mountinfo",
                          root_line + "23 22 " + way.what + " / /srv rw - ext4 /dev/x rw\n");
            std::filesystem::create_directories(machine.root() / "proc/77/ns");
            std::filesystem::create_symlink("mnt:[4026532001]", machine.root() / "proc/77/ns/mnt");
            std::filesystem::create_symlink("/", machine.root() / "proc/77/root");
            break;
        case Way::Kind::swap:
            machine.write("proc/swaps", "Filename Type Size Used Priority\n" + way.what +
                                            " partition 1000 0 -2\n");
            break;
        case Way::Kind::open:
            std::filesystem::create_symlink(way.what, machine.root() / "proc/77/fd/5");
            break;
        case Way::Kind::lio:
            machine.write(config + "target/core/fileio_0/disk1/enable", "1\n");
            machine.write(config + "target/core/fileio_0/disk1/udev_path", "\n");
            machine.write(config + "target/core/fileio_0/disk1/info",
                          "TCM FILEIO ID: 0        File: " + way.what + "  Size: 4096\n");
            break;
        case Way::Kind::nvmet:
            machine.write(config + "nvmet/subsystems/nqn.x/namespaces/1/enable", "1\n");
            machine.write(config + "nvmet/subsystems/nqn.x/namespaces/1/device_path",
                          way.what + "\n");
            break;
        case Way::Kind::gadget:
            machine.write(config + "usb_gadget/g1/functions/mass_storage.0/lun.0/file",
                          way.what + "\n");
            break;
    }
}

std::vector<inventory::Use> uses_of(const RecordedMachine& machine, const std::string& path) {
    return guard::uses_of(inventory::identify(path, machine.view()), machine.view());
}

struct Row {
    const char* name;
    Way way;
    const char* target;
    std::optional<ReasonCode> code;  ///< nullopt: must not be refused
};

using Kind = Way::Kind;

const std::vector<Row>& rows() {
    static const std::vector<Row> kRows = {
        // One unit by two paths.
        {"other path mounted", {Kind::mount, "8:16"}, "/dev/sda", ReasonCode::alias_in_use},
        {"the same, asked by it", {Kind::mount, "8:0"}, "/dev/sdb", ReasonCode::alias_in_use},
        {"its partition", {Kind::mount, "8:17"}, "/dev/sda", ReasonCode::alias_in_use},
        {"the same partition", {Kind::mount, "8:17"}, "/dev/sda1", ReasonCode::alias_in_use},
        {"in another mount namespace",
         {Kind::mount_elsewhere, "8:17"},
         "/dev/sda1",
         ReasonCode::alias_in_use},
        {"swap on the other path", {Kind::swap, "/dev/sdb2"}, "/dev/sda", ReasonCode::alias_in_use},
        {"swap on the same partition",
         {Kind::swap, "/dev/sdb2"},
         "/dev/sda2",
         ReasonCode::alias_in_use},
        {"the other path open", {Kind::open, "/dev/sdb"}, "/dev/sda", ReasonCode::opened},
        {"its generic node open", {Kind::open, "/dev/sg1"}, "/dev/sda", ReasonCode::opened},
        {"a partition's disk open", {Kind::open, "/dev/sda"}, "/dev/sda1", ReasonCode::opened},
        {"exported by LIO", {Kind::lio, "/dev/sdb"}, "/dev/sda", ReasonCode::exported},
        {"exported by nvmet", {Kind::nvmet, "/dev/sdb1"}, "/dev/sda", ReasonCode::exported},
        {"exported by a gadget", {Kind::gadget, "/dev/sdb"}, "/dev/sda1", ReasonCode::exported},
        // What is beside it.
        {"another partition by the other path", {Kind::mount, "8:18"}, "/dev/sda1", std::nullopt},
        {"another partition", {Kind::mount, "8:2"}, "/dev/sda1", std::nullopt},
        {"another partition open", {Kind::open, "/dev/sda2"}, "/dev/sda1", std::nullopt},
        {"swap on another partition", {Kind::swap, "/dev/sda2"}, "/dev/sda1", std::nullopt},
        {"one WWID, another serial number", {Kind::mount, "8:32"}, "/dev/sda", std::nullopt},
        {"the same, asked by it", {Kind::mount, "8:0"}, "/dev/sdc", std::nullopt},
        {"one WWID, another size", {Kind::mount, "8:48"}, "/dev/sda", std::nullopt},
        {"the same, asked by it", {Kind::mount, "8:16"}, "/dev/sdd", std::nullopt},
        {"another disk open", {Kind::open, "/dev/sdc"}, "/dev/sda", std::nullopt},
        {"another disk exported", {Kind::lio, "/dev/sdc"}, "/dev/sda", std::nullopt},
        {"another disk exported by nvmet", {Kind::nvmet, "/dev/sdd"}, "/dev/sda", std::nullopt},
        // The disk itself.
        {"open", {Kind::open, "/dev/sdd"}, "/dev/sdd", ReasonCode::opened},
        {"its generic node", {Kind::open, "/dev/sg0"}, "/dev/sda", ReasonCode::opened},
        {"exported", {Kind::lio, "/dev/sdd"}, "/dev/sdd", ReasonCode::exported},
        {"mounted elsewhere", {Kind::mount_elsewhere, "8:48"}, "/dev/sdd", ReasonCode::mounted},
        // NVMe.
        {"NVMe, other path", {Kind::mount, "259:1"}, "/dev/nvme0n1", ReasonCode::alias_in_use},
        {"NVMe, other path open", {Kind::open, "/dev/nvme1n1"}, "/dev/nvme0n1", ReasonCode::opened},
        {"NVMe, generic node", {Kind::open, "/dev/ng0n1"}, "/dev/nvme0n1", ReasonCode::opened},
        {"NVMe, by the other path", {Kind::open, "/dev/ng0n1"}, "/dev/nvme1n1", ReasonCode::opened},
        {"NVMe, same identifier, other drive",
         {Kind::mount, "259:2"},
         "/dev/nvme0n1",
         std::nullopt},
        // Ranges of one disk.
        {"a mapping over the partition", {Kind::mount, "253:0"}, "/dev/sde1", ReasonCode::mounted},
        {"a mapping beside the partition", {Kind::mount, "253:0"}, "/dev/sde2", std::nullopt},
        {"a partition over the mapping", {Kind::mount, "8:65"}, "/dev/dm-0", ReasonCode::mounted},
        {"a partition beside the mapping", {Kind::mount, "8:66"}, "/dev/dm-0", std::nullopt},
        {"the disk below the mapping", {Kind::mount, "8:64"}, "/dev/dm-0", ReasonCode::mounted},
        {"the disk below it open", {Kind::open, "/dev/sde"}, "/dev/dm-0", ReasonCode::opened},
        // Layers.
        {"a volume beside it on one LUKS", {Kind::mount, "253:7"}, "/dev/dm-6", std::nullopt},
        {"a volume beside it open", {Kind::open, "/dev/dm-7"}, "/dev/dm-6", std::nullopt},
        {"the disk below LUKS and LVM", {Kind::open, "/dev/sdf"}, "/dev/dm-6", ReasonCode::opened},
        {"a path of a multipath map", {Kind::open, "/dev/sdg"}, "/dev/dm-8", ReasonCode::opened},
        {"a member of a mirror", {Kind::open, "/dev/sdi"}, "/dev/md1", ReasonCode::opened},
        {"a member of a mirror mounted", {Kind::mount, "8:128"}, "/dev/md1", ReasonCode::mounted},
        // Loop devices.
        {"another loop over the file",
         {Kind::mount, "7:1"},
         "/dev/loop0",
         ReasonCode::alias_in_use},
        {"another loop open", {Kind::open, "/dev/loop1"}, "/dev/loop0", ReasonCode::opened},
        {"another loop as swap",
         {Kind::swap, "/dev/loop1"},
         "/dev/loop0",
         ReasonCode::alias_in_use},
        {"the file as swap", {Kind::swap, "/srv/a.img"}, "/dev/loop0", ReasonCode::alias_in_use},
        {"the file open", {Kind::open, "/srv/a.img"}, "/dev/loop0", ReasonCode::opened},
        {"the file exported", {Kind::lio, "/srv/a.img"}, "/dev/loop0", ReasonCode::exported},
        {"the loop below mounted", {Kind::mount, "7:2"}, "/dev/loop3", ReasonCode::mounted},
        {"the file below the loop below",
         {Kind::open, "/srv/b.img"},
         "/dev/loop3",
         ReasonCode::opened},
        {"a loop over another file", {Kind::mount, "7:2"}, "/dev/loop0", std::nullopt},
        {"another file open", {Kind::open, "/srv/b.img"}, "/dev/loop0", std::nullopt},
    };
    return kRows;
}

}  // namespace

TEST_CASE("each way to use a storage is found by each of its names, and none beside it") {
    for (const auto& row : rows()) {
        const RecordedMachine machine("aliases.tree");
        const auto before = test::text_of(uses_of(machine, row.target));
        use(machine, row.way);
        const auto uses = uses_of(machine, row.target);
        INFO(row.name << " (" << row.target << ")\nbefore:\n"
                      << before << "after:\n"
                      << test::text_of(uses));
        if (row.code) {
            CHECK(has(uses, *row.code));
        } else {
            CHECK(test::text_of(uses) == before);
        }
    }
}

TEST_CASE("what nobody uses has no use") {
    const RecordedMachine machine("aliases.tree");
    for (const char* path : {"/dev/sda", "/dev/sda1", "/dev/sdb", "/dev/sdc", "/dev/sdd",
                             "/dev/nvme0n1", "/dev/nvme2n1", "/dev/loop0", "/dev/loop3",
                             "/dev/dm-6", "/dev/dm-0", "/dev/dm-8", "/dev/md1", "/dev/sde2"}) {
        INFO(path);
        CHECK(test::text_of(uses_of(machine, path)) == "");
    }
}

TEST_CASE("multipathd watches the paths of a map and is no user of it") {
    const RecordedMachine machine("aliases.tree");
    std::filesystem::create_symlink("/dev/sdg", machine.root() / "proc/88/fd/5");
    CHECK(test::text_of(uses_of(machine, "/dev/dm-8")) == "");
    CHECK(has(uses_of(machine, "/dev/sdg"), ReasonCode::holder));
}

TEST_CASE("what is to be held with a target") {
    const RecordedMachine machine("aliases.tree");
    const auto look = guard::Look::take(machine.view());
    const auto names = [&](const char* path) {
        std::string text;
        for (const auto& one : look.aliases_of(inventory::identify(path, machine.view()))) {
            text += std::filesystem::path(one).filename().string() + " ";
        }
        return text;
    };
    CHECK(names("/dev/sda") == "sdb ");
    CHECK(names("/dev/sda1") == "sdb1 ");
    CHECK(names("/dev/sdc").empty());
    CHECK(names("/dev/nvme0n1") == "nvme1n1 ");
    CHECK(names("/dev/loop0") == "loop1 ");
    CHECK(names("/dev/loop3") == "loop2 ");
    CHECK(names("/dev/dm-8").empty());
    CHECK(names("/dev/dm-6").empty());
    CHECK(names("/dev/md1").empty());
}

TEST_CASE("exports that cannot be looked at refuse") {
    const RecordedMachine machine("aliases.tree");
    std::filesystem::create_directories(machine.root() / "sys/kernel/config");
    CHECK(test::text_of(uses_of(machine, "/dev/sda")) == "");
    std::filesystem::create_directories(machine.root() / "sys/module/nvmet");
    CHECK(has(uses_of(machine, "/dev/sda"), ReasonCode::unreadable_state));
}

TEST_CASE("an SSD on the SoC is local flash") {
    const RecordedMachine machine("apple-nvme.tree");
    const auto identity = inventory::identify("/dev/nvme0n1", machine.view());
    CHECK(identity.transport == "nvme");
    const auto layers = inventory::layers_below(identity, machine.view());
    REQUIRE(layers.size() == 1);
    CHECK_FALSE(layers.front().remote);
    CHECK(layers.front().flash);
}
