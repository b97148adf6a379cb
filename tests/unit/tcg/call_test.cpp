// SPDX-License-Identifier: Apache-2.0
// Methods as sedutil sends them (annotated dumps in issues 474 and 524 of
// Drive-Trust-Alliance/sedutil; passwords are replaced by one of ours), and after the Core
// specification where no peer was heard.
#include "efface/tcg/call.hpp"

#include "catch.hpp"
#include "hex.hpp"

using namespace efface;
using efface::test::hex;

namespace {

const char* const kStatus = "f9 f0 00 00 00 f1";

std::string stream(const tcg::TokenWriter& writer) {
    CHECK_FALSE(writer.overflowed());
    return to_hex(writer.view());
}

std::string text(const std::string& dump) {
    return to_hex(hex(dump));
}

}  // namespace

TEST_CASE("StartSession with the PSID is what sedutil sends") {
    const Bytes psid = hex("4546464143454646414345464641434546464143454646414345464641434541");
    REQUIRE(psid.size() == 32);
    const auto call =
        tcg::encode_start_session({105, tcg::kAdminSp, tcg::kAuthorityPsid, ByteView(psid)});
    CHECK(stream(call) ==
          text(std::string("f8a80000 00000000 00ffa800 00000000 00ff02f0 8169a800 00020500"
                           "00000101 f200d020") +
               to_hex(psid) + "f3f203a8 00000009 0001ff01 f3f1f9f0 000000f1"));
}

TEST_CASE("StartSession of anybody has no optional parameter") {
    CHECK(stream(tcg::encode_start_session({105, tcg::kLockingSpEnterprise, std::nullopt, {}})) ==
          text(std::string("f8 a800000000000000ff a8000000000000ff02 f0 8169"
                           "a80000020500010001 01 f1") +
               kStatus));
}

TEST_CASE("methods without parameters name their object") {
    struct Case {
        tcg::Uid object;
        tcg::Uid method;
        const char* ids;
        const char* name;
    };
    const auto known = GENERATE(
        Case{tcg::kAdminSp, tcg::kMethodRevert, "a80000020500000001 a80000000600000202", "Revert"},
        Case{tcg::kThisSp, tcg::kMethodRevertSp, "a80000000000000001 a80000000600000011",
             "RevertSP"},
        Case{tcg::kLockingSp, tcg::kMethodActivate, "a80000020500000002 a80000000600000203",
             "Activate"},
        Case{0x0000'0806'0000'0001, tcg::kMethodGenKey, "a80000080600000001 a80000000600000010",
             "GenKey"},
        Case{tcg::enterprise_band(2), tcg::kMethodErase, "a80000080200000003 a80000000600000803",
             "Erase"});
    CHECK(stream(tcg::encode_call(known.object, known.method)) ==
          text(std::string("f8") + known.ids + "f0 f1" + kStatus));
    CHECK(std::string(tcg::method_name(known.method)) == known.name);
}

TEST_CASE("the Enterprise SSC authenticates in a method of its own, with a name in text") {
    CHECK(stream(tcg::encode_authenticate(tcg::kAuthoritySid, as_bytes("secret"), true)) ==
          text(std::string("f8 a80000000000000001 a8000000060000000c f0 a80000000900000006"
                           "f2 a94368616c6c656e6765 a6736563726574 f3 f1") +
               kStatus));
    CHECK(stream(tcg::encode_authenticate(tcg::kAuthorityAdmin1, as_bytes("secret"), false)) ==
          text(std::string("f8 a80000000000000001 a8000000060000001c f0 a80000000900010001"
                           "f2 00 a6736563726574 f3 f1") +
               kStatus));
}

TEST_CASE("Get asks for one column") {
    CHECK(stream(tcg::encode_get(tcg::kPinMsid, tcg::kColumnPin)) ==
          text(std::string("f8 a80000000b00008402 a80000000600000016"
                           "f0 f0 f2 03 03 f3 f2 04 03 f3 f1 f1") +
               kStatus));
    CHECK(stream(tcg::encode_get_enterprise(tcg::kPinMsid, "PIN")) ==
          text(std::string("f8 a80000000b00008402 a80000000600000006 f0 f0"
                           "f2 ab7374617274436f6c756d6e a350494e f3"
                           "f2 a9656e64436f6c756d6e a350494e f3 f1 f1") +
               kStatus));
}

TEST_CASE("Properties tells what this host takes; Enterprise names the parameter by text") {
    // As sedutil sends them: MaxComPacketSize 2048, MaxPacketSize 2028, MaxIndTokenSize 1992.
    const std::string list =
        "f0 f2 d0104d6178436f6d5061636b657453697a65 820800 f3"
        "f2 ad4d61785061636b657453697a65 8207ec f3 f2 af4d6178496e64546f6b656e53697a65 8207c8 f3"
        "f2 aa4d61785061636b657473 01 f3 f2 ad4d61785375627061636b657473 01 f3"
        "f2 aa4d61784d6574686f6473 01 f3 f1";
    const std::string call = "f8 a800000000000000ff a8000000000000ff01 f0 f2";
    CHECK(stream(tcg::encode_properties(false)) == text(call + "00" + list + "f3 f1" + kStatus));
    CHECK(stream(tcg::encode_properties(true)) ==
          text(call + "ae486f737450726f70657274696573" + list + "f3 f1" + kStatus));
    CHECK(tcg::fits(tcg::encode_properties(true).view()));
}

TEST_CASE("a session ends with one token") {
    CHECK(stream(tcg::encode_end_of_session()) == "fa");
}

TEST_CASE("ranges and bands are numbered in their own ways") {
    CHECK(tcg::locking_range(0) == 0x0000'0802'0000'0001);
    CHECK(tcg::locking_range(1) == 0x0000'0802'0003'0001);
    CHECK(tcg::locking_range(16) == 0x0000'0802'0003'0010);
    CHECK(tcg::enterprise_band(0) == 0x0000'0802'0000'0001);
    CHECK(tcg::enterprise_band(1) == 0x0000'0802'0000'0002);
}
