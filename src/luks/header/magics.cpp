// SPDX-License-Identifier: Apache-2.0
// How often random bytes look like a mark, for a piece of 64 KiB (16 pages of 4 KiB, 128 sectors):
//   6 bytes and more, at every page or sector         < 128 * 2^-48 = 4.5e-13 each
//   zstd, PK, ELF (7 bytes with its fields), XFSB     zstd, PK, XFSB: 16 * 2^-32 = 3.7e-9 each
//   gzip: 3 bytes, flags (2^-3), XFL (3 of 256), OS (15 of 256)       16 * 5.1e-12 = 8.2e-11
//   JPEG: 3 bytes, then a marker with 2 to 4 bytes that go with it    16 * 2^-40 = 1.5e-11
//   ext4: 2 bytes and four fields (see is_ext4)                       32 * 2^-95
//   PostgreSQL, InnoDB: see there                                     below 1e-10
// Together about 1.2e-8.
#include "magics.hpp"

#include <algorithm>
#include <array>

namespace efface::luks {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kSectorBytes = 512;

template <typename T>
T read_le(ByteView bytes, std::size_t offset) {
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
        value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U) | bytes[offset + i]);
    }
    return value;
}

/// A mark that speaks for itself, where `step` and `offset` say.
struct PlainMark {
    const char* name;
    std::string_view bytes;
    std::size_t step;
    std::size_t offset;
};
using namespace std::string_view_literals;
constexpr std::array kPlainMarks = {
    PlainMark{"btrfs", "_BHRfS_M"sv, kPageBytes, 0x40},
    PlainMark{"swap", "SWAPSPACE2"sv, kPageBytes, 4086},
    PlainMark{"LVM2", "LABELONE"sv, kSectorBytes, 0},
    PlainMark{"GPT", "EFI PART"sv, kSectorBytes, 0},
    PlainMark{"LUKS", "LUKS\xba\xbe"sv, kPageBytes, 0},
    PlainMark{"LUKS second header", "SKUL\xba\xbe"sv, kPageBytes, 0},
    PlainMark{"XFS", "XFSB"sv, kPageBytes, 0},
    PlainMark{"zstd", "\x28\xb5\x2f\xfd"sv, kPageBytes, 0},
    PlainMark{"xz",
              "\xfd"
              "7zXZ\0"sv,
              kPageBytes, 0},
    PlainMark{"ZIP", "PK\x03\x04"sv, kPageBytes, 0},
    PlainMark{"PDF", "%PDF-"sv, kPageBytes, 0},
    PlainMark{"SQLite", "SQLite format 3\0"sv, kPageBytes, 0},
};

bool has(ByteView bytes, std::size_t offset, std::string_view mark) {
    return offset <= bytes.size() && mark.size() <= bytes.size() - offset &&
           std::equal(mark.begin(), mark.end(), as_text(bytes).begin() + static_cast<long>(offset));
}

std::optional<Magic> find_plain(ByteView piece) {
    for (const PlainMark& mark : kPlainMarks) {
        for (std::size_t at = mark.offset; at < piece.size(); at += mark.step) {
            if (has(piece, at, mark.bytes)) {
                return Magic{mark.name, at};
            }
        }
    }
    return std::nullopt;
}

/// RFC 1952 2.3: method 8, no reserved flag, and the values of XFL and OS that are defined.
bool is_gzip(ByteView page) {
    const bool os_known = page[9] <= 13 || page[9] == 255;
    return has(page, 0, "\x1f\x8b\x08") && (page[3] & 0xe0U) == 0 &&
           (page[8] == 0 || page[8] == 2 || page[8] == 4) && os_known;
}

bool is_elf(ByteView page) {
    return has(page, 0,
               "\x7f"
               "ELF") &&
           (page[4] == 1 || page[4] == 2) && (page[5] == 1 || page[5] == 2) && page[6] == 1;
}

/// SOI, and APP0 with JFIF, APP1 with Exif, or a quantisation table of one of its two lengths.
bool is_jpeg(ByteView page) {
    return has(page, 0, "\xff\xd8\xff"sv) &&
           ((page[3] == 0xe0 && has(page, 6, "JFIF")) ||
            (page[3] == 0xe1 && has(page, 6, "Exif")) || has(page, 3, "\xdb\x00\x43"sv) ||
            has(page, 3, "\xdb\x00\x84"sv));
}

