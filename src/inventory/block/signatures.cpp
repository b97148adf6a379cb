// SPDX-License-Identifier: Apache-2.0
// Everything that libblkid knows of a device's contents, and what it does not pass on or know:
// where ext was mounted (ext4.h, s_last_mounted), how many devices btrfs and bcachefs have, whose
// PV it is.
#include <blkid/blkid.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::inventory {
namespace {

struct SignatureProbeRelease {
    void operator()(blkid_struct_probe* probe) const noexcept { blkid_free_probe(probe); }
};
using SignatureProbe = std::unique_ptr<blkid_struct_probe, SignatureProbeRelease>;

/// A device with more superblocks is not to be believed.
constexpr std::size_t kSignaturesMax = 64;
constexpr std::uint64_t kExtLastMountedAt = 1024 + 0x88;
constexpr std::size_t kExtLastMountedBytes = 64;
constexpr std::uint64_t kBtrfsDevicesAt = 0x10000 + 0x88;
constexpr std::uint64_t kBcachefsDevicesAt = 4096 + 123;
constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kLvmLabelSectors = 4;
constexpr std::size_t kLvmTextBytes = 4096;  // the group's name and id are at its beginning

std::string value_in(const SignatureProbe& probe, const char* name) {
    const char* text = nullptr;
    std::size_t size = 0;
    if (blkid_probe_lookup_value(probe.get(), name, &text, &size) != 0 || text == nullptr) {
        return {};
    }
    return printable(text);
}

std::optional<std::uint64_t> number_in(const SignatureProbe& probe, const char* name) {
    const auto text = value_in(probe, name);
    return text.empty() ? std::nullopt : std::optional(number_or(text, 0));
}

Bytes bytes_at(int fd, std::uint64_t offset, std::size_t size) {
    Bytes bytes(size);
    const ssize_t got = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
}

std::string text_in(const Bytes& bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return printable(text.substr(0, text.find('\0')));
}

/// pv_header behind the label, then pairs of offset and size: data areas, a zero pair, metadata
/// areas (lib/format_text/layout.h of lvm2). The text of the group begins "NAME {\nid = \"UUID\"".
void read_volume_group(int fd, FoundSignature& found) {
    Bytes label;
    for (std::uint64_t sector = 0; sector < kLvmLabelSectors && label.empty(); ++sector) {
        auto bytes = bytes_at(fd, sector * kSector, kSector);
        if (bytes.size() == kSector && text_in(bytes).starts_with("LABELONE")) {
            label = std::move(bytes);
        }
    }
    constexpr std::size_t kHeaderOffsetAt = 20;
    constexpr std::size_t kAreasAt = 40;  // behind the PV's UUID and size
    constexpr std::size_t kPair = 16;
    if (label.empty()) {
        return;
    }
    std::size_t at = read_le<std::uint32_t>(label, kHeaderOffsetAt) + kAreasAt;
    bool metadata = false;
    for (; at + kPair <= label.size(); at += kPair) {
        const auto offset = read_le<std::uint64_t>(label, at);
        if (offset == 0 && metadata) {
            return;
        }
        if (offset == 0) {
            metadata = true;
            continue;
        }
        if (!metadata) {
            continue;
        }
        constexpr std::size_t kLocationAt = 40;  // raw_locn of mda_header
        const auto header = bytes_at(fd, offset, kSector);
        if (header.size() < kSector || read_le<std::uint64_t>(header, kLocationAt + 8) == 0) {
            continue;  // a PV of no group
        }
        const auto text = text_in(
            bytes_at(fd, offset + read_le<std::uint64_t>(header, kLocationAt), kLvmTextBytes));
        const auto brace = text.find(" {");
        const auto id = text.find("id = \"");
        if (brace == std::string::npos || id == std::string::npos) {
            continue;
        }
        found.label = text.substr(0, brace);
        constexpr std::size_t kIdBytes = 38;
        found.group_uuid = text.substr(id + 6, kIdBytes);
        std::erase(found.group_uuid, '-');
        return;
    }
}

void read_more(int fd, FoundSignature& found) {
    if (found.type == "ext2" || found.type == "ext3" || found.type == "ext4") {
        found.last_mounted = text_in(bytes_at(fd, kExtLastMountedAt, kExtLastMountedBytes));
    } else if (found.type == "btrfs") {
        const auto bytes = bytes_at(fd, kBtrfsDevicesAt, sizeof(std::uint64_t));
        found.devices =
            bytes.size() == sizeof(std::uint64_t) ? read_le<std::uint64_t>(bytes, 0) : 1;
    } else if (found.type == "bcachefs") {
        const auto bytes = bytes_at(fd, kBcachefsDevicesAt, 1);
        found.devices = bytes.size() == 1 ? bytes[0] : 1;
    } else if (found.type == "LVM2_member") {
        read_volume_group(fd, found);
    }
}

/// Well-known superblocks that libblkid does not know at all, or not in every version: its 2.38
/// has neither scoutfs nor a bcachefs of 1.4 or later. Magics and places are those of util-linux
/// 2.42 (libblkid/src/superblocks/bcache.c, scoutfs.c) and of bcachefs' bcachefs_format.h.
struct OwnMagic {
    std::uint64_t offset;
    std::string_view bytes;
    const char* type;
    std::uint64_t uuid_at;
    std::uint64_t flags_at;  ///< 0: none
};
constexpr std::uint64_t kScoutfs = 0x10000;
constexpr std::array<OwnMagic, 3> kOwnMagics = {{
    {4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcachefs",
     4096 + 56, 0},
    {4096 + 24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", "bcachefs",
     4096 + 56, 0},
    {kScoutfs + 4, "\x8b\x42\x3c\x10", "scoutfs", kScoutfs + 56, kScoutfs + 48},
}};

std::string uuid_text(const Bytes& bytes) {
    auto text = to_hex(bytes);
    for (const std::size_t dash : {8U, 13U, 18U, 23U}) {
        text.insert(std::min<std::size_t>(dash, text.size()), "-");
    }
    return text;
}

/// bcache has the first magic, too: what libblkid found there is no other thing.
bool is_known(const std::vector<FoundSignature>& all, std::string_view type) {
    return std::any_of(all.begin(), all.end(), [&](const FoundSignature& found) {
        return found.type.starts_with(type) || (type == "bcachefs" && found.type == "bcache");
    });
}

void add_own(int fd, std::vector<FoundSignature>& all) {
    constexpr std::size_t kUuidBytes = 16;
    for (const OwnMagic& magic : kOwnMagics) {
        if (as_text(bytes_at(fd, magic.offset, magic.bytes.size())) != magic.bytes ||
            is_known(all, magic.type)) {
            continue;
        }
        FoundSignature found;
        found.type = magic.type;
        if (const auto uuid = bytes_at(fd, magic.uuid_at, kUuidBytes); uuid.size() == kUuidBytes) {
            found.uuid = uuid_text(uuid);
        }
        found.usage = "filesystem";
        found.magic_offset = magic.offset;
        if (magic.flags_at != 0) {
            const auto flags = bytes_at(fd, magic.flags_at, 1);
            found.type += !flags.empty() && (flags[0] & 1U) != 0 ? "_meta" : "_data";
        }
        read_more(fd, found);
        all.push_back(std::move(found));
    }
}

}  // namespace

