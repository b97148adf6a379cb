// SPDX-License-Identifier: Apache-2.0
// Encodings after Core 2.01, section 3.2.2.3, and as sedutil and drives send them.
#include "efface/tcg/tokens.hpp"

#include "catch.hpp"
#include "hex.hpp"

using namespace efface;
using efface::test::hex;
using Kind = tcg::Token::Kind;

namespace {

std::string written(const tcg::TokenWriter& writer) {
    return to_hex(writer.view());
}

}  // namespace

TEST_CASE("integers and byte strings are written in their shortest form") {
    tcg::TokenWriter writer;
    writer.integer(0).integer(63).integer(64).integer(0x69).integer(2048).integer(60000);
    writer.integer(0x1'0000'0000);
    CHECK(written(writer) == "003f8140816982080082ea60850100000000");

    tcg::TokenWriter strings;
    strings.bytes({}).text("MaxPackets").uid(0x0000'0205'0000'0001).text("MaxComPacketSize");
    CHECK(written(strings) ==
          "a0"
          "aa4d61785061636b657473"
          "a80000020500000001"
          "d0104d6178436f6d5061636b657453697a65");
}

TEST_CASE("a byte string of 300 bytes has a medium header with 11 bits of length") {
    tcg::TokenWriter writer;
    writer.bytes(Bytes(300, 0x55));
    CHECK(written(writer).substr(0, 8) == "d12c5555");
    CHECK(writer.view().size() == 302);
}

TEST_CASE("what does not fit is left out and said") {
    tcg::TokenWriter writer;
    writer.bytes(Bytes(2040, 1)).bytes(Bytes(100, 2));
    CHECK(writer.overflowed());
    CHECK(writer.view().size() <= tcg::kComPacketBytes);
    tcg::TokenWriter huge;
    huge.bytes(Bytes(4000, 1));
    CHECK(huge.overflowed());
}

TEST_CASE("every kind of token is read back") {
    const Bytes stream =
        hex("f0 00 3f 40 7f 81 69 8400000069 91ff a2abcd d003010203 e2000002beef"
            "e0000001 2a f2 00 f3 f8 f9 fa fb fc ff f1");
    const auto tokens = tcg::decode_tokens(stream);
    REQUIRE(tokens);
    std::vector<Kind> kinds;
    for (const auto& token : *tokens) {
        kinds.push_back(token.kind);
    }
    const auto integer = Kind::unsigned_integer;
    CHECK(kinds == std::vector<Kind>{Kind::start_list,
                                     integer,
                                     integer,
                                     Kind::signed_integer,
                                     Kind::signed_integer,
                                     integer,
                                     integer,
                                     Kind::signed_integer,
                                     Kind::bytes,
                                     Kind::bytes,
                                     Kind::bytes,
                                     integer,
                                     Kind::start_name,
                                     integer,
                                     Kind::end_name,
                                     Kind::call,
                                     Kind::end_of_data,
                                     Kind::end_of_session,
                                     Kind::start_transaction,
                                     Kind::end_transaction,
                                     Kind::end_list});
    const auto value = [&](std::size_t at) {
        return static_cast<std::int64_t>((*tokens)[at].value);
    };
    CHECK(value(2) == 63);
    CHECK(value(3) == 0);
    CHECK(value(4) == -1);  // 7Fh: a tiny signed -1
    CHECK(value(5) == 0x69);
    CHECK(value(6) == 0x69);
    CHECK(value(7) == -1);
    CHECK(to_hex((*tokens)[8].bytes) == "abcd");
    CHECK(to_hex((*tokens)[9].bytes) == "010203");
    CHECK(to_hex((*tokens)[10].bytes) == "beef");
    CHECK(value(11) == 42);
}

TEST_CASE("a stream that is not understood is refused as a whole") {
    for (const char* const bad :
         {"a8 00000205", "d010 4d", "d0", "e2000010 00", "e2", "f4", "fd", "e4000000", "80",
          "89 000000000000000001", "b1 00", "d801 00", "e3000001 00"}) {
        INFO(bad);
        CHECK_FALSE(tcg::decode_tokens(hex(bad)));
    }
    CHECK(tcg::decode_tokens(Bytes(tcg::kTokensMax, 0x01)));
    CHECK_FALSE(tcg::decode_tokens(Bytes(tcg::kTokensMax + 1, 0x01)));
}

TEST_CASE("only a byte string of eight bytes names an object") {
    const Bytes stream = hex("a8 000000090001ff01 a4 0000000b 01");
    const auto tokens = tcg::decode_tokens(stream);
    REQUIRE(tokens);
    CHECK((*tokens)[0].uid() == 0x0000'0009'0001'ff01);
    CHECK_FALSE((*tokens)[1].uid());
    CHECK_FALSE((*tokens)[2].uid());
}
