// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/tokens.hpp"

#include <algorithm>
#include <array>

namespace efface::tcg {

namespace {

constexpr std::size_t kIntegerBytesMax = 8;
constexpr std::uint64_t kTinyMax = 0x3f;
constexpr std::size_t kShortMax = 15;

/// The header of an atom: Core 2.01, section 3.2.2.3.1.
struct Atom {
    std::size_t header = 0;  ///< bytes
    std::size_t length = 0;  ///< bytes of data behind it
    bool bytes = false;
    bool sign = false;
};

/// Nothing for what is not an atom with a header of its own, or is cut off.
std::optional<Atom> atom_header(ByteView stream) {
    const unsigned first = stream.front();
    if ((first & 0xc0U) == 0x80U) {  // 10BS nnnn
        return Atom{1, first & 0x0fU, (first & 0x20U) != 0, (first & 0x10U) != 0};
    }
    if ((first & 0xe0U) == 0xc0U && stream.size() >= 2) {  // 110B Snnn nnnn nnnn
        return Atom{2, ((first & 0x07U) << 8U) | stream[1], (first & 0x10U) != 0,
                    (first & 0x08U) != 0};
    }
    if ((first & 0xfcU) == 0xe0U && stream.size() >= 4) {  // 1110 00BS and 24 bits
        const std::size_t length = (std::size_t{stream[1]} << 16U) |
                                   (std::size_t{stream[2]} << 8U) | std::size_t{stream[3]};
        return Atom{4, length, (first & 0x02U) != 0, (first & 0x01U) != 0};
    }
    return std::nullopt;
}

bool is_control(std::uint8_t byte) {
    constexpr std::array<std::uint8_t, 10> kKnown{0xf0, 0xf1, 0xf2, 0xf3, 0xf8,
                                                  0xf9, 0xfa, 0xfb, 0xfc, 0xff};
    return std::find(kKnown.begin(), kKnown.end(), byte) != kKnown.end();
}

std::uint64_t integer_of(ByteView data, bool sign) {
    std::uint64_t value = (sign && !data.empty() && (data.front() & 0x80U) != 0) ? ~0ULL : 0;
    for (const std::uint8_t byte : data) {
        value = (value << 8U) | byte;
    }
    return value;
}

/// Takes one token off the front; its length in `used`. Nothing when it is not understood.
std::optional<Token> next_token(ByteView stream, std::size_t& used) {
    const std::uint8_t first = stream.front();
    used = 1;
    if (is_control(first)) {
        return Token{static_cast<Token::Kind>(first), 0, {}};
    }
    if ((first & 0x80U) == 0) {  // tiny: 0S nn nnnn
        const bool sign = (first & 0x40U) != 0;
        const bool negative = sign && (first & 0x20U) != 0;
        const std::uint64_t value = (first & kTinyMax) | (negative ? ~kTinyMax : 0);
        return Token{sign ? Token::Kind::signed_integer : Token::Kind::unsigned_integer, value, {}};
    }
    const auto atom = atom_header(stream);
    if (!atom || atom->length > stream.size() - atom->header ||
        (atom->bytes && atom->sign) ||  // continued: only in streams that span packets
        (!atom->bytes && (atom->length == 0 || atom->length > kIntegerBytesMax))) {
        return std::nullopt;
    }
    used = atom->header + atom->length;
    const ByteView data = stream.subspan(atom->header, atom->length);
    if (atom->bytes) {
        return Token{Token::Kind::bytes, 0, data};
    }
    return Token{atom->sign ? Token::Kind::signed_integer : Token::Kind::unsigned_integer,
                 integer_of(data, atom->sign),
                 {}};
}

}  // namespace

std::optional<Uid> Token::uid() const {
    if (kind != Kind::bytes || bytes.size() != sizeof(Uid)) {
        return std::nullopt;
    }
    return read_be<Uid>(bytes, 0);
}

std::optional<std::vector<Token>> decode_tokens(ByteView stream) {
    std::vector<Token> tokens;
    while (!stream.empty()) {
        std::size_t used = 0;
        const auto token = next_token(stream, used);
        if (!token || tokens.size() == kTokensMax) {
            return std::nullopt;
        }
        if (!token->is(Token::Kind::empty)) {
            tokens.push_back(*token);
        }
        stream = stream.subspan(used);
    }
    return tokens;
}

void TokenWriter::append(std::uint8_t byte) {
    append(ByteView(&byte, 1));
}

void TokenWriter::append(ByteView bytes) {
    if (overflowed_ || bytes.size() > memory_.size() - size_) {
        overflowed_ = true;
        return;
    }
    std::copy(bytes.begin(), bytes.end(),
              memory_.view().begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
}

TokenWriter& TokenWriter::token(Token::Kind kind) {
    const auto byte = static_cast<std::uint8_t>(kind);
    EFFACE_ASSERT(is_control(byte));
    append(byte);
    return *this;
}

TokenWriter& TokenWriter::integer(std::uint64_t value) {
    if (value <= kTinyMax) {
        append(static_cast<std::uint8_t>(value));
        return *this;
    }
    std::array<std::uint8_t, sizeof(value)> data{};
    write_be(MutableByteView(data), 0, value);
    const auto* const first =
        std::find_if(data.begin(), data.end(), [](std::uint8_t byte) { return byte != 0; });
    const ByteView significant(first, static_cast<std::size_t>(data.end() - first));
    append(static_cast<std::uint8_t>(0x80U | significant.size()));
    append(significant);
    return *this;
}

TokenWriter& TokenWriter::bytes(ByteView bytes) {
    if (bytes.size() <= kShortMax) {
        append(static_cast<std::uint8_t>(0xa0U | bytes.size()));
    } else if (bytes.size() < kComPacketBytes) {  // a medium atom reaches as far: 11 bits
        append(static_cast<std::uint8_t>(0xd0U | (bytes.size() >> 8U)));
        append(static_cast<std::uint8_t>(bytes.size() & 0xffU));
    } else {
        overflowed_ = true;
        return *this;
    }
    append(bytes);
    return *this;
}

TokenWriter& TokenWriter::uid(Uid uid) {
    std::array<std::uint8_t, sizeof(uid)> data{};
    write_be(MutableByteView(data), 0, uid);
    return bytes(data);
}

TokenWriter& TokenWriter::named(std::uint64_t name, std::uint64_t value) {
    return token(Token::Kind::start_name).integer(name).integer(value).token(Token::Kind::end_name);
}

TokenWriter& TokenWriter::named(std::string_view name, std::string_view value) {
    return token(Token::Kind::start_name).text(name).text(value).token(Token::Kind::end_name);
}

TokenWriter& TokenWriter::named(std::string_view name, std::uint64_t value) {
    return token(Token::Kind::start_name).text(name).integer(value).token(Token::Kind::end_name);
}

}  // namespace efface::tcg
