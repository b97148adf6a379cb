// SPDX-License-Identifier: Apache-2.0
// INQUIRY's vendor and product as controllers give them, and those of drives that come close.
#include "efface/inventory/hardware.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::inventory;

TEST_CASE("virtual disks of RAID controllers are known by their names", "[inventory]") {
    const std::vector<std::tuple<const char*, const char*, const char*>> rows{
        {"DELL", "PERC H730 Mini", "Dell PERC"},
        {"DELL", "PERC 6/i", "Dell PERC"},
        {"", "PERC H755 Front", "Dell PERC"},
        {"ATA", "DELLBOSS VD", "Dell BOSS"},
        {"DELL", "Virtual Disk", "Dell"},
        {"HP", "LOGICAL VOLUME", "HPE Smart Array"},
        {"HPE", "LOGICAL VOLUME", "HPE Smart Array"},
        {"COMPAQ", "LOGICAL VOLUME", "HPE Smart Array"},
        {"IBM", "ServeRAID M5110e", "IBM or Lenovo ServeRAID"},
        {"LENOVO", "RAID 930-16i-4GB", "Lenovo RAID"},
        {"LSI", "MR9260-8i", "LSI MegaRAID"},
        {"AVAGO", "MR9361-8i", "Avago MegaRAID"},
        {"BROADCOM", "MR9560-16i", "Broadcom MegaRAID"},
        {"MegaRAID", "LD 0 RAID1", "MegaRAID"},
        {"INTEL", "RS3DC080", "Intel RAID"},
        {"LSI", "Logical Volume", "LSI Integrated RAID"},
        {"Adaptec", "Array0", "Adaptec"},
        {"ASR8805", "ASR8805", "Adaptec"},
        {"Areca", "ARC-1680-VOL#00", "Areca"},
        {"AMCC", "9650SE-16M DISK", "3ware"},
        {"3ware", "Logical Disk 00", "3ware"}};
    for (const auto& [vendor, model, controller] : rows) {
        CAPTURE(vendor, model);
        CHECK(raid_controller_of(vendor, model) == controller);
    }
    const std::vector<std::pair<const char*, const char*>> drives{
        {"SEAGATE", "ST4000NM0023"}, {"HGST", "HUH721010AL4200"},
        {"HP", "MB4000JVYZQ"},       {"ATA", "INTEL SSDSC2BB48"},
        {"ATA", "Samsung SSD 870"},  {"DELL", "PX05SMB040Y"},
        {"TOSHIBA", "MG04SCA40EN"},  {"WDC", "WUH721818AL5204"},
        {"Msft", "Virtual Disk"},    {"", "Samsung SSD 980 PRO"},
        {"", "QEMU HARDDISK"},       {"", ""},
        {"LSI", "ST4000NM0023"},     {"ATA", "MR"},
        {"IBM-ESXS", "ST600MM0006"}};
    for (const auto& [vendor, model] : drives) {
        CAPTURE(vendor, model);
        CHECK(raid_controller_of(vendor, model).empty());
    }
}
