// SPDX-License-Identifier: Apache-2.0
// Temperature of the disks below a target, where a driver of the kernel tells it: nvme since Linux
// 5.5 (Documentation/ABI hwmon of the controller), drivetemp for ATA behind SCSI
// (Documentation/hwmon/drivetemp.rst).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "efface/inventory/block_graph.hpp"

namespace efface::inventory {

namespace {

constexpr int kMillidegrees = 1000;
/// What is outside is a driver's or a sensor's nonsense.
constexpr int kCelsiusMin = -60;
constexpr int kCelsiusMax = 200;

using Celsius = std::optional<int>;

void keep_hottest(Celsius& kept, const Celsius& other) {
    if (other && (!kept || *other > *kept)) {
        kept = other;
    }
}

/// temp1_input is the composite temperature of an NVMe drive and the only one of drivetemp.
Celsius sensor(const Folder& hwmon) {
    const Attribute attribute = hwmon.read("temp1_input");
    int value = 0;
    const char* end = attribute.text.data() + attribute.text.size();
    const auto [rest, error] = std::from_chars(attribute.text.data(), end, value);
    if (!attribute.present() || error != std::errc{} || rest != end) {
        return std::nullopt;
    }
    const int celsius = value / kMillidegrees;
    return celsius >= kCelsiusMin && celsius <= kCelsiusMax ? Celsius(celsius) : std::nullopt;
}

bool is_numbered(const std::string& name, std::string_view stem) {
    return name.starts_with(stem) && name.size() > stem.size() &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(stem.size()), name.end(),
                       [](char digit) { return digit >= '0' && digit <= '9'; });
}

/// Sensors of one device: in device/hwmon/hwmonN, or in device/hwmonN where the device itself has
/// a class (an NVMe controller).
Celsius sensors_of(const Folder& device) {
    Celsius hottest;
    const Folder inner = device.enter("hwmon");
    for (const Folder* place : {&device, &inner}) {
        for (const std::string& name : place->list(".").names) {
            if (is_numbered(name, "hwmon")) {
                keep_hottest(hottest, sensor(place->enter(name)));
            }
        }
    }
    return hottest;
}

Celsius disk_temperature(const Folder& block) {
    const Folder device = block.enter("device");
    Celsius hottest = sensors_of(device);
    // A namespace that several controllers reach belongs to their subsystem, which lists them; a
    // controller of an older kernel has its sensor at the PCI function.
    for (const std::string& name : device.list(".").names) {
        if (is_numbered(name, "nvme")) {
            keep_hottest(hottest, sensors_of(device.enter(name)));
        }
    }
    if (!hottest) {
        hottest = sensors_of(device.enter("device"));
    }
    return hottest;
}

std::string kernel_name(const Identity& identity, const SystemView& view) {
    const std::string number = fmt::format("{}:{}", identity.major, identity.minor);
    const Attribute link = Folder::open(view.sysfs / "dev" / "block").link(number);
    if (link.present()) {
        return std::filesystem::path{link.text}.filename().string();
    }
    return identity.kind == Kind::file
               ? std::string{}
               : std::filesystem::path{identity.canonical_path}.filename().string();
}

}  // namespace

std::optional<int> temperature_celsius(const Identity& identity, const SystemView& view) {
    const Folder class_block = Folder::open(view.sysfs / "class" / "block");
    std::vector<std::string> waiting{kernel_name(identity, view)};
    std::set<std::string> seen;
    std::vector<std::string> ignored;
    Celsius hottest;
    while (!waiting.empty() && seen.size() < kLayersMax) {
        const std::string name = waiting.back();
        waiting.pop_back();
        if (name.empty() || !seen.insert(name).second) {
            continue;
        }
        const auto node = read_block_node(class_block, name, Detail::links, ignored);
        if (!node) {
            continue;
        }
        waiting.insert(waiting.end(), node->slaves.begin(), node->slaves.end());
        if (node->kind == Kind::partition) {
            waiting.push_back(node->parent);
        } else if (node->slaves.empty()) {
            keep_hottest(hottest, disk_temperature(class_block.enter(name)));
        }
    }
    return hottest;
}

}  // namespace efface::inventory
