// SPDX-License-Identifier: Apache-2.0
// Level 0 Discovery: what a drive says of its own TCG features to anybody, without a session.
// Opal 2.30, section 3.1.1; feature codes of the other specifications where they are named.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::tcg {

constexpr std::uint8_t kDiscoveryProtocol = 0x01;
constexpr std::uint16_t kDiscoveryComId = 0x0001;
constexpr std::size_t kDiscoveryBytes = 2048;  ///< what a host asks for

enum class Ssc { enterprise, opal1, opal2, opalite, pyrite1, pyrite2, ruby };
[[nodiscard]] const char* to_string(Ssc ssc) noexcept;  ///< "opal2", as in records
/// Enterprise, Opal, Opalite and Ruby encrypt all user data; Pyrite does not.
[[nodiscard]] bool encrypts(Ssc ssc) noexcept;

struct TperFeature {  ///< 0001h
    bool sync = false;
    bool async = false;
    bool ack_nak = false;
    bool buffer_management = false;
    bool streaming = false;
    bool com_id_management = false;
};

struct LockingFeature {  ///< 0002h
    bool supported = false;
    bool enabled = false;  ///< LockingEnabled: the Locking SP is in use (not Manufactured-Inactive)
    bool locked = false;
    bool media_encryption = false;
    bool mbr_enabled = false;
    bool mbr_done = false;
    bool mbr_shadowing_absent = false;
    bool hardware_reset = false;
};

struct GeometryFeature {  ///< 0003h
    bool align = false;
    std::uint32_t logical_block_bytes = 0;
    std::uint64_t alignment_granularity = 0;
    std::uint64_t lowest_aligned_lba = 0;
};

/// One of 0100h, 0200h, 0203h, 0301h to 0304h.
struct SscFeature {
    Ssc ssc = Ssc::opal2;
    std::uint8_t version = 0;
    std::uint8_t minor_version = 0;
    std::uint16_t base_com_id = 0;
    std::uint16_t com_ids = 0;
    /// 00h: SID's first password is the MSID. Nothing where the SSC has no such field.
    std::optional<std::uint8_t> initial_sid_pin;
    std::optional<std::uint8_t> sid_pin_after_revert;  ///< 00h: the MSID
};

struct SingleUserFeature {  ///< 0201h
    std::uint32_t locking_objects = 0;
    bool any = false;
    bool all = false;
    bool policy = false;
};

struct DataStoreFeature {  ///< 0202h
    std::uint16_t tables_max = 0;
    std::uint32_t bytes_max = 0;
    std::uint32_t alignment = 0;
};

struct BlockSidFeature {       ///< 0402h, Block SID Authentication 1.01
    bool sid_changed = false;  ///< SID's password is not the MSID
    bool sid_blocked = false;  ///< SID can't be authenticated before a power cycle
    bool freeze_supported = false;
    bool frozen = false;          ///< the Locking SP is freeze-locked
    bool hardware_reset = false;  ///< a hardware reset lifts the block too
};

/// Bits of DataRemovalFeature::mechanisms (Opal 2.30 table 10; 3 and 4: Pyrite 2.00), and the
/// values of the column ActiveDataRemovalMechanism.
enum class RemovalMechanism : std::uint8_t {
    overwrite = 0,
    block_erase = 1,
    cryptographic = 2,
    unmap = 3,
    reset_write_pointers = 4,
    vendor = 5,
};
constexpr std::size_t kRemovalMechanisms = 6;
[[nodiscard]] const char* to_string(RemovalMechanism mechanism) noexcept;

struct DataRemovalFeature {  ///< 0404h
    bool processing = false;
    bool interrupted = false;
    std::uint8_t mechanisms = 0;
    std::uint8_t time_in_minutes = 0;                       ///< one bit a mechanism; else seconds
    std::array<std::uint16_t, kRemovalMechanisms> times{};  ///< in units of 2 s or 2 min

    [[nodiscard]] bool has(RemovalMechanism mechanism) const noexcept;
    /// The drive's own figure; nothing when it reports none.
    [[nodiscard]] std::optional<std::chrono::seconds> time(RemovalMechanism mechanism) const;
};

struct FeatureHeader {
    std::uint16_t code = 0;
    std::uint8_t version = 0;
    std::uint8_t length = 0;
};

/// Each feature is absent where the drive does not report it; geometry, single user mode and
/// DataStore, by which nothing is decided, also where it reports them too short.
struct Discovery {
    std::uint32_t bytes = 0;  ///< of the whole response, as the drive states it
    std::optional<TperFeature> tper;
    std::optional<LockingFeature> locking;
    std::optional<GeometryFeature> geometry;
    std::vector<SscFeature> sscs;  ///< in the drive's order
    std::optional<SingleUserFeature> single_user;
    std::optional<DataStoreFeature> data_store;
    std::optional<BlockSidFeature> block_sid;
    std::optional<DataRemovalFeature> data_removal;
    std::vector<FeatureHeader> features;  ///< all, also unknown ones

    /// The one to talk to: the drive's richest; nullptr when it has none.
    [[nodiscard]] const SscFeature* ssc() const noexcept;
};

/// `response` as the drive gave it. Nothing for what is not a discovery response: shorter than its
/// header, a stated length that does not fit, no feature at all (all zero), a feature that crosses
/// the end, any but the vendor's twice (which of them would be true?), or one that a technique is
/// chosen by and that is too short for its fields. What it then has is not known.
[[nodiscard]] std::optional<Discovery> decode_discovery(ByteView response);

/// "Opal 2", "Block SID Authentication", "feature C001h".
[[nodiscard]] std::string feature_name(std::uint16_t code);

}  // namespace efface::tcg
