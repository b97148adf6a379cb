// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-proof: an entry, its path and the checkpoint in one text for verification offline; and
// what is sent to a C2SP tlog-witness, that the tree of one checkpoint continues an earlier one.
#include <charconv>

#include "efface/evidence/log.hpp"

#include "merkle.hpp"

namespace efface::evidence {

namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::string_view kOld = "old ";
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

/// A number in its one decimal form.
std::optional<std::uint64_t> number_from(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || std::to_string(number) != text) {
        return std::nullopt;
    }
    return number;
}

/// A hash a line, an empty line, and the checkpoint behind it.
bool take_path_and_checkpoint(std::string_view text, std::vector<Digest>& path,
                              std::string& checkpoint) {
    while (!text.starts_with('\n')) {
        const auto line = take_field(text, "");
        const auto hash = line ? digest_from_base64(*line) : std::nullopt;
        if (!hash || path.size() == kTreeLevelsMax) {
            return false;
        }
        path.push_back(*hash);
    }
    checkpoint = text.substr(1);
    return !checkpoint.empty();
}

std::string path_and_checkpoint(const std::vector<Digest>& path, const std::string& checkpoint) {
    EFFACE_ASSERT(path.size() <= kTreeLevelsMax);
    std::string text;
    for (const Digest& hash : path) {
        text += to_base64(hash) + '\n';
    }
    return text + '\n' + checkpoint;
}

}  // namespace

std::string tlog_proof_text(const TlogProof& proof) {
    std::string text(kHeader);
    text += kExtra;
    text += to_base64(as_bytes(proof.entry)) + '\n';
    text += kIndex;
    text += std::to_string(proof.index) + '\n';
    return text + path_and_checkpoint(proof.path, proof.checkpoint);
}

std::optional<TlogProof> parse_tlog_proof(std::string_view text) {
    if (text.size() > kProofBytesMax || !text.starts_with(kHeader)) {
        return std::nullopt;
    }
    text.remove_prefix(kHeader.size());
    const auto extra = take_field(text, kExtra);
    const auto index = take_field(text, kIndex);
    const auto entry = extra ? from_base64(*extra) : std::nullopt;
    const auto number = index ? number_from(*index) : std::nullopt;
    if (!entry || entry->empty() || entry->size() >= kLogEntryBytesMax || !number) {
        return std::nullopt;
    }
    TlogProof proof;
    proof.entry = as_text(*entry);
    proof.index = *number;
    if (!take_path_and_checkpoint(text, proof.path, proof.checkpoint)) {
        return std::nullopt;
    }
    return proof;
}

std::string consistency_proof_text(const ConsistencyProof& proof) {
    std::string text(kOld);
    text += std::to_string(proof.old_size) + '\n';
    return text + path_and_checkpoint(proof.path, proof.checkpoint);
}

std::optional<ConsistencyProof> parse_consistency_proof(std::string_view text) {
    const auto old = text.size() > kProofBytesMax ? std::nullopt : take_field(text, kOld);
    const auto size = old ? number_from(*old) : std::nullopt;
    ConsistencyProof proof;
    if (!size || !take_path_and_checkpoint(text, proof.path, proof.checkpoint)) {
        return std::nullopt;
    }
    proof.old_size = *size;
    return proof;
}

}  // namespace efface::evidence
