// SPDX-License-Identifier: Apache-2.0
// Log pages and the grown defect list of the model.
#include "drive.hpp"
#include "sense_keys.hpp"

namespace efface::fake {

namespace {

void add_parameter(Bytes& page, std::uint16_t code, const Bytes& value) {
    page.push_back(static_cast<std::uint8_t>(code >> 8U));
    page.push_back(static_cast<std::uint8_t>(code & 0xffU));
    page.push_back(0x02);
    page.push_back(static_cast<std::uint8_t>(value.size()));
    page.insert(page.end(), value.begin(), value.end());
}

template <typename T>
Bytes big(T value) {
    Bytes bytes(sizeof(T));
    write_be<T>(bytes, 0, value);
    return bytes;
}

}  // namespace

/// Its parameters; nothing where the disk has no such page.
std::optional<Bytes> ScsiDrive::log_parameters(std::uint8_t page, std::uint8_t subpage) const {
    const auto& health = options_.health;
    Bytes data;
    if (page == 0x00 && subpage == 0x00) {
        return Bytes{0x00, 0x02, 0x03, 0x0d, 0x10, 0x11, 0x15, 0x2f};
    }
    if (page == 0x15 && subpage == 0x01) {
        add_parameter(data, 0, big<std::uint32_t>(health.pending));
        return data;
    }
    if (page == 0x00 && subpage == 0xff) {
        return Bytes{0x00, 0x00, 0x00, 0xff, 0x02, 0x00, 0x03, 0x00, 0x0d, 0x00,
                     0x10, 0x00, 0x11, 0x00, 0x15, 0x00, 0x15, 0x01, 0x2f, 0x00};
    }
    if (subpage != 0) {
        return std::nullopt;
    }
    switch (page) {
        case 0x02:
            add_parameter(data, 0, big<std::uint32_t>(5));
            add_parameter(data, 5, big<std::uint64_t>(health.units_written * 512'000));
            add_parameter(data, 6, big<std::uint32_t>(0));
            return data;
        case 0x03:
            add_parameter(data, 6, big<std::uint64_t>(health.media_errors));
            return data;
        case 0x0d:
            add_parameter(data, 0, {0, static_cast<std::uint8_t>(health.celsius)});
            add_parameter(data, 1, {0, 68});
            return data;
        case 0x10: {
            Bytes result(16);
            result[2] = 0x12;  // at some hour
            result[0] = 0x20;  // a short one in the background, completed without error
            add_parameter(data, 1, result);
            add_parameter(data, 2, Bytes(16));
            return data;
        }
        case 0x11:
            add_parameter(data, 1, {0, 0, 0, health.wear_percent});
            return data;
        case 0x15: {
            Bytes status(12);
            write_be<std::uint32_t>(status, 0, health.hours * 60 + 59);
            add_parameter(data, 0, status);
            return data;
        }
        case 0x2f:
            add_parameter(data, 0,
                          {static_cast<std::uint8_t>(health.failing ? 0x5d : 0x00), 0,
                           static_cast<std::uint8_t>(health.celsius)});
            return data;
        default:
            return std::nullopt;
    }
}

device::ScsiCompletion ScsiDrive::log_sense(const device::ScsiCommand& command) const {
    const auto page = static_cast<std::uint8_t>(command.cdb[2] & 0x3fU);
    const std::uint8_t subpage = command.cdb[3];
    const auto parameters = log_parameters(page, subpage);
    if (!options_.health.reported || !parameters) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    Bytes data{static_cast<std::uint8_t>(page | (subpage != 0 ? 0x40U : 0U)), subpage, 0, 0};
    write_be<std::uint16_t>(data, 2, static_cast<std::uint16_t>(parameters->size()));
    data.insert(data.end(), parameters->begin(), parameters->end());
    return data_in(command, data, read_be<std::uint16_t>(command.cdb, 7));
}

device::ScsiCompletion ScsiDrive::defect_data(const device::ScsiCommand& command) const {
    if (!options_.health.reported) {
        return refused({kIllegalRequest, 0x2000, {}});
    }
    Bytes data(8);
    data[1] = 0x0b;  // the grown list, as long block addresses
    write_be<std::uint32_t>(data, 4, options_.health.reallocated * 8);
    return data_in(command, data, read_be<std::uint32_t>(command.cdb, 6));
}

}  // namespace efface::fake
