// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/inquiry.hpp"

#include <algorithm>

#include "efface/base/json.hpp"

namespace efface::scsi {

namespace {

constexpr std::uint8_t kInquiry = 0x12;
constexpr std::uint8_t kEnableVpd = 0x01;
constexpr std::size_t kStandardBytesMin = 36;
constexpr std::size_t kVpdHeaderBytes = 4;
constexpr std::size_t kDesignatorHeaderBytes = 4;
constexpr std::size_t kAtaIdentifyOffset = 60;
constexpr std::size_t kAtaIdentifyBytes = 512;
constexpr std::uint8_t kAssociationLogicalUnit = 0;
constexpr std::uint8_t kDesignatorEui = 2;
constexpr std::uint8_t kDesignatorNaa = 3;
constexpr std::uint8_t kCodeSetBinary = 1;

Bytes cdb_of(std::uint8_t flags, std::uint8_t page, std::uint16_t allocation_length) {
    Bytes cdb(6, 0);
    cdb[0] = kInquiry;
    cdb[1] = flags;
    cdb[2] = page;
    write_be<std::uint16_t>(cdb, 3, allocation_length);
    return cdb;
}

std::string text_at(ByteView bytes, std::size_t offset, std::size_t length) {
    return printable(as_text(bytes.subspan(offset, length)));
}

/// What follows the header of VPD page `page`, as far as its PAGE LENGTH goes; nullopt unless
/// `bytes` is that page with at least `bytes_min` bytes in all.
std::optional<ByteView> vpd_page(ByteView bytes, std::uint8_t page, std::size_t bytes_min) {
    if (bytes.size() < kVpdHeaderBytes || bytes[1] != page) {
        return std::nullopt;
    }
    const std::size_t told = kVpdHeaderBytes + read_be<std::uint16_t>(bytes, 2);
    const ByteView whole = bytes.first(std::min(bytes.size(), told));
    if (whole.size() < bytes_min) {
        return std::nullopt;
    }
    return whole;
}

}  // namespace

Bytes inquiry_cdb(std::uint16_t allocation_length) {
    return cdb_of(0, 0, allocation_length);
}

Bytes vpd_cdb(std::uint8_t page, std::uint16_t allocation_length) {
    return cdb_of(kEnableVpd, page, allocation_length);
}

std::optional<Inquiry> decode_inquiry(ByteView bytes) {
    if (bytes.size() < kStandardBytesMin) {
        return std::nullopt;
    }
    Inquiry inquiry;
    inquiry.qualifier = static_cast<std::uint8_t>(bytes[0] >> 5U);
    inquiry.device_type = bytes[0] & 0x1fU;
    inquiry.removable = (bytes[1] & 0x80U) != 0;
    inquiry.version = bytes[2];
    inquiry.vendor = text_at(bytes, 8, 8);
    inquiry.product = text_at(bytes, 16, 16);
    inquiry.revision = text_at(bytes, 32, 4);
    return inquiry;
}

std::optional<std::vector<std::uint8_t>> decode_supported_pages(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdSupportedPages, kVpdHeaderBytes);
    if (!page) {
        return std::nullopt;
    }
    const ByteView list = page->subspan(kVpdHeaderBytes);
    return std::vector<std::uint8_t>(list.begin(), list.end());
}

std::optional<std::string> decode_serial_number(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdSerialNumber, kVpdHeaderBytes);
    if (!page) {
        return std::nullopt;
    }
    return printable(as_text(page->subspan(kVpdHeaderBytes)));
}

std::optional<std::vector<Designator>> decode_designators(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdDesignators, kVpdHeaderBytes);
    if (!page) {
        return std::nullopt;
    }
    std::vector<Designator> designators;
    std::size_t at = kVpdHeaderBytes;
    while (at + kDesignatorHeaderBytes <= page->size() && designators.size() < kDesignatorsMax) {
        const std::size_t length = (*page)[at + 3];
        if (length > page->size() - at - kDesignatorHeaderBytes) {
            break;
        }
        const ByteView content = page->subspan(at + kDesignatorHeaderBytes, length);
        Designator designator;
        designator.code_set = (*page)[at] & 0x0fU;
        designator.association = ((*page)[at + 1] >> 4U) & 0x03U;
        designator.type = (*page)[at + 1] & 0x0fU;
        designator.bytes.assign(content.begin(), content.end());
        designators.push_back(std::move(designator));
        at += kDesignatorHeaderBytes + length;
    }
    return designators;
}

