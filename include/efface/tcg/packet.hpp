// SPDX-License-Identifier: Apache-2.0
// What carries a data stream: one subpacket in one packet in one ComPacket (Core 2.01, section
// 3.2.3), and the reset of a ComID's stack (section 3.3.4.7.5).
#pragma once

#include <cstdint>
#include <optional>

#include "efface/base/secret.hpp"
#include "efface/tcg/tokens.hpp"

namespace efface::tcg {

constexpr std::uint8_t kPacketProtocol = 0x01;
constexpr std::uint8_t kComIdProtocol = 0x02;
constexpr std::size_t kBlockBytes = 512;  ///< security commands transfer whole blocks
/// The ComPacket that every drive takes (Core 2.01, section 5.2.2.4: MaxComPacketSize is at least
/// 1024). No packet of ours is longer, so that what Properties answers does not matter.
constexpr std::size_t kSentBytesMax = 1024;
/// Bytes before the packets of a ComPacket, and before the data of its first subpacket
/// (Core 3.2.3).
constexpr std::size_t kComPacketHeaderBytes = 20;
constexpr std::size_t kHeadersBytes = kComPacketHeaderBytes + 24 + 12;

/// Both numbers are 0 outside a session.
struct SessionNumbers {
    std::uint32_t tper = 0;
    std::uint32_t host = 0;
};

/// Whole blocks, to be sent with kPacketProtocol and the ComID. With its headers `stream` is not
/// longer than kSentBytesMax (asserted; fits() tells).
[[nodiscard]] SecretBytes encode_packet(std::uint16_t com_id, SessionNumbers session,
                                        ByteView stream);
[[nodiscard]] bool fits(ByteView stream) noexcept;

struct ReceivedPacket {
    std::uint16_t com_id = 0;
    /// Bytes that the drive still has to give; with an empty stream and minimum_transfer 0, the
    /// method still runs (Core 3.3.10.2.1).
    std::uint32_t outstanding = 0;
    std::uint32_t minimum_transfer = 0;
    SessionNumbers session;
    ByteView stream;  ///< borrowed; empty when the drive has nothing to say

    [[nodiscard]] bool still_running() const noexcept {
        return stream.empty() && outstanding != 0 && minimum_transfer == 0;
    }
    /// There is an answer, which the drive gives only to a receive of `minimum_transfer` bytes
    /// (Core 3.3.10.2.1).
    [[nodiscard]] bool needs(std::size_t larger_than) const noexcept {
        return stream.empty() && outstanding != 0 && minimum_transfer > larger_than;
    }
};

/// Nothing for lengths that contradict each other or the buffer. Only the first data subpacket is
/// looked at: this program never allows more (HostProperties, Core 5.2.2.1). Those of credit
/// control (Core 3.2.3.3) before it carry nothing, and are skipped.
[[nodiscard]] std::optional<ReceivedPacket> decode_packet(ByteView response);

/// One block, to be sent with kComIdProtocol and the ComID. Ends every session of the ComID.
[[nodiscard]] Bytes encode_stack_reset(std::uint16_t com_id);

enum class StackReset { done, pending, failed };
[[nodiscard]] StackReset decode_stack_reset(ByteView response, std::uint16_t com_id);

}  // namespace efface::tcg
