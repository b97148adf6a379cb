// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/security.hpp"

#include "efface/ata/identify.hpp"

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint8_t kEnhancedErase = 0x02;
constexpr std::size_t kPasswordOffset = 2;
constexpr std::size_t kTrustedBlocksMax = 255;

device::AtaCommand with_block(std::uint8_t code, ByteView block) {
    EFFACE_ASSERT(block.size() == kPageBytes);
    auto command = non_data(code);
    command.protocol = device::AtaCommand::Protocol::pio_out;
    command.count = 1;
    command.write_from = block;
    return command;
}

/// Word 0 of the block: bit 0 the master's password (never here), bit 1 enhanced erase, bit 8 level
/// maximum (never here).
SecretBytes block_with(ByteView password, std::uint8_t byte0) {
    EFFACE_ASSERT(password.size() == kPasswordBytes);
    SecretBytes block(kPageBytes);
    const auto bytes = block.view();
    bytes[0] = byte0;
    std::copy(password.begin(), password.end(), bytes.begin() + kPasswordOffset);
    return block;
}

/// FEATURE: the protocol; LBA 7:0 the upper half of the length in blocks, 23:8 the SP specific.
device::AtaCommand trusted(std::uint8_t code, std::uint8_t protocol, std::uint16_t specific,
                           std::size_t bytes) {
    EFFACE_ASSERT(bytes % kPageBytes == 0 && bytes > 0 && bytes / kPageBytes <= kTrustedBlocksMax);
    auto command = non_data(code);
    command.features = protocol;
    command.count = static_cast<std::uint16_t>(bytes / kPageBytes);
    command.lba = std::uint64_t{specific} << 8U;
    return command;
}

}  // namespace

SecretBytes password_block_set(ByteView password) {
    return block_with(password, 0);
}

SecretBytes password_block(ByteView password) {
    return block_with(password, 0);
}

SecretBytes password_block_erase(ByteView password, bool enhanced) {
    return block_with(password, enhanced ? kEnhancedErase : std::uint8_t{0});
}

device::AtaCommand security_set_password(ByteView block) {
    return with_block(0xf1, block);
}

device::AtaCommand security_unlock(ByteView block) {
    return with_block(0xf2, block);
}

device::AtaCommand security_erase_prepare() {
    return non_data(0xf3);
}

device::AtaCommand security_erase_unit(ByteView block, std::chrono::milliseconds timeout) {
    auto command = with_block(0xf4, block);
    command.timeout = timeout;
    return command;
}

device::AtaCommand security_disable_password(ByteView block) {
    return with_block(0xf6, block);
}

device::AtaCommand trusted_receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) {
    auto command = trusted(0x5c, protocol, specific, into.size());
    command.protocol = device::AtaCommand::Protocol::pio_in;
    command.read_into = into;
    return command;
}

device::AtaCommand trusted_send(std::uint8_t protocol, std::uint16_t specific, ByteView from) {
    auto command = trusted(0x5e, protocol, specific, from.size());
    command.protocol = device::AtaCommand::Protocol::pio_out;
    command.write_from = from;
    return command;
}

}  // namespace efface::ata
