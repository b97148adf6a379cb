// SPDX-License-Identifier: Apache-2.0
#include "reading.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/error.hpp"

namespace efface::luks {

namespace {

constexpr std::size_t kMagicBytes = 6;
constexpr std::array<std::uint8_t, kMagicBytes> kPrimary = {'L', 'U', 'K', 'S', 0xba, 0xbe};
constexpr std::array<std::uint8_t, kMagicBytes> kSecondary = {'S', 'K', 'U', 'L', 0xba, 0xbe};
constexpr std::array<std::uint8_t, kMagicBytes> kReencrypted = {'L', 'U', 'K', 'S', 0xde, 0xad};
constexpr std::size_t kVersionOffset = 6;
constexpr std::size_t kUuidOffset = 168;  // the same in LUKS1 and LUKS2
constexpr std::size_t kUuidBytes = 36;

bool starts_with(ByteView bytes, ByteView magic) {
    return std::equal(magic.begin(), magic.end(), bytes.begin());
}

bool looks_like_uuid(ByteView text) {
    for (std::size_t i = 0; i < kUuidBytes; ++i) {
        const std::uint8_t c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) {
            return false;
        }
    }
    return text[kUuidBytes] == 0;
}

}  // namespace

std::string read_exactly(device::BlockTarget& target, std::uint64_t offset, MutableByteView into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const device::IoResult result = target.read_at(offset + done, into.subspan(done));
        EFFACE_ASSERT(result.bytes <= into.size() - done);
        done += result.bytes;
        if (result.error != 0 || result.bytes == 0) {
            return fmt::format(
                "cannot read {} bytes at {}: {}", into.size() - done, offset + done,
                result.error != 0 ? errno_text(result.error) : "no data was returned");
        }
    }
    return {};
}

std::string_view text_field(ByteView bytes, std::size_t offset, std::size_t length) {
    const std::string_view text = as_text(bytes.subspan(offset, length));
    return text.substr(0, text.find('\0'));
}

Sign sign_of(ByteView place) {
    EFFACE_ASSERT(place.size() >= kPlaceBytes);
    if (starts_with(place, kPrimary)) {
        return Sign::primary;
    }
    if (starts_with(place, kSecondary)) {
        return Sign::secondary;
    }
    const auto version = read_be<std::uint16_t>(place, kVersionOffset);
    const bool plausible =
        (version == 1 || version == 2) && looks_like_uuid(place.subspan(kUuidOffset));
    if (plausible) {
        return starts_with(place, kReencrypted) ? Sign::reencrypted : Sign::wiped;
    }
    return Sign::none;
}

Place look_at(device::BlockTarget& target, std::uint64_t offset) {
    EFFACE_ASSERT(offset < target.size_bytes());
    std::array<std::uint8_t, kPlaceBytes> bytes{};
    const auto length = static_cast<std::size_t>(
        std::min<std::uint64_t>(kPlaceBytes, target.size_bytes() - offset));
    Place place;
    place.problem = read_exactly(target, offset, MutableByteView(bytes).first(length));
    if (place.problem.empty()) {
        place.sign = sign_of(bytes);
        place.all_zero = all_zero(bytes);
    }
    return place;
}

}  // namespace efface::luks
