// SPDX-License-Identifier: Apache-2.0
#include "efface/guard/users.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using inventory::Identity;
using inventory::Kind;
using inventory::Use;
using test::count_of;
using test::has;
using test::RecordedMachine;

namespace {

std::vector<Use> uses_of_device(const RecordedMachine& machine, const std::string& path) {
    return guard::uses_of(inventory::identify(path, machine.view()), machine.view());
}

std::vector<Use> uses_of_file(const RecordedMachine& machine, const std::string& path) {
    Identity file;
    file.canonical_path = path;
    file.kind = Kind::file;
    file.major = 253;
    file.inode = 4711;
    return guard::uses_of(file, machine.view());
}

}  // namespace

TEST_CASE("a disk that nothing rests on has no use") {
    const RecordedMachine machine{"server.tree"};
    CHECK(test::text_of(uses_of_device(machine, "/dev/sdb")) == "");
    CHECK(test::text_of(uses_of_device(machine, "/dev/nvme0n1")) == "");
    CHECK(test::text_of(uses_of_device(machine, "/dev/nbd0")) == "");
}

TEST_CASE("an unused partition is free although its neighbours carry the root file system") {
    const RecordedMachine machine{"server.tree"};
    CHECK(test::text_of(uses_of_device(machine, "/dev/sda3")) == "");
}

TEST_CASE("the root file system is seen through LVM on a partition, down to the disk") {
    const RecordedMachine machine{"server.tree"};
    for (const char* device : {"/dev/dm-0", "/dev/sda2", "/dev/sda"}) {
        const auto uses = uses_of_device(machine, device);
        INFO(device << '\n' << test::text_of(uses));
        CHECK(has(uses, ReasonCode::root_or_boot, "running system's / is on"));
        CHECK(has(uses, ReasonCode::mounted, "dm-0 (LVM-"));
    }
}

TEST_CASE("the EFI system partition belongs to the running system") {
    const RecordedMachine machine{"server.tree"};
    CHECK(has(uses_of_device(machine, "/dev/sda1"), ReasonCode::root_or_boot, "/boot/efi"));
    CHECK(has(uses_of_device(machine, "/dev/sda"), ReasonCode::root_or_boot, "/boot/efi"));
    CHECK_FALSE(has(uses_of_device(machine, "/dev/sda2"), ReasonCode::root_or_boot, "/boot/efi"));
}

TEST_CASE("a disk with a partition in use says which one") {
    const RecordedMachine machine{"server.tree"};
    const auto uses = uses_of_device(machine, "/dev/sda");
    INFO(test::text_of(uses));
    CHECK(has(uses, ReasonCode::partition_in_use, "sda1"));
    CHECK(has(uses, ReasonCode::partition_in_use, "sda2"));
    CHECK_FALSE(has(uses, ReasonCode::partition_in_use, "sda3"));
}

TEST_CASE("logical volumes are told as members of LVM") {
    const RecordedMachine machine{"server.tree"};
    const auto uses = uses_of_device(machine, "/dev/sda2");
    CHECK(has(uses, ReasonCode::lvm_member, "name vg-root"));
    CHECK(has(uses, ReasonCode::lvm_member, "name vg-swap"));
}

TEST_CASE("a logical volume itself is not used by being one") {
    const RecordedMachine machine{"server.tree"};
    CHECK(count_of(uses_of_device(machine, "/dev/dm-1"), ReasonCode::lvm_member) == 0);
}

TEST_CASE("swap is seen on a logical volume, a partition and in a file") {
    const RecordedMachine machine{"server.tree"};
    CHECK(has(uses_of_device(machine, "/dev/sda2"), ReasonCode::swap, "dm-1"));
    CHECK(has(uses_of_device(machine, "/dev/sdi1"), ReasonCode::swap, "sdi1 is a swap area"));
    CHECK(has(uses_of_device(machine, "/dev/sdi"), ReasonCode::swap, "sdi1 is a swap area"));
    CHECK(has(uses_of_device(machine, "/dev/dm-0"), ReasonCode::swap, "swap file /srv/swap file"));
    CHECK(has(uses_of_file(machine, "/srv/swap file"), ReasonCode::swap));
    CHECK_FALSE(has(uses_of_file(machine, "/srv/swap"), ReasonCode::swap));
}

