// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace efface::tcg {

namespace {

using Kind = Token::Kind;
using Tokens = std::span<const Token>;

constexpr std::size_t kStatusTokens = 6;  // end of data, list of three, its two ends
constexpr std::size_t kCallTokens = 3;    // call, object, method

/// `tokens` begins with a list: how many tokens it has with both ends; 0 when it does not close.
std::size_t list_length(Tokens tokens) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].is(Kind::start_list)) {
            ++depth;
        } else if (tokens[i].is(Kind::end_list)) {
            if (depth == 0) {
                return 0;
            }
            if (--depth == 0) {
                return i + 1;
            }
        }
    }
    return 0;
}

/// "[ results ] end-of-data [ status 0 0 ]" at the front; how many tokens that were, or 0.
std::size_t take_results(Tokens tokens, Answer& answer) {
    if (tokens.empty() || !tokens.front().is(Kind::start_list)) {
        return 0;
    }
    const std::size_t length = list_length(tokens);
    if (length == 0 || tokens.size() - length < kStatusTokens) {
        return 0;
    }
    const Tokens status = tokens.subspan(length, kStatusTokens);
    if (!status[0].is(Kind::end_of_data) || !status[1].is(Kind::start_list) ||
        !status[2].is(Kind::unsigned_integer) || status[2].value > 0xff ||
        !status[5].is(Kind::end_list)) {
        return 0;
    }
    const Tokens inner = tokens.subspan(1, length - 2);
    answer.results.assign(inner.begin(), inner.end());
    answer.status = static_cast<std::uint8_t>(status[2].value);
    answer.answered = true;
    return length + kStatusTokens;
}

/// What may follow an answer, or stand alone: the end of the session.
bool is_session_end(Tokens tokens) {
    if (tokens.size() == 1 && tokens[0].is(Kind::end_of_session)) {
        return true;
    }
    return tokens.size() >= kCallTokens && tokens[0].is(Kind::call) &&
           tokens[1].uid() == kSessionManager && tokens[2].uid() == kMethodCloseSession;
}

template <typename Match>
std::optional<Token> find_value(const std::vector<Token>& tokens, const Match& match) {
    for (std::size_t i = 0; i + 3 < tokens.size(); ++i) {
        if (tokens[i].is(Kind::start_name) && match(tokens[i + 1]) &&
            tokens[i + 3].is(Kind::end_name)) {
            return tokens[i + 2];
        }
    }
    return std::nullopt;
}

}  // namespace

std::string status_name(std::uint8_t status) {
    constexpr std::array<std::pair<std::uint8_t, const char*>, 19> kNames{{
        {0x00, "SUCCESS"},
        {0x01, "NOT_AUTHORIZED"},
        {0x03, "SP_BUSY"},
        {0x04, "SP_FAILED"},
        {0x05, "SP_DISABLED"},
        {0x06, "SP_FROZEN"},
        {0x07, "NO_SESSIONS_AVAILABLE"},
        {0x08, "UNIQUENESS_CONFLICT"},
        {0x09, "INSUFFICIENT_SPACE"},
        {0x0a, "INSUFFICIENT_ROWS"},
        {0x0b, "INVALID_FUNCTION"},
        {0x0c, "INVALID_PARAMETER"},
        {0x0d, "INVALID_REFERENCE"},
        {0x0f, "TPER_MALFUNCTION"},
        {0x10, "TRANSACTION_FAILURE"},
        {0x11, "RESPONSE_OVERFLOW"},
        {0x12, "AUTHORITY_LOCKED_OUT"},
        {0x3f, "FAIL"},
        {0xff, "status FFh"},
    }};
    for (const auto& [code, name] : kNames) {
        if (code == status) {
            return name;
        }
    }
    return fmt::format("status {:02X}h", status);
}

bool changed_nothing(std::uint8_t status) noexcept {
    constexpr std::array<std::uint8_t, 9> kRefusals{0x01, 0x03, 0x05, 0x06, 0x07,
                                                    0x0b, 0x0c, 0x0d, 0x12};
    return std::find(kRefusals.begin(), kRefusals.end(), status) != kRefusals.end();
}

std::optional<Answer> decode_answer(ByteView stream) {
    const auto tokens = decode_tokens(stream);
    if (!tokens || tokens->empty()) {
        return std::nullopt;
    }
    Answer answer;
    Tokens rest(*tokens);
    if (is_session_end(rest)) {
        answer.session_closed = true;
        return answer;
    }
    if (rest.front().is(Kind::call)) {
        if (rest.size() < kCallTokens || rest[1].uid() != kSessionManager || !rest[2].uid()) {
            return std::nullopt;
        }
        answer.method = rest[2].uid();
        rest = rest.subspan(kCallTokens);
    }
    const std::size_t used = take_results(rest, answer);
    if (used == 0) {
        return std::nullopt;
    }
    rest = rest.subspan(used);
    if (!rest.empty()) {
        if (!is_session_end(rest)) {
            return std::nullopt;
        }
        answer.session_closed = true;
    }
    return answer;
}

std::optional<SessionNumbers> decode_sync_session(const Answer& answer,
                                                  std::uint32_t host_session) {
    constexpr std::uint64_t kNumberMax = 0xffffffff;
    if (!answer.succeeded() || answer.method != kMethodSyncSession || answer.results.size() < 2) {
        return std::nullopt;
    }
    const Token& host = answer.results[0];
    const Token& tper = answer.results[1];
    if (!host.is(Kind::unsigned_integer) || host.value != host_session ||
        !tper.is(Kind::unsigned_integer) || tper.value == 0 || tper.value > kNumberMax) {
        return std::nullopt;
    }
    return SessionNumbers{static_cast<std::uint32_t>(tper.value), host_session};
}

std::optional<Token> find_named(const Answer& answer, std::uint64_t name) {
    return find_value(answer.results, [&](const Token& token) {
        return token.is(Kind::unsigned_integer) && token.value == name;
    });
}

std::optional<Token> find_named(const Answer& answer, std::string_view name) {
    return find_value(answer.results, [&](const Token& token) {
        return token.is(Kind::bytes) && as_text(token.bytes) == name;
    });
}

}  // namespace efface::tcg
