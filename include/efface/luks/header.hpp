// SPDX-License-Identifier: Apache-2.0
// LUKS1 and LUKS2 on disk (cryptsetup's on-disk format documents 1.2.3 and 1.1.x): what is there,
// in every copy, also where it is damaged. Read-only and lenient: this is the planner and the
// verifier, so a header that libcryptsetup refuses is still reported as far as it can be read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/device/block_target.hpp"
#include "efface/stream/overwrite.hpp"

namespace efface::luks {

using stream::Range;

/// Offsets at which a header copy can start: 0 (primary) and 16 KiB << i, i = 0..8 (secondary).
constexpr std::array<std::uint64_t, 10> kHeaderOffsets = {
    0, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000};
/// LUKS2_HDR_MAX_MDA_SIZE: two headers of 4 MiB and 128 MiB of keyslots area.
constexpr std::uint64_t kMetadataBytesMax = std::uint64_t{136} << 20U;

/// One place where a LUKS magic was found, or a header that lost only its magic (wipefs) or had it
/// replaced (an unfinished cryptsetup-reencrypt): those have a defect that says so.
struct HeaderCopy {
    int version = 0;                 ///< 1 or 2; 0 when the version field is something else
    std::uint64_t offset = 0;        ///< bytes
    bool secondary = false;          ///< the SKUL magic
    std::uint64_t header_bytes = 0;  ///< LUKS2 hdr_size; 1024 for LUKS1
    std::uint64_t sequence_id = 0;   ///< LUKS2 seqid
    std::string uuid;
    std::string label;
    std::string subsystem;        ///< "HW-OPAL" on OPAL volumes
    bool checksum_valid = false;  ///< LUKS1 has none: true
    bool json_valid = false;      ///< LUKS2 JSON area parses; true for LUKS1
    std::string sha256;           ///< of the binary header and JSON area as read
    /// What this copy says of the payload's place; 0 = elsewhere (a detached header).
    std::optional<std::uint64_t> data_offset;
    std::vector<Range> areas;          ///< every key area that this copy names, and can be true
    std::vector<std::string> defects;  ///< in words, for the record
};

enum class SlotState {
    active,     ///< bound to a segment through a digest
    unbound,    ///< holds a key that no segment uses: survives `cryptsetup erase`
    inactive,   ///< LUKS1 slot marked disabled; its area may hold old material
    reencrypt,  ///< LUKS2 reencryption slot: may hold plaintext of the hot zone
    unknown,    ///< a type that we do not know
};
[[nodiscard]] const char* to_string(SlotState state) noexcept;

struct Keyslot {
    int index = 0;
    std::string type;  ///< "luks1", "luks2", "reencrypt", or as found
    SlotState state = SlotState::unknown;
    Range area;  ///< bytes; length 0 when unknown
    std::uint64_t key_bytes = 0;
    std::string encryption;  ///< of the area, "aes-xts-plain64"
    std::string kdf;         ///< "argon2id", "pbkdf2", ...
    std::string detail;      ///< reencrypt: "mode=encrypt resilience=journal"
};

struct Segment {
    int index = 0;
    std::string type;          ///< "crypt", "linear", "hw-opal", "hw-opal-crypt", or as found
    std::uint64_t offset = 0;  ///< bytes
    std::optional<std::uint64_t> size;  ///< bytes; nullopt = to the end ("dynamic")
    std::string encryption;             ///< "aes-xts-plain64"; LUKS1: cipherName-cipherMode
    std::uint32_t sector_bytes = 512;
    std::string integrity;           ///< "hmac(sha256)" or empty
    std::vector<std::string> flags;  ///< "backup-previous", ...
};

struct Token {
    int index = 0;
    std::string type;  ///< "systemd-tpm2", "clevis", "luks2-keyring", or as found
    std::vector<int> keyslots;
};

struct KeyDigest {
    int index = 0;
    std::string type;  ///< "pbkdf2"
    std::vector<int> keyslots;
    std::vector<int> segments;
    std::string sha256;  ///< of the stored digest and salt bytes: identifies a stray header copy
};

/// Everything known of the metadata of one target. `copies` empty = no LUKS magic anywhere; what
/// else may be left is find_remnants()'s to say.
struct Header {
    std::vector<HeaderCopy> copies;
    /// From the copy that an honest reader would use (valid, highest seqid; else the best there
    /// is). Empty when no copy can be read.
    int version = 0;
    std::string uuid;
    std::vector<Keyslot> keyslots;
    std::vector<Segment> segments;
    std::vector<Token> tokens;
    std::vector<KeyDigest> digests;
    std::vector<std::string> requirements;     ///< config.requirements.mandatory
    std::uint64_t key_bytes = 0;               ///< of the volume key, 0 when unknown
    std::optional<std::uint64_t> data_offset;  ///< bytes, of the first segment; 0 = detached header
    std::uint64_t metadata_end = 0;  ///< end of headers and keyslots area of any readable copy
    /// LUKS1: non-zero bytes between the last key area and the payload, where luksmeta keeps
    /// clevis secrets. Length 0 = nothing there.
    Range gap;
    bool gap_has_luksmeta = false;
    bool intact = false;  ///< every expected copy is valid and all agree: the geometry is certain
    /// What speaks against the whole rather than against one copy: a place that could not be read,
    /// a copy that no layout explains, copies that disagree. Can be filled when `copies` is empty:
    /// then nobody knows whether there is a header.
    std::vector<std::string> defects;
    /// Places at which a header could stand and that could not be read.
    unsigned unreadable_places = 0;

