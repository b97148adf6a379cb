// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-proof: an entry, its path and the checkpoint in one text for verification offline.
#include <charconv>

#include "efface/evidence/log.hpp"

#include "merkle.hpp"

namespace efface::evidence {

namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kHashLineBytes = 45;  // 32 bytes in base64 and a line feed
/// The entry in base64, 64 hashes, the note, and room for the fixed words.
constexpr std::size_t kProofBytesMax =
    kLogEntryBytesMax * 4 / 3 + kTreeLevelsMax * kHashLineBytes + kNoteBytesMax + 256;

/// The rest of the next line behind `prefix`; nullopt when the line does not start so.
std::optional<std::string_view> take_field(std::string_view& text, std::string_view prefix) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || !text.starts_with(prefix)) {
        return std::nullopt;
    }
    const std::string_view field = text.substr(prefix.size(), end - prefix.size());
    text.remove_prefix(end + 1);
    return field;
}

std::optional<Digest> digest_from_base64(std::string_view text) {
    const auto bytes = from_base64(text);
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) {
        return std::nullopt;
    }
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return digest;
}

}  // namespace

std::string tlog_proof_text(const TlogProof& proof) {
    EFFACE_ASSERT(proof.path.size() <= kTreeLevelsMax);
    std::string text(kHeader);
    text += kExtra;
    text += to_base64(as_bytes(proof.entry)) + '\n';
    text += kIndex;
    text += std::to_string(proof.index) + '\n';
    for (const Digest& hash : proof.path) {
        text += to_base64(hash) + '\n';
    }
    return text + '\n' + proof.checkpoint;
}

std::optional<TlogProof> parse_tlog_proof(std::string_view text) {
    if (text.size() > kProofBytesMax || !text.starts_with(kHeader)) {
        return std::nullopt;
    }
    text.remove_prefix(kHeader.size());
    const auto extra = take_field(text, kExtra);
    const auto index = take_field(text, kIndex);
    const auto entry = extra ? from_base64(*extra) : std::nullopt;
    if (!entry || entry->empty() || entry->size() >= kLogEntryBytesMax || !index) {
        return std::nullopt;
    }
    TlogProof proof;
    proof.entry = as_text(*entry);
    const auto [end, error] =
        std::from_chars(index->data(), index->data() + index->size(), proof.index);
    if (error != std::errc() || std::to_string(proof.index) != *index) {
        return std::nullopt;
    }
    while (!text.starts_with('\n')) {
        const auto line = take_field(text, "");
        const auto hash = line ? digest_from_base64(*line) : std::nullopt;
        if (!hash || proof.path.size() == kTreeLevelsMax) {
            return std::nullopt;
        }
        proof.path.push_back(*hash);
    }
    proof.checkpoint = text.substr(1);
    if (proof.checkpoint.empty()) {
        return std::nullopt;
    }
    return proof;
}

}  // namespace efface::evidence
