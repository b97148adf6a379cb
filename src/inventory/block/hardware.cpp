// SPDX-License-Identifier: Apache-2.0
// VPD pages as sysfs keeps them: SPC-4 7.8 (80h unit serial number, 83h device identification),
// SAT-4 12.4.2 (89h ATA information).
#include "efface/inventory/hardware.hpp"

#include <algorithm>

#include "efface/base/bytes.hpp"
#include "efface/base/json.hpp"

namespace efface::inventory {
namespace {

constexpr std::uint64_t kSysfsSectorBytes = 512;  // whatever the device's blocks
constexpr std::size_t kVpdHeaderBytes = 4;
constexpr std::size_t kIdentifyAt = 60;  // in page 89h
constexpr std::size_t kIdentifySerialAt = kIdentifyAt + 20;
constexpr std::size_t kIdentifySerialBytes = 20;
constexpr std::size_t kIdentifyModelAt = kIdentifyAt + 54;
constexpr std::size_t kIdentifyModelBytes = 40;

/// What is before a NUL: some targets pad their serial numbers with them.
std::string until_nul(const std::string& text) {
    return printable(std::string_view(text).substr(0, text.find('\0')));
}

std::string serial_in_vpd(const std::string& page) {
    const ByteView bytes = as_bytes(page);
    if (bytes.size() < kVpdHeaderBytes || bytes[1] != 0x80) {
        return {};
    }
    const std::size_t length =
        std::min<std::size_t>(read_be<std::uint16_t>(bytes, 2), bytes.size() - kVpdHeaderBytes);
    return until_nul(page.substr(kVpdHeaderBytes, length));
}

/// ATA strings have the two characters of each word exchanged.
std::string ata_string(const std::string& page, std::size_t at, std::size_t bytes) {
    if (page.size() < at + bytes) {
        return {};
    }
    std::string text = page.substr(at, bytes);
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        std::swap(text[i], text[i + 1]);
    }
    return until_nul(text);
}

/// The designator of a translation layer: "ATA     ", the model in 40 characters, the serial number
/// in 20 (SAT-4 12.4.4).
std::string model_in_designators(const std::string& page) {
    constexpr std::size_t kHeader = 4;
    constexpr std::uint8_t kT10Vendor = 1;
    constexpr std::string_view kAta = "ATA     ";
    const ByteView bytes = as_bytes(page);
    for (std::size_t at = kVpdHeaderBytes; at + kHeader <= bytes.size();) {
        const std::size_t length = bytes[at + 3];
        const auto text = std::string_view(page).substr(at + kHeader, length);
        if ((bytes[at + 1] & 0x0fU) == kT10Vendor && text.starts_with(kAta) &&
            text.size() >= kAta.size() + kIdentifyModelBytes) {
            return printable(text.substr(kAta.size(), kIdentifyModelBytes));
        }
        at += kHeader + length;
    }
    return {};
}

/// The first of several attributes of one device that says something.
std::string first_text_of(const Folder& class_block, const std::string& device,
                          std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const auto text = until_nul(class_block.read(device + name).text);
        if (!text.empty()) {
            return text;
        }
    }
    return {};
}

/// Whether a disk can be reached by several paths.
bool has_paths(const std::string& disk) {
    return disk.starts_with("nvme") || disk.starts_with("sd");
}

void add_scsi(const Folder& class_block, const std::string& disk, Hardware& hardware) {
    if (hardware.serial.empty()) {
        hardware.serial = serial_in_vpd(class_block.read_raw(disk + "/device/vpd_pg80").text);
    }
    constexpr std::size_t kInquiryModelBytes = 16;
    const auto ata = class_block.read_raw(disk + "/device/vpd_pg89").text;
    const auto serial = ata_string(ata, kIdentifySerialAt, kIdentifySerialBytes);
    hardware.serial_by_drive = !serial.empty();
    if (!serial.empty() && serial != hardware.serial) {
        hardware.bridge_serial = hardware.serial;
        hardware.serial = serial;
    }
    auto model = ata_string(ata, kIdentifyModelAt, kIdentifyModelBytes);
    if (model.empty() && hardware.model.size() >= kInquiryModelBytes) {
        model = model_in_designators(class_block.read_raw(disk + "/device/vpd_pg83").text);
    }
    // A dock's own name for the drive stays where the two have nothing in common.
    if (model.size() > hardware.model.size() && model.starts_with(hardware.model)) {
        hardware.model = model;
    }
}

}  // namespace

Hardware hardware_of(const Folder& class_block, const std::string& disk) {
    Hardware hardware;
    hardware.model = first_text_of(class_block, disk, {"/device/model", "/device/name"});
    hardware.serial = first_text_of(class_block, disk, {"/serial", "/device/serial"});
    hardware.wwid = first_text_of(class_block, disk, {"/wwid", "/device/wwid"});
    if (disk.starts_with("sd")) {
        add_scsi(class_block, disk, hardware);
    }
    return hardware;
}

std::string same_unit_key(const Folder& class_block, const std::string& disk) {
    if (!has_paths(disk)) {
        return {};
    }
    const auto hardware = hardware_of(class_block, disk);
    Identity identity;
    identity.wwid = hardware.wwid;
    identity.serial = hardware.serial;
    identity.bridge_serial = hardware.bridge_serial;
    identity.size_bytes = number_or(class_block.read(disk + "/size").text, 0) * kSysfsSectorBytes;
    return same_unit_key(class_block, disk, identity);
}

std::string same_unit_key(const Folder& class_block, const std::string& disk,
                          const Identity& identity) {
    if (!has_paths(disk) || identity.wwid.empty()) {
        return {};
    }
    const auto space =
        disk.starts_with("nvme") ? class_block.read(disk + "/nsid").text : std::string{};
    return identity.wwid + '\n' + identity.serial + '\n' + identity.bridge_serial + '\n' +
           std::to_string(identity.size_bytes) + '\n' + space;
}

}  // namespace efface::inventory
