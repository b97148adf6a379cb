// SPDX-License-Identifier: Apache-2.0
// What a TCG drive may send, through everything that reads it. The first byte says what the rest
// is: 'd' a discovery, 't' a data stream, 'r' the answer to a stack reset, else a packet.
#include <cstdlib>

#include "efface/tcg/answer.hpp"
#include "efface/tcg/discovery.hpp"
#include "efface/tcg/packet.hpp"

namespace {

using namespace efface;

constexpr std::uint32_t kHostSession = 0x69;
constexpr std::uint16_t kComId = 0x1004;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void discover(ByteView input) {
    const auto discovery = tcg::decode_discovery(input);
    if (!discovery) {
        return;
    }
    require(discovery->bytes <= input.size() && !discovery->features.empty());
    require((discovery->ssc() == nullptr) == discovery->sscs.empty());
    for (const auto& feature : discovery->features) {
        require(!tcg::feature_name(feature.code).empty());
    }
    if (discovery->data_removal) {
        for (std::size_t i = 0; i < tcg::kRemovalMechanisms; ++i) {
            const auto time = discovery->data_removal->time(static_cast<tcg::RemovalMechanism>(i));
            require(!time || time->count() > 0);
        }
    }
}

/// A borrowed view must lie within the input.
void require_within(ByteView part, ByteView whole) {
    require(part.empty() || (part.data() >= whole.data() &&
                             part.data() + part.size() <= whole.data() + whole.size()));
}

void read_stream(ByteView stream) {
    const auto tokens = tcg::decode_tokens(stream);
    if (tokens) {
        require(tokens->size() <= tcg::kTokensMax);
        for (const auto& token : *tokens) {
            require_within(token.bytes, stream);
        }
    }
    const auto answer = tcg::decode_answer(stream);
    if (!answer) {
        return;
    }
    require(tokens.has_value());
    require(answer->answered || answer->session_closed);
    require(!answer->succeeded() || answer->status == 0);
    require(!tcg::status_name(answer->status).empty());
    const auto session = tcg::decode_sync_session(*answer, kHostSession);
    require(!session || (session->tper != 0 && session->host == kHostSession));
    (void)tcg::find_named(*answer, 3);
    (void)tcg::find_named(*answer, "MaxRanges");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView input(data + 1, size - 1);
    switch (data[0]) {
        case 'd':
            discover(input);
            break;
        case 't':
            read_stream(input);
            break;
        case 'r':
            (void)tcg::decode_stack_reset(input, kComId);
            break;
        default:
            if (const auto packet = tcg::decode_packet(input)) {
                require_within(packet->stream, input);
                require(!packet->still_running() || packet->stream.empty());
                read_stream(packet->stream);
            }
            break;
    }
    return 0;
}
