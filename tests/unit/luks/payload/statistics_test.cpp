// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>

#include "efface/luks/payload_sample.hpp"

#include "catch.hpp"
#include "images.hpp"
#include "random_bytes.hpp"

using namespace efface;
using namespace efface::test;
using luks::PieceClass;

namespace {
luks::PieceVerdict judge(const Bytes& piece) {
    return luks::classify(piece);
}
Bytes ciphertext(std::size_t size = luks::kSampleBytes) {
    return Ciphertext(0x42).next(size);
}
}  // namespace

TEST_CASE("several thousand pieces of AES-CTR are all like ciphertext") {
    // 6000 pieces at fewer than 5 in a hundred million: one false alarm in 3000 seeds. This seed
    // has none.
    Ciphertext stream(0x42);
    for (int i = 0; i < 6000; ++i) {
        const luks::PieceVerdict verdict = judge(stream.next(luks::kSampleBytes));
        if (verdict.piece_class != PieceClass::ciphertext_like) {
            FAIL("piece " << i << ": " << verdict.reason);
        }
    }
}

TEST_CASE("short pieces of AES-CTR are like ciphertext too") {
    Ciphertext stream(0x43);
    for (int i = 0; i < 10000; ++i) {
        const luks::PieceVerdict verdict = judge(stream.next(4096));
        if (verdict.piece_class != PieceClass::ciphertext_like) {
            FAIL("piece " << i << ": " << verdict.reason);
        }
    }
}

TEST_CASE("ciphertext among discarded sectors is like ciphertext") {
    // Down to one sector in a piece, at each place, on both sides of the statistics' word size.
    Ciphertext stream(0x44);
    for (std::size_t sectors = 1; sectors < 128; ++sectors) {
        Bytes piece(luks::kSampleBytes, 0);
        for (std::size_t i = 0; i < sectors; ++i) {
            put(piece, (i * 37 % 128) * 512, stream.next(512));
        }
        INFO(sectors << " sectors: " << judge(piece).reason);
        CHECK(judge(piece).piece_class == PieceClass::ciphertext_like);
    }
}

TEST_CASE("zeros are a class of their own") {
    CHECK(judge(Bytes(luks::kSampleBytes, 0)).piece_class == PieceClass::zero);
    CHECK(judge(Bytes(4097, 0)).piece_class == PieceClass::zero);
}

TEST_CASE("one byte that is not zero makes a piece structured") {
    const std::size_t at = GENERATE(0U, 511U, 4096U, 65535U);
    Bytes piece(luks::kSampleBytes, 0);
    piece[at] = 7;
    CHECK(judge(piece).piece_class == PieceClass::structured);
    Bytes odd(4099, 0);
    odd.back() = 7;
    CHECK(judge(odd).piece_class == PieceClass::structured);
}

TEST_CASE("a text is found by the values of its bytes") {
    Bytes piece;
    while (piece.size() < luks::kSampleBytes) {
        const std::string line = "INSERT INTO t VALUES (" + std::to_string(piece.size()) + ");\n";
        piece.insert(piece.end(), line.begin(), line.end());
    }
    piece.resize(luks::kSampleBytes);
    const auto verdict = judge(piece);
    CHECK(verdict.piece_class == PieceClass::structured);
    CHECK(verdict.reason.starts_with("byte chi-squared "));
}

TEST_CASE("a text among discarded sectors is found") {
    Bytes piece(luks::kSampleBytes, 0);
    std::fill_n(piece.begin() + 5120, 512, std::uint8_t{'a'});
    for (std::size_t i = 0; i < 512; i += 3) {
        piece[5120 + i] = static_cast<std::uint8_t>('b' + i % 20);
    }
    CHECK(judge(piece).piece_class == PieceClass::structured);
}

TEST_CASE("byte values that are too even are found") {
    Bytes piece(luks::kSampleBytes);
    for (std::size_t i = 0; i < piece.size(); ++i) {
        piece[i] = static_cast<std::uint8_t>(i * 167 + i / 256);
    }
    CHECK(judge(piece).reason == "byte chi-squared 0.0");
}

