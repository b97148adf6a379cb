// SPDX-License-Identifier: Apache-2.0
// Packets as sedutil and drives exchanged them (issues 64 and 524 of Drive-Trust-Alliance/sedutil;
// the password is replaced by one of ours).
#include "efface/tcg/packet.hpp"

#include "efface/tcg/call.hpp"

#include "catch.hpp"
#include "hex.hpp"

using namespace efface;
using efface::test::hex;

namespace {

const char* const kStartSessionStream =
    "f8a80000 00000000 00ffa800 00000000 00ff02f0 8169a800 00020500 00000101 f200d020"
    "454646414345464641434546464143454646414345464641434546464143450a f3f203a8"
    "00000009 0001ff01 f3f1f9f0 000000f1";
const char* const kHeaders =
    "00000000 10040000 00000000 00000000 0000007c 00000000 00000000 00000000"
    "00000000 00000000 00000064 00000000 00000000 00000058";
const char* const kSyncSession =
    "00000000 10040000 00000000 00000000 0000004c 00000000 00000000 00000000"
    "00000000 00000000 00000034 00000000 00000000 00000025 f8a80000 00000000"
    "00ffa800 00000000 00ff03f0 84000000 69840000 1002f1f9 f0000000 f1000000";

}  // namespace

TEST_CASE("a packet is framed as sedutil frames it, in whole blocks") {
    const Bytes stream = hex(kStartSessionStream);
    REQUIRE(stream.size() == 0x58);
    const SecretBytes packet = tcg::encode_packet(0x1004, {}, stream);
    CHECK(packet.size() == 512);
    const Bytes expected = hex(kHeaders);
    // Subpacket: six reserved bytes, the kind, the length.
    CHECK(to_hex(packet.view().first(44)) == to_hex(ByteView(expected).first(44)));
    CHECK(to_hex(packet.view().subspan(44, 12)) == "000000000000000000000058");
    CHECK(to_hex(packet.view().subspan(56, 0x58)) == to_hex(stream));
    CHECK(all_zero(packet.view().subspan(56 + 0x58)));
}

TEST_CASE("within a session the packet has the drive's number, then the host's") {
    const SecretBytes packet = tcg::encode_packet(0x07fe, {0x1002, 0x69}, hex("fa"));
    CHECK(to_hex(packet.view().subspan(4, 4)) == "07fe0000");
    CHECK(to_hex(packet.view().subspan(20, 8)) == "0000100200000069");
    CHECK(to_hex(packet.view().subspan(52, 8)) == "00000001fa000000");
    CHECK(to_hex(packet.view().subspan(16, 4)) == "00000028");
    CHECK(to_hex(packet.view().subspan(40, 4)) == "00000010");
}

TEST_CASE("the packet of a drive is read, without its padding") {
    const Bytes response = hex(kSyncSession);
    const auto packet = tcg::decode_packet(response);
    REQUIRE(packet);
    CHECK(packet->com_id == 0x1004);
    CHECK(packet->session.tper == 0);
    CHECK(packet->stream.size() == 0x25);
    CHECK(packet->stream.front() == 0xf8);
    CHECK(packet->stream.back() == 0xf1);
    CHECK_FALSE(packet->still_running());
}

TEST_CASE("a drive that has nothing to say, and one that still works on it, are told apart") {
    const Bytes silent_response = hex("00000000 10000000 00000000 00000000 00000000");
    const auto silent = tcg::decode_packet(silent_response);
    REQUIRE(silent);
    CHECK(silent->stream.empty());
    CHECK_FALSE(silent->still_running());

    const Bytes working_response = hex("00000000 10000000 00000001 00000000 00000000");
    const auto working = tcg::decode_packet(working_response);
    REQUIRE(working);
    CHECK(working->still_running());

    // More than the buffer holds: there is an answer, we have asked for too little.
    const Bytes larger_response = hex("00000000 10000000 00001000 00001000 00000000");
    const auto larger = tcg::decode_packet(larger_response);
    REQUIRE(larger);
    CHECK_FALSE(larger->still_running());
    CHECK(larger->needs(2048));
    CHECK_FALSE(larger->needs(4096));
    CHECK_FALSE(working->needs(2048));
    CHECK_FALSE(silent->needs(0));
}

