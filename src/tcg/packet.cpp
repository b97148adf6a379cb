// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/packet.hpp"

#include <algorithm>

namespace efface::tcg {

namespace {

// Bytes before the data of each, and where their fields are in it (Core 3.2.3.1 to 3.2.3.4).
constexpr std::size_t kPacketHeader = 24;
constexpr std::size_t kSubpacketHeader = 12;
static_assert(kHeadersBytes == kComPacketHeaderBytes + kPacketHeader + kSubpacketHeader);
constexpr std::size_t kComIdOffset = 4;
constexpr std::size_t kOutstandingOffset = 8;
constexpr std::size_t kMinimumTransferOffset = 12;
constexpr std::size_t kComPacketLengthOffset = 16;
// In a packet, in a subpacket.
constexpr std::size_t kTperSessionOffset = 0;
constexpr std::size_t kHostSessionOffset = 4;
constexpr std::size_t kPacketLengthOffset = 20;
constexpr std::size_t kSubpacketKindOffset = 6;
constexpr std::size_t kSubpacketLengthOffset = 8;
constexpr std::uint16_t kDataSubpacket = 0;
constexpr std::uint16_t kCreditSubpacket = 0x8001;
constexpr std::size_t kSubpacketPadding = 4;  // to a multiple of this; the padding is not counted

constexpr std::uint32_t kStackResetRequest = 2;
constexpr std::size_t kStackResetDataOffset = 12;
constexpr std::uint16_t kStackResetDataBytes = 4;

std::size_t rounded_up(std::size_t size, std::size_t multiple) {
    return (size + multiple - 1) / multiple * multiple;
}

}  // namespace

bool fits(ByteView stream) noexcept {
    return kHeadersBytes + rounded_up(stream.size(), kSubpacketPadding) <= kSentBytesMax;
}

SecretBytes encode_packet(std::uint16_t com_id, SessionNumbers session, ByteView stream) {
    EFFACE_ASSERT(fits(stream));
    const std::size_t padded = rounded_up(stream.size(), kSubpacketPadding);
    SecretBytes packet(rounded_up(kHeadersBytes + padded, kBlockBytes));
    const MutableByteView bytes = packet.view();
    write_be(bytes, kComIdOffset, com_id);
    write_be(bytes, kComPacketLengthOffset,
             static_cast<std::uint32_t>(kPacketHeader + kSubpacketHeader + padded));
    const MutableByteView inner = bytes.subspan(kComPacketHeaderBytes);
    write_be(inner, kTperSessionOffset, session.tper);
    write_be(inner, kHostSessionOffset, session.host);
    write_be(inner, kPacketLengthOffset, static_cast<std::uint32_t>(kSubpacketHeader + padded));
    write_be(inner, kPacketHeader + kSubpacketLengthOffset,
             static_cast<std::uint32_t>(stream.size()));
    std::copy(stream.begin(), stream.end(), bytes.begin() + kHeadersBytes);
    return packet;
}

namespace {

/// The stream of the first data subpacket; empty where there is none. False: lengths contradict
/// each other, or it is of a kind that there is not.
bool take_stream(ByteView subpackets, ByteView& stream) {
    while (!subpackets.empty()) {
        if (subpackets.size() < kSubpacketHeader) {
            return false;
        }
        const std::size_t length = read_be<std::uint32_t>(subpackets, kSubpacketLengthOffset);
        const auto kind = read_be<std::uint16_t>(subpackets, kSubpacketKindOffset);
        subpackets = subpackets.subspan(kSubpacketHeader);
        if (length > subpackets.size() || (kind != kDataSubpacket && kind != kCreditSubpacket)) {
            return false;
        }
        if (kind == kDataSubpacket) {
            stream = subpackets.first(length);
            return true;
        }
        subpackets =
            subpackets.subspan(std::min(subpackets.size(), rounded_up(length, kSubpacketPadding)));
    }
    return true;
}

}  // namespace

std::optional<ReceivedPacket> decode_packet(ByteView response) {
    if (response.size() < kComPacketHeaderBytes) {
        return std::nullopt;
    }
    ReceivedPacket packet;
    packet.com_id = read_be<std::uint16_t>(response, kComIdOffset);
    packet.outstanding = read_be<std::uint32_t>(response, kOutstandingOffset);
    packet.minimum_transfer = read_be<std::uint32_t>(response, kMinimumTransferOffset);
    const std::size_t length = read_be<std::uint32_t>(response, kComPacketLengthOffset);
    if (length > response.size() - kComPacketHeaderBytes) {
        return std::nullopt;
    }
    ByteView packets = response.subspan(kComPacketHeaderBytes, length);
    while (!packets.empty() && packet.stream.empty()) {
        if (packets.size() < kPacketHeader) {
            return std::nullopt;
        }
        packet.session = {read_be<std::uint32_t>(packets, kTperSessionOffset),
                          read_be<std::uint32_t>(packets, kHostSessionOffset)};
        const std::size_t inner = read_be<std::uint32_t>(packets, kPacketLengthOffset);
        packets = packets.subspan(kPacketHeader);
        if (inner > packets.size() || !take_stream(packets.first(inner), packet.stream)) {
            return std::nullopt;
        }
        packets = packets.subspan(inner);
    }
    return packet;
}

Bytes encode_stack_reset(std::uint16_t com_id) {
    Bytes block(kBlockBytes, 0);
    write_be(MutableByteView(block), 0, com_id);
    write_be(MutableByteView(block), 4, kStackResetRequest);
    return block;
}

StackReset decode_stack_reset(ByteView response, std::uint16_t com_id) {
    constexpr std::size_t kEnd = kStackResetDataOffset + kStackResetDataBytes;
    if (response.size() < kEnd || read_be<std::uint16_t>(response, 0) != com_id ||
        read_be<std::uint32_t>(response, 4) != kStackResetRequest) {
        return StackReset::failed;
    }
    if (read_be<std::uint16_t>(response, 10) == 0) {
        return StackReset::pending;
    }
    return read_be<std::uint32_t>(response, kStackResetDataOffset) == 0 ? StackReset::done
                                                                        : StackReset::failed;
}

}  // namespace efface::tcg
