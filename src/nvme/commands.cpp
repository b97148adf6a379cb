// SPDX-License-Identifier: Apache-2.0
#include "efface/nvme/commands.hpp"

namespace efface::nvme {

namespace {

constexpr std::uint8_t kPassesMax = 15;
constexpr std::uint32_t kBlocksMax = 65536;

device::NvmeCommand admin(AdminOpcode opcode) {
    device::NvmeCommand command;
    command.opcode = static_cast<std::uint8_t>(opcode);
    return command;
}

std::uint32_t security_cdw10(std::uint8_t protocol, std::uint16_t specific) {
    return (std::uint32_t{protocol} << 24U) | (std::uint32_t{specific} << 8U);
}

device::NvmeCommand transfer(IoOpcode opcode, std::uint32_t nsid, std::uint64_t first_block,
                             std::uint32_t block_bytes, std::size_t bytes) {
    EFFACE_ASSERT(block_bytes != 0 && bytes != 0 && bytes % block_bytes == 0);
    const std::size_t blocks = bytes / block_bytes;
    EFFACE_ASSERT(blocks <= kBlocksMax);
    device::NvmeCommand command;
    command.queue = device::NvmeCommand::Queue::io;
    command.opcode = static_cast<std::uint8_t>(opcode);
    command.nsid = nsid;
    command.cdw10 = static_cast<std::uint32_t>(first_block & 0xffffffffU);
    command.cdw11 = static_cast<std::uint32_t>(first_block >> 32U);
    command.cdw12 = static_cast<std::uint32_t>(blocks - 1);
    return command;
}

device::NvmeCommand attachment(std::uint32_t nsid, std::uint32_t select, ByteView controllers) {
    EFFACE_ASSERT(controllers.size() == kNamespaceControllersBytes);
    auto command = admin(AdminOpcode::namespace_attachment);
    command.nsid = nsid;
    command.cdw10 = select;
    command.write_from = controllers;
    return command;
}

}  // namespace

device::NvmeCommand identify(Cns cns, std::uint32_t nsid, MutableByteView into) {
    EFFACE_ASSERT(into.size() == kIdentifyBytes);
    auto command = admin(AdminOpcode::identify);
    command.nsid = nsid;
    command.cdw10 = static_cast<std::uint32_t>(cns);
    command.read_into = into;
    return command;
}

device::NvmeCommand get_log_page(LogPage page, std::uint32_t nsid, MutableByteView into,
                                 std::uint64_t offset, std::uint8_t specific) {
    EFFACE_ASSERT(!into.empty() && into.size() % 4 == 0 && offset % 4 == 0 && specific < 0x80);
    const auto dwords = static_cast<std::uint32_t>(into.size() / 4 - 1);  // NUMD counts from 0
    auto command = admin(AdminOpcode::get_log_page);
    command.nsid = nsid;
    command.cdw10 = static_cast<std::uint32_t>(page) | (std::uint32_t{specific} << 8U) |
                    ((dwords & 0xffffU) << 16U);
    command.cdw11 = dwords >> 16U;
    command.cdw12 = static_cast<std::uint32_t>(offset & 0xffffffffU);
    command.cdw13 = static_cast<std::uint32_t>(offset >> 32U);
    command.read_into = into;
    return command;
}

std::uint32_t sanitize_cdw10(const Sanitize& sanitize) {
    const bool overwrite = sanitize.action == SanitizeAction::overwrite;
    // 0 is sixteen passes, which nobody who writes 0 means.
    EFFACE_ASSERT(!overwrite ||
                  (sanitize.overwrite_passes >= 1 && sanitize.overwrite_passes <= kPassesMax));
    EFFACE_ASSERT(overwrite || (sanitize.overwrite_passes == 0 && sanitize.pattern == 0));
    EFFACE_ASSERT(!sanitize.enter_media_verification || (!overwrite && !sanitize.no_deallocate));
    return static_cast<std::uint32_t>(sanitize.action) |
           (sanitize.allow_unrestricted_exit ? 1U << 3U : 0U) |
           (std::uint32_t{sanitize.overwrite_passes} << 4U) |
           (sanitize.no_deallocate ? 1U << 9U : 0U) |
           (sanitize.enter_media_verification ? 1U << 10U : 0U);
}

device::NvmeCommand encode(const Sanitize& sanitize) {
    auto command = admin(AdminOpcode::sanitize);
    command.cdw10 = sanitize_cdw10(sanitize);
    command.cdw11 = sanitize.pattern;
    return command;
}

Sanitize decode_sanitize(std::uint32_t cdw10, std::uint32_t cdw11) {
    Sanitize found;
    found.action = static_cast<SanitizeAction>(cdw10 & 7U);
    found.allow_unrestricted_exit = (cdw10 & (1U << 3U)) != 0;
    found.overwrite_passes = static_cast<std::uint8_t>((cdw10 >> 4U) & 0xfU);
    found.no_deallocate = (cdw10 & (1U << 9U)) != 0;
    found.enter_media_verification = (cdw10 & (1U << 10U)) != 0;
    found.pattern = cdw11;
    return found;
}

Sanitize decode_sanitize_namespace(std::uint32_t cdw10) {
    Sanitize found;
    found.action = static_cast<SanitizeAction>(cdw10 & 7U);
    found.allow_unrestricted_exit = (cdw10 & (1U << 3U)) != 0;
    found.enter_media_verification = (cdw10 & (1U << 10U)) != 0;
    return found;
}

std::uint32_t format_cdw10(const NamespaceIdentity& present, SecureErase erase) {
    const std::uint32_t format = present.lba_format;
    return (format & 0xfU) | (present.extended_metadata ? 1U << 4U : 0U) |
           (std::uint32_t{present.protection & 7U} << 5U) |
           ((present.protection & 8U) != 0 ? 1U << 8U : 0U) |
           (static_cast<std::uint32_t>(erase) << 9U) | ((format >> 4U) << 12U);
}

device::NvmeCommand format_nvm(std::uint32_t nsid, std::uint32_t cdw10,
                               std::chrono::milliseconds timeout) {
    auto command = admin(AdminOpcode::format_nvm);
    command.nsid = nsid;
    command.cdw10 = cdw10;
    command.timeout = timeout;
    return command;
}

device::NvmeCommand security_receive(std::uint8_t protocol, std::uint16_t specific,
                                     MutableByteView into) {
    auto command = admin(AdminOpcode::security_receive);
    command.cdw10 = security_cdw10(protocol, specific);
    command.cdw11 = static_cast<std::uint32_t>(into.size());
    command.read_into = into;
    return command;
}

device::NvmeCommand security_send(std::uint8_t protocol, std::uint16_t specific, ByteView from) {
    auto command = admin(AdminOpcode::security_send);
    command.cdw10 = security_cdw10(protocol, specific);
    command.cdw11 = static_cast<std::uint32_t>(from.size());
    command.write_from = from;
    return command;
}

device::NvmeCommand read(std::uint32_t nsid, std::uint64_t first_block, std::uint32_t block_bytes,
                         MutableByteView into) {
    auto command = transfer(IoOpcode::read, nsid, first_block, block_bytes, into.size());
    command.read_into = into;
    return command;
}

device::NvmeCommand write(std::uint32_t nsid, std::uint64_t first_block, std::uint32_t block_bytes,
                          ByteView from) {
    auto command = transfer(IoOpcode::write, nsid, first_block, block_bytes, from.size());
    command.write_from = from;
    return command;
}

device::NvmeCommand flush(std::uint32_t nsid) {
    device::NvmeCommand command;
    command.queue = device::NvmeCommand::Queue::io;
    command.opcode = static_cast<std::uint8_t>(IoOpcode::flush);
    command.nsid = nsid;
    return command;
}

device::NvmeCommand get_error_recovery(std::uint32_t nsid) {
    constexpr std::uint32_t kErrorRecovery = 0x05;  // SEL 0: current
    auto command = admin(AdminOpcode::get_features);
    command.nsid = nsid;
    command.cdw10 = kErrorRecovery;
    return command;
}

bool deallocated_is_error(std::uint32_t dword0) noexcept {
    return (dword0 & (1U << 16U)) != 0;
}

Bytes controller_list(std::uint16_t controller_id) {
    Bytes list(kNamespaceControllersBytes);
    write_le<std::uint16_t>(list, 0, 1);
    write_le<std::uint16_t>(list, 2, controller_id);
    return list;
}

device::NvmeCommand attach_namespace(std::uint32_t nsid, ByteView controllers) {
    return attachment(nsid, 0, controllers);
}

device::NvmeCommand detach_namespace(std::uint32_t nsid, ByteView controllers) {
    return attachment(nsid, 1, controllers);
}

Bytes command_dwords(const device::NvmeCommand& command) {
    Bytes bytes(24);
    std::size_t at = 0;
    for (const std::uint32_t dword : {command.cdw10, command.cdw11, command.cdw12, command.cdw13,
                                      command.cdw14, command.cdw15}) {
        write_le<std::uint32_t>(bytes, at, dword);
        at += 4;
    }
    return bytes;
}

}  // namespace efface::nvme
