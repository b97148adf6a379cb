// SPDX-License-Identifier: Apache-2.0
// The drive model itself, where the program never goes: what the specifications say that keeps
// data.
#include "efface/tcg/answer.hpp"
#include "efface/tcg/call.hpp"
#include "efface/tcg/packet.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::test;
using fake::TcgDriveOptions;

namespace {

constexpr std::uint16_t kComId = 0x1004;

/// A host of a few lines: sends, fetches, gives the status.
class Host final {
  public:
    explicit Host(fake::TcgDrive& drive) : drive_(drive) {}

    std::uint8_t start(tcg::Uid sp, tcg::Uid authority, std::string_view password) {
        const auto status = call(tcg::encode_start_session({7, sp, authority, as_bytes(password)}));
        if (const auto numbers = tcg::decode_sync_session(answer_, 7)) {
            session_ = *numbers;
        }
        return status;
    }
    std::uint8_t call(const tcg::TokenWriter& writer) {
        const auto packet = tcg::encode_packet(kComId, session_, writer.view());
        REQUIRE(drive_.send(1, kComId, packet.view()).accepted);
        response_.assign(2048, 0);
        REQUIRE(drive_.receive(1, kComId, response_).accepted);
        const auto received = tcg::decode_packet(response_);
        REQUIRE(received);
        const auto answer = tcg::decode_answer(received->stream);
        REQUIRE(answer);
        answer_ = *answer;
        return answer_.status;
    }

  private:
    fake::TcgDrive& drive_;
    tcg::SessionNumbers session_;
    Bytes response_;
    tcg::Answer answer_;
};

}  // namespace

TEST_CASE("RevertSP that keeps the global range's key keeps what lies in it") {
    const bool keep = GENERATE(false, true);
    TcgDriveOptions options;
    options.ranges = {{0, 16}};
    TcgBench bench(options);
    Host host(bench.drive);
    CHECK(host.start(tcg::kLockingSp, tcg::kAuthorityAdmin1, bench.admin) == 0);
    tcg::TokenWriter writer;
    writer.token(tcg::Token::Kind::call).uid(tcg::kThisSp).uid(tcg::kMethodRevertSp);
    writer.token(tcg::Token::Kind::start_list);
    if (keep) {
        writer.named(0x060000, 1);
    }
    writer.token(tcg::Token::Kind::end_list).token(tcg::Token::Kind::end_of_data);
    writer.token(tcg::Token::Kind::start_list).integer(0).integer(0).integer(0);
    writer.token(tcg::Token::Kind::end_list);
    CHECK(host.call(writer) == 0);
    CHECK_FALSE(bench.drive.locking_active());
    CHECK((bench.originals_left() != 0) == keep);
    CHECK_FALSE(bench.drive.session_open());
}

TEST_CASE("Revert of a drive whose Locking SP is not active is SUCCESS and keeps all data") {
    TcgDriveOptions options;
    options.locking_active = false;
    TcgBench bench(options);
    Host host(bench.drive);
    CHECK(host.start(tcg::kAdminSp, tcg::kAuthorityPsid, bench.psid) == 0);
    CHECK(host.call(tcg::encode_call(tcg::kAdminSp, tcg::kMethodRevert)) == 0);
    CHECK(bench.originals_left() == kTcgBlocks);
}

TEST_CASE("the model knows who may do what") {
    TcgBench bench;
    Host host(bench.drive);
    CHECK(host.start(tcg::kLockingSp, tcg::kAuthoritySid, bench.admin) == 0x0c);
    CHECK(host.start(tcg::kLockingSp, tcg::kAuthorityAdmin1, bench.admin) == 0);
    CHECK(host.call(tcg::encode_call(tcg::kAdminSp, tcg::kMethodRevert)) == 0x01);
    CHECK(host.call(tcg::encode_get(tcg::kPinMsid, tcg::kColumnPin)) == 0x01);
    CHECK(host.call(tcg::encode_call(0x0000'0806'0003'00ff, tcg::kMethodGenKey)) == 0x0c);
    CHECK(bench.originals_left() == kTcgBlocks);
}