TEST_CASE("each path of a multipath disk is in use by the map and by what lies on it") {
    const RecordedMachine machine{"server.tree"};
    for (const char* device : {"/dev/sdc", "/dev/sdd"}) {
        const auto uses = uses_of_device(machine, device);
        INFO(device << '\n' << test::text_of(uses));
        CHECK(
            has(uses, ReasonCode::holder, "mpath-3600508b400105e210000900000490000, name mpatha"));
        CHECK(has(uses, ReasonCode::active_mapping, "name san-data"));
    }
    const auto map = uses_of_device(machine, "/dev/mapper/mpatha");
    CHECK(count_of(map, ReasonCode::holder) == 0);
    CHECK(has(map, ReasonCode::active_mapping, "name san-data"));
}

TEST_CASE("a partition of a disk that an array holds as a whole is in use") {
    const RecordedMachine machine{"server.tree"};
    CHECK(has(uses_of_device(machine, "/dev/sde1"), ReasonCode::md_member, "md1 (raid1)"));
    CHECK(has(uses_of_device(machine, "/dev/sde"), ReasonCode::md_member, "md1 (raid1)"));
}

TEST_CASE("a partition of a disk that is mounted or swapped to as a whole is in use") {
    const RecordedMachine machine{"server.tree"};
    machine.write("proc/self/mountinfo",
                  "22 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n"
                  "23 22 8:64 / /srv/whole rw - xfs /dev/sde rw\n");
    CHECK(has(uses_of_device(machine, "/dev/sde1"), ReasonCode::mounted,
              "sde mounted at /srv/whole"));
    machine.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sde partition 9 0 -2\n");
    CHECK(has(uses_of_device(machine, "/dev/sde1"), ReasonCode::swap, "sde is a swap area"));
}

TEST_CASE("a bcache backing device is in use by the cached device and its mount") {
    const RecordedMachine machine{"server.tree"};
    const auto uses = uses_of_device(machine, "/dev/sdf");
    INFO(test::text_of(uses));
    CHECK(has(uses, ReasonCode::holder, "bcache0"));
    CHECK(has(uses, ReasonCode::mounted, "/var/cache"));
}

TEST_CASE("a loop device over a disk is a use of the disk and of its partitions") {
    const RecordedMachine machine{"server.tree"};
    CHECK(has(uses_of_device(machine, "/dev/sdi"), ReasonCode::loop_backing, "loop2"));
    CHECK(has(uses_of_device(machine, "/dev/sdi1"), ReasonCode::loop_backing, "loop2"));
}

TEST_CASE("a read-only partition is told, and its disk is not read-only for it") {
    const RecordedMachine machine{"server.tree"};
    CHECK(has(uses_of_device(machine, "/dev/sdg1"), ReasonCode::read_only));
    CHECK(test::text_of(uses_of_device(machine, "/dev/sdg")) == "");
}

TEST_CASE("a loop device over a file and its mount at an escaped path are uses of the file") {
    const RecordedMachine machine{"server.tree"};
    const auto uses = uses_of_file(machine, "/srv/image files/a.img");
    INFO(test::text_of(uses));
    CHECK(has(uses, ReasonCode::loop_backing, "loop0"));
    CHECK(has(uses, ReasonCode::mounted, "loop0 mounted at /mnt/tab?and\\back (ext4)"));
    CHECK_FALSE(has(uses, ReasonCode::root_or_boot));
}

TEST_CASE("a loop device over a deleted file counts for a recorded file of that name") {
    const RecordedMachine machine{"server.tree"};
    CHECK(
        has(uses_of_file(machine, "/srv/image files/gone.img"), ReasonCode::loop_backing, "loop1"));
}

TEST_CASE("a file on the root file system that nothing uses is free") {
    const RecordedMachine machine{"server.tree"};
    CHECK(test::text_of(uses_of_file(machine, "/srv/image files/b.img")) == "");
}

TEST_CASE("a bind-mounted file is mounted") {
    const RecordedMachine machine{"server.tree"};
    CHECK(
        has(uses_of_file(machine, "/srv/keys/bound.img"), ReasonCode::mounted, "/etc/bound image"));
}

