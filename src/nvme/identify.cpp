// SPDX-License-Identifier: Apache-2.0
#include "efface/nvme/identify.hpp"

#include <fmt/format.h>

#include <limits>

#include "efface/base/json.hpp"

namespace efface::nvme {

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kLbaFormatsOffset = 128;
constexpr std::size_t kLbaFormatsMax = 64;
constexpr unsigned kBlockBitsMin = 9;
constexpr unsigned kBlockBitsMax = 20;

std::string text(ByteView page, std::size_t offset, std::size_t length) {
    const std::string_view field = as_text(page.subspan(offset, length));
    return printable(field.substr(0, field.find('\0')));
}

/// 16-byte counters of bytes: nobody's drive needs more than 64 bits of them.
std::uint64_t wide(ByteView page, std::size_t offset) {
    const auto high = read_le<std::uint64_t>(page, offset + 8);
    return high != 0 ? kMost : read_le<std::uint64_t>(page, offset);
}

std::string hex_unless_zero(ByteView bytes) {
    return all_zero(bytes) ? "" : to_hex(bytes);
}

}  // namespace

SanitizeCapabilities decode_sanicap(std::uint32_t sanicap) noexcept {
    SanitizeCapabilities found;
    found.raw = sanicap;
    found.crypto_erase = (sanicap & 1U) != 0;
    found.block_erase = (sanicap & 2U) != 0;
    found.overwrite = (sanicap & 4U) != 0;
    found.media_verification = (sanicap & 8U) != 0;
    found.no_deallocate_inhibited = (sanicap & (1U << 29U)) != 0;
    found.nodmmas = static_cast<Nodmmas>(sanicap >> 30U);
    return found;
}

std::optional<ControllerIdentity> decode_controller(ByteView page) {
    if (page.size() < kIdentifyBytes || all_zero(page)) {
        return std::nullopt;
    }
    ControllerIdentity found;
    found.serial = text(page, 4, 20);
    found.model = text(page, 24, 40);
    found.firmware = text(page, 64, 8);
    found.cmic = page[76];
    found.mdts = page[77];
    found.controller_id = read_le<std::uint16_t>(page, 78);
    found.version = read_le<std::uint32_t>(page, 80);
    found.oacs = read_le<std::uint16_t>(page, 256);
    found.total_bytes = wide(page, 280);
    found.unallocated_bytes = wide(page, 296);
    found.rpmbs = read_le<std::uint32_t>(page, 312);
    found.sanitize = decode_sanicap(read_le<std::uint32_t>(page, 328));
    found.namespaces_max = read_le<std::uint32_t>(page, 516);
    found.fna = page[524];
    found.subsystem_nqn = text(page, 768, 256);
    return found;
}

std::string version_text(std::uint32_t version) {
    return version == 0
               ? ""
               : fmt::format("{}.{}.{}", version >> 16U, (version >> 8U) & 0xffU, version & 0xffU);
}

std::uint64_t NamespaceIdentity::bytes() const noexcept {
    if (block_bytes == 0) {
        return 0;
    }
    return blocks > kMost / block_bytes ? kMost : blocks * block_bytes;
}

std::optional<NamespaceIdentity> decode_namespace(ByteView page) {
    if (page.size() < kIdentifyBytes || all_zero(page)) {
        return std::nullopt;
    }
    NamespaceIdentity found;
    found.blocks = read_le<std::uint64_t>(page, 0);
    found.nvm_bytes = wide(page, 48);
    const std::uint8_t flbas = page[26];
    found.lba_format = static_cast<std::uint8_t>((flbas & 0xfU) | ((flbas >> 1U) & 0x30U));
    found.extended_metadata = (flbas & 0x10U) != 0;
    found.protection = page[29];
    found.shared = (page[30] & 1U) != 0;
    if ((page[32] & 0x80U) != 0) {
        found.format_remaining_percent = static_cast<std::uint8_t>(page[32] & 0x7fU);
    }
    found.deallocated_reads = static_cast<std::uint8_t>(page[33] & 7U);
    found.write_protected = (page[99] & 1U) != 0;
    found.nguid = hex_unless_zero(page.subspan(104, 16));
    found.eui64 = hex_unless_zero(page.subspan(120, 8));
    static_assert(kLbaFormatsOffset + kLbaFormatsMax * 4 <= kIdentifyBytes);
    const std::size_t format = kLbaFormatsOffset + std::size_t{found.lba_format} * 4;
    found.metadata_bytes = read_le<std::uint16_t>(page, format);
    const unsigned bits = page[format + 2];
    found.block_bytes = bits >= kBlockBitsMin && bits <= kBlockBitsMax ? 1U << bits : 0;
    return found;
}

std::vector<std::uint32_t> decode_namespace_list(ByteView page) {
    std::vector<std::uint32_t> found;
    for (std::size_t at = 0; at + 4 <= page.size() && found.size() < kNamespacesInList; at += 4) {
        const auto id = read_le<std::uint32_t>(page, at);
        if (id == 0) {
            break;
        }
        if (found.empty() || id > found.back()) {
            found.push_back(id);
        }
    }
    return found;
}

std::string decode_namespace_uuid(ByteView page) {
    constexpr std::uint8_t kUuid = 3;
    constexpr std::size_t kHeader = 4;
    constexpr std::size_t kUuidBytes = 16;
    for (std::size_t at = 0; at + kHeader <= page.size();) {
        const std::size_t length = page[at + 1];
        if (page[at] == 0 || length == 0 || length > page.size() - at - kHeader) {
            break;
        }
        if (page[at] == kUuid && length == kUuidBytes) {
            return hex_unless_zero(page.subspan(at + kHeader, kUuidBytes));
        }
        at += kHeader + length;
    }
    return "";
}

}  // namespace efface::nvme
