// SPDX-License-Identifier: Apache-2.0
// The SECURITY feature set, F1h to F6h (ACS-4, section 4.18 and 7.40 to 7.45), and TRUSTED SEND and
// RECEIVE.
#pragma once

#include <chrono>
#include <cstdint>

#include "efface/base/secret.hpp"
#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

constexpr std::size_t kPasswordBytes = 32;

/// SET PASSWORD of the user, level high: a locked drive can then also be unlocked or erased with
/// the master password. `password`: kPasswordBytes (asserted). The data block of the commands.
[[nodiscard]] SecretBytes password_block_set(ByteView password);
/// UNLOCK and DISABLE PASSWORD by the user.
[[nodiscard]] SecretBytes password_block(ByteView password);
/// ERASE UNIT by the user.
[[nodiscard]] SecretBytes password_block_erase(ByteView password, bool enhanced);

/// `block` is what the functions above made, borrowed until the command is sent.
[[nodiscard]] device::AtaCommand security_set_password(ByteView block);
[[nodiscard]] device::AtaCommand security_unlock(ByteView block);
/// Must be followed by SECURITY ERASE UNIT, with no command between.
[[nodiscard]] device::AtaCommand security_erase_prepare();
[[nodiscard]] device::AtaCommand security_erase_unit(ByteView block,
                                                     std::chrono::milliseconds timeout);
[[nodiscard]] device::AtaCommand security_disable_password(ByteView block);

/// 5Ch and 5Eh (ACS-4, sections 7.55 and 7.57). Whole blocks of 512 bytes, 1 to 255 of them
/// (asserted).
[[nodiscard]] device::AtaCommand trusted_receive(std::uint8_t protocol, std::uint16_t specific,
                                                 MutableByteView into);
[[nodiscard]] device::AtaCommand trusted_send(std::uint8_t protocol, std::uint16_t specific,
                                              ByteView from);

}  // namespace efface::ata