TEST_CASE("recorded in the rig: LVM on LUKS on RAID 1 is seen from a leg upward") {
    const RecordedMachine machine{"lvm-on-luks-on-md.tree"};
    for (const char* leg : {"/dev/loop0", "/dev/loop1"}) {
        const auto uses = uses_of_device(machine, leg);
        INFO(leg << '\n' << test::text_of(uses));
        CHECK(has(uses, ReasonCode::md_member, "md0 (raid1) is on top of"));
        CHECK(has(uses, ReasonCode::active_mapping, "name crypt-pg"));
        CHECK(has(uses, ReasonCode::lvm_member, "name vg-data"));
        CHECK(has(uses, ReasonCode::mounted, "/run/scratch/work/mnt a (ext4)"));
        CHECK(has(uses, ReasonCode::swap, "name vg-swap"));
        CHECK_FALSE(has(uses, ReasonCode::unreadable_state));
    }
    CHECK(has(uses_of_device(machine, "/dev/md0"), ReasonCode::active_mapping, "crypt-pg"));
    CHECK(count_of(uses_of_device(machine, "/dev/md0"), ReasonCode::md_member) == 0);
}

TEST_CASE("recorded in the rig: partitions of a loop device, one mounted and one an open volume") {
    const RecordedMachine machine{"partitions.tree"};
    const auto volume = uses_of_device(machine, "/dev/loop0p2");
    INFO(test::text_of(volume));
    CHECK(
        has(volume, ReasonCode::active_mapping,
            "dm-0 (CRYPT-LUKS2-66666666222243338444555555555555-x, name x) is on top of loop0p2"));
    CHECK(count_of(volume, ReasonCode::mounted) == 0);
    const auto whole = uses_of_device(machine, "/dev/loop0");
    CHECK(has(whole, ReasonCode::partition_in_use, "loop0p1"));
    CHECK(has(whole, ReasonCode::partition_in_use, "loop0p2"));
    CHECK(has(whole, ReasonCode::mounted, "loop0p1 mounted at"));
}

TEST_CASE("recorded in the rig: every device of a mounted btrfs is mounted") {
    const RecordedMachine machine{"btrfs.tree"};
    CHECK(has(uses_of_device(machine, "/dev/loop0"), ReasonCode::mounted, "(btrfs)"));
    CHECK(has(uses_of_device(machine, "/dev/loop1"), ReasonCode::mounted, "(btrfs)"));
}

TEST_CASE("a btrfs device is in use even where its mount point cannot be seen") {
    const RecordedMachine machine{"btrfs.tree"};
    machine.write("proc/self/mountinfo", "24 20 0:20 / / rw - overlay overlay rw\n");
    CHECK(has(uses_of_device(machine, "/dev/loop1"), ReasonCode::mounted, "45530437-2358"));
}

TEST_CASE("recorded in the rig: a disk mounted only in another mount namespace is mounted") {
    const RecordedMachine machine{"container.tree"};
    const auto uses = uses_of_device(machine, "/dev/loop0");
    INFO(test::text_of(uses));
    CHECK(has(uses, ReasonCode::mounted, "in the mount namespace of process 905"));
    CHECK(count_of(uses, ReasonCode::mounted) == 1);
}

TEST_CASE("recorded in the rig: a deleted backing file keeps its loop device identifiable") {
    const RecordedMachine machine{"deleted.tree"};
    const Identity loop = inventory::identify("/dev/loop1", machine.view());
    CHECK(loop.backing_file == "/run/scratch/work/f.img (deleted)");
    CHECK(test::text_of(guard::uses_of(loop, machine.view())) == "");
}

TEST_CASE("state that cannot be read is a use of every target") {
    const std::string device = "/dev/sdb";
    for (const char* broken : {"proc/self/mountinfo", "proc/swaps", "sys/class/block/sdi/holders",
                               "sys/class/block/loop0/loop/backing_file",
                               "sys/class/block/dm-0/slaves", "sys/class/block/dm-3/dm/uuid"}) {
        const RecordedMachine machine{"server.tree"};
        const Identity disk = inventory::identify(device, machine.view());
        machine.make_unreadable(broken);
        const auto uses = guard::uses_of(disk, machine.view());
        INFO(broken << '\n' << test::text_of(uses));
        CHECK(has(uses, ReasonCode::unreadable_state));
    }
}