std::string world_wide_name(const std::vector<Designator>& designators) {
    const auto named = [&designators](std::uint8_t type, const char* prefix) -> std::string {
        const auto found = std::find_if(
            designators.begin(), designators.end(), [type](const Designator& designator) {
                return designator.association == kAssociationLogicalUnit &&
                       designator.type == type && designator.code_set == kCodeSetBinary &&
                       !designator.bytes.empty();
            });
        return found == designators.end() ? std::string() : prefix + to_hex(found->bytes);
    };
    const std::string naa = named(kDesignatorNaa, "naa.");
    return naa.empty() ? named(kDesignatorEui, "eui.") : naa;
}

std::optional<AtaInformation> decode_ata_information(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdAtaInformation, kAtaIdentifyOffset + kAtaIdentifyBytes);
    if (!page) {
        return std::nullopt;
    }
    AtaInformation information;
    information.translator = printable(text_at(*page, 8, 8) + " " + text_at(*page, 16, 16) + " " +
                                       text_at(*page, 32, 4));
    information.command = (*page)[56];
    const ByteView identify = page->subspan(kAtaIdentifyOffset, kAtaIdentifyBytes);
    information.identify.assign(identify.begin(), identify.end());
    return information;
}

std::optional<BlockLimits> decode_block_limits(ByteView bytes) {
    // SBC-2 devices end at 16 bytes and say nothing of WRITE SAME.
    const auto page = vpd_page(bytes, kVpdBlockLimits, 16);
    if (!page) {
        return std::nullopt;
    }
    BlockLimits limits;
    limits.write_same_needs_length = ((*page)[4] & 0x01U) != 0;
    limits.transfer_blocks_max = read_be<std::uint32_t>(*page, 8);
    if (page->size() >= 44) {
        limits.write_same_blocks_max = read_be<std::uint64_t>(*page, 36);
    }
    return limits;
}

const char* to_string(ReadAfterErase value) noexcept {
    switch (value) {
        case ReadAfterErase::not_specified:
            return "not specified";
        case ReadAfterErase::good:
            return "good status, indeterminate data";
        case ReadAfterErase::medium_error:
            return "medium error";
        case ReadAfterErase::write_required_error:
            return "medium error, write after sanitize required";
    }
    return "not specified";
}

std::optional<BlockCharacteristics> decode_block_characteristics(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdBlockCharacteristics, 9);
    if (!page) {
        return std::nullopt;
    }
    BlockCharacteristics characteristics;
    characteristics.rotation = read_be<std::uint16_t>(*page, 4);
    characteristics.after_block_erase = static_cast<ReadAfterErase>((*page)[7] >> 6U);
    characteristics.after_crypto_erase = static_cast<ReadAfterErase>(((*page)[7] >> 4U) & 0x03U);
    characteristics.zoned = ((*page)[8] >> 4U) & 0x03U;
    if (page->size() >= 16) {
        characteristics.depopulation_seconds = read_be<std::uint32_t>(*page, 12);
    }
    return characteristics;
}

std::optional<Provisioning> decode_provisioning(ByteView bytes) {
    const auto page = vpd_page(bytes, kVpdProvisioning, 8);
    if (!page) {
        return std::nullopt;
    }
    Provisioning provisioning;
    provisioning.unmap = ((*page)[5] & 0x80U) != 0;
    provisioning.unmaps_by_write_same = ((*page)[5] & 0x40U) != 0;
    provisioning.reads_zeros = ((*page)[5] >> 2U) & 0x07U;
    provisioning.type = (*page)[6] & 0x07U;
    return provisioning;
}

}  // namespace efface::scsi
