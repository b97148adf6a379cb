// SPDX-License-Identifier: Apache-2.0
// Places and units as in Documentation/hwmon/drivetemp.rst and Documentation/hwmon/sysfs-interface:
// millidegrees Celsius in temp1_input, of the SCSI device or of the NVMe controller.
#include "efface/inventory/inventory.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using namespace efface::inventory;

namespace {

const char* const kSda = "sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/";
const char* const kNvme = "sys/devices/pci0000:00/0000:05:00.0/nvme/nvme0/";

std::optional<int> celsius(const test::RecordedMachine& machine, const char* path) {
    return temperature_celsius(identify(path, machine.view()), machine.view());
}

void write_in(const test::RecordedMachine& machine, const std::string& place,
              const std::string& file, const std::string& text) {
    std::filesystem::create_directories((machine.root() / place / file).parent_path());
    machine.write(place + file, text);
}

void link_device(const test::RecordedMachine& machine, const std::string& block,
                 const std::string& target) {
    const auto link = machine.root() / "sys/class/block" / block / "device";
    std::filesystem::remove_all(link);
    std::filesystem::create_directory_symlink(machine.root() / target, link);
}

}  // namespace

TEST_CASE("a disk without a sensor has no temperature") {
    const test::RecordedMachine machine("server.tree");
    CHECK_FALSE(celsius(machine, "/dev/sda"));
    CHECK_FALSE(celsius(machine, "/dev/loop0"));
}

TEST_CASE("a SATA disk has the temperature that drivetemp tells, its partitions and mappings too") {
    const test::RecordedMachine machine("server.tree");
    link_device(machine, "sda", kSda);
    write_in(machine, kSda, "hwmon/hwmon2/name", "drivetemp\n");
    write_in(machine, kSda, "hwmon/hwmon2/temp1_input", "37500\n");
    CHECK(celsius(machine, "/dev/sda") == 37);
    CHECK(celsius(machine, "/dev/sda2") == 37);
    CHECK(celsius(machine, "/dev/dm-0") == 37);
    CHECK_FALSE(celsius(machine, "/dev/sdb"));
}

TEST_CASE("an NVMe drive has the composite temperature of its controller") {
    const test::RecordedMachine machine("server.tree");
    link_device(machine, "nvme0n1", kNvme);
    write_in(machine, kNvme, "hwmon1/temp1_input", "64850\n");
    write_in(machine, kNvme, "hwmon1/temp2_input", "91850\n");
    CHECK(celsius(machine, "/dev/nvme0n1") == 64);
}

TEST_CASE("a namespace with two controllers has the temperature of the hotter one") {
    const test::RecordedMachine machine("server.tree");
    const std::string subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0/";
    write_in(machine, subsystem, "nvme0/hwmon1/temp1_input", "41000\n");
    write_in(machine, subsystem, "nvme1/hwmon3/temp1_input", "43000\n");
    link_device(machine, "nvme0n1", subsystem);
    CHECK(celsius(machine, "/dev/nvme0n1") == 43);
}

TEST_CASE("a cold disk is below zero, and a senseless answer is none") {
    const test::RecordedMachine machine("server.tree");
    link_device(machine, "sda", kSda);
    write_in(machine, kSda, "hwmon/hwmon2/temp1_input", "-5000\n");
    CHECK(celsius(machine, "/dev/sda") == -5);
    for (const char* text : {"", "warm\n", "37500 C\n", "999999999\n", "99999999999999999999\n"}) {
        write_in(machine, kSda, "hwmon/hwmon2/temp1_input", text);
        CHECK_FALSE(celsius(machine, "/dev/sda"));
    }
}
