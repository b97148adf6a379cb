// SPDX-License-Identifier: Apache-2.0
#include "efface/tcg/discovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace efface::tcg {

namespace {

constexpr std::size_t kHeaderBytes = 48;        // Opal 2.30, table 2
constexpr std::size_t kFeatureHeaderBytes = 4;  // code, version, length
constexpr std::size_t kLengthFieldBytes = 4;    // not counted by itself
constexpr std::size_t kFeaturesMax = 64;        // bound: no drive reports half as many

constexpr std::uint16_t kCodeTper = 0x0001;
constexpr std::uint16_t kCodeLocking = 0x0002;
constexpr std::uint16_t kCodeGeometry = 0x0003;
constexpr std::uint16_t kCodeSingleUser = 0x0201;
constexpr std::uint16_t kCodeDataStore = 0x0202;
constexpr std::uint16_t kCodeBlockSid = 0x0402;
constexpr std::uint16_t kCodeDataRemoval = 0x0404;

struct SscCode {
    std::uint16_t code;
    Ssc ssc;
    bool has_pin_fields;
};
constexpr std::array<SscCode, 7> kSscCodes{{{0x0100, Ssc::enterprise, false},
                                            {0x0200, Ssc::opal1, false},
                                            {0x0203, Ssc::opal2, true},
                                            {0x0301, Ssc::opalite, true},
                                            {0x0302, Ssc::pyrite1, true},
                                            {0x0303, Ssc::pyrite2, true},
                                            {0x0304, Ssc::ruby, true}}};

bool bit(std::uint8_t byte, unsigned number) {
    return ((static_cast<unsigned>(byte) >> number) & 1U) != 0;
}

// In all of these, offsets are those of the specifications: 0 is the feature's code.

std::optional<TperFeature> tper(ByteView feature) {
    if (feature.size() < 5) {
        return std::nullopt;
    }
    const std::uint8_t flags = feature[4];
    return TperFeature{bit(flags, 0), bit(flags, 1), bit(flags, 2),
                       bit(flags, 3), bit(flags, 4), bit(flags, 6)};
}

std::optional<LockingFeature> locking(ByteView feature) {
    if (feature.size() < 5) {
        return std::nullopt;
    }
    const std::uint8_t flags = feature[4];
    return LockingFeature{bit(flags, 0), bit(flags, 1), bit(flags, 2), bit(flags, 3),
                          bit(flags, 4), bit(flags, 5), bit(flags, 6), bit(flags, 7)};
}

std::optional<GeometryFeature> geometry(ByteView feature) {
    if (feature.size() < 32) {
        return std::nullopt;
    }
    return GeometryFeature{bit(feature[4], 0), read_be<std::uint32_t>(feature, 12),
                           read_be<std::uint64_t>(feature, 16),
                           read_be<std::uint64_t>(feature, 24)};
}

std::optional<SingleUserFeature> single_user(ByteView feature) {
    if (feature.size() < 9) {
        return std::nullopt;
    }
    return SingleUserFeature{read_be<std::uint32_t>(feature, 4), bit(feature[8], 0),
                             bit(feature[8], 1), bit(feature[8], 2)};
}

std::optional<DataStoreFeature> data_store(ByteView feature) {
    if (feature.size() < 16) {
        return std::nullopt;
    }
    return DataStoreFeature{read_be<std::uint16_t>(feature, 6), read_be<std::uint32_t>(feature, 8),
                            read_be<std::uint32_t>(feature, 12)};
}

std::optional<BlockSidFeature> block_sid(ByteView feature) {
    if (feature.size() < 6) {
        return std::nullopt;
    }
    const std::uint8_t flags = feature[4];
    return BlockSidFeature{bit(flags, 0), bit(flags, 1), bit(flags, 2), bit(flags, 3),
                           bit(feature[5], 0)};
}

std::optional<DataRemovalFeature> data_removal(ByteView feature) {
    if (feature.size() < 20) {
        return std::nullopt;
    }
    DataRemovalFeature removal{bit(feature[5], 0), bit(feature[5], 1), feature[6], feature[7], {}};
    for (std::size_t i = 0; i < removal.times.size(); ++i) {
        removal.times[i] = read_be<std::uint16_t>(feature, 8 + 2 * i);
    }
    return removal;
}

std::optional<SscFeature> ssc_feature(const SscCode& known, ByteView feature) {
    if (feature.size() < 8) {
        return std::nullopt;
    }
    SscFeature ssc;
    ssc.ssc = known.ssc;
    ssc.version = static_cast<std::uint8_t>(feature[2] >> 4U);
    ssc.minor_version = static_cast<std::uint8_t>(feature[2] & 0x0fU);
    ssc.base_com_id = read_be<std::uint16_t>(feature, 4);
    ssc.com_ids = read_be<std::uint16_t>(feature, 6);
    if (known.has_pin_fields && feature.size() >= 15) {
        ssc.initial_sid_pin = feature[13];
        ssc.sid_pin_after_revert = feature[14];
    }
    return ssc;
}

/// False: a descriptor that decides what a drive is told to do is too short for its fields.
bool take(Discovery& discovery, std::uint16_t code, ByteView feature) {
    switch (code) {
        case kCodeTper:
            discovery.tper = tper(feature);
            return discovery.tper.has_value();
        case kCodeLocking:
            discovery.locking = locking(feature);
            return discovery.locking.has_value();
        case kCodeGeometry:
            discovery.geometry = geometry(feature);
            return true;
        case kCodeSingleUser:
            discovery.single_user = single_user(feature);
            return true;
        case kCodeDataStore:
            discovery.data_store = data_store(feature);
            return true;
        case kCodeBlockSid:
            discovery.block_sid = block_sid(feature);
            return discovery.block_sid.has_value();
        case kCodeDataRemoval:
            discovery.data_removal = data_removal(feature);
            return discovery.data_removal.has_value();
        default:
            break;
    }
    const auto* known = std::find_if(kSscCodes.begin(), kSscCodes.end(),
                                     [&](const SscCode& ssc) { return ssc.code == code; });
    if (known == kSscCodes.end()) {
        return true;
    }
    const auto ssc = ssc_feature(*known, feature);
    if (ssc) {
        discovery.sscs.push_back(*ssc);
    }
    return ssc.has_value();
}

}  // namespace

