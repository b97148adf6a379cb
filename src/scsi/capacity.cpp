// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/capacity.hpp"

#include <algorithm>

namespace efface::scsi {

namespace {

constexpr std::uint8_t kReadCapacity10 = 0x25;
constexpr std::uint8_t kServiceActionIn16 = 0x9e;
constexpr std::uint8_t kReadCapacity16 = 0x10;
constexpr std::uint8_t kGetPhysicalElementStatus = 0x17;
constexpr std::uint8_t kRestoreElementsAndRebuild = 0x19;
constexpr std::uint8_t kModeSense6 = 0x1a;
constexpr std::uint8_t kModeSense10 = 0x5a;
constexpr std::uint8_t kModeSelect6 = 0x15;
constexpr std::uint8_t kModeSelect10 = 0x55;
constexpr std::uint8_t kPageFormat = 0x10;
constexpr std::uint8_t kLongLbaAccepted = 0x10;
constexpr std::uint8_t kLongLba = 0x01;
constexpr std::uint8_t kPageSaveable = 0x80;
constexpr std::uint8_t kDescriptorSense = 0x04;
constexpr std::size_t kModeHeader6Bytes = 4;
constexpr std::size_t kModeHeader10Bytes = 8;
constexpr std::size_t kShortDescriptorBytes = 8;
constexpr std::size_t kLongDescriptorBytes = 16;
constexpr std::size_t kElementHeaderBytes = 32;
constexpr std::size_t kElementBytes = 32;
constexpr std::uint32_t kNoMoreThan32Bits = 0xffffffff;

Bytes action_cdb(std::uint8_t action, std::uint32_t allocation_length, std::size_t length_at) {
    Bytes cdb(16, 0);
    cdb[0] = kServiceActionIn16;
    cdb[1] = action;
    write_be<std::uint32_t>(cdb, length_at, allocation_length);
    return cdb;
}

std::optional<BlockDescriptor> descriptor_of(ByteView bytes, bool long_form) {
    BlockDescriptor descriptor;
    if (long_form && bytes.size() >= kLongDescriptorBytes) {
        descriptor.blocks = read_be<std::uint64_t>(bytes, 0);
        descriptor.block_bytes = read_be<std::uint32_t>(bytes, 12);
        return descriptor;
    }
    if (!long_form && bytes.size() >= kShortDescriptorBytes) {
        descriptor.blocks = read_be<std::uint32_t>(bytes, 0);
        descriptor.block_bytes = read_be<std::uint32_t>(bytes, 4) & 0xffffffU;
        return descriptor;
    }
    return std::nullopt;
}

/// The first page of what follows the block descriptors, if it is whole.
Bytes first_page(ByteView bytes) {
    if (bytes.size() < 2) {
        return {};
    }
    const bool has_subpage = (bytes[0] & 0x40U) != 0;
    if (has_subpage && bytes.size() < 4) {
        return {};
    }
    const std::size_t length =
        has_subpage ? std::size_t{4} + read_be<std::uint16_t>(bytes, 2) : std::size_t{2} + bytes[1];
    if (length > bytes.size()) {
        return {};
    }
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)};
}

/// `told`: bytes that the device says there are, of which `bytes` may hold fewer.
std::optional<ModeData> mode_data(ByteView bytes, std::size_t told, std::size_t header,
                                  std::size_t descriptors, bool long_form) {
    const ByteView whole = bytes.first(std::min(bytes.size(), told));
    if (whole.size() < header || descriptors > whole.size() - header) {
        return std::nullopt;
    }
    ModeData data;
    data.descriptor = descriptor_of(whole.subspan(header, descriptors), long_form);
    data.page = first_page(whole.subspan(header + descriptors));
    return data;
}

Bytes with_header(std::size_t header, ByteView page) {
    Bytes list(header, 0);
    list.insert(list.end(), page.begin(), page.end());
    if (!page.empty()) {
        list[header] &= static_cast<std::uint8_t>(~kPageSaveable);
    }
    return list;
}

std::optional<Capacity> sound(const Capacity& capacity) {
    if (capacity.block_bytes == 0) {
        return std::nullopt;
    }
    return capacity;
}

}  // namespace

Bytes read_capacity_10_cdb() {
    Bytes cdb(10, 0);
    cdb[0] = kReadCapacity10;
    return cdb;
}

std::optional<Capacity> decode_capacity_10(ByteView bytes) {
    if (bytes.size() < 8) {
        return std::nullopt;
    }
    const auto last = read_be<std::uint32_t>(bytes, 0);
    if (last == kNoMoreThan32Bits) {
        return std::nullopt;
    }
    return sound({std::uint64_t{last} + 1, read_be<std::uint32_t>(bytes, 4), 0});
}

Bytes read_capacity_16_cdb(std::uint32_t allocation_length) {
    return action_cdb(kReadCapacity16, allocation_length, 10);
}

std::optional<Capacity> decode_capacity_16(ByteView bytes) {
    if (bytes.size() < 13) {
        return std::nullopt;
    }
    const auto last = read_be<std::uint64_t>(bytes, 0);
    if (last == kAllBlocks) {
        return std::nullopt;
    }
    const bool protection = (bytes[12] & 0x01U) != 0;
    const auto type = static_cast<std::uint8_t>(protection ? ((bytes[12] >> 1U) & 0x07U) + 1 : 0);
    return sound({last + 1, read_be<std::uint32_t>(bytes, 8), type});
}

