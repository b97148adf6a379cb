// SPDX-License-Identifier: Apache-2.0
#include "location.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "efface/stream/keyed_stream.hpp"

namespace efface::job {

namespace {
/// LUKS1 and LUKS2 keep the UUID at the same place: offset 168, 40 bytes.
constexpr std::size_t kUuidOffset = 168;
/// A detached header or a backup is never larger than two headers and their keyslots area.
constexpr std::uint64_t kHeaderFileBytesMax = 2 * luks::kMetadataBytesMax;
constexpr std::array<std::uint8_t, 6> kPrimaryMagic = {'L', 'U', 'K', 'S', 0xba, 0xbe};
}  // namespace

/// A backup is what stands in front of the payload, and no more.
void Guard::check_header_file(Survey& survey, const std::string& path, const luks::Header& header,
                              std::uint64_t size_bytes) {
    const bool too_large = size_bytes > kHeaderFileBytesMax;
    const std::uint64_t payload = header.data_offset.value_or(0);
    if (payload != 0 && size_bytes > payload) {
        const auto what = fmt::format(
            "{}: it is a clone of the volume and no header backup: behind its header are {} bytes "
            "of payload, from {} on",
            path, size_bytes - payload, payload);
        if (too_large) {
            survey.objector.object(ReasonCode::volume_clone, what);
        } else {
            survey.plan.residual_risks.push_back(
                {ReasonCode::volume_clone, what + "; all of it is overwritten"});
        }
    } else if (too_large) {
        survey.objector.object(
            ReasonCode::not_a_header_file,
            fmt::format("{}: {} bytes are too many for a header file", path, size_bytes));
    }
}

bool same_uuid(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
    });
}

FirstSector read_first_sector(device::BlockTarget& target, const std::string& path) {
    FirstSector sector{};
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(sector.size(), target.size_bytes()));
    const auto answer = target.read_at(0, MutableByteView(sector).first(length));
    if (!answer.complete(length)) {
        throw_errno(ErrorCode::not_sanitized, path + ": reading the first sector", answer.error);
    }
    return sector;
}

bool first_sector_belongs(const FirstSector& sector, const LocationPlan& plan) {
    if (sha256_hex(sector) == plan.first_sector_sha256) {
        return true;
    }
    const auto text = as_text(sector).substr(kUuidOffset);
    if (std::equal(kPrimaryMagic.begin(), kPrimaryMagic.end(), sector.begin()) &&
        !plan.luks_uuid.empty() && text.starts_with(plan.luks_uuid)) {
        return true;
    }
    if (plan.stream_key.size() != stream::kStreamKeyBytes) {
        return false;
    }
    FirstSector pattern{};
    stream::KeyedStream(plan.stream_key).fill(0, pattern);
    return sector == pattern;
}

Json encryption_facts(const luks::Header& header) {
    std::set<std::string> ciphers;
    std::set<std::string> derivations;
    std::set<std::string> tokens;
    std::uint64_t slots_in_use = 0;
    for (const auto& segment : header.segments) {
        ciphers.insert(segment.encryption.empty() ? segment.type : segment.encryption);
    }
    for (const auto& slot : header.keyslots) {
        slots_in_use += slot.state == luks::SlotState::inactive ? 0 : 1;
        if (!slot.kdf.empty()) {
            derivations.insert(slot.kdf);
        }
    }
    for (const auto& token : header.tokens) {
        tokens.insert(token.type);
    }
    return ObjectWriter()
        .add("luksVersion", header.version)
        .add("ciphers", ciphers)
        .add("keyBits", header.key_bytes * 8)
        .add("keyDerivations", derivations)
        .add("keyslots", slots_in_use)
        .add("tokens", tokens)
        .add("requirements", header.requirements)
        .take();
}

Json to_json(const device::ExtentReport& extents) {
    return ObjectWriter()
        .add("known", extents.supported)
        .add("filesystem", extents.filesystem)
        .add("copyOnWrite", extents.copy_on_write)
        .add("extents", extents.extent_count)
        .add("shared", extents.shared_count)
        .add("encoded", extents.encoded_count)
        .add("unwritten", extents.unwritten_count)
        .take();
}

}  // namespace efface::job
