// SPDX-License-Identifier: Apache-2.0
// How a TcgDrive gives its answers, in the forms that an honest drive may choose, and what it
// counts.
#include <algorithm>

#include "efface/tcg/packet.hpp"

#include "drive.hpp"
#include "status.hpp"

namespace efface::fake {

namespace {

using Kind = tcg::Token::Kind;

constexpr std::size_t kComPacketHeader = 20;
constexpr std::size_t kPacketHeader = 24;
constexpr std::size_t kEndOfSessionAt = 56;

/// A credit control subpacket (Core 3.2.3.3) before the one of data.
Bytes with_credit(ByteView packet) {
    const Bytes credit{0, 0, 0, 0, 0, 0, 0x80, 0x01, 0, 0, 0, 4, 0, 0, 4, 0};
    Bytes all(packet.begin(), packet.end());
    all.insert(all.begin() + kComPacketHeader + kPacketHeader, credit.begin(), credit.end());
    const MutableByteView bytes(all);
    for (const std::size_t at : {kComPacketHeader - 4, kComPacketHeader + kPacketHeader - 4}) {
        write_be(
            bytes, at,
            static_cast<std::uint32_t>(read_be<std::uint32_t>(ByteView(all), at) + credit.size()));
    }
    return all;
}

}  // namespace

bool TcgDrive::waits() const {
    return answer_ && (answer_->never || clock_.steady_now() < answer_->ready);
}

bool TcgDrive::at_work() const {
    return removal_until_.has_value() || (answer_ && answer_->effect) || (answer_ && waits());
}

void TcgDrive::count_send(ByteView from) {
    if (!at_work()) {
        return;
    }
    ++counts_.sends_at_work;
    counts_.ends_at_work +=
        from.size() > kEndOfSessionAt && from[kEndOfSessionAt] == 0xfa ? 1U : 0U;
}

void TcgDrive::answer_packet(MutableByteView into) {
    write_be(into, 4, kComId);
    if (!answer_) {
        return;
    }
    if (waits()) {
        // Outstanding, and no minimum: it still works.
        write_be(into, 8, std::uint32_t{options_.silent_while_working ? 0U : 1U});
        return;
    }
    if (answer_->empty > 0) {
        --answer_->empty;
        return;
    }
    if (into.size() < options_.minimum_transfer) {
        write_be(into, 8, options_.minimum_transfer);
        write_be(into, 12, options_.minimum_transfer);
        return;
    }
    const SecretBytes packet =
        tcg::encode_packet(kComId, {answer_->tper, answer_->host}, answer_->stream);
    const Bytes sent = options_.credit_subpackets
                           ? with_credit(packet.view())
                           : Bytes(packet.view().begin(), packet.view().end());
    std::copy_n(sent.begin(), std::min(sent.size(), into.size()), into.begin());
    answer_.reset();
}

/// Core 5.2.2: what both sides take.
void TcgDrive::answer_properties() {
    properties_said_ = true;
    tcg::TokenWriter writer;
    writer.token(Kind::call).uid(tcg_names::kSessionManager).uid(0xff01);
    writer.token(Kind::start_list).token(Kind::start_list);
    writer.named("MaxComPacketSize", std::uint64_t{17388});
    writer.token(Kind::end_list).token(Kind::end_list).token(Kind::end_of_data);
    writer.token(Kind::start_list).integer(0).integer(0).integer(0).token(Kind::end_list);
    reply(Bytes(writer.view().begin(), writer.view().end()));
    answer_->tper = 0;
    answer_->host = 0;
}

}  // namespace efface::fake
