// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "efface/base/digest.hpp"
#include "efface/base/error.hpp"
#include "efface/luks/payload_sample.hpp"

#include "header/reading.hpp"

namespace efface::luks {

namespace {

constexpr unsigned kPermilleAll = 1000;
constexpr std::size_t kSeedBytes = 16;
constexpr std::size_t kBufferAlignment = 4096;

/// Numbers that follow from the seed: SHA-256(seed || counter), 64-bit counter from 0, both and the
/// four numbers in each digest big endian.
class SeededNumbers final {
  public:
    explicit SeededNumbers(ByteView seed) : block_(seed.begin(), seed.end()) {
        block_.resize(kSeedBytes + sizeof(std::uint64_t));
    }

    /// Uniform in [0, bound). `bound` is not 0.
    std::uint64_t below(std::uint64_t bound) {
        EFFACE_ASSERT(bound != 0);
        constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
        // Numbers from the incomplete last round are drawn again; at most every second one is.
        const std::uint64_t limit = kAll - (kAll % bound + 1) % bound;
        for (unsigned tries = 0; tries < kTriesMax; ++tries) {
            if (const std::uint64_t value = next(); value <= limit) {
                return value % bound;
            }
        }
        return next() % bound;  // once in 2^64 draws; the bias is below every measure
    }

  private:
    static constexpr unsigned kTriesMax = 64;

    std::uint64_t next() {
        if (used_ == digest_.size()) {
            write_be<std::uint64_t>(block_, kSeedBytes, counter_++);
            digest_ = sha256(block_);
            used_ = 0;
        }
        const auto value = read_be<std::uint64_t>(digest_, used_);
        used_ += sizeof(value);
        return value;
    }

    Bytes block_;
    std::uint64_t counter_ = 0;
    Digest digest_{};
    std::size_t used_ = sizeof(Digest);
};

/// `count` distinct numbers in [begin, end), by Floyd's method: each subset is equally likely.
std::set<std::uint64_t> choose_distinct(std::uint64_t begin, std::uint64_t end, std::uint64_t count,
                                        SeededNumbers& numbers) {
    EFFACE_ASSERT(count <= end - begin);
    std::set<std::uint64_t> chosen;
    for (std::uint64_t last = end - begin - count; last < end - begin; ++last) {
        const std::uint64_t candidate = begin + numbers.below(last + 1);
        if (!chosen.insert(candidate).second) {
            chosen.insert(begin + last);
        }
    }
    return chosen;
}

std::set<std::uint64_t> choose_pieces(std::uint64_t total, std::uint64_t needed, ByteView seed) {
    SeededNumbers numbers(seed);
    std::set<std::uint64_t> chosen;
    if (total > needed + 2) {
        chosen = choose_distinct(1, total - 1, needed, numbers);
        chosen.insert(0);
        chosen.insert(total - 1);
    } else {
        for (std::uint64_t piece = 0; piece < total; ++piece) {
            chosen.insert(piece);
        }
    }
    return chosen;
}

void count_verdict(const PieceVerdict& verdict, std::uint64_t offset, SampleReport& report) {
    ++report.pieces_sampled;
    switch (verdict.piece_class) {
        case PieceClass::ciphertext_like:
            ++report.ciphertext_like;
            return;
        case PieceClass::zero:
            ++report.zero;
            return;
        case PieceClass::unreadable:
            ++report.unreadable;
            return;
        case PieceClass::structured:
            break;
    }
    ++report.structured;
    if (report.structured_places.size() < stream::kPlacesMax) {
        report.structured_places.push_back({offset, verdict.reason});
    }
}

}  // namespace

std::uint64_t samples_needed(unsigned confidence_permille, unsigned fraction_permille) {
    if (confidence_permille == 0 || confidence_permille >= kPermilleAll || fraction_permille == 0 ||
        fraction_permille >= kPermilleAll) {
        throw Error(ErrorCode::usage,
                    fmt::format("sampling: confidence {} and fraction {} must be from 1 to 999 "
                                "permille",
                                confidence_permille, fraction_permille));
    }
    const double miss = static_cast<double>(kPermilleAll - confidence_permille) / kPermilleAll;
    const double pass = static_cast<double>(kPermilleAll - fraction_permille) / kPermilleAll;
    return static_cast<std::uint64_t>(std::ceil(std::log(miss) / std::log(pass)));
}

SampleReport sample_payload(device::BlockTarget& target, stream::Range payload,
                            const SamplePlan& plan, ByteView seed) {
    EFFACE_ASSERT(seed.size() == kSeedBytes);
    SampleReport report;
    report.plan = plan;
    report.seed_hex = to_hex(seed);
    const std::uint64_t needed = samples_needed(plan.confidence_permille, plan.fraction_permille);
    const std::uint64_t size = target.size_bytes();
    const std::uint64_t begin = std::min(payload.offset, size);
    const std::uint64_t length = std::min(payload.length, size - begin);
    if (length < kPieceBytesMin) {
        return report;
    }
    report.pieces_total = (length + kSampleBytes - 1) / kSampleBytes;

    Bytes storage(kSampleBytes + kBufferAlignment);
    void* aligned = storage.data();
    std::size_t space = storage.size();
    EFFACE_ASSERT(std::align(kBufferAlignment, kSampleBytes, aligned, space) != nullptr);
    const MutableByteView buffer(static_cast<std::uint8_t*>(aligned), kSampleBytes);
    for (const std::uint64_t piece : choose_pieces(report.pieces_total, needed, seed)) {
        const std::uint64_t at = piece * kSampleBytes;
        const auto bytes =
            static_cast<std::size_t>(std::min<std::uint64_t>(kSampleBytes, length - at));
        // A last piece too short to judge is taken together with bytes before it.
        const std::size_t wanted = std::max<std::size_t>(bytes, kPieceBytesMin);
        const std::uint64_t offset = begin + at + bytes - wanted;
        const MutableByteView view = buffer.first(wanted);
        const bool readable = read_exactly(target, offset, view).empty();
        count_verdict(readable ? classify(view) : PieceVerdict{}, offset, report);
    }
    return report;
}

Json to_json(const SampleReport& report) {
    Json places = Json::array();
    for (const SampleReport::Place& place : report.structured_places) {
        places.push_back(
            ObjectWriter().add("offset", place.offset).add("reason", place.reason).take());
    }
    return ObjectWriter()
        .add("confidencePermille", report.plan.confidence_permille)
        .add("fractionPermille", report.plan.fraction_permille)
        .add("pieceBytes", kSampleBytes)
        .add("piecesTotal", report.pieces_total)
        .add("piecesSampled", report.pieces_sampled)
        .add("ciphertextLike", report.ciphertext_like)
        .add("structured", report.structured)
        .add("zero", report.zero)
        .add("unreadable", report.unreadable)
        .add("seed", report.seed_hex)
        .add("structuredPlaces", std::move(places))
        .take();
}

}  // namespace efface::luks
