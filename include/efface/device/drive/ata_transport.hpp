// SPDX-License-Identifier: Apache-2.0
// The boundary to an ATA device.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "efface/base/bytes.hpp"

namespace efface::device {

constexpr std::chrono::milliseconds kAtaTimeoutDefault{15'000};

/// At most one of the two buffers; both are borrowed until submit() returns.
struct AtaCommand {
    enum class Protocol { non_data, pio_in, pio_out } protocol = Protocol::non_data;
    std::uint8_t command = 0;
    bool extended = false;       ///< 48-bit command
    std::uint16_t features = 0;  ///< 15:8 only for a 48-bit command
    std::uint16_t count = 0;
    std::uint64_t lba = 0;  ///< 47:0
    std::uint8_t device = 0x40;
    MutableByteView read_into;
    ByteView write_from;
    std::chrono::milliseconds timeout = kAtaTimeoutDefault;
};

/// Output registers, as the device left them.
struct AtaRegisters {
    std::uint8_t status = 0;
    std::uint8_t error = 0;
    std::uint16_t count = 0;
    std::uint64_t lba = 0;
    std::uint8_t device = 0;

    [[nodiscard]] bool failed() const noexcept { return (status & 0x21U) != 0; }  ///< ERR or DF
};

/// What came back. Not an exception: a refusal is an answer.
struct [[nodiscard]] AtaCompletion {
    int error = 0;          ///< errno: nothing is known of what the device did
    bool accepted = false;  ///< no layer reported a failure; for commands with data, all of it came
    /// Nothing when the path to the device gives none (bridges, RAID adapters, fixed-format sense,
    /// all registers zero): then no status may be claimed.
    std::optional<AtaRegisters> registers;
    std::string note;  ///< why there are no registers, or what a layer in between said
    /// A layer in between says that the command itself is not permitted (ILLEGAL REQUEST). Some
    /// layers say so and have the device carry it out: for a command that erases it proves nothing.
    bool withheld = false;
};

class AtaTransport {
  public:
    virtual ~AtaTransport() = default;
    virtual AtaCompletion submit(const AtaCommand& command) = 0;
};

}  // namespace efface::device
