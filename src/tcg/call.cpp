// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/call.hpp"

#include <array>
#include <utility>

#include "efface/tcg/packet.hpp"

namespace efface::tcg {

namespace {

using Kind = Token::Kind;

// Optional parameters of Properties, StartSession and Authenticate by number
// (Core 5.2.2.1, 5.2.3.1, 5.3.3.12).
constexpr std::uint64_t kHostProperties = 0;
constexpr std::uint64_t kHostChallenge = 0;
constexpr std::uint64_t kHostSigningAuthority = 3;
constexpr std::uint64_t kProof = 0;
// Of a cell block (Core 5.1.3.6).
constexpr std::uint64_t kStartColumn = 3;
constexpr std::uint64_t kEndColumn = 4;

void begin(TokenWriter& writer, Uid object, Uid method) {
    writer.token(Kind::call).uid(object).uid(method).token(Kind::start_list);
}

void end(TokenWriter& writer) {
    writer.token(Kind::end_list).token(Kind::end_of_data);
    writer.token(Kind::start_list).integer(0).integer(0).integer(0).token(Kind::end_list);
}

}  // namespace

const char* method_name(Uid method) noexcept {
    constexpr std::array<std::pair<Uid, const char*>, 14> kNames{{
        {kMethodProperties, "Properties"},
        {kMethodStartSession, "StartSession"},
        {kMethodSyncSession, "SyncSession"},
        {kMethodCloseSession, "CloseSession"},
        {kMethodGetEnterprise, "Get"},
        {kMethodAuthenticateEnterprise, "Authenticate"},
        {kMethodGenKey, "GenKey"},
        {kMethodRevertSp, "RevertSP"},
        {kMethodGet, "Get"},
        {kMethodAuthenticate, "Authenticate"},
        {kMethodRevert, "Revert"},
        {kMethodActivate, "Activate"},
        {kMethodErase, "Erase"},
        {0, "none"},
    }};
    for (const auto& [uid, name] : kNames) {
        if (uid == method) {
            return name;
        }
    }
    return "unknown";
}

TokenWriter encode_call(Uid object, Uid method) {
    TokenWriter writer;
    begin(writer, object, method);
    end(writer);
    return writer;
}

TokenWriter encode_properties(bool enterprise) {
    TokenWriter writer;
    begin(writer, kSessionManager, kMethodProperties);
    writer.token(Kind::start_name);
    if (enterprise) {
        writer.text("HostProperties");
    } else {
        writer.integer(kHostProperties);
    }
    writer.token(Kind::start_list);
    writer.named("MaxComPacketSize", std::uint64_t{kComPacketBytes});
    writer.named("MaxPacketSize", std::uint64_t{kComPacketBytes - kComPacketHeaderBytes});
    writer.named("MaxIndTokenSize", std::uint64_t{kComPacketBytes - kHeadersBytes});
    writer.named("MaxPackets", std::uint64_t{1}).named("MaxSubpackets", std::uint64_t{1});
    writer.named("MaxMethods", std::uint64_t{1});
    writer.token(Kind::end_list).token(Kind::end_name);
    end(writer);
    return writer;
}

TokenWriter encode_start_session(const SessionStart& start) {
    EFFACE_ASSERT(start.challenge.size() <= kCredentialBytesMax);
    TokenWriter writer;
    begin(writer, kSessionManager, kMethodStartSession);
    writer.integer(start.host_session).uid(start.sp).integer(1);
    if (start.authority) {
        writer.token(Kind::start_name).integer(kHostChallenge).bytes(start.challenge);
        writer.token(Kind::end_name);
        writer.token(Kind::start_name).integer(kHostSigningAuthority).uid(*start.authority);
        writer.token(Kind::end_name);
    }
    end(writer);
    return writer;
}

TokenWriter encode_authenticate(Uid authority, ByteView challenge, bool enterprise) {
    EFFACE_ASSERT(challenge.size() <= kCredentialBytesMax);
    TokenWriter writer;
    begin(writer, kThisSp, enterprise ? kMethodAuthenticateEnterprise : kMethodAuthenticate);
    writer.uid(authority).token(Kind::start_name);
    if (enterprise) {
        writer.text("Challenge");
    } else {
        writer.integer(kProof);
    }
    writer.bytes(challenge).token(Kind::end_name);
    end(writer);
    return writer;
}

TokenWriter encode_end_of_session() {
    TokenWriter writer;
    writer.token(Kind::end_of_session);
    return writer;
}

TokenWriter encode_get(Uid row, std::uint32_t column) {
    TokenWriter writer;
    begin(writer, row, kMethodGet);
    writer.token(Kind::start_list).named(kStartColumn, column).named(kEndColumn, column);
    writer.token(Kind::end_list);
    end(writer);
    return writer;
}

TokenWriter encode_get_enterprise(Uid row, std::string_view column) {
    TokenWriter writer;
    begin(writer, row, kMethodGetEnterprise);
    writer.token(Kind::start_list).named("startColumn", column).named("endColumn", column);
    writer.token(Kind::end_list);
    end(writer);
    return writer;
}

}  // namespace efface::tcg
