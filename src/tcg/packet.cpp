// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/packet.hpp"

#include <algorithm>

namespace efface::tcg {

namespace {

// Bytes before the data of each, and where their lengths stand (Core 3.2.3.1 to 3.2.3.4).
constexpr std::size_t kComPacketHeader = 20;
constexpr std::size_t kPacketHeader = 24;
constexpr std::size_t kSubpacketHeader = 12;
constexpr std::size_t kHeaders = kComPacketHeader + kPacketHeader + kSubpacketHeader;
constexpr std::size_t kComIdOffset = 4;
constexpr std::size_t kOutstandingOffset = 8;
constexpr std::size_t kMinimumTransferOffset = 12;
constexpr std::size_t kComPacketLengthOffset = 16;
constexpr std::size_t kTperSessionOffset = 20;
constexpr std::size_t kHostSessionOffset = 24;
constexpr std::size_t kPacketLengthOffset = 40;
constexpr std::size_t kSubpacketKindOffset = 50;
constexpr std::size_t kSubpacketLengthOffset = 52;
constexpr std::uint16_t kDataSubpacket = 0;
constexpr std::size_t kSubpacketPadding = 4;  // to a multiple of this; the padding is not counted

constexpr std::uint32_t kStackResetRequest = 2;
constexpr std::size_t kStackResetDataOffset = 12;
constexpr std::uint16_t kStackResetDataBytes = 4;

std::size_t rounded_up(std::size_t size, std::size_t multiple) {
    return (size + multiple - 1) / multiple * multiple;
}

}  // namespace

bool fits(ByteView stream) noexcept {
    return kHeaders + rounded_up(stream.size(), kSubpacketPadding) <= kSentBytesMax;
}

SecretBytes encode_packet(std::uint16_t com_id, SessionNumbers session, ByteView stream) {
    EFFACE_ASSERT(fits(stream));
    const std::size_t padded = rounded_up(stream.size(), kSubpacketPadding);
    SecretBytes packet(rounded_up(kHeaders + padded, kBlockBytes));
    const MutableByteView bytes = packet.view();
    write_be(bytes, kComIdOffset, com_id);
    write_be(bytes, kComPacketLengthOffset,
             static_cast<std::uint32_t>(kPacketHeader + kSubpacketHeader + padded));
    write_be(bytes, kTperSessionOffset, session.tper);
    write_be(bytes, kHostSessionOffset, session.host);
    write_be(bytes, kPacketLengthOffset, static_cast<std::uint32_t>(kSubpacketHeader + padded));
    write_be(bytes, kSubpacketLengthOffset, static_cast<std::uint32_t>(stream.size()));
    std::copy(stream.begin(), stream.end(), bytes.begin() + kHeaders);
    return packet;
}

std::optional<ReceivedPacket> decode_packet(ByteView response) {
    if (response.size() < kComPacketHeader) {
        return std::nullopt;
    }
    ReceivedPacket packet;
    packet.com_id = read_be<std::uint16_t>(response, kComIdOffset);
    packet.outstanding = read_be<std::uint32_t>(response, kOutstandingOffset);
    packet.minimum_transfer = read_be<std::uint32_t>(response, kMinimumTransferOffset);
    const std::size_t com_packet = read_be<std::uint32_t>(response, kComPacketLengthOffset);
    if (com_packet == 0) {
        return packet;
    }
    if (com_packet > response.size() - kComPacketHeader || com_packet < kPacketHeader) {
        return std::nullopt;
    }
    packet.session = {read_be<std::uint32_t>(response, kTperSessionOffset),
                      read_be<std::uint32_t>(response, kHostSessionOffset)};
    const std::size_t inner = read_be<std::uint32_t>(response, kPacketLengthOffset);
    if (inner > com_packet - kPacketHeader) {
        return std::nullopt;
    }
    if (inner == 0) {
        return packet;
    }
    if (inner < kSubpacketHeader) {
        return std::nullopt;
    }
    const std::size_t length = read_be<std::uint32_t>(response, kSubpacketLengthOffset);
    if (length > inner - kSubpacketHeader ||
        read_be<std::uint16_t>(response, kSubpacketKindOffset) != kDataSubpacket) {
        return std::nullopt;
    }
    packet.stream = response.subspan(kHeaders, length);
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