    [[nodiscard]] bool found() const noexcept { return !copies.empty(); }
};

/// Reads what is there. Reads at most kMetadataBytesMax, in bounded pieces; a place that cannot
/// be read becomes a defect of its copy. Never throws for content.
[[nodiscard]] Header inspect(device::BlockTarget& target);

/// Where header copies are, and nothing more: much less is read than by inspect(). One that says of
/// itself that it begins elsewhere is none, but what is left of one in a swap area or a file
/// system.
struct HeaderCopies {
    std::vector<HeaderCopy> copies;
    unsigned unreadable_places = 0;  ///< as Header::unreadable_places
};
[[nodiscard]] HeaderCopies find_header_copies(device::BlockTarget& target);

/// Which metadata ranges must go. `whole_target` (detached header, backup file): everything.
/// Otherwise [0, data offset), however far that is: all in front of the payload is key space, for
/// cryptsetup never looks at it and copies of headers are kept there. When there is any doubt
/// (damage, disagreement, a magic outside, a foreign requirement, an area beyond the data offset)
/// [0, min(size, the larger of kMetadataBytesMax and the furthest data offset of any copy)) plus
/// every area named by any copy. Where no whole copy says where the payload begins: all of a target
/// of up to 512 MiB, else `unbounded` says what is left.
struct MetadataRegion {
    std::vector<Range> ranges;         ///< normalized, clipped to the target
    bool widened = false;              ///< more than [0, data offset)
    std::vector<std::string> reasons;  ///< why widened, in words
    /// What no copy's data offset bounds: key material could lie there, for nobody knows where the
    /// payload begins. Length 0 where it is known.
    Range unbounded;
    /// Remnants outside of `ranges` that widening did not come to the end of.
    std::vector<std::string> beyond;
};
[[nodiscard]] MetadataRegion metadata_region(const Header& header, std::uint64_t target_bytes,
                                             bool whole_target);
/// The same, and with it whatever find_remnants() would still find outside of it afterwards: a LUKS
/// header at the start of the payload (a volume in a volume), a place that cannot be read. So what
/// is asked after a destruction is known before it.
[[nodiscard]] MetadataRegion plan_region(device::BlockTarget& target, const Header& header,
                                         bool whole_target);

/// One thing that is left of LUKS.
struct Remnant {
    std::uint64_t offset = 0;
    std::string uuid;   ///< of the header that it belongs to; empty: nobody can say whose it is
    std::string words;  ///< "LUKS2 JSON at 4096"
};
/// Remnants that are listed; more are only counted in `further`.
constexpr std::size_t kRemnantsMax = 64;
struct RemnantReport {
    std::vector<Remnant> remnants;
    std::uint64_t further = 0;
    /// Places that could not be read: then nothing is proved.
    std::vector<std::uint64_t> unreadable;

    [[nodiscard]] bool nothing() const noexcept { return remnants.empty() && unreadable.empty(); }
};
/// "What is left of LUKS here": the one question of a survey that finds no header, of what is
/// declared as gone, and of the check after a destruction. Headers by their magic or without it,
/// the JSON of LUKS2 and the slot table of LUKS1 also where all the rest of their header is zeroed:
/// with them and the key areas a header is made again. Key areas alone look like random bytes and
/// are not seen.
/// Looks at kHeaderOffsets, at both edges of every range of `former_region`, at kHeaderOffsets
/// counted from the end of its first range (where a payload begins), and at every sector of
/// [0, min(size, scanned_bytes)).
[[nodiscard]] RemnantReport find_remnants(device::BlockTarget& target,
                                          const std::vector<Range>& former_region,
                                          std::uint64_t scanned_bytes = 0);

/// The header as JSON for the record (no salts, no digests' bytes, no token content). Fit for
/// canonical_json(): a number above 2^53 - 1, which only a damaged header has, is a string.
[[nodiscard]] Json to_json(const Header& header);

}  // namespace efface::luks