Bytes mode_sense_6_cdb(PageControl control, std::uint8_t page, std::uint8_t allocation_length) {
    const auto values = static_cast<std::uint8_t>(static_cast<unsigned>(control) << 6U);
    return {kModeSense6, 0, static_cast<std::uint8_t>(values | page), 0, allocation_length, 0};
}

Bytes mode_sense_10_cdb(PageControl control, std::uint8_t page, std::uint16_t allocation_length) {
    Bytes cdb(10, 0);
    cdb[0] = kModeSense10;
    cdb[1] = kLongLbaAccepted;
    cdb[2] = static_cast<std::uint8_t>((static_cast<unsigned>(control) << 6U) | page);
    write_be<std::uint16_t>(cdb, 7, allocation_length);
    return cdb;
}

Bytes mode_select_6_cdb(std::uint8_t list_length) {
    return {kModeSelect6, kPageFormat, 0, 0, list_length, 0};
}

Bytes mode_select_10_cdb(std::uint16_t list_length) {
    Bytes cdb(10, 0);
    cdb[0] = kModeSelect10;
    cdb[1] = kPageFormat;
    write_be<std::uint16_t>(cdb, 7, list_length);
    return cdb;
}

std::optional<ModeData> decode_mode_6(ByteView bytes) {
    if (bytes.size() < kModeHeader6Bytes) {
        return std::nullopt;
    }
    auto data = mode_data(bytes, std::size_t{1} + bytes[0], kModeHeader6Bytes, bytes[3], false);
    if (data) {
        data->device_specific = bytes[2];
    }
    return data;
}

std::optional<ModeData> decode_mode_10(ByteView bytes) {
    if (bytes.size() < kModeHeader10Bytes) {
        return std::nullopt;
    }
    const std::size_t told = std::size_t{2} + read_be<std::uint16_t>(bytes, 0);
    auto data = mode_data(bytes, told, kModeHeader10Bytes, read_be<std::uint16_t>(bytes, 6),
                          (bytes[4] & kLongLba) != 0);
    if (data) {
        data->device_specific = bytes[3];
    }
    return data;
}

Bytes encode_mode_select_10(const BlockDescriptor& descriptor) {
    Bytes list(kModeHeader10Bytes + kLongDescriptorBytes, 0);
    list[4] = kLongLba;
    write_be<std::uint16_t>(list, 6, kLongDescriptorBytes);
    write_be<std::uint64_t>(list, kModeHeader10Bytes, descriptor.blocks);
    write_be<std::uint32_t>(list, kModeHeader10Bytes + 12, descriptor.block_bytes);
    return list;
}

Bytes encode_mode_select_6(const BlockDescriptor& descriptor) {
    EFFACE_ASSERT(descriptor.blocks < (1U << 24U) && descriptor.block_bytes < (1U << 24U));
    Bytes list(kModeHeader6Bytes + kShortDescriptorBytes, 0);
    list[3] = kShortDescriptorBytes;
    write_be<std::uint32_t>(list, kModeHeader6Bytes, static_cast<std::uint32_t>(descriptor.blocks));
    write_be<std::uint32_t>(list, kModeHeader6Bytes + 4, descriptor.block_bytes);
    return list;
}

Bytes encode_mode_select_6(ByteView page) {
    return with_header(kModeHeader6Bytes, page);
}

Bytes encode_mode_select_10(ByteView page) {
    return with_header(kModeHeader10Bytes, page);
}

std::optional<ControlPage> decode_control_page(ByteView page) {
    if (page.size() < 12 || (page[0] & 0x7fU) != kControlPage) {
        return std::nullopt;
    }
    ControlPage control;
    control.descriptor_sense = (page[2] & kDescriptorSense) != 0;
    control.self_test_seconds = read_be<std::uint16_t>(page, 10);
    return control;
}

std::optional<Bytes> with_descriptor_sense(ByteView page, bool wanted) {
    if (!decode_control_page(page)) {
        return std::nullopt;
    }
    Bytes changed(page.begin(), page.end());
    changed[2] = static_cast<std::uint8_t>((changed[2] & ~kDescriptorSense) |
                                           (wanted ? kDescriptorSense : 0));
    return changed;
}

Bytes get_physical_element_status_cdb(std::uint32_t allocation_length) {
    return action_cdb(kGetPhysicalElementStatus, allocation_length, 10);
}

std::optional<std::vector<PhysicalElement>> decode_elements(ByteView bytes) {
    if (bytes.size() < kElementHeaderBytes) {
        return std::nullopt;
    }
    const std::size_t returned = read_be<std::uint32_t>(bytes, 4);
    const std::size_t whole = (bytes.size() - kElementHeaderBytes) / kElementBytes;
    std::vector<PhysicalElement> elements;
    for (std::size_t i = 0; i < std::min({returned, whole, kElementsMax}); ++i) {
        const ByteView at = bytes.subspan(kElementHeaderBytes + i * kElementBytes, kElementBytes);
        PhysicalElement element;
        element.identifier = read_be<std::uint32_t>(at, 4);
        element.restorable = (at[13] & 0x01U) != 0;
        element.type = at[14];
        element.health = at[15];
        element.blocks = read_be<std::uint64_t>(at, 16);
        elements.push_back(element);
    }
    return elements;
}

Bytes restore_elements_and_rebuild_cdb() {
    return action_cdb(kRestoreElementsAndRebuild, 0, 10);
}

}  // namespace efface::scsi
