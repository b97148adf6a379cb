// SPDX-License-Identifier: Apache-2.0
// Was it really ciphertext? Cryptographic erase is worth nothing for what was written in plaintext,
// so the payload is sampled before the keys go. Four statistics and a search for known magics on
// pieces of 64 KiB; random-looking data that is compressed well (xz) cannot be told from
// ciphertext, and the record says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/base/random.hpp"
#include "efface/device/block_target.hpp"
#include "efface/stream/overwrite.hpp"

namespace efface::luks {

constexpr std::uint32_t kSampleBytes = 64 * 1024;

enum class PieceClass {
    ciphertext_like,  ///< nothing speaks against ciphertext
    structured,       ///< a statistic or a magic says that it is not
    zero,             ///< never written or discarded: no evidence either way
    unreadable,
};
struct PieceVerdict {
    PieceClass piece_class = PieceClass::unreadable;
    std::string reason;  ///< "byte chi-squared 91234.0", "magic ext4 at 1080"
};
/// Shortest piece that is judged. A payload shorter than this has no pieces.
constexpr std::uint32_t kPieceBytesMin = 4096;
/// Judges one piece (kSampleBytes, or a shorter last one of at least kPieceBytesMin). All-zero
/// sectors of 512 bytes are left out of the statistics: discard and sparse files make them.
/// Random data is called structured in fewer than 5 of a hundred million pieces.
[[nodiscard]] PieceVerdict classify(ByteView piece);

/// How many random pieces show at least one structured one, with `confidence_permille`, when
/// `fraction_permille` of all pieces are structured: ceil(ln(1 - c) / ln(1 - p)); 950 and 10 give
/// 299. Throws Error(usage) unless 0 < each < 1000.
[[nodiscard]] std::uint64_t samples_needed(unsigned confidence_permille,
                                           unsigned fraction_permille);

struct SamplePlan {
    unsigned confidence_permille = 950;
    unsigned fraction_permille = 10;
};

struct SampleReport {
    SamplePlan plan;
    std::uint64_t pieces_total = 0;    ///< pieces of kSampleBytes in the payload
    std::uint64_t pieces_sampled = 0;  ///< all of them when there are fewer than needed
    std::uint64_t ciphertext_like = 0;
    std::uint64_t structured = 0;
    std::uint64_t zero = 0;
    std::uint64_t unreadable = 0;
    std::string seed_hex;  ///< 16 bytes; the places follow from it (SHA-256 in counter mode)
    struct Place {
        std::uint64_t offset = 0;
        std::string reason;
    };
    std::vector<Place> structured_places;  ///< the first stream::kPlacesMax
};
/// Samples [payload.offset, payload.end()), which may be empty and is clipped to the target: the
/// first and the last piece always, and samples_needed() others at random, without replacement.
/// `seed` is 16 bytes.
[[nodiscard]] SampleReport sample_payload(device::BlockTarget& target, stream::Range payload,
                                          const SamplePlan& plan, ByteView seed);

[[nodiscard]] Json to_json(const SampleReport& report);

}  // namespace efface::luks