TEST_CASE("subpackets and packets that carry nothing are skipped") {
    // ComPacket; packet of a session; a credit control subpacket of 4 bytes; one of data.
    const std::string credit = "00000000 00008001 00000004 00000400";
    const std::string data = "00000000 00000000 00000001 fa000000";
    const std::string numbers = "00001002 00000069 00000000 00000000 00000000 ";
    const auto stream = [](const std::string& text) {
        const Bytes response = hex(text.c_str());
        const auto packet = tcg::decode_packet(response);
        return packet ? to_hex(packet->stream) : std::string("unreadable");
    };
    const std::string head = "00000000 10000000 00000000 00000000 ";
    CHECK(stream(head + "00000038" + numbers + "00000020" + credit + data) == "fa");
    CHECK(stream(head + "00000048" + numbers + "00000030" + credit + credit + data) == "fa");
    CHECK(stream(head + "00000028" + numbers + "00000010" + credit).empty());
    CHECK(stream(head + "00000050" + numbers + "00000010" + credit + numbers + "00000010" + data) ==
          "fa");
    CHECK(stream(head + "00000040" + numbers + "00000000" + numbers + "00000010" + data) == "fa");
    CHECK(stream(head + "00000028" + numbers + "00000010" +
                 "00000000 00008002 00000004 00000400") == "unreadable");
    CHECK(stream(head + "00000028" + numbers + "00000010" +
                 "00000000 00008001 00000005 00000400") == "unreadable");
}

TEST_CASE("lengths that contradict each other are refused") {
    const Bytes good = hex(kSyncSession);
    REQUIRE(tcg::decode_packet(good));
    CHECK_FALSE(tcg::decode_packet(ByteView(good).first(19)));
    CHECK_FALSE(tcg::decode_packet(ByteView(good).first(good.size() - 1)));
    const auto with = [&](std::size_t at, std::uint8_t value) {
        Bytes changed = good;
        changed[at] = value;
        return tcg::decode_packet(changed).has_value();
    };
    CHECK_FALSE(with(19, 0x04));  // ComPacket shorter than a packet's header
    CHECK_FALSE(with(16, 0xff));  // longer than the buffer
    CHECK_FALSE(with(43, 0x35));  // packet longer than the ComPacket
    CHECK_FALSE(with(43, 0x03));  // packet shorter than a subpacket's header
    CHECK_FALSE(with(55, 0x29));  // subpacket longer than the packet
    CHECK_FALSE(with(51, 0x01));  // no data subpacket
}

TEST_CASE("no packet is longer than the one that every drive takes") {
    // Core 2.01, section 5.2.2.4: MaxComPacketSize 1024, of which 20, 24 and 12 are headers.
    CHECK(tcg::fits(Bytes(968)));
    CHECK_FALSE(tcg::fits(Bytes(969)));
    CHECK(tcg::encode_packet(0x1004, {}, Bytes(968)).size() == 1024);
    const Bytes longest(tcg::kCredentialBytesMax, 0x41);
    const auto call = tcg::encode_start_session({1, tcg::kAdminSp, tcg::kAuthoritySid, longest});
    CHECK_FALSE(call.overflowed());
    CHECK(tcg::fits(call.view()));
}

TEST_CASE("a stack reset names its ComID, and only its own answer counts") {
    // Core 2.01, section 3.3.4.7.5.
    const Bytes request = tcg::encode_stack_reset(0x1004);
    CHECK(request.size() == 512);
    CHECK(to_hex(ByteView(request).first(8)) == "1004000000000002");
    CHECK(all_zero(ByteView(request).subspan(8)));

    using tcg::StackReset;
    const auto answer = [](const char* text) { return tcg::decode_stack_reset(hex(text), 0x1004); };
    CHECK(answer("10040000 00000002 00000004 00000000") == StackReset::done);
    CHECK(answer("10040000 00000002 00000004 00000001") == StackReset::failed);
    CHECK(answer("10040000 00000002 00000000 00000000") == StackReset::pending);
    CHECK(answer("10050000 00000002 00000004 00000000") == StackReset::failed);
    CHECK(answer("10040000 00000000 00000004 00000000") == StackReset::failed);
    CHECK(answer("10040000 00000002") == StackReset::failed);
}
