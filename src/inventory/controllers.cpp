// SPDX-License-Identifier: Apache-2.0
// The names are facts from: smartmontools' os_linux.cpp and os_freebsd.cpp (3ware, AMCC, DELL PERC,
// MegaRAID), Linux drivers/scsi (hpsa and smartpqi: LOGICAL VOLUME; aacraid, arcmsr, ips, mptsas,
// 3w-*), and the model numbers of the vendors' data sheets.
#include <algorithm>
#include <array>

#include "efface/inventory/hardware.hpp"

namespace efface::inventory {

namespace {

struct ControllerRow {
    std::string_view vendor;  ///< the whole field; empty: any
    std::string_view model;   ///< how it begins; empty: any
    const char* name;
};
// What calls itself "Virtual Disk" of "Msft" is a hypervisor's: layer_rules.cpp.
constexpr std::array kControllers{
    ControllerRow{"", "PERC ", "Dell PERC"},
    ControllerRow{"", "Shared PERC", "Dell Shared PERC"},
    ControllerRow{"", "DELLBOSS VD", "Dell BOSS"},
    ControllerRow{"", "DELL BOSS VD", "Dell BOSS"},
    ControllerRow{"", "Dell BOSS", "Dell BOSS"},
    ControllerRow{"DELL", "Virtual Disk", "Dell"},
    ControllerRow{"DELL", "MD3", "Dell PowerVault MD"},
    ControllerRow{"", "LOGICAL VOLUME", "HPE Smart Array"},
    ControllerRow{"", "ServeRAID", "IBM or Lenovo ServeRAID"},
    ControllerRow{"SERVERA", "", "IBM ServeRAID"},
    ControllerRow{"LENOVO", "RAID ", "Lenovo RAID"},
    ControllerRow{"MegaRAID", "", "MegaRAID"},
    ControllerRow{"", "MegaRAID", "MegaRAID"},
    ControllerRow{"LSI", "MR", "LSI MegaRAID"},
    ControllerRow{"AVAGO", "MR", "Avago MegaRAID"},
    ControllerRow{"BROADCOM", "MR", "Broadcom MegaRAID"},
    ControllerRow{"INTEL", "RS", "Intel RAID"},
    ControllerRow{"INTEL", "RMS", "Intel RAID"},
    ControllerRow{"Intel", "RS", "Intel RAID"},
    ControllerRow{"Intel", "RMS", "Intel RAID"},
    ControllerRow{"", "PRAID ", "Fujitsu PRAID"},
    ControllerRow{"SMC", "SMC", "Supermicro RAID"},
    ControllerRow{"Cisco", "UCSC-", "Cisco UCS RAID"},
    ControllerRow{"LSI", "Logical Volume", "LSI Integrated RAID"},
    ControllerRow{"LSILOGIC", "Logical Volume", "LSI Integrated RAID"},
    ControllerRow{"LSILOGIC", "1030", "LSI Integrated RAID"},
    ControllerRow{"Adaptec", "", "Adaptec"},
    ControllerRow{"ADAPTEC", "", "Adaptec"},
    ControllerRow{"ASR", "", "Adaptec"},
    ControllerRow{"", "ASR", "Adaptec"},
    ControllerRow{"ICP", "", "ICP vortex"},
    ControllerRow{"SUN", "STK RAID", "Sun StorageTek RAID"},
    ControllerRow{"Areca", "", "Areca"},
    ControllerRow{"ARECA", "", "Areca"},
    ControllerRow{"", "ARC-", "Areca"},
    ControllerRow{"AMCC", "", "3ware"},
    ControllerRow{"3ware", "", "3ware"},
    ControllerRow{"", "Logical Disk", "3ware"},
    ControllerRow{"LSI", "9750", "3ware"},
    ControllerRow{"", "MARVELL Raid VD", "Marvell"},
    ControllerRow{"", "VirtualDisk", "RAID controller"}};

}  // namespace

std::string raid_controller_of(std::string_view vendor, std::string_view model) {
    const auto* row =
        std::find_if(kControllers.begin(), kControllers.end(), [&](const ControllerRow& candidate) {
            return (candidate.vendor.empty() || candidate.vendor == vendor) &&
                   model.starts_with(candidate.model);
        });
    return row == kControllers.end() ? std::string() : row->name;
}

}  // namespace efface::inventory
