// SPDX-License-Identifier: Apache-2.0
#include "efface/luks/cipher.hpp"

#include <algorithm>
#include <array>

namespace efface::luks {

namespace {

constexpr std::string_view kCryptoApi = "capi:";

/// Block and stream ciphers with keys of 128 bits and more against which nothing better than trying
/// all keys is known.
constexpr auto kCiphers = std::to_array<std::string_view>(
    {"aes", "paes", "serpent", "twofish", "camellia", "cast6", "aria", "sm4", "anubis", "xchacha12",
     "xchacha20", "chacha20", "rfc7539", "aegis128"});
/// Modes under which equal blocks at different places do not show.
constexpr auto kModes =
    std::to_array<std::string_view>({"xts", "cbc", "ctr", "cts", "lrw", "pcbc", "gcm", "ccm",
                                     "hctr2", "adiantum", "rfc7539", "aegis128"});

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && is_word_character(text[end])) {
            ++end;
        }
        const std::string_view word = text.substr(at, end - at);
        if (!std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            words.emplace_back(word);
        }
        at = end + 1;
    }
    return words;
}

/// Cuts what follows the last `mark` off and returns it; empty when there is none.
std::string_view cut(std::string_view& text, std::size_t mark) {
    if (mark == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = text.substr(mark + 1);
    text = text.substr(0, mark);
    return rest;
}

}  // namespace

bool CipherSpecification::has(std::string_view word) const noexcept {
    return std::find(words.begin(), words.end(), word) != words.end();
}

CipherSpecification parse_cipher(std::string_view specification) {
    std::string lower(specification);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::string_view text = lower;
    std::string_view iv;
    if (text.starts_with(kCryptoApi)) {
        text.remove_prefix(kCryptoApi.size());
        // As crypt_ctr_cipher_new(): options behind the last colon, the IV behind the last dash of
        // what comes before it.
        std::string_view all = text;
        (void)cut(text, text.rfind(':'));
        const std::size_t dash = text.rfind('-');
        (void)cut(text, dash);
        iv = cut(all, dash);
    } else {
        // As crypt_ctr_cipher_old(): cipher[:keycount]-mode-iv[:options].
        const std::size_t first = text.find('-');
        const std::size_t second =
            first == std::string_view::npos ? first : text.find('-', first + 1);
        iv = cut(text, second);
    }
    return {words_of(text), std::string(iv)};
}

CipherStrength strength_of(const CipherSpecification& specification) noexcept {
    const auto any_of = [&](const auto& known) {
        return std::any_of(known.begin(), known.end(),
                           [&](std::string_view word) { return specification.has(word); });
    };
    const std::string_view iv = specification.iv;
    if (specification.words.empty() || specification.has("null") ||
        specification.has("cipher_null") || iv.find("cipher_null") != std::string_view::npos) {
        return CipherStrength::none;
    }
    if (specification.has("ecb") || iv == "ecb" || iv.starts_with("ecb(")) {
        return CipherStrength::ecb;
    }
    // "aes" and "aes-plain" are short for "aes-cbc-plain".
    const bool compatible =
        iv.empty() && (specification.words.size() == 1 ||
                       (specification.words.size() == 2 && specification.words.back() == "plain"));
    return any_of(kCiphers) && (any_of(kModes) || compatible) ? CipherStrength::known
                                                              : CipherStrength::unknown;
}

std::uint64_t effective_key_bits(const CipherSpecification& specification,
                                 std::string_view integrity, std::uint64_t key_bytes) noexcept {
    constexpr std::uint64_t kBits = 8;
    std::uint64_t tag_bytes = 0;
    if (integrity.starts_with("hmac(sha256)")) {
        tag_bytes = 32;
    } else if (integrity.starts_with("hmac(sha512)")) {
        tag_bytes = 64;
    } else if (integrity.starts_with("hmac(sha1)")) {
        tag_bytes = 20;
    }
    const std::uint64_t rest = key_bytes - std::min(key_bytes, tag_bytes);
    return (specification.has("xts") ? rest / 2 : rest) * kBits;
}

}  // namespace efface::luks
