// SPDX-License-Identifier: Apache-2.0
// How the encoders of this module begin a command, and what their decoders share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

[[nodiscard]] inline device::AtaCommand non_data(std::uint8_t command, bool extended = false) {
    device::AtaCommand made;
    made.command = command;
    made.extended = extended;
    return made;
}

/// The COUNT register says how many blocks of 512 bytes come, also where the command itself needs
/// no count: it is what a translation layer goes by.
[[nodiscard]] inline device::AtaCommand one_page_in(std::uint8_t command, MutableByteView into,
                                                    bool extended = false) {
    constexpr std::size_t kBlockBytes = 512;
    EFFACE_ASSERT(into.size() == kBlockBytes);
    auto made = non_data(command, extended);
    made.protocol = device::AtaCommand::Protocol::pio_in;
    made.count = 1;
    made.read_into = into;
    return made;
}

/// The sum of all bytes of a page that ends in its own checksum is 0.
[[nodiscard]] inline bool sums_to_zero(ByteView page) {
    std::uint8_t sum = 0;
    for (const std::uint8_t byte : page) {
        sum = static_cast<std::uint8_t>(sum + byte);
    }
    return sum == 0;
}

}  // namespace efface::ata
