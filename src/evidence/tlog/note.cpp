// SPDX-License-Identifier: Apache-2.0
// C2SP signed-note with Ed25519 keys, and the checkpoint that such notes carry.
#include <algorithm>
#include <array>
#include <charconv>

#include "efface/evidence/log.hpp"

#include "cms/openssl.hpp"
#include "merkle.hpp"

namespace efface::evidence {

namespace {

constexpr std::uint8_t kEd25519Type = 0x01;
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kPublicKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kSignaturesMax = 100;
constexpr std::string_view kSignatureMark = "\xe2\x80\x94 ";  // EM DASH, space

using MdContextPtr = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

bool valid_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kNameBytesMax &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return c > 0x20 && c < 0x7f && c != '+'; });
}

/// Type and public key, as they are in the verifier key line.
Bytes typed_key(ByteView public_key) {
    Bytes typed{kEd25519Type};
    typed.insert(typed.end(), public_key.begin(), public_key.end());
    return typed;
}

/// SHA-256(name || 0x0A || type || public key), the first four bytes.
Bytes key_id(std::string_view name, ByteView typed) {
    Sha256 hash;
    hash.update(as_bytes(name));
    hash.update(as_bytes("\n"));
    hash.update(typed);
    const Digest digest = hash.finish();
    return {digest.begin(), digest.begin() + kKeyIdBytes};
}

struct Verifier {
    std::string_view name;
    Bytes id;
    Bytes public_key;
};

std::string_view without_line_feeds(std::string_view text) {
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

std::optional<Verifier> parse_verifier_key(std::string_view line) {
    const std::size_t first = line.find('+');
    const std::size_t second =
        first == std::string_view::npos ? first : line.find('+', first + 1);  // base64 has '+' too
    if (second == std::string_view::npos || line.size() > 2 * kNameBytesMax) {
        return std::nullopt;
    }
    const std::string_view name = line.substr(0, first);
    const auto id = from_hex(line.substr(first + 1, second - first - 1));
    const auto typed = from_base64(line.substr(second + 1));
    if (!valid_name(name) || !id || !typed || typed->size() != 1 + kPublicKeyBytes ||
        typed->front() != kEd25519Type || *id != key_id(name, *typed)) {
        return std::nullopt;
    }
    return Verifier{name, *id, Bytes(typed->begin() + 1, typed->end())};
}

bool signature_holds(ByteView public_key, std::string_view text, ByteView signature) {
    const PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(),
                                                  public_key.size()));
    const MdContextPtr context(EVP_MD_CTX_new());
    const ByteView bytes = as_bytes(text);
    const bool good =
        key && context &&
        EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
        EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                         bytes.size()) == 1;
    (void)drain_openssl_errors();
    return good;
}

/// UTF-8 without control characters of ASCII but line feeds: C2SP signed-note.
bool valid_note_bytes(std::string_view note) {
    return note.size() <= kNoteBytesMax && is_utf8(note) &&
           std::all_of(note.begin(), note.end(),
                       [](char c) { return c == '\n' || static_cast<unsigned char>(c) >= 0x20; });
}

/// Whether C2SP signed-note lets another signer have this name, which is UTF-8.
bool valid_foreign_name(std::string_view name) noexcept {
    // White_Space of Unicode, without what no note may hold.
    constexpr std::array<std::string_view, 21> kRefused{"+",
                                                        " ",
                                                        "\xc2\x85",
                                                        "\xc2\xa0",
                                                        "\xe1\x9a\x80",
                                                        "\xe2\x80\x80",
                                                        "\xe2\x80\x81",
                                                        "\xe2\x80\x82",
                                                        "\xe2\x80\x83",
                                                        "\xe2\x80\x84",
                                                        "\xe2\x80\x85",
                                                        "\xe2\x80\x86",
                                                        "\xe2\x80\x87",
                                                        "\xe2\x80\x88",
                                                        "\xe2\x80\x89",
                                                        "\xe2\x80\x8a",
                                                        "\xe2\x80\xa8",
                                                        "\xe2\x80\xa9",
                                                        "\xe2\x80\xaf",
                                                        "\xe2\x81\x9f",
                                                        "\xe3\x80\x80"};
    return !name.empty() &&
           std::none_of(kRefused.begin(), kRefused.end(), [&](std::string_view one) {
               return name.find(one) != std::string_view::npos;
           });
}

struct SignatureLine {
    std::string_view name;
    Bytes bytes;  ///< key id and signature
};

std::optional<SignatureLine> parse_signature_line(std::string_view line) {
    if (!line.starts_with(kSignatureMark)) {
        return std::nullopt;
    }
    line.remove_prefix(kSignatureMark.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !valid_foreign_name(line.substr(0, space))) {
        return std::nullopt;
    }
    auto bytes = from_base64(line.substr(space + 1));
    if (!bytes || bytes->size() <= kKeyIdBytes) {
        return std::nullopt;
    }
    return SignatureLine{line.substr(0, space), std::move(*bytes)};
}

