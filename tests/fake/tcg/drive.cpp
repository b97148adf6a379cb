// SPDX-License-Identifier: Apache-2.0
// The wire side of the model: discovery, packets, sessions. What methods do is in tcg_methods.cpp.
#include "drive.hpp"

#include <algorithm>
#include <cerrno>

#include "efface/tcg/packet.hpp"

#include "status.hpp"

namespace efface::fake {

namespace {

using Kind = tcg::Token::Kind;
constexpr std::uint8_t kNoSessions = 0x07;
constexpr std::uint8_t kBusy = 0x03;

void feature(Bytes& response, std::uint16_t code, std::uint8_t version, Bytes data) {
    response.push_back(static_cast<std::uint8_t>(code >> 8U));
    response.push_back(static_cast<std::uint8_t>(code & 0xffU));
    response.push_back(static_cast<std::uint8_t>(version << 4U));
    response.push_back(static_cast<std::uint8_t>(data.size()));
    response.insert(response.end(), data.begin(), data.end());
}

std::uint8_t flags(std::initializer_list<bool> bits) {
    unsigned value = 0;
    unsigned bit = 1;
    for (const bool set : bits) {
        value |= set ? bit : 0;
        bit <<= 1U;
    }
    return static_cast<std::uint8_t>(value);
}

std::uint16_t ssc_code(TcgDriveOptions::Ssc ssc) {
    switch (ssc) {
        case TcgDriveOptions::Ssc::opal2:
            return 0x0203;
        case TcgDriveOptions::Ssc::opalite:
            return 0x0301;
        case TcgDriveOptions::Ssc::pyrite2:
            return 0x0303;
        case TcgDriveOptions::Ssc::ruby:
            return 0x0304;
        case TcgDriveOptions::Ssc::enterprise:
            return 0x0100;
    }
    return 0;
}

}  // namespace

TcgDrive::TcgDrive(TcgDriveOptions options, DriveMedia& media, const Clock& clock)
    : options_(std::move(options)), media_(media), clock_(clock) {
    sid_ = options_.sid.empty() ? options_.msid : options_.sid;
    if (enterprise()) {
        options_.locking_active = !options_.enterprise_is_inactive;
    }
    busy_until_ = clock_.steady_now() + options_.busy_for;
    if (pyrite()) {
        options_.media_encryption = false;
    }
}

/// What has become due since.
void TcgDrive::settle() {
    if (answer_ && answer_->effect && !answer_->never && clock_.steady_now() >= answer_->ready) {
        const auto effect = std::move(answer_->effect);
        answer_->effect = {};
        effect();
    }
    if (removal_until_ && clock_.steady_now() >= *removal_until_) {
        removal_until_.reset();
        finish_removal();
    }
}

Bytes TcgDrive::discovery() const {
    Bytes response(48, 0);
    response[7] = 1;
    feature(response, 0x0001, 1, {0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const bool locked = options_.locked || (options_.locking_active && !options_.ranges.empty());
    Bytes locking(12, 0);
    locking[0] = flags({true, options_.locking_active, locked, options_.media_encryption});
    using Locking = TcgDriveOptions::Locking;
    locking.resize(options_.locking_descriptor == Locking::cut ? 0 : locking.size());
    feature(response, 0x0002, 2, locking);
    if (options_.locking_descriptor == Locking::repeated) {
        feature(response, 0x0002, 2, locking);
    }
    Bytes ssc(16, 0);
    ssc[9] = options_.initial_sid_pin;
    write_be(MutableByteView(ssc), 0, kComId);
    write_be(MutableByteView(ssc), 2, std::uint16_t{1});
    feature(response, ssc_code(options_.ssc), 2, ssc);
    if (options_.block_sid_feature) {
        feature(response, 0x0402, 1,
                {flags({sid_ != options_.msid, options_.sid_blocked}), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                 0});
    }
    if (options_.removal_feature) {
        Bytes removal(32, 0);
        removal[1] = flags({removal_until_.has_value(), interrupted_});
        removal[2] = options_.removal_mechanisms;
        write_be(MutableByteView(removal), 8, options_.crypto_time);
        feature(response, 0x0404, 2, removal);
    }
    write_be(MutableByteView(response), 0, static_cast<std::uint32_t>(response.size() - 4));
    return response;
}

/// SPC-5, section 7.7.1.3: the security protocols that the drive knows, in ascending order.
Bytes TcgDrive::protocol_list() {
    return {0, 0, 0, 0, 0, 0, 0, 3, 0x00, 0x01, 0x02};
}

device::SecurityAnswer TcgDrive::receive(std::uint8_t protocol, std::uint16_t specific,
                                         MutableByteView into) {
    EFFACE_ASSERT(!into.empty() && into.size() % 512 == 0);
    std::fill(into.begin(), into.end(), std::uint8_t{0});
    if (options_.gone) {
        return {ENODEV, false, {}};
    }
    if (options_.refuses_security) {
        return {0, false, "sct 0 sc 01h"};
    }
    settle();
    const bool asks_protocols = protocol == 0 && specific == 0;
    if (asks_protocols || (protocol == 1 && specific == 1)) {
        const Bytes response = asks_protocols     ? protocol_list()
                               : options_.has_tcg ? discovery()
                                                  : Bytes{};
        std::copy_n(response.begin(), std::min(response.size(), into.size()), into.begin());
        return {0, true, {}};
    }
    if (protocol == 2 && specific == kComId) {
        write_be(into, 0, kComId);
        write_be(into, 4, std::uint32_t{reset_requested_ ? 2U : 0U});
        write_be(into, 8, std::uint32_t{reset_requested_ ? 4U : 0U});
        reset_requested_ = false;
        return {0, true, {}};
    }
    if (protocol != 1 || specific != kComId) {
        return {0, false, "5/24/00"};
    }
    if (!answer_ && options_.refuses_idle_receive) {
        return {0, false, "5/2C/00"};
    }
    if (answer_ && answer_->lost) {
        answer_.reset();
        return {EIO, false, {}};
    }
    answer_packet(into);
    return {0, true, {}};
}

device::SecurityAnswer TcgDrive::send(std::uint8_t protocol, std::uint16_t specific,
                                      ByteView from) {
    EFFACE_ASSERT(!from.empty() && from.size() % 512 == 0);
    if (options_.gone) {
        return {ENODEV, false, {}};
    }
    if (options_.refuses_security || !options_.has_tcg) {
        return {0, false, "sct 0 sc 01h"};
    }
    settle();
    ++sends_;
    if (options_.refused_sends > 0 && protocol == 1) {
        --options_.refused_sends;
        return {0, false, "5/2C/00"};
    }
    if (protocol == 2 && specific == kComId && read_be<std::uint32_t>(from, 4) == 2) {
        ++counts_.resets;
        counts_.resets_at_work += at_work() ? 1U : 0U;
        session_.reset();
        answer_.reset();
        properties_said_ = false;
        reset_requested_ = true;
        return {0, true, {}};
    }
    if (protocol != 1 || specific != kComId) {
        return {0, false, "5/24/00"};
    }
    count_send(from);
    if (answer_) {
        return {0, false, "5/2C/00"};  // synchronous: the answer has to be fetched first
    }
    return take_packet(from);
}

device::SecurityAnswer TcgDrive::take_packet(ByteView from) {
    const auto packet = tcg::decode_packet(from);
    const auto tokens = packet ? tcg::decode_tokens(packet->stream) : std::nullopt;
    if (!tokens || tokens->empty()) {
        return {0, true, {}};  // a drive says nothing to nonsense
    }
    const bool ours = session_ && packet->session.tper == session_->tper &&
                      packet->session.host == session_->host;
    if (tokens->front().is(Kind::end_of_session)) {
        if (ours) {
            reply({0xfa});
            session_.reset();
        }
        return {0, true, {}};
    }
    if (tokens->size() < 5 || !tokens->front().is(Kind::call) || !(*tokens)[1].uid() ||
        !(*tokens)[2].uid()) {
        return {0, true, {}};
    }
    Call call{*(*tokens)[1].uid(), *(*tokens)[2].uid(), {}};
    const auto end = std::find_if(tokens->begin(), tokens->end(),
                                  [](const auto& one) { return one.is(Kind::end_of_data); });
    call.parameters.assign(tokens->begin() + 4, end == tokens->end() ? end : end - 1);
    methods_.push_back(call.method);
    if (call.object == tcg_names::kSessionManager) {
        if (call.method == 0xff01) {
            answer_properties();
        } else if (call.method == 0xff02) {
            start_session(call);
        }
        return {0, true, {}};
    }
    if (!ours) {
        return {0, true, {}};
    }
    return run(call);
}

std::optional<tcg::Token> TcgDrive::Call::named(std::uint64_t name) const {
    for (std::size_t i = 0; i + 2 < parameters.size(); ++i) {
        if (parameters[i].is(Kind::start_name) && parameters[i + 1].is(Kind::unsigned_integer) &&
            parameters[i + 1].value == name) {
            return parameters[i + 2];
        }
    }
    return std::nullopt;
}

std::optional<tcg::Token> TcgDrive::Call::named(std::string_view name) const {
    for (std::size_t i = 0; i + 2 < parameters.size(); ++i) {
        if (parameters[i].is(Kind::start_name) && parameters[i + 1].is(Kind::bytes) &&
            as_text(parameters[i + 1].bytes) == name) {
            return parameters[i + 2];
        }
    }
    return std::nullopt;
}

void TcgDrive::reply(Bytes stream, std::function<void()> effect) {
    Answer answer;
    answer.stream = std::move(stream);
    answer.effect = std::move(effect);
    answer.ready = clock_.steady_now();
    answer.empty = options_.empty_answers;
    if (session_) {
        answer.tper = session_->tper;
        answer.host = session_->host;
    }
    answer_ = std::move(answer);
}

void TcgDrive::start_session(const Call& call) {
    tcg::TokenWriter writer;
    writer.token(Kind::call).uid(tcg_names::kSessionManager).uid(0xff03).token(Kind::start_list);
    std::uint8_t status = kInvalidParameter;
    if (call.parameters.size() >= 3 && call.parameters[1].uid()) {
        const auto host = static_cast<std::uint32_t>(call.parameters[0].value);
        const std::uint64_t sp = *call.parameters[1].uid();
        const auto password = call.named(0);
        const auto authority = call.named(3);
        const bool known =
            sp == tcg_names::kAdminSp ||
            (sp == tcg_names::kLockingSp && !enterprise() && options_.locking_active) ||
            (sp == tcg_names::kLockingSpEnterprise && enterprise());
        const std::uint64_t who = authority ? authority->uid().value_or(0) : 0;
        if (options_.needs_properties && !properties_said_) {
            status = kInvalidParameter;
        } else if (clock_.steady_now() < busy_until_) {
            status = kBusy;
        } else if (session_) {
            status = kNoSessions;
        } else if (who == 0 && !enterprise() && options_.refuses_anybody) {
            status = kNotAuthorized;
        } else if (known && (who == 0 || !enterprise())) {
            status = who == 0 ? 0 : authenticate(sp, who, password ? password->bytes : ByteView{});
        }
        if (status == 0) {
            session_ = Session{++next_session_, host, sp, who};
            writer.integer(host).integer(session_->tper);
        }
    }
    writer.token(Kind::end_list).token(Kind::end_of_data).token(Kind::start_list);
    writer.integer(status).integer(0).integer(0).token(Kind::end_list);
    Bytes stream(writer.view().begin(), writer.view().end());
    reply(std::move(stream));
    const bool told = status == 0 && options_.numbers_in_sync_header;
    answer_->tper = told ? session_->tper : 0;  // else the session manager speaks outside of any
    answer_->host = told ? session_->host : 0;
}

void TcgDrive::power_cycle() {
    settle();
    const bool working = removal_until_ || (answer_ && answer_->effect);
    session_.reset();
    answer_.reset();
    properties_said_ = false;
    failures_.clear();
    options_.sid_blocked = false;
    if (working) {
        removal_until_.reset();
        interrupted_ = options_.removal_feature;
        media_.erase(0, media_.blocks() / 2, DriveMedia::Leave::noise);
    }
}

}  // namespace efface::fake