std::optional<Discovery> decode_discovery(ByteView response) {
    if (response.size() < kHeaderBytes) {
        return std::nullopt;
    }
    Discovery discovery;
    const std::uint64_t end =
        std::uint64_t{read_be<std::uint32_t>(response, 0)} + kLengthFieldBytes;
    if (end < kHeaderBytes || end > response.size()) {
        return std::nullopt;
    }
    discovery.bytes = static_cast<std::uint32_t>(end);
    const ByteView data = response.first(static_cast<std::size_t>(end));
    std::size_t at = kHeaderBytes;
    while (data.size() - at >= kFeatureHeaderBytes) {
        const auto code = read_be<std::uint16_t>(data, at);
        const std::uint8_t length = data[at + 3];
        const std::size_t size = kFeatureHeaderBytes + length;
        const bool repeated =
            std::any_of(discovery.features.begin(), discovery.features.end(),
                        [&](const FeatureHeader& feature) { return feature.code == code; });
        if (size > data.size() - at || discovery.features.size() == kFeaturesMax ||
            (repeated && code != 0 && code < 0xc000)) {  // C000h and above are the vendor's
            return std::nullopt;
        }
        if (code != 0) {  // reserved: padding
            discovery.features.push_back(
                {code, static_cast<std::uint8_t>(data[at + 2] >> 4U), length});
            if (!take(discovery, code, data.subspan(at, size))) {
                return std::nullopt;
            }
        }
        at += size;
    }
    if (discovery.features.empty()) {
        return std::nullopt;
    }
    return discovery;
}

const SscFeature* Discovery::ssc() const noexcept {
    constexpr std::array kOrder{Ssc::opal2,      Ssc::ruby,    Ssc::opalite, Ssc::opal1,
                                Ssc::enterprise, Ssc::pyrite2, Ssc::pyrite1};
    for (const Ssc wanted : kOrder) {
        const auto found = std::find_if(sscs.begin(), sscs.end(), [&](const SscFeature& feature) {
            return feature.ssc == wanted;
        });
        if (found != sscs.end()) {
            return &*found;
        }
    }
    return nullptr;
}

bool DataRemovalFeature::has(RemovalMechanism mechanism) const noexcept {
    return bit(mechanisms, static_cast<unsigned>(mechanism));
}

std::optional<std::chrono::seconds> DataRemovalFeature::time(RemovalMechanism mechanism) const {
    const auto number = static_cast<unsigned>(mechanism);
    const std::uint16_t value = times.at(number);
    if (value == 0) {
        return std::nullopt;  // "not reported": Opal 2.30, tables 11 and 12
    }
    const int unit = bit(time_in_minutes, number) ? 120 : 2;
    return std::chrono::seconds{value * unit};
}

const char* to_string(Ssc ssc) noexcept {
    switch (ssc) {
        case Ssc::enterprise:
            return "enterprise";
        case Ssc::opal1:
            return "opal1";
        case Ssc::opal2:
            return "opal2";
        case Ssc::opalite:
            return "opalite";
        case Ssc::pyrite1:
            return "pyrite1";
        case Ssc::pyrite2:
            return "pyrite2";
        case Ssc::ruby:
            return "ruby";
    }
    return "unknown";
}

bool encrypts(Ssc ssc) noexcept {
    return ssc != Ssc::pyrite1 && ssc != Ssc::pyrite2;
}

const char* to_string(RemovalMechanism mechanism) noexcept {
    switch (mechanism) {
        case RemovalMechanism::overwrite:
            return "overwrite";
        case RemovalMechanism::block_erase:
            return "block erase";
        case RemovalMechanism::cryptographic:
            return "cryptographic erase";
        case RemovalMechanism::unmap:
            return "unmap";
        case RemovalMechanism::reset_write_pointers:
            return "reset write pointers";
        case RemovalMechanism::vendor:
            return "vendor specific erase";
    }
    return "unknown";
}

std::string feature_name(std::uint16_t code) {
    constexpr std::array<std::pair<std::uint16_t, const char*>, 18> kNames{{
        {kCodeTper, "TPer"},
        {kCodeLocking, "Locking"},
        {kCodeGeometry, "Geometry Reporting"},
        {0x0004, "Secure Messaging"},
        {0x0100, "Enterprise"},
        {0x0200, "Opal 1"},
        {kCodeSingleUser, "Single User Mode"},
        {kCodeDataStore, "Additional DataStore Tables"},
        {0x0203, "Opal 2"},
        {0x0301, "Opalite"},
        {0x0302, "Pyrite 1"},
        {0x0303, "Pyrite 2"},
        {0x0304, "Ruby"},
        {0x0401, "Locking LBA Ranges Control"},
        {kCodeBlockSid, "Block SID Authentication"},
        {0x0403, "Configurable Namespace Locking"},
        {kCodeDataRemoval, "Supported Data Removal Mechanism"},
        {0x0405, "Namespace Geometry Reporting"},
    }};
    for (const auto& [known, name] : kNames) {
        if (known == code) {
            return name;
        }
    }
    return fmt::format("feature {:04X}h", code);
}

}  // namespace efface::tcg