std::vector<FoundSignature> signatures_on(const std::filesystem::path& path) {
    const UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK, 0, ErrorCode::usage);
    const SignatureProbe probe{blkid_new_probe()};
    if (!probe || blkid_probe_set_device(probe.get(), fd.get(), 0, 0) != 0) {
        throw Error(ErrorCode::safety, ReasonCode::unreadable_state,
                    path.string() + ": the signatures on it cannot be read");
    }
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                       BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE |
                                                       BLKID_SUBLKS_MAGIC);
    blkid_probe_enable_partitions(probe.get(), 1);
    std::vector<FoundSignature> all;
    int code = blkid_do_probe(probe.get());
    for (; code == 0 && all.size() < kSignaturesMax; code = blkid_do_probe(probe.get())) {
        FoundSignature found;
        found.type = value_in(probe, "TYPE");
        found.uuid = value_in(probe, "UUID");
        found.label = value_in(probe, "LABEL");
        found.usage = value_in(probe, "USAGE");
        found.magic_offset = number_in(probe, "SBMAGIC_OFFSET");
        if (found.type.empty()) {
            found.type = value_in(probe, "PTTYPE");
            found.uuid = value_in(probe, "PTUUID");
            found.usage = "table";
        }
        if (found.type.empty()) {
            continue;
        }
        read_more(fd.get(), found);
        all.push_back(std::move(found));
    }
    if (code < 0) {
        throw Error(ErrorCode::safety, ReasonCode::unreadable_state,
                    path.string() + ": the signatures on it cannot be read");
    }
    add_own(fd.get(), all);
    return all;
}

}  // namespace efface::inventory