/// One line, without its line feed, off the front of `text`; nullopt when no line feed is left.
std::optional<std::string_view> take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

}  // namespace

struct NoteSigner::State {
    std::string name;
    PkeyPtr key;
    Bytes typed;
    Bytes id;
};

NoteSigner::NoteSigner(std::string name, const SecretBytes& seed) {
    if (!valid_name(name)) {
        throw Error(ErrorCode::usage,
                    "the name of a log must be 1 to 255 printable ASCII characters without space "
                    "and '+'");
    }
    if (seed.size() != kSeedBytes) {
        throw Error(ErrorCode::usage, "the key of a log must be 32 bytes");
    }
    PkeyPtr key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.view().data(), seed.size()));
    require(key != nullptr, "load the log key");
    Bytes public_key(kPublicKeyBytes);
    std::size_t size = public_key.size();
    require(EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) == 1 &&
                size == kPublicKeyBytes,
            "derive the public log key");
    Bytes typed = typed_key(public_key);
    Bytes id = key_id(name, typed);
    state_ = std::make_shared<const State>(
        State{std::move(name), std::move(key), std::move(typed), std::move(id)});
}

const std::string& NoteSigner::name() const noexcept {
    return state_->name;
}

std::string NoteSigner::verifier_key() const {
    return state_->name + '+' + to_hex(state_->id) + '+' + to_base64(state_->typed);
}

std::string NoteSigner::sign(std::string_view text) const {
    EFFACE_ASSERT(!text.empty() && text.back() == '\n');
    EFFACE_ASSERT(std::all_of(text.begin(), text.end(),
                              [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
    const MdContextPtr context(EVP_MD_CTX_new());
    Bytes signature(kSignatureBytes);
    std::size_t size = signature.size();
    const ByteView bytes = as_bytes(text);
    require(
        context &&
            EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
            EVP_DigestSign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) ==
                1 &&
            size == kSignatureBytes,
        "sign a note");
    Bytes body = state_->id;
    body.insert(body.end(), signature.begin(), signature.end());
    std::string note(text);
    note += '\n';
    note += kSignatureMark;
    note += state_->name + ' ' + to_base64(body) + '\n';
    return note;
}

std::optional<std::string> verifier_key_line(std::string_view text) {
    const std::string_view line = without_line_feeds(text);
    return parse_verifier_key(line) ? std::optional<std::string>(line) : std::nullopt;
}

std::optional<std::string> open_note(std::string_view note, std::string_view verifier_key) {
    const auto verifier = parse_verifier_key(without_line_feeds(verifier_key));
    const std::size_t split = note.rfind("\n\n");
    if (!verifier || !valid_note_bytes(note) || split == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view text = note.substr(0, split + 1);
    std::string_view signatures = note.substr(split + 2);
    bool signed_by_us = false;
    for (std::size_t count = 0; !signatures.empty(); ++count) {
        const auto line = take_line(signatures);
        const auto parsed = line ? parse_signature_line(*line) : std::nullopt;
        if (!parsed || count >= kSignaturesMax) {
            return std::nullopt;
        }
        const ByteView bytes = parsed->bytes;
        if (parsed->name != verifier->name ||
            !std::equal(verifier->id.begin(), verifier->id.end(), bytes.begin())) {
            continue;
        }
        if (!signature_holds(verifier->public_key, text, bytes.subspan(kKeyIdBytes))) {
            return std::nullopt;
        }
        signed_by_us = true;
    }
    return signed_by_us ? std::optional<std::string>(text) : std::nullopt;
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
    return checkpoint.origin + '\n' + std::to_string(checkpoint.size) + '\n' +
           to_base64(checkpoint.root) + '\n';
}

std::optional<Checkpoint> parse_checkpoint(std::string_view text) {
    Checkpoint checkpoint;
    const auto origin = take_line(text);
    const auto size = take_line(text);
    const auto root = take_line(text);
    if (!origin || !size || !root || !text.empty() || !valid_name(*origin)) {
        return std::nullopt;
    }
    checkpoint.origin = *origin;
    const auto [end, error] =
        std::from_chars(size->data(), size->data() + size->size(), checkpoint.size);
    const auto digest = from_base64(*root);
    if (error != std::errc() || std::to_string(checkpoint.size) != *size ||
        checkpoint.size > kTreeSizeMax || !digest || digest->size() != checkpoint.root.size()) {
        return std::nullopt;
    }
    std::copy(digest->begin(), digest->end(), checkpoint.root.begin());
    return checkpoint;
}

}  // namespace efface::evidence
