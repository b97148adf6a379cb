// SPDX-License-Identifier: Apache-2.0
// Answers of drives (issues 392, 474 and 524 of Drive-Trust-Alliance/sedutil), and after Core 2.01
// where no drive was heard.
#include "efface/tcg/answer.hpp"

#include "catch.hpp"
#include "hex.hpp"

using namespace efface;
using efface::test::hex;

TEST_CASE("a SyncSession gives the drive's session number") {
    const Bytes stream =
        hex("f8a80000 00000000 00ffa800 00000000 00ff03f0 84000000 69840000 1002f1f9 f0000000 f1");
    const auto answer = tcg::decode_answer(stream);
    REQUIRE(answer);
    CHECK(answer->succeeded());
    CHECK(answer->method == tcg::kMethodSyncSession);
    const auto session = tcg::decode_sync_session(*answer, 0x69);
    REQUIRE(session);
    CHECK(session->tper == 0x1002);
    CHECK(session->host == 0x69);
    CHECK_FALSE(tcg::decode_sync_session(*answer, 0x6a));
}

TEST_CASE("a session that was not begun has a status and no number") {
    const Bytes stream = hex("f8 a800000000000000ff a8000000000000ff03 f0 f1 f9 f0 01 00 00 f1");
    const auto answer = tcg::decode_answer(stream);
    REQUIRE(answer);
    CHECK_FALSE(answer->succeeded());
    CHECK(answer->status == 0x01);
    CHECK(tcg::status_name(answer->status) == "NOT_AUTHORIZED");
    CHECK(tcg::changed_nothing(answer->status));
    CHECK_FALSE(tcg::decode_sync_session(*answer, 0x69));
}

TEST_CASE("an Authenticate answers with a truth value, RevertSP with nothing but a status") {
    const Bytes yes = hex("f0 01 f1 f9 f0 00 00 00 f1");
    const auto authenticated = tcg::decode_answer(yes);
    REQUIRE(authenticated);
    CHECK(authenticated->succeeded());
    REQUIRE(authenticated->results.size() == 1);
    CHECK(authenticated->results[0].value == 1);

    const Bytes refused = hex("f0 f1 f9 f0 01 00 00 f1");
    const auto answer = tcg::decode_answer(refused);
    REQUIRE(answer);
    CHECK(answer->results.empty());
    CHECK(answer->status == 1);
    CHECK_FALSE(answer->session_closed);
}

TEST_CASE("cells are found by their number or their name") {
    // Opal: [ [ 3 = "MSID" ] ]; Enterprise: [ [ [ "PIN" = "MSID" ] ] ] (token 5 in sedutil).
    const Bytes opal =
        hex("f0 f0 f2 03 d01041424344454647484142434445464748 f3 f1 f1 f9 f0000000f1");
    const auto row = tcg::decode_answer(opal);
    REQUIRE(row);
    const auto pin = tcg::find_named(*row, 3);
    REQUIRE(pin);
    CHECK(as_text(pin->bytes) == "ABCDEFGHABCDEFGH");
    CHECK_FALSE(tcg::find_named(*row, 4));

    const Bytes enterprise = hex("f0 f0 f0 f2 a350494e a441424344 f3 f1 f1 f1 f9 f0000000f1");
    const auto band = tcg::decode_answer(enterprise);
    REQUIRE(band);
    const auto by_name = tcg::find_named(*band, "PIN");
    REQUIRE(by_name);
    CHECK(as_text(by_name->bytes) == "ABCD");
    CHECK_FALSE(tcg::find_named(*band, "Name"));
}

TEST_CASE("the properties of a drive are read by name") {
    // The beginning of issue 392's answer.
    const Bytes stream = hex(
        "f8a80000 00000000 00ffa800 00000000 00ff01f0 f0f2aa4d 61784d65 74686f64 7301f3f2 ad4d6178"
        "53756270 61636b65 747301f3 f2ad4d61 785061 636b6574 53697a65 8243ec f3 f1 f1 f9f00000 "
        "00f1");
    const auto answer = tcg::decode_answer(stream);
    REQUIRE(answer);
    CHECK(answer->method == tcg::Uid{0xff01});
    const auto size = tcg::find_named(*answer, "MaxPacketSize");
    REQUIRE(size);
    CHECK(size->value == 17388);
}

TEST_CASE("the end of a session is no answer, and may follow one") {
    const Bytes closed =
        hex("f8 a800000000000000ff a8000000000000ff06 f0 8169 821002 f1 f9 f0 00 00 00 f1");
    const auto alone = tcg::decode_answer(closed);
    REQUIRE(alone);
    CHECK(alone->session_closed);
    CHECK_FALSE(alone->answered);
    CHECK_FALSE(alone->succeeded());

    const Bytes token = hex("fa");
    const auto ended = tcg::decode_answer(token);
    REQUIRE(ended);
    CHECK((ended->session_closed && !ended->answered));

    Bytes both = hex("f0 f1 f9 f0 00 00 00 f1");
    both.insert(both.end(), closed.begin(), closed.end());
    const auto answer = tcg::decode_answer(both);
    REQUIRE(answer);
    CHECK(answer->session_closed);
    CHECK(answer->succeeded());
}

TEST_CASE("what is no answer is not taken for one") {
    for (const char* const bad :
         {"", "f0", "f1", "f0 f1", "f0 f1 f9", "f0 f1 f9 f0 00 00 00", "f0 f1 f9 00 00 00 00 f1",
          "f0 f0 f1 f9 f0 00 00 00 f1", "f9 f0 00 00 00 f1", "f0 f1 f9 f0 820100 00 00 f1",
          "f8 a80000000000000001 a8000000000000ff03 f0 f1 f9 f0 00 00 00 f1",
          "f0 f1 f9 f0 00 00 00 f1 f0", "01", "f0 f1 f9 f0 a100 00 00 f1"}) {
        INFO(bad);
        CHECK_FALSE(tcg::decode_answer(hex(bad)));
    }
}

TEST_CASE("FAIL and TPER_MALFUNCTION may have done a part") {
    CHECK_FALSE(tcg::changed_nothing(0x3f));
    CHECK_FALSE(tcg::changed_nothing(0x0f));
    CHECK(tcg::changed_nothing(0x12));
    CHECK(tcg::changed_nothing(0x0b));
    CHECK(tcg::changed_nothing(0x0d));
    CHECK(tcg::status_name(0x0b) == "INVALID_FUNCTION");
    CHECK(tcg::status_name(0x0d) == "INVALID_REFERENCE");
    CHECK(tcg::status_name(0x3f) == "FAIL");
    CHECK(tcg::status_name(0x12) == "AUTHORITY_LOCKED_OUT");
    CHECK(tcg::status_name(0x55) == "status 55h");
}
