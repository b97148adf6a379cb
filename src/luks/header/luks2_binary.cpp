// SPDX-License-Identifier: Apache-2.0
// LUKS2 binary header and its checksum: LUKS2 On-Disk Format Specification 1.1.x, section 2.2.
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"

#include "copy.hpp"
#include "damage/defects.hpp"
#include "reading.hpp"

namespace efface::luks {

namespace {

constexpr std::size_t kChecksumOffset = 448;
constexpr std::size_t kChecksumBytes = 64;

bool is_header_size(std::uint64_t bytes) {
    return bytes != 0 &&
           std::find(kHeaderOffsets.begin(), kHeaderOffsets.end(), bytes) != kHeaderOffsets.end();
}

/// Reads a header area piece by piece: digests of it, and the text of its JSON area.
class AreaReader final {
  public:
    AreaReader(device::BlockTarget& target, std::uint64_t offset, Sign sign)
        : target_(target), offset_(offset), sign_(sign) {}

    /// Reads up to `bytes` (fewer where the target ends). `stop_at_text_end`: the size is not
    /// known, so the end of the text has to do.
    void read(std::uint64_t bytes, bool stop_at_text_end, std::vector<std::string>& defects) {
        const std::uint64_t available = std::min(bytes, target_.size_bytes() - offset_);
        Bytes piece(kReadBytesMax);
        for (std::uint64_t done = 0; done < available;) {
            const auto length =
                static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytesMax, available - done));
            const MutableByteView view = MutableByteView(piece).first(length);
            const std::string problem = read_exactly(target_, offset_ + done, view);
            if (!problem.empty()) {
                add_defect(defects, problem);
                return;
            }
            take(view, done == 0);
            done += length;
            if (stop_at_text_end && text_ended_) {
                return;
            }
        }
        whole_ = available == bytes;
        if (!whole_) {
            add_defect(defects, "the header extends past the end of the target");
        }
        if (trailing_) {
            add_defect(defects, "bytes other than zero follow the JSON text");
        }
    }

    [[nodiscard]] bool whole() const { return whole_; }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::string raw_sha256() { return to_hex(raw_.finish()); }
    [[nodiscard]] Digest checksum() { return checksum_.finish(); }

  private:
    void take(MutableByteView piece, bool first) {
        raw_.update(piece);
        ByteView json = piece;
        if (first) {
            const std::size_t binary = std::min(kBinaryHeaderBytes, piece.size());
            json = json.subspan(binary);
            neutralise(piece.first(binary));
        }
        checksum_.update(piece);
        if (!text_ended_) {
            const auto end = std::find(json.begin(), json.end(), std::uint8_t{0});
            const auto length = static_cast<std::size_t>(end - json.begin());
            text_ += as_text(json.first(length));
            text_ended_ = end != json.end();
            json = json.subspan(length);
        }
        trailing_ = trailing_ || (text_ended_ && !all_zero(json));
    }

    /// The checksum is computed over a field of zeros; a lost magic is put back, so that it says
    /// whether the rest is still whole.
    void neutralise(MutableByteView binary) const {
        if (binary.size() >= kChecksumOffset + kChecksumBytes) {
            std::fill_n(binary.begin() + kChecksumOffset, kChecksumBytes, std::uint8_t{0});
        }
        if (sign_ == Sign::wiped || sign_ == Sign::reencrypted) {
            const std::string_view magic = offset_ == 0 ? "LUKS\xba\xbe" : "SKUL\xba\xbe";
            std::copy(magic.begin(), magic.end(), binary.begin());
        }
    }

    device::BlockTarget& target_;
    std::uint64_t offset_;
    Sign sign_;
    Sha256 raw_;
    Sha256 checksum_;
    std::string text_;
    bool text_ended_ = false;
    bool trailing_ = false;
    bool whole_ = false;
};

void parse_binary(ByteView bytes, CopyReading& reading) {
    HeaderCopy& copy = reading.copy;
    copy.version = 2;
    copy.header_bytes = read_be<std::uint64_t>(bytes, 8);
    copy.sequence_id = read_be<std::uint64_t>(bytes, 16);
    copy.label = clean(text_field(bytes, 24, 48));
    copy.uuid = clean(text_field(bytes, 168, 40));
    copy.subsystem = clean(text_field(bytes, 208, 48));
    reading.stated_offset = read_be<std::uint64_t>(bytes, 256);
}