TEST_CASE("a small surplus of one bits is found, though the byte values hardly change") {
    // About 4096 of 524288 bits more than half of them: 11 deviations. No byte value gains or loses
    // more than sixteen of its 256 places.
    Bytes piece = ciphertext();
    for (std::size_t i = 0; i < piece.size(); i += 8) {
        piece[i] = static_cast<std::uint8_t>(piece[i] | (1U << (i / 8 % 8)));
    }
    const auto verdict = judge(piece);
    CHECK(verdict.piece_class == PieceClass::structured);
    CHECK(verdict.reason.starts_with("one bits "));
}

TEST_CASE("5.5 deviations of the one bits can be chance in a fleet, 5.9 cannot") {
    // 524288 bits: one deviation is 362.04 of them. 1991 more than half are 5.5, 2136 are 5.9.
    const auto [surplus, expected] = GENERATE(table<int, PieceClass>(
        {{1991, PieceClass::ciphertext_like}, {2136, PieceClass::structured}}));
    const int sign = GENERATE(1, -1);
    Bytes piece = ciphertext();
    int ones = 0;
    for (const std::uint8_t byte : piece) {
        ones += std::popcount(byte);
    }
    const int wanted = 262144 + sign * surplus;
    for (std::size_t i = 0; ones != wanted; i = (i + 12289) % piece.size()) {
        const auto bit = static_cast<std::uint8_t>(1U << (i % 8));
        if (((piece[i] & bit) != 0) == (ones > wanted)) {
            piece[i] = static_cast<std::uint8_t>(piece[i] ^ bit);
            ones += ones > wanted ? -1 : 1;
        }
    }
    INFO(judge(piece).reason);
    CHECK(judge(piece).piece_class == expected);
}

TEST_CASE("byte values as uneven or even as chance makes them in a fleet are like ciphertext") {
    // Chi-squared of 65536 bytes: the sum over values of (count - 256)^2 / 256.
    struct Case {
        double target;
        PieceClass expected;
    };
    const Case wanted =
        GENERATE(Case{400, PieceClass::ciphertext_like}, Case{410, PieceClass::structured},
                 Case{150, PieceClass::ciphertext_like}, Case{142, PieceClass::structured});
    Bytes piece = ciphertext();
    std::array<int, 256> counts{};
    for (const std::uint8_t byte : piece) {
        ++counts[byte];
    }
    const auto chi_squared = [&] {
        double sum = 0;
        for (const int count : counts) {
            sum += (count - 256.0) * (count - 256.0) / 256.0;
        }
        return sum;
    };
    const bool raise = wanted.target > 255;
    REQUIRE((chi_squared() < wanted.target) == raise);
    for (std::size_t i = 0; (chi_squared() < wanted.target) == raise; i = (i + 12289) % 65536) {
        const auto best = std::min_element(counts.begin(), counts.end()) - counts.begin();
        const auto fuller = static_cast<std::uint8_t>(i % 2 == 0 ? 0x5a : 0xa5);
        const auto value = raise ? fuller : static_cast<std::uint8_t>(best);
        if (raise || counts[piece[i]] > 256) {
            --counts[piece[i]];
            piece[i] = value;
            ++counts[value];
        }
    }
    INFO(judge(piece).reason);
    CHECK(judge(piece).piece_class == wanted.expected);
}

TEST_CASE("neighbours that depend on each other are found, though all values are as frequent") {
    SECTION("each byte near the one before") {
        Bytes piece = ciphertext();
        std::sort(piece.begin(), piece.begin() + 4096);
        CHECK(judge(piece).reason.starts_with("serial correlation "));
    }
    SECTION("the low half of a byte repeated in the high half of the next") {
        Bytes piece = ciphertext();
        for (std::size_t i = 1; i < piece.size(); i += 8) {
            piece[i] = static_cast<std::uint8_t>((piece[i - 1] & 0x0fU) << 4U | (piece[i] & 0x0fU));
        }
        CHECK(judge(piece).piece_class == PieceClass::structured);
        CHECK(judge(piece).reason.starts_with("nibble chi-squared "));
    }
}

