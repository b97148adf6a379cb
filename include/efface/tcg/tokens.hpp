// SPDX-License-Identifier: Apache-2.0
// The data stream of methods: atoms, lists and names. Core 2.01, section 3.2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "efface/base/secret.hpp"
#include "efface/tcg/uids.hpp"

namespace efface::tcg {

/// What is asked for when an answer is fetched: more than any that this program causes.
constexpr std::size_t kComPacketBytes = 2048;
constexpr std::size_t kTokensMax = 1024;  ///< more in one answer: not ours to understand

struct Token {
    enum class Kind : std::uint8_t {
        unsigned_integer,
        signed_integer,
        bytes,
        start_list = 0xf0,
        end_list = 0xf1,
        start_name = 0xf2,
        end_name = 0xf3,
        call = 0xf8,
        end_of_data = 0xf9,
        end_of_session = 0xfa,
        start_transaction = 0xfb,
        end_transaction = 0xfc,
        empty = 0xff,
    } kind = Kind::empty;
    std::uint64_t value = 0;  ///< of an integer; a signed one in two's complement
    ByteView bytes;           ///< Kind::bytes: borrowed from the stream

    [[nodiscard]] bool is(Kind wanted) const noexcept { return kind == wanted; }
    /// 8 bytes as the name of an object or a method.
    [[nodiscard]] std::optional<Uid> uid() const;
};

/// Nothing for a stream that ends within a token, that has reserved or continued tokens, integers
/// of more than 8 bytes, or more than kTokensMax tokens. Empty atoms are left out.
[[nodiscard]] std::optional<std::vector<Token>> decode_tokens(ByteView stream);

/// Writes a stream into memory for secrets, since passwords are part of it. Each token is written
/// in its shortest form. What does not fit into one ComPacket sets overflowed() and is left out:
/// callers bound the lengths of what comes from outside.
class TokenWriter final {
  public:
    TokenWriter() : memory_(kComPacketBytes) {}

    TokenWriter& token(Token::Kind kind);  ///< one of those from start_list on
    TokenWriter& integer(std::uint64_t value);
    TokenWriter& bytes(ByteView bytes);
    TokenWriter& text(std::string_view text) { return bytes(as_bytes(text)); }
    TokenWriter& uid(Uid uid);
    /// "name = value" with a number as its name (Core 2.01) or a text (Core 1.0, Enterprise).
    TokenWriter& named(std::uint64_t name, std::uint64_t value);
    TokenWriter& named(std::string_view name, std::string_view value);
    TokenWriter& named(std::string_view name, std::uint64_t value);

    [[nodiscard]] ByteView view() const noexcept { return memory_.view().first(size_); }
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

  private:
    void append(std::uint8_t byte);
    void append(ByteView bytes);
    SecretBytes memory_;
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

}  // namespace efface::tcg