/// The size and the place that a header states must agree with where it was found.
void check_place(Sign sign, CopyReading& reading) {
    HeaderCopy& copy = reading.copy;
    if (!is_header_size(copy.header_bytes)) {
        add_defect(copy.defects, fmt::format("header size {} is impossible", copy.header_bytes));
    }
    if (reading.stated_offset != copy.offset) {
        add_defect(copy.defects, fmt::format("the header at {} states its offset as {}",
                                             copy.offset, reading.stated_offset));
    }
    if (copy.offset != 0 && copy.header_bytes != copy.offset) {
        add_defect(copy.defects, fmt::format("a second header of {} bytes cannot be at {}",
                                             copy.header_bytes, copy.offset));
    }
    if ((sign == Sign::primary && copy.offset != 0) ||
        (sign == Sign::secondary && copy.offset == 0)) {
        add_defect(copy.defects, "the magic is that of the other header copy");
    }
}

}  // namespace

void read_luks2(device::BlockTarget& target, ByteView bytes, Sign sign, CopyReading& reading) {
    EFFACE_ASSERT(bytes.size() >= kBinaryHeaderBytes);
    HeaderCopy& copy = reading.copy;
    parse_binary(bytes, reading);
    check_place(sign, reading);

    const bool size_known = is_header_size(copy.header_bytes);
    AreaReader area(target, copy.offset, sign);
    area.read(size_known ? copy.header_bytes : kHeaderBytesMax, !size_known, copy.defects);
    copy.sha256 = area.raw_sha256();

    if (const std::string_view algorithm = text_field(bytes, 72, 32); algorithm != "sha256") {
        add_defect(copy.defects,
                   fmt::format("checksum algorithm \"{}\" is unknown", clean(algorithm)));
    } else {
        const Digest computed = area.checksum();
        copy.checksum_valid = size_known && area.whole() &&
                              std::equal(computed.begin(), computed.end(),
                                         bytes.begin() + static_cast<long>(kChecksumOffset));
        if (!copy.checksum_valid) {
            add_defect(copy.defects, "the checksum is wrong");
        }
    }

    reading.json_sha256 = sha256_hex(area.text());
    const std::optional<Json> root = parse_luks2_text(area.text(), copy.defects);
    copy.json_valid = root.has_value();
    if (root) {
        reading.metadata = parse_luks2_metadata(*root, size_known ? copy.header_bytes : 0,
                                                target.size_bytes(), copy.defects);
        copy.areas = areas_of(reading.metadata.keyslots);
    } else if (size_known) {
        reading.metadata.metadata_end = 2 * copy.header_bytes;
    }
}

CopyReading read_copy(device::BlockTarget& target, std::uint64_t offset, Sign sign) {
    EFFACE_ASSERT(sign != Sign::none && offset < target.size_bytes());
    CopyReading reading;
    HeaderCopy& copy = reading.copy;
    copy.offset = offset;
    copy.secondary = sign == Sign::secondary;
    if (sign == Sign::wiped) {
        add_defect(copy.defects, "the magic is overwritten, the header after it is not");
    } else if (sign == Sign::reencrypted) {
        add_defect(copy.defects, "marked by an unfinished cryptsetup-reencrypt");
    }

    Bytes bytes(kBinaryHeaderBytes, 0);
    const auto length = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes.size(), target.size_bytes() - offset));
    if (const std::string problem =
            read_exactly(target, offset, MutableByteView(bytes).first(length));
        !problem.empty()) {
        add_defect(copy.defects, problem);
        return reading;
    }
    const auto version = read_be<std::uint16_t>(bytes, 6);
    if (version == 1 && sign != Sign::secondary) {
        parse_luks1(bytes, target.size_bytes(), reading);
    } else if (version == 2) {
        copy.secondary = sign == Sign::secondary || (sign != Sign::primary && offset != 0);
        read_luks2(target, bytes, sign, reading);
    } else {
        copy.sha256 = sha256_hex(ByteView(bytes).first(length));
        add_defect(copy.defects, fmt::format("version {} is unknown", version));
    }
    return reading;
}

}  // namespace efface::luks
