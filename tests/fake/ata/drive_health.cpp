// SPDX-License-Identifier: Apache-2.0
// SMART of the model: attributes, thresholds, logs and device statistics.
#include <algorithm>

#include "drive.hpp"

namespace efface::fake {

namespace {

constexpr std::size_t kSmartPage = 512;

void close_page(Bytes& page) {
    std::uint8_t sum = 0;
    for (std::size_t i = 0; i + 1 < page.size(); ++i) {
        sum = static_cast<std::uint8_t>(sum + page[i]);
    }
    page[kSmartPage - 1] = static_cast<std::uint8_t>(0x100 - sum);
}

struct Row {
    std::uint8_t id;
    std::uint8_t flags;
    std::uint8_t normalized;
    std::uint64_t raw;
    std::uint8_t threshold;
};

std::vector<Row> rows_of(const HealthFigures& health) {
    const auto raw_heat = static_cast<std::uint8_t>(health.celsius);
    return {{5, 0x33, static_cast<std::uint8_t>(health.failing ? 1 : 100), health.reallocated, 10},
            {9, 0x32, 97, health.hours, 0},
            {12, 0x32, 99, health.power_cycles, 0},
            {177, 0x13, static_cast<std::uint8_t>(100 - health.wear_percent), 42, 0},
            {187, 0x32, 100, health.media_errors, 0},
            // Minimum and maximum are above the temperature.
            {194, 0x22, 63, raw_heat | 0x002d'0014'0000ULL, 0},
            {197, 0x12, 100, health.pending, 0},
            {199, 0x3e, 100, 1, 0},
            {241, 0x32, 99, health.units_written * 1000, 0}};
}

}  // namespace

/// Bytes of the page that the command asks for; empty: there is none.
Bytes AtaDrive::smart_page(const device::AtaCommand& command) const {
    const auto& health = options.health;
    Bytes page(kSmartPage);
    page[0] = 1;
    const auto feature = static_cast<std::uint8_t>(command.features & 0xffU);
    std::size_t at = 2;
    if (feature == 0xd0 || feature == 0xd1) {
        for (const auto& row : rows_of(health)) {
            page[at] = row.id;
            page[at + 1] = feature == 0xd0 ? row.flags : row.threshold;
            if (feature == 0xd0) {
                page[at + 3] = row.normalized;
                page[at + 4] = row.normalized;
                for (std::size_t i = 0; i < 6; ++i) {
                    page[at + 5 + i] = static_cast<std::uint8_t>(row.raw >> (8 * i));
                }
            }
            at += 12;
        }
    } else if (feature == 0xd5 && (command.lba & 0xffU) == 1) {
        write_le<std::uint16_t>(page, 452, health.logged_errors);
    } else if (feature == 0xd5 && (command.lba & 0xffU) == 6) {
        page[2] = 1;  // a short one, completed without error
        page[508] = 1;
    } else {
        return {};
    }
    close_page(page);
    return page;
}

device::AtaRegisters AtaDrive::smart(const device::AtaCommand& command) const {
    if (!options.health.reported || (command.lba >> 8U) != 0xc24f) {
        return abort();
    }
    if (command.features == 0xda) {
        return good(options.health.failing ? 0x2cf400 : 0xc24f00);
    }
    const Bytes page = smart_page(command);
    std::copy_n(page.begin(), std::min(page.size(), command.read_into.size()),
                command.read_into.begin());
    return page.empty() ? abort() : good();
}

/// Log 04h; empty where it has no such page.
Bytes AtaDrive::statistics_page(std::uint8_t number) const {
    const auto& health = options.health;
    Bytes page(kSmartPage);
    page[0] = 1;
    page[2] = number;
    const auto put = [&](std::size_t at, std::uint64_t value) {
        write_le<std::uint64_t>(page, at, value | 0xc000'0000'0000'0000ULL);
    };
    switch (number) {
        case 0:
            page[8] = 3;
            page[10] = 1;
            page[11] = 5;
            break;
        case 1:
            put(8, health.power_cycles);
            put(16, health.hours);
            put(24, health.units_written * 1000 * 512 / options.block_bytes);
            break;
        case 5:
            put(8, static_cast<std::uint8_t>(health.celsius));
            break;
        default:
            return {};
    }
    return page;
}

}  // namespace efface::fake
