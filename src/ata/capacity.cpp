// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/capacity.hpp"

#include <array>

#include "efface/ata/identify.hpp"

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint8_t kAccessibleMaxAddress = 0x78;
constexpr std::uint8_t kDeviceConfiguration = 0xb1;
constexpr std::uint16_t kPreserve = 1;  // SET MAX ADDRESS: keep it over power cycles
constexpr std::size_t kDcoMaxLbaOffset = 6;
constexpr std::uint8_t kChecksumSignature = 0xa5;
constexpr std::uint64_t kLba48Max = (std::uint64_t{1} << 48U) - 1;

device::AtaCommand configuration(std::uint16_t feature) {
    auto command = non_data(kDeviceConfiguration);
    command.features = feature;
    return command;
}

}  // namespace

device::AtaCommand read_native_max_address(bool lba48) {
    return lba48 ? non_data(0x27, true) : non_data(0xf8);
}

device::AtaCommand set_max_address(bool lba48, std::uint64_t max_lba) {
    auto command = lba48 ? non_data(0x37, true) : non_data(0xf9);
    command.count = kPreserve;
    command.lba = max_lba;
    return command;
}

device::AtaCommand get_native_max_address() {
    return non_data(kAccessibleMaxAddress, true);
}

device::AtaCommand set_accessible_max_address(std::uint64_t max_lba) {
    auto command = non_data(kAccessibleMaxAddress, true);
    command.features = 1;
    command.lba = max_lba;
    return command;
}

std::uint64_t decode_max_lba(const device::AtaRegisters& registers, bool lba48) {
    return lba48 ? registers.lba
                 : (registers.lba & 0xffffffU) |
                       (std::uint64_t{registers.device & std::uint64_t{0x0f}} << 24U);
}

device::AtaCommand dco_identify(MutableByteView into) {
    auto command = one_page_in(kDeviceConfiguration, into);
    command.features = 0xc2;
    return command;
}

device::AtaCommand dco_restore() {
    return configuration(0xc0);
}

device::AtaCommand dco_freeze_lock() {
    return configuration(0xc1);
}

std::optional<std::uint64_t> decode_dco_max_lba(ByteView page) {
    if (page.size() != kPageBytes || all_zero(page)) {
        return std::nullopt;
    }
    if (page[kPageBytes - 2] == kChecksumSignature && !sums_to_zero(page)) {
        return std::nullopt;
    }
    const auto max_lba = read_le<std::uint64_t>(page, kDcoMaxLbaOffset);
    return max_lba <= kLba48Max && max_lba != 0 ? std::optional(max_lba) : std::nullopt;
}

device::AtaCommand read_sectors(bool lba48, std::uint64_t lba, std::uint16_t count,
                                MutableByteView into) {
    EFFACE_ASSERT(count > 0 && (lba48 || count <= 255));
    EFFACE_ASSERT(into.size() % count == 0 && into.size() / count >= kPageBytes);
    auto command = lba48 ? non_data(0x24, true) : non_data(0x20);
    command.protocol = device::AtaCommand::Protocol::pio_in;
    command.count = count;
    command.lba = lba;
    command.read_into = into;
    return command;
}

device::AtaCommand write_sectors(bool lba48, std::uint64_t lba, std::uint16_t count,
                                 ByteView from) {
    EFFACE_ASSERT(count > 0 && (lba48 || count <= 255));
    EFFACE_ASSERT(from.size() % count == 0 && from.size() / count >= kPageBytes);
    auto command = lba48 ? non_data(0x34, true) : non_data(0x30);
    command.protocol = device::AtaCommand::Protocol::pio_out;
    command.count = count;
    command.lba = lba;
    command.write_from = from;
    return command;
}

device::AtaCommand flush_cache(bool lba48) {
    return lba48 ? non_data(0xea, true) : non_data(0xe7);
}

std::string error_text(const device::AtaRegisters& registers) {
    struct Bit {
        unsigned number;
        const char* name;
    };
    static constexpr std::array<Bit, 4> kBits{{{7, "ICRC"}, {6, "UNC"}, {4, "IDNF"}, {2, "ABRT"}}};
    std::string text;
    for (const auto& bit : kBits) {
        if (((std::uint32_t{registers.error} >> bit.number) & 1U) != 0) {
            text += (text.empty() ? "" : " ") + std::string(bit.name);
        }
    }
    if ((registers.status & 0x20U) != 0) {
        text += text.empty() ? "DF" : " DF";
    }
    return text.empty() ? "ERR" : text;
}

}  // namespace efface::ata