TEST_CASE("a mount list of an unknown form is unreadable state") {
    const RecordedMachine machine{"server.tree"};
    const Identity disk = inventory::identify("/dev/sdb", machine.view());
    machine.write("proc/self/mountinfo",
                  "22 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\nrubbish\n");
    CHECK(has(guard::uses_of(disk, machine.view()), ReasonCode::unreadable_state, "mounts"));
}

TEST_CASE("mounts of a process that may not be read are unreadable state") {
    const RecordedMachine machine{"container.tree"};
    machine.make_unreadable("proc/905/mountinfo");
    CHECK(has(uses_of_device(machine, "/dev/loop0"), ReasonCode::unreadable_state, "process 905"));
}

TEST_CASE("a process that ended while it was asked is no unreadable state") {
    const RecordedMachine machine{"server.tree"};
    std::filesystem::create_directories(machine.root() / "proc/4242");
    CHECK(test::text_of(uses_of_device(machine, "/dev/sdb")) == "");
}

TEST_CASE("a target that left sysfs is unreadable state") {
    const RecordedMachine machine{"server.tree"};
    Identity gone = inventory::identify("/dev/sdb", machine.view());
    gone.minor = 240;
    CHECK(has(guard::uses_of(gone, machine.view()), ReasonCode::unreadable_state, "8:240"));
}

TEST_CASE("either end of a link in sysfs is enough to see a holder") {
    const RecordedMachine machine{"server.tree"};
    std::filesystem::create_directories(machine.root() / "sys/class/block/sdb/holders/md1");
    CHECK(has(uses_of_device(machine, "/dev/sdb"), ReasonCode::md_member, "md1"));
    std::filesystem::create_directories(machine.root() / "sys/class/block/dm-3/slaves/nvme0n1");
    CHECK(has(uses_of_device(machine, "/dev/nvme0n1"), ReasonCode::active_mapping, "san-data"));
}

TEST_CASE("a device held by one that sysfs does not show is unreadable state") {
    const RecordedMachine machine{"server.tree"};
    std::filesystem::create_directories(machine.root() / "sys/class/block/sdb/holders/dm-99");
    CHECK(has(uses_of_device(machine, "/dev/sdb"), ReasonCode::unreadable_state, "dm-99"));
}

TEST_CASE("a file system with very many mounts is told in bounded length") {
    const RecordedMachine machine{"server.tree"};
    std::string mounts = "22 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n";
    for (int i = 0; i < 500; ++i) {
        const std::string n = std::to_string(100 + i);
        mounts += n + " 22 8:16 / /mnt/" + n + " rw - ext4 /dev/sdb rw\n";
    }
    machine.write("proc/self/mountinfo", mounts);
    const auto uses = uses_of_device(machine, "/dev/sdb");
    CHECK(uses.size() == 9);
    CHECK(has(uses, ReasonCode::mounted, "492 more places"));
}

TEST_CASE("mappings are found by LUKS UUID whatever its dashes and case") {
    const RecordedMachine machine{"server.tree"};
    using Names = std::vector<std::string>;
    CHECK(inventory::mappings_of_luks_uuid("ABCDEFAB-CDEF-4000-8000-ABCDEFABCDEF",
                                           machine.view()) == Names{"san-data"});
    CHECK(inventory::mappings_of_luks_uuid("abcdefabcdef40008000abcdefabcdef", machine.view()) ==
          Names{"san-data"});
    CHECK(inventory::mappings_of_luks_uuid("abcdefab-cdef-4000-8000-abcdefabcdee", machine.view())
              .empty());
    CHECK(inventory::mappings_of_luks_uuid("abcdefab", machine.view()).empty());
}

TEST_CASE("mappings that cannot be listed are a failure, not an empty answer") {
    const RecordedMachine machine{"server.tree"};
    machine.make_unreadable("sys/class/block/dm-3/dm/uuid");
    CHECK_THROWS_AS(
        inventory::mappings_of_luks_uuid("abcdefabcdef40008000abcdefabcdef", machine.view()),
        Error);
}