/// The superblock from `at`: magic, block size up to 64 KiB, state, error behaviour, revision and
/// maker within what is defined. Of random bytes one in 2^16 * 2^29 * 2^13 * 2^14 * 2^31 is.
bool is_ext4(ByteView piece, std::size_t at) {
    constexpr std::size_t kFieldsBytes = 0x50;
    if (at > piece.size() || kFieldsBytes > piece.size() - at) {
        return false;
    }
    const ByteView block = piece.subspan(at);
    const auto errors = read_le<std::uint16_t>(block, 0x3c);
    return has(block, 0x38, "\x53\xef"sv) && read_le<std::uint32_t>(block, 0x18) <= 6 &&
           read_le<std::uint16_t>(block, 0x3a) <= 7 && errors >= 1 && errors <= 3 &&
           read_le<std::uint32_t>(block, 0x4c) <= 1 && read_le<std::uint32_t>(block, 0x48) <= 4;
}

/// PageHeaderData, layout version 4: flags below 8 (2^-13), 24 <= lower <= upper <= special <= page
/// size (below 2^-11 for 8 KiB, 2^-5 for 32 KiB), size and version exact (2^-16): below 2^-34 a
/// page. For 8 + 4 + 2 pages of the three sizes: below 1e-9, of which 8 KiB has 2e-12.
bool is_postgresql(ByteView page, std::size_t page_bytes) {
    const auto lower = read_le<std::uint16_t>(page, 12);
    const auto upper = read_le<std::uint16_t>(page, 14);
    const auto special = read_le<std::uint16_t>(page, 16);
    return read_le<std::uint16_t>(page, 18) == (page_bytes | 4U) &&
           read_le<std::uint16_t>(page, 10) < 8 && lower >= 24 && lower <= upper &&
           upper <= special && special <= page_bytes;
}

/// FIL header and trailer: the low half of the last change's number (LSN) is in both (2^-32),
/// and the page type is one of about 20 (2^-11).
bool is_innodb(ByteView page, std::size_t page_bytes) {
    const auto lsn = read_be<std::uint32_t>(page, 20);
    const auto type = read_be<std::uint16_t>(page, 24);
    const bool type_known = (type >= 2 && type <= 14) || (type >= 0x45bb && type <= 0x45bf);
    return lsn != 0 && type_known && lsn == read_be<std::uint32_t>(page, page_bytes - 4);
}

std::optional<Magic> find_on_pages(ByteView piece) {
    constexpr std::size_t kExt4Magic = 0x38;
    constexpr std::size_t kFirstSuperblock = 1024;
    for (std::size_t at = 0; at + kPageBytes <= piece.size(); at += kPageBytes) {
        const ByteView page = piece.subspan(at, kPageBytes);
        if (is_gzip(page)) {
            return Magic{"gzip", at};
        }
        if (is_elf(page)) {
            return Magic{"ELF", at};
        }
        if (is_jpeg(page)) {
            return Magic{"JPEG", at};
        }
        for (const std::size_t block : {at, at + kFirstSuperblock}) {  // a backup, or the first
            if (is_ext4(piece, block)) {
                return Magic{"ext4", block + kExt4Magic};
            }
        }
    }
    return std::nullopt;
}

std::optional<Magic> find_database_page(ByteView piece) {
    constexpr std::array<std::size_t, 3> kPageSizes = {8192, 16384, 32768};
    for (const std::size_t bytes : kPageSizes) {
        for (std::size_t at = 0; at + bytes <= piece.size(); at += bytes) {
            const ByteView page = piece.subspan(at, bytes);
            if (is_postgresql(page, bytes)) {
                return Magic{"PostgreSQL page", at};
            }
            if (is_innodb(page, bytes)) {
                return Magic{"InnoDB page", at};
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Magic> find_magic(ByteView piece) {
    if (auto magic = find_plain(piece)) {
        return magic;
    }
    if (auto magic = find_on_pages(piece)) {
        return magic;
    }
    return find_database_page(piece);
}

}  // namespace efface::luks