TEST_CASE("a magic is found in what otherwise is like ciphertext") {
    struct Case {
        std::size_t at;
        std::string_view bytes;
        const char* reason;
    };
    using namespace std::string_view_literals;
    const Case mark = GENERATE(
        Case{0x40, "_BHRfS_M"sv, "magic btrfs at 64"},
        Case{4086, "SWAPSPACE2"sv, "magic swap at 4086"},
        Case{512, "LABELONE"sv, "magic LVM2 at 512"}, Case{512, "EFI PART"sv, "magic GPT at 512"},
        Case{8192, "LUKS\xba\xbe"sv, "magic LUKS at 8192"}, Case{0, "XFSB"sv, "magic XFS at 0"},
        Case{4096, "\x28\xb5\x2f\xfd"sv, "magic zstd at 4096"},
        Case{61440, "\xfd\x37\x7a\x58\x5a\x00"sv, "magic xz at 61440"},
        Case{0, "PK\x03\x04"sv, "magic ZIP at 0"}, Case{0, "%PDF-1.7"sv, "magic PDF at 0"},
        Case{4096, "SQLite format 3\0"sv, "magic SQLite at 4096"},
        Case{0, "\x1f\x8b\x08\x08\x7e\x11\x9a\x65\x02\x03"sv, "magic gzip at 0"},
        Case{0, "\x7f\x45\x4c\x46\x02\x01\x01\x00"sv, "magic ELF at 0"},
        Case{12288, "\xff\xd8\xff\xe0\x00\x10\x4a\x46\x49\x46\x00"sv, "magic JPEG at 12288"});
    Bytes piece = ciphertext();
    put(piece, mark.at, mark.bytes);
    const auto verdict = judge(piece);
    CHECK(verdict.piece_class == PieceClass::structured);
    CHECK(verdict.reason == mark.reason);
}

TEST_CASE("short magics count only with the fields that go with them") {
    Bytes piece = ciphertext();
    SECTION("gzip with a reserved flag") {
        put(piece, 0, "\x1f\x8b\x08\xff");
    }
    SECTION("ELF of no class") {
        put(piece, 0, "\x7f\x45\x4c\x46\x09");
    }
    SECTION("JPEG's start alone") {
        put(piece, 0, "\xff\xd8\xff\x01");
    }
    SECTION("ext4's two bytes alone") {
        put(piece, 0x438, "\x53\xef");
    }
    SECTION("a magic off its boundary") {
        put(piece, 100, "PK\x03\x04");
    }
    CHECK(judge(piece).piece_class == PieceClass::ciphertext_like);
}

TEST_CASE("an ext4 superblock is found in the first block and where backups lie") {
    // s_log_block_size 2, s_magic, s_state 1, s_errors 1, s_creator_os 0, s_rev_level 1
    const auto [block, reason] = GENERATE(table<std::size_t, std::string>(
        {{1024, "magic ext4 at 1080"}, {8192, "magic ext4 at 8248"}}));
    Bytes piece = ciphertext();
    put(piece, block + 0x18, Bytes{2, 0, 0, 0});
    put(piece, block + 0x38, Bytes{0x53, 0xef, 1, 0, 1, 0});
    put(piece, block + 0x48, Bytes{0, 0, 0, 0, 1, 0, 0, 0});
    CHECK(judge(piece).reason == reason);
}

TEST_CASE("a PostgreSQL page is found by its header") {
    // pd_flags 0, pd_lower 0x0120, pd_upper 0x0400, pd_special 0x2000, size 0x2000 | version 4
    Bytes piece = ciphertext();
    put(piece, 16384 + 10, Bytes{0, 0, 0x20, 0x01, 0x00, 0x04, 0x00, 0x20, 0x04, 0x20});
    CHECK(judge(piece).reason == "magic PostgreSQL page at 16384");
}

TEST_CASE("an InnoDB page is found by its type and its number of the last change") {
    Bytes piece = ciphertext();
    put(piece, 16384 + 20, Bytes{0x01, 0x8c, 0x33, 0x5a, 0x45, 0xbf});
    put(piece, 32768 - 4, Bytes{0x01, 0x8c, 0x33, 0x5a});
    CHECK(judge(piece).reason == "magic InnoDB page at 16384");
}
